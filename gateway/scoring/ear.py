"""The learned ear: a linear model over folded character and word n-grams that hears what no rule lists.

Knows numbers only; benchmarks/train_ear.py makes them from the sentences beside the rules. Every position of a text has
its weight, so a sentence's score is a difference of two running sums and the proof is where the weights stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.scoring.fold import Folded
from gateway.scoring.words import Sentence
from gateway.values import Category, Finding, SegmentKind, Target

CHARACTER_BITS = 18
WORD_BITS = 17
WIDTH = (1 << CHARACTER_BITS) + (1 << WORD_BITS)
"""Weights of one head: the character n-grams', then the word n-grams'."""
_SIZES = (2, 3, 4, 5)
_LONGEST = 20_000
"""Characters listened to of one segment."""

Integers = NDArray[np.uint32]
Weights = NDArray[np.float32]

_PRIME = np.uint32(0x01000193)
_MIX = np.uint32(0x9E3779B1)


def _slots(hashes: Integers, bits: int, salt: int) -> NDArray[np.int64]:
    mixed = (hashes ^ (hashes >> np.uint32(15)) ^ np.uint32(salt)) * _MIX
    mixed ^= mixed >> np.uint32(13)
    mixed = mixed * _MIX
    return (mixed >> np.uint32(32 - bits)).astype(np.int64)


def _code_points(text: str) -> Integers:
    points = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)
    plain = points.copy()
    plain[(points >= 48) & (points <= 57)] = 48  # one digit is as good as another
    plain[(points == 10) | (points == 9) | (points == 13) | (points == 160)] = 32
    return plain


def character_slots(text: str) -> list[NDArray[np.int64]]:
    """For each n-gram size the slot of the n-gram that begins at each character of a folded text."""
    points = _code_points(text)
    found: list[NDArray[np.int64]] = []
    hashes = np.full(len(points), 0x811C9DC5, dtype=np.uint32)
    for size in range(1, max(_SIZES) + 1):
        if len(points) < size:
            break
        hashes = (hashes[: len(points) - size + 1] ^ points[size - 1 :]) * _PRIME
        hashes ^= hashes >> np.uint32(11)
        if size in _SIZES:
            found.append(_slots(hashes, CHARACTER_BITS, size))
    return found


_word_hashes: dict[str, int] = {}
_REMEMBERED = 200_000


def _word_hash(word: str) -> int:
    remembered = _word_hashes.get(word)
    if remembered is None:
        if len(_word_hashes) >= _REMEMBERED:
            _word_hashes.clear()
        value = 0x811C9DC5
        for byte in word.encode("utf-8", "replace"):
            value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
        remembered = _word_hashes[word] = value
    return remembered


def word_slots(words: Sequence[str]) -> list[NDArray[np.int64]]:
    """Slots of single words, pairs, pairs around one word, and triples, each at its first word."""
    hashes = np.fromiter(map(_word_hash, words), dtype=np.uint32, count=len(words))
    found = [_slots(hashes, WORD_BITS, 21)]
    if len(words) > 1:
        found.append(_slots(hashes[:-1] * _PRIME ^ hashes[1:], WORD_BITS, 22))
    if len(words) > 2:
        found.append(_slots(hashes[:-2] * _PRIME ^ hashes[2:], WORD_BITS, 23))
        found.append(_slots((hashes[:-2] * _PRIME ^ hashes[1:-1]) * _PRIME ^ hashes[2:], WORD_BITS, 24))
    return [slots + (1 << CHARACTER_BITS) for slots in found]


@dataclass(frozen=True, slots=True)
class Voice:
    """What was learned for one language.

    Attributes:
        weights: heads x WIDTH; head 0 hears abuse, head 1 what is severe.
        bias: for each head.
        mail: for each head the weights of mail_features and a bias.
        alone: probability from which abuse counts by itself, calibrated on civil text.
        helps: probability from which it adds to what rules found.
        severe: probability from which signals of rules count as severe.
    """

    weights: Weights
    bias: tuple[float, float]
    mail: tuple[tuple[float, ...], ...]
    alone: float
    helps: float
    severe: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ear heard in a mail: probabilities, findings, and whether it was something severe."""

    abuse: float
    severity: float
    findings: tuple[Finding, ...]
    severe: bool


Part = tuple[int, Folded, list[Sentence], SegmentKind]


