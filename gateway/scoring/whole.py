"""What is known of a mail as a whole when the ear makes up its mind: how loud its stretches are, what rules found, how it is written.

One loud sentence means something else in a long letter than in a short note or a subject line, and an insult that rules
know something else where nothing is loud. A sum of weights can't say that, small trees over these numbers can. What
somebody asks and which numbers he gives stand there too: who does business writes otherwise than who only wants to hurt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.scoring.slots import HEADS
from gateway.scoring.stretches import LONGEST, Part, Stretches
from gateway.values import Category, Finding, SegmentKind, Tag

Features = NDArray[np.float32]

NOBODY_NAMED = "nobody named"
"""The sentence doesn't say at whom the words are aimed, so the rule's own default holds."""
SIGNAL = "signal"
"""A rule that counts only where the ear agrees."""
LOUD = "loud"
"""A signal over broad classes, for which the ear must be loud."""

_CATEGORIES = tuple(Category)
SEVERE = frozenset({Category.THREAT, Category.STALKING, Category.DISCRIMINATION, Category.SEXUAL})
_TAGS = (Tag.COMPLAINT, Tag.SELF_HARM, Tag.LEGAL_NOTICE, Tag.LAWFUL_REMEDY, Tag.ESCALATION_REQUEST, Tag.ACCUSATION, Tag.HARDSHIP)
_ABSENT = -3.0
"""How loud a subject is that isn't there: as quiet as business."""

FEATURES = (
    *(f"{head}: {what}" for head in HEADS for what in ("loudest", "loudest apart from it", "mean", "subject", "loudest of the body")),
    "stretches",
    *(f"{category.value}: {who}" for category in _CATEGORIES for who in ("nobody named", "named")),
    "subject: nobody named", "subject: named", "sum of rules",
    "signals", "signals of severe kinds", "signals of classes alone", "signals in the subject",
    *(f"signals: {category.value}" for category in _CATEGORIES),
    *(f"tagged {tag.value}" for tag in _TAGS),
    "disguised words", "share of disguised words", "words", "share of capitals", "exclamation marks", "question marks", "share of digits",
)  # fmt: skip
"""The names of the numbers, in order."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What rules found in the mail that the ear listens to: findings, each of the same words once, and tags."""

    findings: Sequence[Finding] = ()
    tags: frozenset[Tag] = frozenset()


def features(stretches: Stretches, parts: Sequence[Part], beside: Beside) -> Features:
    """The numbers of FEATURES for one mail."""
    heard = [number for head in range(len(HEADS)) for number in _heard(stretches, head, parts)]
    return np.array([*heard, np.log1p(len(stretches)), *_found(beside.findings), *(tag in beside.tags for tag in _TAGS), *_written(parts)], dtype=np.float32)


def summary(numbers: Features, head: int) -> Features:
    """Those of a head by themselves: its loudest, second and mean stretch, and how many there are."""
    return numbers[[5 * head, 5 * head + 1, 5 * head + 2, 5 * len(HEADS)]]


def _heard(stretches: Stretches, head: int, parts: Sequence[Part]) -> tuple[float, ...]:
    """The loudest stretch, the loudest that doesn't overlap it, the mean, and the loudest of subject and body."""
    scores = stretches.scores[head]
    loudest = int(np.argmax(scores))
    part, start, end = stretches.places
    apart = (part != part[loudest]) | (start >= end[loudest]) | (end <= start[loudest])
    subject = np.isin(part, [n for n, own in enumerate(parts) if own.kind is SegmentKind.SUBJECT])
    return (
        scores[loudest],
        scores[apart].max() if apart.any() else scores[loudest],
        scores.mean(),
        scores[subject].max() if subject.any() else _ABSENT,
        scores[~subject].max() if not subject.all() else scores[loudest],
    )


def _found(findings: Iterable[Finding]) -> list[float]:
    """What rules found: the heaviest of each category, by whether it names somebody, the heaviest of the subject, the signals."""
    heaviest = np.zeros((len(_CATEGORIES), 2))
    subject = np.zeros(2)
    total = 0.0
    signals = np.zeros(4)
    of = np.zeros(len(_CATEGORIES))
    for finding in findings:
        if finding.points <= 0:
            continue
        category = _CATEGORIES.index(finding.category)
        in_subject = finding.segment is SegmentKind.SUBJECT
        if SIGNAL in finding.modifiers:
            signals += (1, finding.category in SEVERE, LOUD in finding.modifiers, in_subject)
            of[category] += 1
            continue
        named = int(NOBODY_NAMED not in finding.modifiers)
        heaviest[category, named] = max(heaviest[category, named], finding.points)
        subject[named] = max(subject[named], finding.points * in_subject)
        total += min(finding.points, 10)
    return [*heaviest.ravel(), *subject, np.sqrt(total), *np.log1p(signals), *np.log1p(of)]


def _written(parts: Sequence[Part]) -> tuple[float, ...]:
    """How the mail is written: disguised words, length, capitals, exclamations, questions, numbers."""
    tokens = [token for part in parts for sentence in part.sentences for token in sentence.tokens]
    text = " ".join(part.written[:LONGEST] for part in parts)
    disguised = sum(token.disguised for token in tokens)
    letters = sum(map(str.isalpha, text))
    return (
        disguised,
        disguised / max(1, len(tokens)),
        np.log1p(len(tokens)),
        sum(map(str.isupper, text)) / max(1, letters),
        text.count("!"),
        text.count("?"),
        sum(map(str.isdigit, text)) / max(1, len(text)),
    )
