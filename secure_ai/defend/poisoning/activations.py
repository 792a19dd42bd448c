"""What a network thinks of its training rows: poisoned rows stand apart within the class that they claim.

Rows whose label the network itself does not believe (label noise) are left out of both methods: they stand
apart, too, for another reason, and a backdoor that does not work needs no finding.

Source: Tran, Li & Madry, Spectral signatures in backdoor attacks (2018); Chen et al., Detecting backdoor
    attacks on deep neural networks by activation clustering (2018).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError

DIRECTIONS = 5
DIMENSIONS = 10
CLUSTERS = (2, 4, 8)
LEAST_ROWS = 40


@dataclass(frozen=True)
class Group:
    """Training rows of one class that stand apart.

    Attributes:
        label: their class.
        rows: (n,) places among the training rows.
        method: how they were found.
        share: of the class.
        separation: how far apart they are: distance of the group's mean from the others' along the line
            between them, in standard deviations of the others.
    """

    label: Any
    rows: np.ndarray
    method: str
    share: float
    separation: float


def activations_of(network: Any, rows: Any) -> np.ndarray:
    """Return (rows, units): the last hidden layer's activations.

    Raises:
        TargetError: if the model has none (it is no network, or only its answers are seen).
    """
    if not callable(getattr(network, "hidden_activations", None)):
        raise TargetError(
            "The model shows no activations of a hidden layer: spectral signatures and clustering need a "
            "network in memory. For tables use find_trigger, which needs answers only."
        )
    try:
        found = np.asarray(network.hidden_activations(rows), dtype=float)
    except Exception as error:
        # The text of the exception may hold a value of the rows.
        raise TargetError(
            f"The model failed to show its activations on {len(rows):,} rows ({type(error).__name__}): check "
            "that they have the columns that it was trained on."
        ) from None
    if found.ndim != 2 or len(found) != len(rows) or not np.isfinite(found).all():
        raise TargetError(
            f"The model shows no finite activations of {len(rows):,} rows: look at how it was trained."
        )
    return found


def spectral_scores(activations: Any, labels: Any) -> np.ndarray:
    """Return (rows,): squared projection of each row on the leading direction of its class.

    Args:
        activations: (rows, units).
        labels: (rows,) classes.

    Raises:
        UserError: if there is not one label for each row.

    Source: Tran, Li & Madry (2018), algorithm 1.
    """
    layer, known = np.asarray(activations, dtype=float), np.asarray(labels).ravel()
    if layer.ndim != 2 or len(layer) != len(known):
        raise UserError(
            f"There are {len(layer):,} rows of activations and {len(known):,} labels: give one for each."
        )
    scores = np.zeros(len(known))
    for label in np.unique(known):
        inside = np.flatnonzero(known == label)
        coordinates = leading_coordinates(layer[inside], 1)
        scores[inside] = coordinates[:, 0] ** 2
    return scores


def groups_apart(activations: Any, labels: Any, believed: Any, *, least: int, seed: int = 0) -> list[Group]:
    """Return groups of rows that stand apart in their class: ends of leading directions, and small clusters.

    Args:
        activations: (rows, units).
        labels: (rows,) classes.
        believed: (rows,) booleans: the network answers the row's own label.
        least: rows in the smallest group.
        seed: of the clustering.
    """
    from sklearn.cluster import KMeans

    layer, known, trusted = np.asarray(activations), np.asarray(labels), np.asarray(believed)
    found: list[Group] = []
    for label in np.unique(known):
        inside = np.flatnonzero((known == label) & trusted)
        if len(inside) < max(LEAST_ROWS, 3 * least):
            continue
        coordinates = leading_coordinates(layer[inside], DIMENSIONS)
        for direction in range(min(DIRECTIONS, coordinates.shape[1])):
            order = np.argsort(coordinates[:, direction], kind="stable")
            for end, chosen in (("low", order[:least]), ("high", order[-least:])):
                method = f"spectral, direction {direction + 1}, {end} end"
                found.append(_group(label, inside, chosen, coordinates, method))
        for component, along in enumerate(_independent(coordinates, seed).T):
            order = np.argsort(along, kind="stable")
            for end, chosen in (("low", order[:least]), ("high", order[-least:])):
                method = f"independent component {component + 1}, {end} end"
                found.append(_group(label, inside, chosen, coordinates, method))
        for count in CLUSTERS:
            places = KMeans(count, n_init=3, random_state=seed).fit_predict(coordinates)
            for cluster, size in zip(*np.unique(places, return_counts=True), strict=True):
                if least <= size <= len(inside) / 3:
                    method = f"cluster {cluster + 1} of {count}"
                    found.append(
                        _group(label, inside, np.flatnonzero(places == cluster), coordinates, method)
                    )
    return sorted(found, key=lambda group: (-group.separation, group.method))


def leading_coordinates(layer: np.ndarray, most: int) -> np.ndarray:
    """Return the coordinates of centered rows along the directions of most variance."""
    centered = layer - layer.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centered, full_matrices=False)
    kept = max(1, int((sizes[:most] > 1e-9 * max(sizes[0], 1e-300)).sum()))
    return centered @ directions[:kept].T


def _independent(coordinates: np.ndarray, seed: int) -> np.ndarray:
    """Return the coordinates along directions unlike a normal distribution, the most extreme first."""
    from scipy.stats import kurtosis
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A direction that is still turning a little ends in the same rows.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = FastICA(whiten="unit-variance", random_state=seed, max_iter=200).fit_transform(coordinates)
    return found[:, np.argsort(-kurtosis(found, axis=0), kind="stable")]


def _group(label: Any, inside: np.ndarray, chosen: np.ndarray, coordinates: np.ndarray, method: str) -> Group:
    mark = np.zeros(len(inside), dtype=bool)
    mark[chosen] = True
    line = coordinates[mark].mean(axis=0) - coordinates[~mark].mean(axis=0)
    along = coordinates @ line
    spread = along[~mark].std()
    apart = float((along[mark].mean() - along[~mark].mean()) / spread) if spread > 0 else 0.0
    return Group(label, inside[mark], method, len(chosen) / len(inside), apart)
