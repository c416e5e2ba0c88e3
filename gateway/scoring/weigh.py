"""From segments to an assessment: findings, the arithmetic, the level and the tags."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gateway.scoring.context import Context, Quotations, resolve
from gateway.scoring.doubt import CERTAIN, OF_THE_SITE, PATTERN, agrees, confirmed, doubted
from gateway.scoring.ear import Ear, Heard
from gateway.scoring.fold import Folded, fold
from gateway.scoring.language import Languages, Tongue
from gateway.scoring.levels import level_of
from gateway.scoring.likeness import likeness
from gateway.scoring.match import Hit, Matcher, View
from gateway.scoring.rules import Rule
from gateway.scoring.shouting import shouting
from gateway.scoring.stretches import Part as EarPart
from gateway.scoring.whole import LOUD, NOBODY_NAMED, SIGNAL, Beside
from gateway.scoring.words import Disguises, Sentence, sentences
from gateway.values import (
    UNDETERMINED,
    Assessment,
    Basis,
    Category,
    Finding,
    Level,
    Reading,
    Segment,
    SegmentKind,
    Tag,
    Target,
)

_COUNTED = {SegmentKind.SUBJECT, SegmentKind.OWN}
_LOOKED_AT = {SegmentKind.SUBJECT, SegmentKind.OWN, SegmentKind.SIGNATURE}
_NO_COMPLAINT = 0.05
"""Below this probability of a complaint the words that rules know one by are about something else."""
DISGUISED = "disguised"
_TAG_POINTS = 2
_MOST_FINDINGS = 500
"""Findings after which nothing more can change the level, so that a mail of nothing but insults ends in time."""
_BUCKET = 256
"""Characters of text whose findings are compared with each other."""
_DISGUISE = 1
_INTENSITY = 1
_LONGEST_FOREIGN_SHORT = 4
_SIGNED = re.compile(r"\n[ \t]*(?:(?![a-zß-öø-ÿа-яё])[^\W\d_][\w.'’-]*[ \t]*){1,3}\s*\Z")
"""A last line of one to three words that begin with capital letters."""
_NEAR, _FAR = 2, 99
"""Sentences over which "that crook" still means the neighbour of the sentence before."""


@dataclass(frozen=True, slots=True)
class Part:
    """A segment made ready: folded, its language known, cut into sentences."""

    index: int
    segment: Segment
    folded: Folded
    tongue: Tongue
    sentences: list[Sentence]
    quotations: Quotations


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen in a mail before the ear speaks.

    Attributes:
        parts: its segments made ready.
        language: of the mail.
        heard_parts: those that the ear listens to.
        beside: what rules found, each of the same words once, and the tags they give.
        covered: findings that stand in the same words as a heavier one.
        tag_rules: the rules that the tags come from.
    """

    parts: tuple[Part, ...]
    language: str
    heard_parts: tuple[EarPart, ...]
    beside: Beside
    covered: tuple[Finding, ...]
    tag_rules: tuple[str, ...]


