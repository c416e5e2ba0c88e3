"""The learned ear: a linear model over word classes and folded character and word n-grams that hears what no rule lists.

Knows numbers only; benchmarks/train_ear.py makes them from the sentences beside the rules. Every position of a text has
its weight, so a stretch's score is a difference of running sums, and the proof is where the weights stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gateway.scoring.classes import MARKS, SHARED
from gateway.scoring.fold import Folded
from gateway.scoring.words import Sentence
from gateway.values import Category, Finding, SegmentKind, Tag, Target

CHARACTER_BITS = 18
WORD_BITS = 17
CHARACTER_SLOTS = 1 << CHARACTER_BITS
WORD_SLOTS = 1 << WORD_BITS
CLASS_SLOTS = MARKS * (1 + 2 * MARKS)
"""Single classes, pairs of classes in a sentence, pairs that follow each other closely."""
CLASSES = CHARACTER_SLOTS + WORD_SLOTS
"""Where the weights of classes begin."""
WIDTH = CLASSES + CLASS_SLOTS
"""Weights of one head, in this order."""
HEADS = ("abuse", "severe", "complaint", "self_harm")
"""What is listened for, each by a head of its own."""

BRIEF = 3
"""Stretches; a text with fewer is a single sentence."""
_SIZES = (2, 3, 4, 5)
_LONGEST = 20_000
"""Characters listened to of one segment."""
_CLOSE = 3
_FAR_APART = 1_000
"""Words between two sentences when positions are put on one line; a sentence is much shorter."""
_MOST_MARKS = 48
"""Classes looked at of one sentence, so that pairs stay few."""

Integers = NDArray[np.uint32]
Floats = NDArray[np.float64]
Slots = NDArray[np.int64]
Marks = Sequence[tuple[int, int]]
"""The classes of one sentence: word position and mark (classes.mark_of); in the order of position."""

_PRIME = np.uint32(0x01000193)
_MIX = np.uint32(0x9E3779B1)
_START = 0x811C9DC5


def _slots(hashes: Integers, bits: int, salt: int) -> Slots:
    mixed = (hashes ^ (hashes >> np.uint32(15)) ^ np.uint32(salt)) * _MIX
    mixed ^= mixed >> np.uint32(13)
    mixed = mixed * _MIX
    return (mixed >> np.uint32(32 - bits)).astype(np.int64)


def _code_points(text: str) -> Integers:
    points = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32).copy()
    points[(points >= 48) & (points <= 57)] = 48  # one digit is as good as another
    points[(points == 10) | (points == 9) | (points == 13) | (points == 160)] = 32
    return points


def character_slots(text: str) -> list[Slots]:
    """For each n-gram size the slot of the n-gram that begins at each character of a folded text."""
    points = _code_points(text)
    found: list[Slots] = []
    hashes = np.full(len(points), _START, dtype=np.uint32)
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
        value = _START
        for byte in word.encode("utf-8", "replace"):
            value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
        remembered = _word_hashes[word] = value
    return remembered


def word_slots(words: Sequence[str]) -> list[Slots]:
    """Slots of single words, pairs, pairs around one word, and triples, each at its first word."""
    hashes = np.fromiter(map(_word_hash, words), dtype=np.uint32, count=len(words))
    found = [_slots(hashes, WORD_BITS, 21)]
    if len(words) > 1:
        found.append(_slots(hashes[:-1] * _PRIME ^ hashes[1:], WORD_BITS, 22))
    if len(words) > 2:
        found.append(_slots(hashes[:-2] * _PRIME ^ hashes[2:], WORD_BITS, 23))
        found.append(_slots((hashes[:-2] * _PRIME ^ hashes[1:-1]) * _PRIME ^ hashes[2:], WORD_BITS, 24))
    return [slots + CHARACTER_SLOTS for slots in found]


def class_slots(marks: Marks) -> Slots:
    """Slots of one sentence's classes and of their pairs."""
    base = CLASSES
    places = np.array(marks[:_MOST_MARKS], dtype=np.int64)
    position, mark = places[:, 0], places[:, 1]
    names = np.unique(mark)
    one, other = np.triu_indices(len(names), 1)
    together = base + MARKS * (1 + names[one]) + names[other]
    distance = position[None, :] - position[:, None]
    first, second = np.nonzero((distance > 0) & (distance <= _CLOSE) & (mark[:, None] != mark[None, :]))
    close = np.unique(base + MARKS * (1 + MARKS + mark[first]) + mark[second])
    return np.concatenate([base + names, together, close])


