"""Two small synthesizers to have something to attack: independent columns, and trees that can memorize.

They are for lessons and tests, not for release: neither gives a guarantee.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from secure_ai.attack.synthetic_data.tables import columns_of, read
from secure_ai.core import UserError

# A classification tree compares every category at every split; beyond this the codes are taken as numbers.
MANY_CATEGORIES = 50


def independent_columns(
    table: object, rows: int | None = None, *, least: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Draw each column by itself: nothing of what belongs together in a person is kept.

    Numbers and dates are drawn evenly within ranges that hold at least ``least`` training records each;
    any other value is drawn as often as it occurs, and left out if fewer than ``least`` records have it (if
    none would be left, the most frequent stays). With ``least=1`` values are drawn as they are, and a value
    that only one person has singles that person out, however little else is kept.

    Args:
        table: the training records.
        rows: how many to make; as many as there are if not given.
        least: records that share a value or a range.
        seed: seed of the random draws.

    Raises:
        UserError: if the table cannot be used, or ``rows`` or ``least`` is not a whole number from 1.
    """
    frame, n = _read(table, rows)
    _check_whole("least", least)
    rng = np.random.default_rng(seed)
    made = {}
    for column in columns_of(frame, frame, frame):
        values, codes = frame[column.name], column.training
        if column.numeric and least > 1:
            made[column.name] = _within_ranges(values, codes, n, least, rng)
            continue
        if not column.numeric and least > 1:
            _, which, counts = np.unique(codes, return_inverse=True, return_counts=True)
            frequent = counts[which] >= min(least, counts.max())
            values = values[frequent]
        made[column.name] = values.iloc[rng.integers(len(values), size=n)].reset_index(drop=True)
    return pd.DataFrame(made)


def sequential_trees(
    table: object, rows: int | None = None, *, min_samples_leaf: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Draw each column from a decision tree that predicts it from the columns before it.

    The first column is drawn from the training records as it is. For each of the others a tree is grown
    on the training records; a synthetic record falls into a leaf and takes the value of a random training
    record in it. Leaves of many records keep what columns have to do with each other; with
    ``min_samples_leaf=1`` a leaf is often one person, and the table becomes a copy of training records.

    Args:
        table: the training records.
        rows: how many to make; as many as there are if not given.
        min_samples_leaf: training records that a leaf must hold.
        seed: seed of the random draws and of the trees.

    Raises:
        UserError: if the table cannot be used, or an option is not a whole number from 1.

    Source: Reiter, Using CART to generate partially synthetic public use microdata (2005); synthpop's
    method ``cart``: Nowok, Raab & Dibben, synthpop: Bespoke Creation of Synthetic Data in R (2016).
    """
    frame, n = _read(table, rows)
    _check_whole("min_samples_leaf", min_samples_leaf)
    rng = np.random.default_rng(seed)
    columns = columns_of(frame, frame, frame)
    training = np.column_stack([_filled(column.training) for column in columns])
    donors = np.empty((n, len(columns)), dtype=np.int64)
    donors[:, 0] = rng.integers(len(frame), size=n)
    synthetic = training[donors[:, 0], :1]
    for number, column in enumerate(columns[1:], start=1):
        tree = _tree(column.numeric, training[:, number], min_samples_leaf, int(rng.integers(2**31)))
        tree.fit(training[:, :number], training[:, number])
        leaves, drawn = tree.apply(training[:, :number]), tree.apply(synthetic)
        order = np.argsort(leaves, kind="stable")
        starts, ends = (np.searchsorted(leaves[order], drawn, side) for side in ("left", "right"))
        donors[:, number] = order[rng.integers(starts, ends)]
        synthetic = np.column_stack([synthetic, training[donors[:, number], number]])
    return pd.DataFrame(
        {c.name: frame[c.name].iloc[donors[:, i]].reset_index(drop=True) for i, c in enumerate(columns)}
    )


def _read(table: object, rows: int | None) -> tuple[pd.DataFrame, int]:
    frame = read(table, "training")
    if rows is not None:
        _check_whole("rows", rows)
    return frame, len(frame) if rows is None else int(rows)


def _check_whole(name: str, value: object) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise UserError(f"{name} must be a whole number of at least 1, not {value}.")


def _filled(codes: np.ndarray) -> np.ndarray:
    """Return numbers with a value of its own, below all others, for what is missing."""
    missing = np.isnan(codes)
    if not missing.any():
        return codes.astype(float)
    known = codes[~missing]
    below = known.min() - max(1.0, float(np.ptp(known))) if known.size else 0.0
    return np.where(missing, below, codes).astype(float)


def _tree(numeric: bool, target: np.ndarray, min_samples_leaf: int, seed: int):
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    few = not numeric and len(np.unique(target)) <= MANY_CATEGORIES
    kind = DecisionTreeClassifier if few else DecisionTreeRegressor
    return kind(min_samples_leaf=min_samples_leaf, random_state=seed)


def _within_ranges(
    values: pd.Series, numbers: np.ndarray, n: int, least: int, rng: np.random.Generator
) -> pd.Series:
    """Draw numbers evenly between every ``least``-th of the sorted ones; missing as often as it occurs."""
    # Adding zero makes 0 of -0, which NumPy takes for a range that ends before it starts.
    known = np.sort(numbers[~np.isnan(numbers)] + 0.0)
    absent = rng.random(n) >= len(known) / len(numbers)
    if not len(known):
        return values.iloc[np.zeros(n, dtype=int)].reset_index(drop=True)
    ranges = max(1, len(known) // least)
    edges = known[np.linspace(0, len(known) - 1, ranges + 1).round().astype(int)]
    place = rng.integers(ranges, size=n)
    drawn = rng.uniform(edges[place], edges[place + 1])
    if (known == known.round()).all():
        drawn = drawn.round()
    if pd.api.types.is_timedelta64_dtype(values):
        return pd.Series(pd.to_timedelta(drawn, unit="D")).mask(absent)
    if not pd.api.types.is_numeric_dtype(values):  # days since 1970
        moments = pd.Series(pd.Timestamp(0) + pd.to_timedelta(drawn, unit="D"))
        return moments.mask(absent)
    made = pd.Series(drawn).mask(absent)
    whole = pd.api.types.is_integer_dtype(values) and not absent.any()
    return made.astype("int64") if whole else made
