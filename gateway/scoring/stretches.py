"""The stretches of a mail that the ear listens to, and how loud each is: sentences and pairs of neighbours.

Every position of a text has its weight, so a stretch's score is a difference of running sums, and the proof is where the
weights stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gateway.scoring.classes import MARKS
from gateway.scoring.fold import Folded
from gateway.scoring.slots import CLASSES, CLOSE, HEADS, MOST_MARKS, Marks, Slots, character_slots, word_slots
from gateway.scoring.trees import Trees
from gateway.scoring.words import Sentence
from gateway.values import SegmentKind

Floats = NDArray[np.float64]

LONGEST = 20_000
"""Characters listened to of one segment."""
_FAR_APART = 1_000
"""Words between two sentences when positions are put on one line; a sentence is much shorter."""


@dataclass(frozen=True)
class Voice:
    """What was learned for one language.

    Attributes:
        weights: heads x WIDTH, in the order of HEADS.
        bias: for each head.
        mail: for each head the weights of the mail's loudest, second and mean stretch, of how many there are, and a bias.
        trees: for each head what corrects that sum by all that is known of the mail (whole.FEATURES); the same for all languages.
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
    trees: tuple[Trees, ...] = ()

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
class Part:
    """A segment of the writer's own, made ready: its index in the reading, folded text, sentences and their classes, and the text as written."""

    index: int
    kind: SegmentKind
    folded: Folded
    sentences: Sequence[Sentence]
    marks: Sequence[Marks]
    written: str = ""


@dataclass(frozen=True, slots=True)
class Stretches:
    """Sentences and pairs of neighbours: scores (heads x stretches), and where each stands (part, from, to in characters)."""

    scores: Floats
    places: Slots

    def __len__(self) -> int:
        """How many there are."""
        return int(self.scores.shape[1])


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
        text = part.folded.text[:LONGEST]
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
    flat = [(n, position, mark) for n, sentence in enumerate(marks) for position, mark in sentence[:MOST_MARKS]]
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
        if distance.min() > CLOSE:
            break
        fits = np.flatnonzero((distance > 0) & (distance <= CLOSE) & (mark[shift:] != mark[:-shift]))
        found.append((sentence[fits] * MARKS + mark[fits]) * MARKS + mark[fits + shift])
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def _stretch_sentences(sentences: Sequence[Sentence], length: int) -> tuple[Slots, Slots]:
    """Each sentence and each pair of neighbours within the listened length: the first sentence and the one after the last."""
    count = sum(sentence.start < length for sentence in sentences)
    single = np.arange(count)
    pairs = np.arange(max(0, count - 1))
    return np.concatenate([single, pairs]), np.concatenate([single + 1, pairs + 2])
