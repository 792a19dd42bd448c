"""Rows of a frame or an array, picked and put one after the other without a change of their types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def taken(rows: Any, places: np.ndarray) -> Any:
    """Return the rows at ``places``, of the same kind."""
    return (
        rows.iloc[places].reset_index(drop=True)
        if isinstance(rows, pd.DataFrame)
        else np.asarray(rows)[places]
    )


def joined(*parts: Any) -> Any:
    """Return rows one after the other."""
    if isinstance(parts[0], pd.DataFrame):
        return pd.concat(parts, ignore_index=True)
    return np.concatenate([np.asarray(part) for part in parts])


def reseeded(model: Any, seed: int) -> Any:
    """Set every seed of an unfitted estimator, those of its parts included, and return it."""
    names = [name for name in model.get_params() if name.split("__")[-1] in ("random_state", "seed")]
    return model.set_params(**dict.fromkeys(names, seed))
