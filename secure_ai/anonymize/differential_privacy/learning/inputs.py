"""Check what a private model is given, before anything is spent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError

MOST_CLASSES = 100
MOST_UNITS = 10_000


def positive(name: str, value: Any, *, finite: bool = True) -> None:
    """Raise a sentence unless ``value`` is a number above 0."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not value > 0 or (finite and math.isinf(value)):
        raise UserError(f"{name}={value}: choose a {'finite ' if finite else ''}number above 0.")


def checked_widths(widths: Any) -> tuple[int, ...]:
    """Return the sizes of hidden layers; raise a sentence if one is no whole number from 1 to 10,000."""
    if isinstance(widths, (str, bytes)) or not isinstance(widths, Sequence):
        raise UserError(f"hidden_layers={widths!r}: give the size of each layer, for instance (16,).")
    for width in widths:
        whole = isinstance(width, (int, np.integer)) and not isinstance(width, bool)
        if not whole or not 1 <= width <= MOST_UNITS:
            raise UserError(
                f"hidden_layers={tuple(widths)}: each is a whole number from 1 to {MOST_UNITS:,}."
            )
    return tuple(int(width) for width in widths)


def checked_features(features: Any) -> np.ndarray:
    """Return features as finite numbers, records x columns; raise a sentence otherwise."""
    try:
        x = np.asarray(features, dtype=float)
    except (TypeError, ValueError):
        raise UserError(
            "A feature is no number: encode the table first, for instance with PublicEncoder, whose "
            "categories and ranges come from a data dictionary."
        ) from None
    if x.ndim != 2 or not x.size:
        raise UserError(f"Features need records in rows and at least one column; their shape is {x.shape}.")
    bad = np.flatnonzero(~np.isfinite(x).all(axis=0))
    if len(bad):
        name = features.columns[bad[0]] if isinstance(features, pd.DataFrame) else f"number {bad[0]} from 0"
        raise UserError(
            f"Feature {name} has a missing or infinite value: fill it with a value that does not come from "
            "the data, or drop those records."
        )
    return x


def checked_bounds(bounds: Any, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return lowest and highest value of each feature; raise a sentence if they are absent or reversed."""
    if bounds is None:
        raise UserError(
            "State bounds=(lowest, highest) of the features from a data dictionary; taken from the data they "
            "would tell about its most extreme person. Features of PublicEncoder have bounds=(0, 1)."
        )
    try:
        low, high = (np.broadcast_to(np.asarray(bound, dtype=float), (columns,)) for bound in bounds)
    except (TypeError, ValueError):
        raise UserError(
            f"bounds are two numbers, or two sequences with one number for each of the {columns} features."
        ) from None
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise UserError("bounds must be finite, and each lowest value below the highest.")
    return low, high


def scaled(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Clip features to their bounds and scale them to 0 … 1."""
    return (np.clip(x, low, high) - low) / (high - low)


def checked_target(target: Any, records: int, classes: Sequence[Any] | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the class number of each record and the sorted classes; raise a sentence otherwise."""
    y = target.to_numpy() if isinstance(target, (pd.Series, pd.DataFrame)) else np.asarray(target)
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1 or len(y) != records:
        raise UserError(
            f"There are {records:,} records and a target of shape {y.shape}: give one class for each."
        )
    if pd.isna(y).any():
        raise UserError("The target has a missing value: drop those records.")
    try:
        known = np.unique(y if classes is None else np.asarray(list(classes)))
    except TypeError:
        raise UserError("The target mixes numbers and texts: use one kind for all classes.") from None
    if classes is not None and not np.isin(y, known).all():
        raise UserError("The target has a class that is not among `classes`: add it, or drop those records.")
    if len(known) < 2:
        raise UserError("The target has one class only: there is nothing to learn.")
    if len(known) > MOST_CLASSES:
        raise UserError(f"The target has {len(known):,} classes: a classifier takes at most {MOST_CLASSES}.")
    return np.searchsorted(known, y), known


def generator(seed: Any) -> np.random.Generator:
    """Return a generator from a seed, or from fresh entropy of the operating system if it is None."""
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if seed is not None and not (whole and seed >= 0):
        raise UserError(f"seed={seed!r}: choose a whole number from 0, or None for noise nobody can repeat.")
    return np.random.default_rng(seed)