class Scorer:
    """Weighs readings by one rule book and, where there is one, the learned ear; the same input gives the same output."""

    def __init__(self, matcher: Matcher, languages: Languages, ear: Ear | None = None, *, use_rules: bool = True) -> None:
        """Take the compiled rules, the language model and the ear; `use_rules` off leaves the ear alone (benchmarks)."""
        self._matcher = matcher
        self._languages = languages
        self._ear = ear
        self._use_rules = use_rules
        self._policy = matcher.book.policy

    def without_ear(self) -> "Scorer":
        """The same rules alone, as their examples are tried."""
        return Scorer(self._matcher, self._languages)

    @property
    def version(self) -> str:
        """The version of the rule book that judges."""
        return self._matcher.book.version

    def assess(self, reading: Reading) -> Assessment:
        """Weigh one mail.

        Args:
            reading: what the mail says.

        Returns:
            Assessment: level, points, findings, tags; deterministic.
        """
        seen = self.look(reading)
        heard = self._ear.listen(seen.heard_parts, seen.language, seen.beside) if self._ear else None
        own = (part.folded.text for part in seen.parts if part.segment.kind is SegmentKind.OWN)
        return replace(self._sum(seen, heard, reading), likeness=likeness(own, self._policy.flooding.asks), tag_rules=seen.tag_rules)

    def look(self, reading: Reading, *, for_ear: bool = False) -> Seen:
        """What rules find in a mail, and what the ear would listen to; `for_ear` also where there is no ear yet (training)."""
        parts = [self.part(n, segment) for n, segment in enumerate(reading.segments) if segment.kind in _LOOKED_AT and segment.text.strip()]
        language = self._language(parts)
        findings: list[Finding] = []
        tags: dict[Tag, int] = defaultdict(int)
        tag_rules: dict[str, None] = {}
        heard_parts: list[EarPart] = []
        for part in parts:
            views = self.views(part, language)
            since_outsider = _FAR
            for view in views:
                if len(findings) > _MOST_FINDINGS:
                    break
                since_outsider, about_outsider = self._since_outsider(view, since_outsider)
                found, tagging = self._sentence(view, part, language, about_outsider=about_outsider)
                findings += found
                if any(finding.target is Target.THIRD_PARTY for finding in found):
                    since_outsider = 0
                if part.segment.kind in _COUNTED:
                    tag_rules |= dict.fromkeys(rule.id for rule in tagging)
                    for tag, points in _tag_points(tagging).items():
                        tags[tag] += points
            if part.segment.kind in _COUNTED and (self._ear or for_ear):
                heard_parts.append(self.ear_part(part, views))
        for part in parts:
            if part.segment.kind in _COUNTED and self._use_rules:
                findings += _patterns(part, self._matcher)
        findings += shouting(((part.index, part.segment) for part in parts if part.segment.kind in _COUNTED), language)
        kept, covered = _without_doubles(findings)
        named = frozenset(tag for tag, points in tags.items() if points >= _TAG_POINTS)
        return Seen(tuple(parts), language, tuple(heard_parts), Beside(tuple(kept), named), tuple(covered), tuple(tag_rules))

    def ear_part(self, part: Part, views: Sequence[View]) -> EarPart:
        """What the ear gets of a part: all but what stands between quotation marks, for those are somebody else's words."""
        marks = [self._matcher.marks(view, view.language) for view in views]
        folded, sentences_ = part.folded, part.sentences
        if part.quotations.spans:
            folded = Folded(part.quotations.blanked(folded.text), folded.origin)
            quoted = [{n for n, token in enumerate(s.tokens) if part.quotations.around(token.start, token.end)} for s in sentences_]
            marks = [[mark for mark in row if mark[0] not in gone] for row, gone in zip(marks, quoted, strict=True)]
            sentences_ = [
                replace(s, tokens=tuple(token for n, token in enumerate(s.tokens) if n not in gone)) for s, gone in zip(sentences_, quoted, strict=True)
            ]
        return EarPart(part.index, part.segment.kind, folded, sentences_, marks, part.segment.text)

    # --- parts --------------------------------------------------------------------------------------------------------

    def part(self, index: int, segment: Segment) -> Part:
        """Make a segment ready."""
        folded = fold(segment.text)
        tongue = self._languages.of(_unsigned(segment.text, folded.text))
        lexicon = self._matcher.lexicon
        disguises = Disguises(lexicon.known, partial(lexicon.listed, language=tongue.code), partial(lexicon.starred, language=tongue.code))
        found = sentences(folded, disguises, apostrophes=tongue.translit)
        return Part(index, segment, folded, tongue, found, Quotations(folded.text))

    @staticmethod
    def _language(parts: Iterable[Part]) -> str:
        """The language of the mail: that of most of the writer's own words, the subject's when the body can't tell."""
        weights: dict[str, int] = defaultdict(int)
        for part in parts:
            if part.tongue.code != UNDETERMINED:
                weights[part.tongue.code] += len(part.folded.text) * (1 if part.segment.kind is SegmentKind.SUBJECT else 4)
        return max(weights, key=lambda code: (weights[code], code)) if weights else UNDETERMINED

    def views(self, part: Part, language: str) -> list[View]:
        """The sentences of a part as the matcher sees them, in the part's language or, when nobody can tell, the mail's."""
        tongue = part.tongue
        code = tongue.code if tongue.code != UNDETERMINED else language
        views = []
        for sentence in part.sentences:
            text = part.folded.text[sentence.start : sentence.end]
            own = code if tongue.translit else self._languages.of_sentence(text, [token.text for token in sentence.tokens], code)
            views.append(self._matcher.view(sentence, own, plain=tongue.plain, translit=tongue.translit))
        return views

    def _since_outsider(self, view: View, before: int) -> tuple[int, bool]:
        """How many sentences ago a third party was spoken of, and whether this sentence is still about him; our side ends it."""
        addressed = any(self._matcher.stands(view, view.language, name) for name in ("you", "your", "staff"))
        if self._matcher.stands(view, view.language, "outsider"):
            return 0, not addressed
        since = _FAR if addressed else before + 1
        return since, since <= _NEAR

    def _sentence(self, view: View, part: Part, language: str, *, about_outsider: bool) -> tuple[list[Finding], list[Rule]]:
        found: list[Finding] = []
        tagging: list[Rule] = []
        code = view.language if view.language != UNDETERMINED else language
        hits = list(self._matcher.hits(view))
        own = {n for hit in hits if hit.rule.language == code and hit.rule.tag is None for n in range(hit.first, hit.after)}
        for hit in hits:
            abroad = hit.rule.language != code and code != UNDETERMINED  # noqa: PLR1714 - two different questions
            if abroad and (not own.isdisjoint(range(hit.first, hit.after)) or not self._counts_abroad(hit, view, code)):
                continue
            context = resolve(hit, view, self._matcher, part.quotations, about_outsider=about_outsider)
            if hit.rule.tag:
                if not context.excused or hit.rule.tag is Tag.COMPLAINT:
                    tagging.append(hit.rule)
            elif self._use_rules:
                found.append(_finding(hit, view, context, part))
        return found, tagging

    def _counts_abroad(self, hit: Hit, view: View, code: str) -> bool:
        """Whether a word of another language may speak here: not for what this one knows itself, and short ones are too often innocent."""
        if hit.rule.category is not Category.PROFANITY and self._matcher.knows(view, code, hit.first, hit.after):
            return False
        tokens = view.sentence.tokens[hit.first : hit.after]
        if any("\u0400" <= token.text[0] <= "\u04ff" for token in tokens):
            return True
        return max(len(token.text) for token in tokens) > _LONGEST_FOREIGN_SHORT

    # --- the sum ------------------------------------------------------------------------------------------------------

    def _sum(self, seen: Seen, heard: Heard | None, reading: Reading) -> Assessment:
        policy, language = self._policy, seen.language
        findings, tags = list(seen.beside.findings), seen.beside.tags
        if heard is not None:
            if heard.complaint < _NO_COMPLAINT:
                tags -= {Tag.COMPLAINT}
            findings = [doubted(finding, heard.abuse) for finding in findings]
            findings = [confirmed(finding) if SIGNAL in finding.modifiers and agrees(heard, finding) else finding for finding in findings]
            # a doubt of the ear's adds to what rules found, and is nothing by itself
            doubt = not any(map(_counts, findings))
            findings += [replace(f, points=0, modifiers=(*f.modifiers, "too faint to count alone")) if doubt and f.points < f.base else f for f in heard.findings]
        counted = [f for f in findings if _counts(f)]
        uncounted = [f for f in findings if not _counts(f)] + list(seen.covered)
        level, points, arithmetic = level_of(counted, policy)
        ruled = [f for f in counted if not f.rule.startswith("ear.")]
        by_rules = level_of(ruled, policy)[0]
        if heard is not None:
            tags |= heard.tags
        basis = Basis.RULES if len(ruled) == len(counted) else Basis.BOTH if by_rules >= level else Basis.EAR
        if basis is not Basis.RULES and by_rules >= Level.RUDE:
            basis = Basis.BOTH
        if basis is Basis.EAR and level > Level.ABUSIVE:
            level = Level.ABUSIVE
        if Tag.SELF_HARM in tags and level is not Level.CLEAN:
            # duty of care before discipline: the mail is clean whatever else it says, unless it threatens somebody else;
            # what sounds like a threat may be meant for the writer himself
            if all(f.category is not Category.THREAT for f in counted) or (heard is not None and heard.self_harm > heard.abuse):
                level, arithmetic = Level.CLEAN, (*arithmetic, "self-harm: no consequence, a person looks at it")
            else:
                tags -= {Tag.SELF_HARM}
        if reading.automatic:
            tags |= {Tag.AUTOMATIC}
        if reading.encrypted:
            tags |= {Tag.ENCRYPTED}
        categories = tuple(dict.fromkeys(f.category for f in sorted(counted, key=lambda f: -f.points)))
        return Assessment(
            level=level,
            points=points,
            language=language,
            categories=categories,
            tags=tags,
            basis=basis,
            findings=tuple(sorted(counted, key=lambda f: (-f.points, f.segment_index, f.span, f.rule))),
            uncounted=tuple(sorted(uncounted, key=lambda f: (f.segment_index, f.span, f.rule))),
            arithmetic=arithmetic,
            rules_version=self.version,
        )


