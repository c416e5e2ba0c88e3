"""The ear's weights on disk: one small file that benchmarks/train_ear.py writes, read once a process."""

from functools import cache
from pathlib import Path

import numpy as np

from gateway.errors import BadInput, Problem
from gateway.scoring.ear import HEADS, WIDTH, Ear, Voice

FILE = "ear.npz"


@cache
def load_ear(folders: tuple[Path, ...]) -> Ear | None:
    """Load the ear; None where no weights lie beside the rules.

    Args:
        folders: rules folders, later ones laid over earlier ones; the last weights file counts.

    Raises:
        BadInput: the weights don't fit this version of the code.
    """
    file = next((place / FILE for place in reversed(folders) if (place / FILE).is_file()), None)
    if file is None:
        return None
    voices: dict[str, Voice] = {}
    with np.load(file, allow_pickle=False) as data:
        for code in (str(name) for name in data["languages"]):
            scale = data[f"{code}.scale"].astype(np.float32)
            if data[f"{code}.weights"].shape != (len(HEADS), WIDTH):
                raise BadInput((Problem(str(file), 0, "was trained for another version; run benchmarks/train_ear.py or remove the file"),))
            weights = data[f"{code}.weights"].astype(np.float32) * scale[:, None]
            alone, helps, severe, brief = (float(value) for value in data[f"{code}.thresholds"])
            bias = data[f"{code}.bias"]
            mail = tuple(tuple(float(value) for value in row) for row in data[f"{code}.mail"])
            hum = tuple(float(value) for value in data[f"{code}.hum"])
            complaint, self_harm = (float(value) for value in data[f"{code}.tags"])
            voices[code] = Voice(weights, tuple(float(value) for value in bias), mail, alone, helps, severe, (complaint, self_harm), brief, hum)
    return Ear(voices)
