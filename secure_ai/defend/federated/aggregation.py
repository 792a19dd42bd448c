"""How the server makes one change of many: the mean of FedAvg."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Aggregate = Callable[[list[np.ndarray], np.ndarray], np.ndarray]


def weighted_mean(vectors: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the mean of flat vectors, weighted: FedAvg with the number of records as weights.

    Args:
        vectors: one for each participant.
        weights: (participants,) each above 0; they need not sum to 1.

    Source: McMahan et al., Communication-efficient learning of deep networks from decentralized data (2017).
    """
    shares = np.asarray(weights, dtype=float) / np.sum(weights)
    return shares @ np.stack(vectors)