def _unsigned(text: str, folded: str) -> str:
    """Folded text without a name in its last line: how somebody is called doesn't say what language he writes."""
    signed = _SIGNED.search(text)
    body = folded.rstrip().rpartition("\n")[0] if signed else ""
    return body if body.count(" ") > 1 else folded


def _tag_points(rules: Iterable[Rule]) -> dict[Tag, int]:
    """What one sentence brings to each tag: the points of the strongest rule that fits it."""
    points: dict[Tag, int] = {}
    for rule in rules:
        if rule.tag is not None:
            points[rule.tag] = max(points.get(rule.tag, 0), rule.points)
    return points


def _finding(hit: Hit, view: View, context: Context, part: Part) -> Finding:
    rule = hit.rule
    category = rule.category or Category.INSULT
    tokens = view.sentence.tokens
    start, end = part.folded.span(tokens[hit.first].start, tokens[hit.after - 1].end)
    points, modifiers = _points(hit, context, part.segment.kind)
    return Finding(
        rule=rule.id,
        category=category,
        points=points,
        text=part.segment.text[start:end],
        segment=part.segment.kind,
        segment_index=part.index,
        span=(start, end),
        target=context.target,
        language=rule.language,
        modifiers=modifiers,
        clause=rule.clause,
        base=rule.points,
    )


