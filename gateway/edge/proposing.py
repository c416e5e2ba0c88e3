"""Ready changes to rules out of people's corrections, each tried before it is shown; nothing is changed by any of it."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from gateway.edge.ear_model import load_ear
from gateway.edge.forms import load_forms
from gateway.edge.held import HeldFolder
from gateway.edge.kept_incidents import kept_incidents
from gateway.edge.proposed_words import Narrowed, narrowed
from gateway.edge.rules import load_rules
from gateway.edge.rules_check import BROKEN, check_examples
from gateway.edge.scorer import build_scorer
from gateway.edge.shipped import folder
from gateway.edge.snippets import FILE, Snippet, put, snippet_text
from gateway.edge.state_backup import LEDGER, STATE
from gateway.edge.weigher import Order
from gateway.errors import BadInput, ReadingFailed
from gateway.mail.message import read
from gateway.policy.corrections import PROTECTS, Fared, Remedy, common_words, fared, milder, remedy
from gateway.records import Incident
from gateway.scoring.rules import Rule, RuleBook
from gateway.values import Assessment, Reading

_FEWEST_BESIDE = 1
_CANDIDATES = 5
"""Mails of one rule that become exceptions, at most."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would have done to past mail.

    Attributes:
        kept: incidents of the ledger in which the rule counted; `kept_milder` of them would have had a lower level, None
            where their record can't tell.
        held: mails that are still held, weighed by both sets of rules; `held_changed` have another level.
    """

    kept: int = 0
    kept_milder: int | None = None
    held: int = 0
    held_changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposed:
    """One change that somebody may make.

    Attributes:
        why: sentences, for a person.
        words: it has words out of customers' mail in it.
    """

    rule: Rule
    how: Fared
    snippet: Snippet
    why: tuple[str, ...]
    words: bool = False
    effect: Effect = field(default_factory=Effect)

    @property
    def text(self) -> str:
        """The change as it stands in a file."""
        return snippet_text(self.snippet)

    @property
    def file(self) -> str:
        """The file for it, in the folder of a site's rules."""
        return f"{self.snippet.language}/{FILE}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of it: changes, and what can't be put right by one, a sentence each."""

    proposed: tuple[Proposed, ...]
    remarks: tuple[str, ...]


async def propose(copy: Path, order: Order, since: datetime | None, most: int) -> Findings:
    """Look for changes.

    Args:
        copy: of all that is kept, as `take_snapshot` made it.
        order: the rules in force.
        since: only incidents judged then or later.
        most: at most so many changes.

    Raises:
        BadInput: the rules in force have errors.
        GatewayError: the ledger can't be understood.
    """
    incidents = sorted(kept_incidents(copy / LEDGER, since), key=lambda each: (each.at, each.id), reverse=True)
    how = {name: each for name, each in fared(incidents).items() if each.wrong}
    remarks = [_of_the_ear(each) for name, each in how.items() if name.startswith("ear.")]
    how = {name: each for name, each in how.items() if not name.startswith("ear.")}
    if not how:
        return Findings((), tuple(remarks))
    # a rule of another language may speak in a mail too, but what this one does there is the same
    book, _ = load_rules(order.folders, frozenset(name.partition(".")[0] for name in how))
    rules = {rule.id: rule for pack in book.packs for rule in pack.rules if not rule.off and rule.tag is None}
    remarks += [f"{name} isn't in force any more; it was wrong in {len(each.wrong)}." for name, each in how.items() if name not in rules]
    mails = await _held_mails(copy, incidents, order)
    bench = Bench(order, book, mails)
    found: list[Proposed] = []
    for each in sorted((each for each in how.values() if each.rule in rules), key=lambda each: (-len(each.wrong), each.rule)):
        if len(found) < most:
            one = bench.change_for(rules[each.rule], each)
            found += [one] if one is not None else []
            remarks += [] if one is not None else [_nothing(each)]
    return Findings(tuple(bench.with_effects(found)), tuple(remarks))


def _of_the_ear(each: Fared) -> str:
    return f"The ear alone ({each.rule}) was wrong in {len(each.wrong)} and right in {len(each.right)}; no rule changes that, a labelled sentence for its training does."


def _nothing(each: Fared) -> str:
    return f"{each.rule} was wrong in {len(each.wrong)} and right in {len(each.right)}: too little to change it as a whole, and no mail is held that shows an exception."


async def _held_mails(copy: Path, incidents: Sequence[Incident], order: Order) -> dict[str, Reading]:
    """The readings of incidents' mails that are still held, the released ones too."""
    known = {incident.id for incident in incidents}
    own = folder("rules")
    forms = load_forms(order.folders if own in order.folders else (own, *order.folders))
    held = HeldFolder(copy / STATE)
    found: dict[str, Reading] = {}
    for mail in await held.held():
        if mail.id in known:
            try:
                found[mail.id] = read(await held.message(mail.id), forms, order.limits, mail.envelope.sender)
            except ReadingFailed:
                continue
    return found