class Ear:
    """Listens to the writer's own words."""

    def __init__(self, voices: dict[str, Voice], points_alone: int = 5, points_helping: int = 2) -> None:
        """Take a voice for each language and what it may count."""
        self._voices = voices
        self._points_alone = points_alone
        self._points_helping = points_helping

    @staticmethod
    def stretches(parts: Sequence[Part], voice: Voice) -> list[tuple[float, float, int, int, int]]:
        """Score each sentence and each pair of neighbours: (abuse, severity, part, start, end)."""
        found: list[tuple[float, float, int, int, int]] = []
        bias = np.asarray(voice.bias)
        for number, (_, folded, sentences, _) in enumerate(parts):
            if not sentences:
                continue
            text = folded.text[:_LONGEST]
            characters, words = _running_sums(text, sentences, voice.weights)
            for start, end, first, after in _stretch_borders(sentences, len(text)):
                score = characters.score(start, end) + words.score(first, after) + bias
                found.append((float(score[0]), float(score[1]), number, start, end))
        return found

    def listen(self, parts: Sequence[Part], language: str) -> Heard | None:
        """Listen to a mail.

        Args:
            parts: index in the reading, folded text, sentences and kind of each segment of the writer's own.
            language: of the mail.

        Returns:
            Heard | None: None when nothing was learned for this language.
        """
        voice = self._voices.get(language)
        if voice is None or not any(sentences for _, _, sentences, _ in parts):
            return None
        stretches = self.stretches(parts, voice)
        if not stretches:
            return None
        features = mail_features(stretches)
        abuse, severity = (_probability(voice.mail[head], features[head]) for head in (0, 1))
        points = self._points_alone if abuse >= voice.alone else self._points_helping if abuse >= voice.helps else 0
        findings: tuple[Finding, ...] = ()
        if points:
            loudest = max(stretches)
            index, folded, _, kind = parts[loudest[2]]
            text = folded.text[loudest[3] : loudest[4]]
            start, end = folded.span(loudest[3], loudest[4]) if text else (0, 0)
            findings = (
                Finding(
                    rule=f"ear.{language}",
                    category=Category.DEGRADATION,
                    points=points,
                    text=text.strip(),
                    segment=kind,
                    segment_index=index,
                    span=(start, end),
                    target=Target.STAFF,
                    language=language,
                    modifiers=(f"heard with {abuse:.0%}",),
                    clause=("F5", "D4", "R12"),
                    base=self._points_alone,
                ),
            )
        return Heard(abuse, severity, findings, severity >= voice.severe)


def _probability(weights: Sequence[float], features: Sequence[float] | NDArray[np.float64]) -> float:
    value = weights[-1] + sum(w * f for w, f in zip(weights[:-1], features, strict=True))
    return float(1.0 / (1.0 + np.exp(-np.clip(value, -30, 30))))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Running sums of weights and of n-gram counts over a text."""

    weights: NDArray[np.float64]
    counts: NDArray[np.float64]

    def score(self, start: int, end: int) -> NDArray[np.float64]:
        """The score of a stretch for each head; long and short stretches compare."""
        count = max(1.0, float(self.counts[end] - self.counts[start]))
        score: NDArray[np.float64] = (self.weights[:, end] - self.weights[:, start]) / np.sqrt(count)
        return score


def _running_sums(text: str, sentences: Sequence[Sentence], weights: Weights) -> tuple[_Sums, _Sums]:
    """Running sums by character and by word."""
    tokens = [token.text for sentence in sentences for token in sentence.tokens]
    return _sums(character_slots(text), len(text), weights), _sums(word_slots(tokens), len(tokens), weights)


def _sums(slots_of_sizes: Sequence[NDArray[np.int64]], length: int, weights: Weights) -> _Sums:
    at = np.zeros((weights.shape[0], length + 1))
    count = np.zeros(length + 1)
    for slots in slots_of_sizes:
        at[:, 1 : len(slots) + 1] += weights[:, slots]
        count[1 : len(slots) + 1] += 1
    return _Sums(np.cumsum(at, axis=1), np.cumsum(count))


def _stretch_borders(sentences: Sequence[Sentence], length: int) -> list[tuple[int, int, int, int]]:
    """Sentences and pairs of neighbours: characters from, to, words from, to."""
    borders = [0]
    for sentence in sentences:
        borders.append(borders[-1] + len(sentence.tokens))
    found = []
    for n, sentence in enumerate(sentences):
        if sentence.start >= length:
            break
        found.append((sentence.start, min(sentence.end, length), borders[n], borders[n + 1]))
        if n + 1 < len(sentences) and sentences[n + 1].start < length:
            found.append((sentence.start, min(sentences[n + 1].end, length), borders[n], borders[n + 2]))
    return found


def mail_features(stretches: Sequence[tuple[float, float, int, int, int]]) -> NDArray[np.float64]:
    """For each head: the loudest stretch, the loudest that doesn't overlap it, the mean, how many there are."""
    features = np.zeros((2, 4))
    for head in (0, 1):
        ordered = sorted(stretches, key=lambda s: -s[head])
        first = ordered[0]
        second = next((s for s in ordered if s[2] != first[2] or s[3] >= first[4] or s[4] <= first[3]), first)
        features[head] = (first[head], second[head], sum(s[head] for s in stretches) / len(stretches), np.log1p(len(stretches)))
    return features