@dataclass(frozen=True)
class Voice:
    """What was learned for one language.

    Attributes:
        weights: heads x WIDTH, in the order of HEADS.
        bias: for each head.
        mail: for each head the weights of mail_features and a bias.
        alone: probability from which abuse counts by itself, calibrated on civil mails.
        brief: the same for a single sentence, which must be louder: it has nothing around it.
        helps: probability from which it adds to what rules found.
        severe: probability from which signals of rules count as severe.
        tags: probabilities from which a mail is a complaint, or hints at self-harm.
        hum: for each head what a character n-gram of civil text weighs on average, so that a long sentence isn't louder
            for its length.
    """

    weights: NDArray[np.float32]
    bias: tuple[float, ...]
    mail: tuple[tuple[float, ...], ...]
    alone: float
    helps: float
    severe: float
    tags: tuple[float, float] = (2.0, 2.0)
    brief: float = 0.0
    hum: tuple[float, ...] = (0.0,) * len(HEADS)

    @cached_property
    def by_slot(self) -> NDArray[np.float32]:
        """Weights of n-grams, all heads of a slot beside each other: one look into memory for each."""
        return np.ascontiguousarray(self.weights[:, :CLASSES].T)

    @cached_property
    def single(self) -> NDArray[np.float32]:
        """Weights of single classes: MARKS x heads."""
        return np.ascontiguousarray(self.weights[:, CLASSES : CLASSES + MARKS].T)

    @cached_property
    def together(self) -> NDArray[np.float32]:
        """Weights of two classes in a sentence: MARKS * MARKS x heads."""
        return np.ascontiguousarray(self.weights[:, CLASSES + MARKS : CLASSES + MARKS * (1 + MARKS)].T)

    @cached_property
    def close(self) -> NDArray[np.float32]:
        """Weights of a class that follows another closely: MARKS * MARKS x heads."""
        return np.ascontiguousarray(self.weights[:, CLASSES + MARKS * (1 + MARKS) :].T)


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
    """

    findings: tuple[Finding, ...]
    severe: bool
    tags: frozenset[Tag]
    abuse: float = 0.0
    faint: bool = False
    loud: bool = False
    complaint: float = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """A segment of the writer's own, made ready: its index in the reading, folded text, sentences and their classes."""

    index: int
    kind: SegmentKind
    folded: Folded
    sentences: Sequence[Sentence]
    marks: Sequence[Marks]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Sentences and pairs of neighbours: scores (heads x stretches), and where each stands (part, from, to in characters)."""

    scores: Floats
    places: Slots

    def __len__(self) -> int:
        """How many there are."""
        return int(self.scores.shape[1])


class Ear:
    """Listens to the writer's own words."""

    def __init__(self, voices: dict[str, Voice], points_alone: int = 5, points_helping: int = 2) -> None:
        """Take a voice for each language and what it may count."""
        self._voices = voices
        self._points_alone = points_alone
        self._points_helping = points_helping

    def listen(self, parts: Sequence[Part], language: str) -> Heard | None:
        """Listen to a mail.

        Args:
            parts: the segments of the writer's own.
            language: of the mail.

        Returns:
            Heard | None: None when nothing was learned for this language.
        """
        voice = self._voices.get(language)
        if voice is None:
            return None
        stretches = scored(parts, voice)
        if not len(stretches):
            return None
        chances = probabilities(stretches, voice)
        abuse = chances[0]
        alone = max(voice.alone, voice.brief) if len(stretches) < BRIEF else voice.alone
        points = self._points_alone if abuse >= alone else self._points_helping if abuse >= voice.helps else 0
        if points and not any(_addressed(part) for part in parts):
            # a review, an article, a joke passed on: whatever it says, it says it to nobody here
            points = 0
        findings = (self._finding(stretches, parts, language, abuse, points),) if points else ()
        tags = {tag for tag, chance, least in zip((Tag.COMPLAINT, Tag.SELF_HARM), chances[2:], voice.tags, strict=True) if chance >= least}
        if abuse < voice.helps and chances[3] >= voice.tags[1] / 2:
            tags.add(Tag.SELF_HARM)  # too faint to excuse abuse, but in a calm mail somebody looks (F8)
        return Heard(
            findings,
            chances[1] >= voice.severe,
            frozenset(tags),
            abuse,
            faint=abuse >= voice.helps,
            loud=points == self._points_alone,
            complaint=chances[2] if voice.tags[0] <= 1 else 1.0,  # who never learned of complaints has no say about them
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


def probabilities(stretches: Stretches, voice: Voice) -> tuple[float, ...]:
    """How likely each head's matter is, for the mail as a whole."""
    found = []
    for head, weights in enumerate(voice.mail):
        value = weights[-1] + float(np.dot(weights[:-1], mail_features(stretches, head)))
        found.append(float(1.0 / (1.0 + np.exp(-np.clip(value, -30, 30)))))
    return tuple(found)


def mail_features(stretches: Stretches, head: int) -> Floats:
    """The loudest stretch, the loudest that doesn't overlap it, the mean, how many there are."""
    scores = stretches.scores[head]
    loudest = int(np.argmax(scores))
    part, start, end = stretches.places
    apart = (part != part[loudest]) | (start >= end[loudest]) | (end <= start[loudest])
    second = scores[apart].max() if apart.any() else scores[loudest]
    return np.array([scores[loudest], second, scores.mean(), np.log1p(len(scores))])


@dataclass(frozen=True, slots=True)
class _Sums:
    """Running sums of weights (length + 1 x heads) and of n-gram counts over a text."""

    weights: Floats
    counts: Floats

    def scores(self, start: Slots, end: Slots) -> Floats:
        """The scores of stretches (stretches x heads); long and short stretches compare."""
        scores: Floats = (self.weights[end] - self.weights[start]) / self.lengths(start, end)[:, None]
        return scores

    def lengths(self, start: Slots, end: Slots) -> Floats:
        """What the sums of stretches are divided by: the root of their counts."""
        lengths: Floats = np.sqrt(np.maximum(1.0, self.counts[end] - self.counts[start]))
        return lengths


def scored(parts: Sequence[Part], voice: Voice) -> Stretches:
    """Score each sentence and each pair of neighbours."""
    scores: list[Floats] = []
    places: list[Slots] = []
    for number, part in enumerate(parts):
        if not part.sentences:
            continue
        text = part.folded.text[:_LONGEST]
        tokens = [token.text for sentence in part.sentences for token in sentence.tokens]
        first, after = _stretch_sentences(part.sentences, len(text))
        words = np.cumsum([0, *(len(sentence.tokens) for sentence in part.sentences)])
        start = np.array([sentence.start for sentence in part.sentences])[first]
        end = np.minimum(np.array([sentence.end for sentence in part.sentences])[after - 1], len(text))
        characters = _sums(character_slots(text), len(text), voice.by_slot)
        score = characters.scores(start, end) - np.outer(characters.lengths(start, end), voice.hum)
        score += _sums(word_slots(tokens), len(tokens), voice.by_slot).scores(words[first], words[after])
        score += _class_sums(part.marks, voice).scores(first, after)
        scores.append(score.T)
        places.append(np.stack([np.full(len(start), number), start, end]))
    if not scores:
        return Stretches(np.zeros((len(HEADS), 0)), np.zeros((3, 0), dtype=np.int64))
    return Stretches(np.concatenate(scores, axis=1) + np.asarray(voice.bias)[:, None], np.concatenate(places, axis=1))


def _sums(slots_of_sizes: Sequence[Slots], length: int, weights: NDArray[np.float32]) -> _Sums:
    at = np.zeros((length + 1, weights.shape[1]))
    count = np.zeros(length + 1)
    for slots in slots_of_sizes:
        at[1 : len(slots) + 1] += weights[slots]
        count[1 : len(slots) + 1] += 1
    return _Sums(np.cumsum(at, axis=0), np.cumsum(count))


def _class_sums(marks: Sequence[Marks], voice: Voice) -> _Sums:
    """What class_slots of each sentence weigh, worked out for all sentences at once."""
    at = np.zeros((len(marks) + 1, len(HEADS)))
    count = np.zeros(len(marks) + 1)
    flat = [(n, position, mark) for n, sentence in enumerate(marks) for position, mark in sentence[:_MOST_MARKS]]
    if flat:
        sentence, position, mark = np.array(flat, dtype=np.int64).T
        names = np.unique(sentence * MARKS + mark)
        together, close = _together(*np.divmod(names, MARKS)), _close(sentence, position, mark)
        for found, weights in ((names, voice.single), (together, voice.together), (close, voice.close)):
            which, slot = np.divmod(found, len(weights))
            for head in range(len(HEADS)):
                at[1:, head] += np.bincount(which, weights[slot, head], len(marks))
            count[1:] += np.bincount(which, minlength=len(marks))
    return _Sums(np.cumsum(at, axis=0), np.cumsum(count))


def _together(sentence: Slots, mark: Slots) -> Slots:
    """Each pair of the different classes of a sentence (in order, each once), as one number with the sentence's."""
    found: list[Slots] = []
    for shift in range(1, len(mark)):
        fits = np.flatnonzero(sentence[shift:] == sentence[:-shift])
        if not fits.size:
            break
        found.append((sentence[fits] * MARKS + mark[fits]) * MARKS + mark[fits + shift])
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _close(sentence: Slots, position: Slots, mark: Slots) -> Slots:
    """Each pair of different classes of which one follows the other closely, once a sentence, as one number with the sentence's."""
    place = sentence * _FAR_APART + position
    found: list[Slots] = []
    for shift in range(1, len(mark)):
        distance = place[shift:] - place[:-shift]
        if distance.min() > _CLOSE:
            break
        fits = np.flatnonzero((distance > 0) & (distance <= _CLOSE) & (mark[shift:] != mark[:-shift]))
        found.append((sentence[fits] * MARKS + mark[fits]) * MARKS + mark[fits + shift])
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def _stretch_sentences(sentences: Sequence[Sentence], length: int) -> tuple[Slots, Slots]:
    """Each sentence and each pair of neighbours within the listened length: the first sentence and the one after the last."""
    count = sum(sentence.start < length for sentence in sentences)
    single = np.arange(count)
    pairs = np.arange(max(0, count - 1))
    return np.concatenate([single, pairs]), np.concatenate([single + 1, pairs + 2])
