"""The ear's weights on disk: one small file that benchmarks/train_ear.py writes, read once a process."""

import zipfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from gateway.errors import BadInput, Problem
from gateway.scoring.ear import HEADS, WIDTH, Ear, Voice

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
            voices[code] = Voice(weights, tuple(float(value) for value in bias), mail, alone, helps, severe, (complaint, self_harm), brief, hum)
    return Ear(voices)