class Bench:
    """Where changes are tried: the rules in force, with the mails that are still held.

    Args:
        order: the rules in force.
        book: of the same.
        mails: readings by the reference of their incident.
    """

    def __init__(self, order: Order, book: RuleBook, mails: Mapping[str, Reading]) -> None:
        self._folders = order.folders
        self._book = book
        self._mails = mails
        self._now: dict[str, Assessment] = {}
        if mails:
            scorer = build_scorer(book, load_ear(tuple(order.folders)))
            self._now = {name: scorer.assess(reading) for name, reading in mails.items()}

    def change_for(self, rule: Rule, how: Fared) -> Proposed | None:
        """The narrowest change that helps and breaks nothing: an exception by mail, by words, then the rule as a whole."""
        return self._by_mail(rule, how) or self._by_words(rule, how) or self._as_a_whole(rule, how)

    def _by_mail(self, rule: Rule, how: Fared) -> Proposed | None:
        shown = [(incident, self._mails[incident.id], self._now[incident.id]) for incident in how.wrong if incident.id in self._mails]
        good: list[Narrowed] = []
        used: list[str] = []
        for incident, reading, assessment in shown[:_CANDIDATES]:
            for candidate in narrowed(rule.id, reading, assessment, _FEWEST_BESIDE + (rule.category in PROTECTS)):
                snippet = Snippet(rule.language, rule.id, unless=candidate.unless, misses=candidate.misses)
                if self._helps(rule, snippet):
                    good.append(candidate)
                    used.append(incident.id)
                    break
        if not good:
            return None
        unless, misses = (tuple(dict.fromkeys(text for each in good for text in getattr(each, name))) for name in ("unless", "misses"))
        snippet = Snippet(rule.language, rule.id, unless=unless, misses=misses)
        if not self._helps(rule, snippet):
            return None
        why = (f"The mail of {', '.join(used)} is still held and shows where it doesn't fit; the exception is as narrow as that mail, widen it by hand where it is meant wider.",)
        return Proposed(rule, how, snippet, why, words=True)

    def _by_words(self, rule: Rule, how: Fared) -> Proposed | None:
        common = () if rule.category in PROTECTS else common_words(how)
        words = tuple(word for word in common if self._helps(rule, Snippet(rule.language, rule.id, unless=(word,))))
        if not words:
            return None
        snippet = Snippet(rule.language, rule.id, unless=words)
        said = ", ".join(repr(word) for word in words)
        return Proposed(rule, how, snippet, (f"Where it was wrong it found {said}, at several senders, and never where it was right.",), words=True)

    def _as_a_whole(self, rule: Rule, how: Fared) -> Proposed | None:
        if rule.category is None:
            return None
        found = remedy(how, rule.points, rule.category, self._book.policy)
        if found is None:
            return None
        what, points = found
        if what is Remedy.SIGNAL:
            why = "It was wrong more often than right. It warns of danger, so it isn't turned down: as a signal it counts only where the ear agrees."
            return None if rule.signal else Proposed(rule, how, Snippet(rule.language, rule.id, signal=True), (why,))
        if what is Remedy.OFF:
            return Proposed(rule, how, Snippet(rule.language, rule.id, off=True), ("It was wrong again and again, and never right where something followed.",))
        why = f"It was wrong more often than right; with {points} points it doesn't reach by itself what it reaches now."
        return Proposed(rule, how, Snippet(rule.language, rule.id, points=points), (why,))

    def _helps(self, rule: Rule, snippet: Snippet) -> bool:
        """Whether the rule with a change passes its check, all its own examples included."""
        with tempfile.TemporaryDirectory(prefix="courtesy-proposal-") as name:
            site = put(Path(name), [snippet])
            try:
                book, _ = load_rules((*self._folders, site), frozenset({rule.language}))
            except BadInput:
                return False
            alone = only(book, rule.id)
            problems = check_examples(alone, build_scorer(alone, None), layer=len(self._folders))
            return not any(problem.severity == "error" or BROKEN in problem.text for problem in problems)

    def with_effects(self, proposed: Sequence[Proposed]) -> Iterable[Proposed]:
        """The changes with what all of them together would have done to past mail, each told of its own rule."""
        after = self._after(proposed)
        for each in proposed:
            changed = [name for name, now in self._now.items() if name in after and _lost(each.rule.id, now, after[name]) and now.level != after[name].level]
            counted = (*each.how.right, *each.how.wrong)
            points = 0 if each.snippet.off else each.snippet.points
            fewer = milder(counted, each.rule.id, points, self._book.policy) if points is not None else None
            yield replace(each, effect=Effect(len(counted), fewer, len(self._now), tuple(sorted(changed))))

    def _after(self, proposed: Sequence[Proposed]) -> dict[str, Assessment]:
        if not (proposed and self._mails):
            return {}
        with tempfile.TemporaryDirectory(prefix="courtesy-proposal-") as name:
            site = put(Path(name), [each.snippet for each in proposed])
            book, _ = load_rules((*self._folders, site), frozenset(pack.code for pack in self._book.packs))
            scorer = build_scorer(book, load_ear(tuple(self._folders)))
            return {reference: scorer.assess(reading) for reference, reading in self._mails.items()}


def only(book: RuleBook, rule: str) -> RuleBook:
    """A book in which one rule is left, with the words and frames of its language."""
    packs = tuple(replace(pack, rules=tuple(each for each in pack.rules if each.id == rule)) for pack in book.packs)
    return replace(book, packs=packs)


def _lost(rule: str, before: Assessment, after: Assessment) -> bool:
    def counted(assessment: Assessment) -> int:
        return sum(finding.points for finding in assessment.findings if finding.rule == rule)

    return counted(after) < counted(before)
