"""Where in the ear's weights the n-grams and classes of a text stand: hashes, the same today as when they were learned."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.scoring.classes import MARKS

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

_SIZES = (2, 3, 4, 5)
CLOSE = 3
"""Words from one class to another that follows it closely."""
MOST_MARKS = 48
"""Classes looked at of one sentence, so that pairs stay few."""

Integers = NDArray[np.uint32]
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
    places = np.array(marks[:MOST_MARKS], dtype=np.int64)
    position, mark = places[:, 0], places[:, 1]
    names = np.unique(mark)
    one, other = np.triu_indices(len(names), 1)
    together = base + MARKS * (1 + names[one]) + names[other]
    distance = position[None, :] - position[:, None]
    first, second = np.nonzero((distance > 0) & (distance <= CLOSE) & (mark[:, None] != mark[None, :]))
    close = np.unique(base + MARKS * (1 + MARKS + mark[first]) + mark[second])
    return np.concatenate([base + names, together, close])
