"""How the server makes one change of many: the mean of FedAvg, and rules that one liar cannot drag away.

Each is called with the flat changes of the participants and their weights in the mean, and returns one
change. Rules that look at single updates cannot work under secure aggregation, which hides them.

Sources:
    McMahan et al., Communication-efficient learning of deep networks from decentralized data (2017);
    Yin et al., Byzantine-robust distributed learning (2018), median and trimmed mean;
    Blanchard et al., Machine learning with adversaries: Byzantine tolerant gradient descent (2017), Krum;
    Sun et al., Can you really backdoor federated learning? (2019), bounded norms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from secure_ai.core.errors import UserError

Aggregate = Callable[[list[np.ndarray], np.ndarray], np.ndarray]


def weighted_mean(vectors: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the mean of flat vectors, weighted: FedAvg with the number of records as weights.

    Args:
        vectors: one for each participant.
        weights: (participants,) each above 0; they need not sum to 1.
    """
    shares = np.asarray(weights, dtype=float) / np.sum(weights)
    return shares @ np.stack(vectors)


def coordinate_median(vectors: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the median of each coordinate; weights do not count, so that claiming records brings nothing.

    Less than half of the participants may lie. Source: Yin et al. (2018).
    """
    return np.median(np.stack(vectors), axis=0)


@dataclass(frozen=True)
class TrimmedMean:
    """Leave out the largest and the smallest values of each coordinate, and take the mean of the others.

    Attributes:
        liars: how many values are left out at each end.

    Source: Yin et al. (2018).
    """

    liars: int = 1

    def __call__(self, vectors: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
        """Return the trimmed mean.

        Raises:
            UserError: if nobody would be left.
        """
        _enough("A trimmed mean", len(vectors), self.liars, 2 * self.liars + 1)
        ordered = np.sort(np.stack(vectors), axis=0)
        return ordered[self.liars : len(vectors) - self.liars].mean(axis=0)


@dataclass(frozen=True)
class Krum:
    """Take the one update whose nearest neighbors are closest.

    Attributes:
        liars: how many participants may lie.

    Source: Blanchard et al. (2017); it needs 2 * liars + 3 participants.
    """

    liars: int = 1

    def __call__(self, vectors: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
        """Return the chosen update.

        Raises:
            UserError: if there are too few participants.
        """
        _enough("Krum", len(vectors), self.liars, 2 * self.liars + 3)
        found = np.stack(vectors)
        apart = np.square(found[:, None, :] - found[None, :, :]).sum(axis=2)
        nearest = np.sort(apart, axis=1)[:, 1 : len(found) - self.liars - 1]
        return found[int(nearest.sum(axis=1).argmin())]


@dataclass(frozen=True)
class BoundedMean:
    """The weighted mean after each update was shortened to ``factor`` times the median length.

    It stops who shouts, not who lies in a normal voice.

    Attributes:
        factor: how much longer than the median an update may be.

    Source: Sun et al. (2019), with the median as the bound.
    """

    factor: float = 1.0

    def __call__(self, vectors: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
        """Return the mean of shortened updates."""
        found = np.stack(vectors)
        lengths = np.linalg.norm(found, axis=1)
        most = self.factor * float(np.median(lengths))
        return weighted_mean(
            list(found * np.minimum(1, most / np.maximum(lengths, 1e-300))[:, None]), weights
        )


def _enough(what: str, participants: int, liars: int, needed: int) -> None:
    if isinstance(liars, bool) or not isinstance(liars, (int, np.integer)) or liars < 1:
        raise UserError(f"liars={liars!r:.40}: choose a whole number of at least 1.")
    if participants < needed:
        raise UserError(
            f"{what} against {liars} liar{'s' if liars > 1 else ''} needs {needed} participants and got "
            f"{participants}: take the median (three are enough against one), or find more participants."
        )