def _patterns(part: Part, matcher: Matcher) -> Iterator[Finding]:
    """What admins' own regular expressions find in the text as it was written; frames don't apply to them."""
    for rule, search in matcher.patterns:
        found = search.search(part.segment.text)
        if found and found.end() > found.start():
            start, end = found.span()
            yield Finding(
                rule.id, rule.category or Category.INSULT, rule.points, part.segment.text[start:end], part.segment.kind, part.index,
                (start, end), rule.default, rule.language, (PATTERN,), rule.clause, rule.points,
            )  # fmt: skip


def _points_at(rule: Rule, target: Target) -> int:
    """What a rule counts at a target: nothing at the writer himself, nothing at a third party when it is about staff."""
    if rule.aimed is not Target.STAFF:
        return 0 if target is Target.SELF else rule.points
    if target in {Target.SELF, Target.THIRD_PARTY}:
        return 0
    return rule.points if target is Target.STAFF else rule.elsewhere


def _points(hit: Hit, context: Context, kind: SegmentKind) -> tuple[int, tuple[str, ...]]:
    rule = hit.rule
    if context.excused:
        return 0, (context.excused,)
    points = _points_at(rule, context.target)
    modifiers = [] if points == rule.points else [f"at {context.target.value}"]
    if not context.sure and context.target is Target.STAFF and hit.after - hit.first == 1:
        modifiers.append(NOBODY_NAMED)
    if points and hit.disguised:
        points += _DISGUISE
        modifiers.append(DISGUISED)
    if points and context.intense:
        points += _INTENSITY
        modifiers.append("intense")
    if points and kind is SegmentKind.SIGNATURE:
        points //= 2
        modifiers.append("in the signature")
    if rule.signal:
        modifiers.append(SIGNAL)
    if rule.loud:
        modifiers.append(LOUD)
    if rule.certain:
        modifiers.append(CERTAIN)
    if rule.layer or rule.changed:
        modifiers.append(OF_THE_SITE)
    return points, tuple(modifiers)


def _without_doubles(findings: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Split off what stands in the same words as a heavier finding: a word that two rules know counts once."""
    ordered = sorted(findings, key=lambda f: (-f.points, CERTAIN not in f.modifiers, f.segment_index, f.span[0] - f.span[1], f.span, f.rule))
    kept: list[Finding] = []
    covered: list[Finding] = []
    # only neighbours can stand in the same words: without these buckets a mail of nothing but insults costs its square
    near: dict[tuple[int, int], list[Finding]] = defaultdict(list)
    for finding in ordered:
        buckets = [(finding.segment_index, n) for n in range(finding.span[0] // _BUCKET, finding.span[1] // _BUCKET + 1)]
        heavier = next((other for bucket in buckets for other in near[bucket] if _same_words(finding, other)), None)
        if heavier is None:
            kept.append(finding)
            for bucket in buckets:
                near[bucket].append(finding)
        elif finding.points:
            covered.append(replace(finding, modifiers=(*finding.modifiers, "covered", f"by {heavier.rule}")))
    return kept, covered


def _counts(finding: Finding) -> bool:
    return finding.points > 0 and SIGNAL not in finding.modifiers


def _same_words(one: Finding, other: Finding) -> bool:
    if one.segment_index != other.segment_index or (SIGNAL in one.modifiers) != (SIGNAL in other.modifiers):
        return False
    overlap = min(one.span[1], other.span[1]) - max(one.span[0], other.span[0])
    return overlap > 0 and (one.category is other.category or overlap >= min(one.span[1] - one.span[0], other.span[1] - other.span[0]))
