"""Small decision trees whose sum corrects a guess (gradient boosting), as plain arrays: learned elsewhere, evaluated here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEPTH = 3
SPLITS = (1 << DEPTH) - 1
"""Of one tree; a split that isn't needed lets everything pass to the left."""
LEAVES = 1 << DEPTH


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees of equal depth, their splits in breadth-first order.

    Attributes:
        feature: trees x SPLITS, which feature a split looks at.
        threshold: trees x SPLITS; what is greater goes to the right.
        leaf: trees x LEAVES, what each corner adds.
    """

    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    leaf: NDArray[np.float32]

    def value(self, features: NDArray[np.float32]) -> float:
        """The sum of what all trees say of one mail."""
        tree = np.arange(len(self.feature))
        node = np.zeros(len(self.feature), dtype=np.int64)
        for _ in range(DEPTH):
            right = features[self.feature[tree, node]] > self.threshold[tree, node]
            node = 2 * node + 1 + right
        return float(self.leaf[tree, node - SPLITS].sum(dtype=np.float64))
