"""The ear's weights on disk: one small file that benchmarks/train_ear.py writes, read once a process."""

import zipfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.errors import BadInput, Problem
from gateway.scoring.ear import Ear
from gateway.scoring.slots import HEADS, WIDTH
from gateway.scoring.stretches import Voice
from gateway.scoring.trees import LEAVES, SPLITS, Trees
from gateway.scoring.whole import FEATURES

FILE = "ear.npz"

_DAMAGED = (ValueError, TypeError, KeyError, IndexError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise of a file that is cut short, overwritten, or another one."""
_MEND = "put back the file of this release, or remove it: then the ear of the folder below it hears, or rules judge alone"


@cache
def load_ear(folders: tuple[Path, ...], shown: tuple[str, ...] = ()) -> Ear | None:
    """Load the ear; None where no weights lie beside the rules.

    Args:
        folders: rules folders, later ones laid over earlier ones; the last weights file counts.
        shown: how the folders are named in messages, when they are copies of what people edit.

    Raises:
        BadInput: the weights are damaged, or don't fit this version of the code.
    """
    layer = next((n for n in reversed(range(len(folders))) if (folders[n] / FILE).is_file()), None)
    if layer is None:
        return None
    file = folders[layer] / FILE
    name = f"{shown[layer].rstrip('/')}/{FILE}" if layer < len(shown) else str(file)
    try:
        return _loaded(file, name)
    except OSError as error:
        raise BadInput((Problem(name, 0, f"can't be read: {error.strerror or error}; let the service's user read it"),)) from None
    except _DAMAGED:
        raise BadInput((Problem(name, 0, f"is damaged, so the learned ear can't be loaded; {_MEND}"),)) from None


def _loaded(file: Path, name: str) -> Ear:
    voices: dict[str, Voice] = {}
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as data:
        trees = tuple(_trees(data["trees.feature"][n], data["trees.threshold"][n], data["trees.leaf"][n]) for n in range(len(HEADS)))
        for code in (str(language) for language in data["languages"]):
            scale = data[f"{code}.scale"].astype(np.float32)
            if data[f"{code}.weights"].shape != (len(HEADS), WIDTH):
                raise BadInput((Problem(name, 0, "was trained for another version; run benchmarks/train_ear.py or remove the file"),))
            weights = data[f"{code}.weights"].astype(np.float32) * scale[:, None]
            alone, helps, severe, brief = (float(value) for value in data[f"{code}.thresholds"])
            bias = data[f"{code}.bias"]
            mail = tuple(tuple(float(value) for value in row) for row in data[f"{code}.mail"])
            hum = tuple(float(value) for value in data[f"{code}.hum"])
            complaint, self_harm = (float(value) for value in data[f"{code}.tags"])
            voices[code] = Voice(weights, tuple(float(value) for value in bias), mail, alone, helps, severe, (complaint, self_harm), brief, hum, trees)
    return Ear(voices)


def _trees(feature: NDArray[np.int16], threshold: NDArray[np.float32], leaf: NDArray[np.float32]) -> Trees:
    if feature.shape[1:] != (SPLITS,) or leaf.shape[1:] != (LEAVES,) or threshold.shape != feature.shape or len(leaf) != len(feature):
        raise ValueError("not the shape of trees")
    if feature.size and not 0 <= feature.min() <= feature.max() < len(FEATURES):
        raise ValueError("a split looks at a feature that there isn't")
    return Trees(feature, threshold, leaf)
