"""The learned ear hears what no rule lists: a linear model over word classes and n-grams, and small trees over the whole mail.

Knows numbers only; benchmarks/train_ear.py makes them from the sentences beside the rules and the labelled mails.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.scoring.classes import SHARED
from gateway.scoring.stretches import Part, Stretches, Voice, scored
from gateway.scoring.whole import Beside, Features, features, summary
from gateway.values import Category, Finding, SegmentKind, Tag, Target

BRIEF = 3
"""Stretches; a text with fewer, and without a subject, is a single sentence."""
BEYOND_DOUBT = 0.9
"""From this probability on a letter counts though it speaks to nobody: who writes of "the one who did this" means one of us."""
NOTHING = Beside()


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ear heard in a mail.

    Attributes:
        findings: one or none.
        severe: it was something severe.
        tags: what it hears besides.
        abuse: how likely abuse is.
        faint: likely enough to add to what rules found.
        loud: likely enough to call the mail abusive by itself.
        complaint: how likely a complaint about conduct is.
        self_harm: how likely a hint at self-harm is.
    """

    findings: tuple[Finding, ...]
    severe: bool
    tags: frozenset[Tag]
    abuse: float = 0.0
    faint: bool = False
    loud: bool = False
    complaint: float = 1.0
    self_harm: float = 0.0


class Ear:
    """Listens to the writer's own words."""

    def __init__(self, voices: dict[str, Voice], points_alone: int = 5, points_helping: int = 2) -> None:
        """Take a voice for each language and what it may count."""
        self._voices = voices
        self._points_alone = points_alone
        self._points_helping = points_helping

    def listen(self, parts: Sequence[Part], language: str, beside: Beside = NOTHING) -> Heard | None:
        """Listen to a mail.

        Args:
            parts: the segments of the writer's own.
            language: of the mail.
            beside: what rules found in it.

        Returns:
            Heard | None: None when nothing was learned for this language.
        """
        voice = self._voices.get(language)
        if voice is None:
            return None
        stretches = scored(parts, voice)
        if not len(stretches):
            return None
        chances = chances_of(features(stretches, parts, beside), voice)
        abuse = chances[0]
        letter = any(part.kind is SegmentKind.SUBJECT for part in parts)
        alone = voice.alone if letter or len(stretches) >= BRIEF else max(voice.alone, voice.brief)
        points = self._points_alone if abuse >= alone else self._points_helping if abuse >= voice.helps else 0
        if points and not (letter and abuse >= BEYOND_DOUBT) and not any(_addressed(part) for part in parts):
            # a review, an article, a joke passed on: whatever it says, it says it to nobody here
            points = 0
        findings = (self._finding(stretches, parts, language, abuse, points),) if points else ()
        tags = {Tag.COMPLAINT} if chances[2] >= voice.tags[0] else set()
        despair = chances[3]
        # beside abuse despair must be plain; in a calm mail somebody looks at the faintest (F8)
        if (despair >= voice.tags[1] and despair >= abuse / 2) or (abuse < voice.helps and despair >= voice.tags[1] / 2):
            tags.add(Tag.SELF_HARM)
        return Heard(
            findings,
            chances[1] >= voice.severe,
            frozenset(tags),
            abuse,
            faint=abuse >= voice.helps,
            loud=points == self._points_alone,
            complaint=chances[2] if voice.tags[0] <= 1 else 1.0,  # who never learned of complaints has no say about them
            self_harm=despair if voice.tags[1] <= 1 else 0.0,
        )

    def _finding(self, stretches: Stretches, parts: Sequence[Part], language: str, abuse: float, points: int) -> Finding:
        number, start, end = (int(value) for value in stretches.places[:, int(np.argmax(stretches.scores[0]))])
        part = parts[number]
        text = part.folded.text[start:end]
        first = start + len(text) - len(text.lstrip())
        last = end - (len(text) - len(text.rstrip()))
        return Finding(
            rule=f"ear.{language}",
            category=Category.DEGRADATION,
            points=points,
            text=part.folded.text[first:last],
            segment=part.kind,
            segment_index=part.index,
            span=part.folded.span(first, last),
            target=Target.STAFF,
            language=language,
            modifiers=(f"heard with {abuse:.0%}",),
            clause=("F5", "D4", "R12"),
            base=self._points_alone,
        )


_ADDRESSED = frozenset(SHARED.index(name) for name in ("you", "your", "staff", "boss", "title"))


def _addressed(part: Part) -> bool:
    """Whether a part speaks to or of our side at all."""
    return any(mark in _ADDRESSED for marks in part.marks for _, mark in marks)


def chances_of(numbers: Features, voice: Voice) -> tuple[float, ...]:
    """How likely each head's matter is, for the mail as a whole."""
    found = []
    for head, weights in enumerate(voice.mail):
        value = weights[-1] + float(np.dot(weights[:-1], summary(numbers, head)))
        if voice.trees:
            value += voice.trees[head].value(numbers)
        found.append(float(1.0 / (1.0 + np.exp(-np.clip(value, -30, 30)))))
    return tuple(found)
