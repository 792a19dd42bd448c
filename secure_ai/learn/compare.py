"""Compares an answer with what was expected; never raises, whatever the answer is."""

from __future__ import annotations

import math
from typing import Any


def same(answer: Any, expected: Any, tolerance: float) -> bool:
    """Compare; see :func:`secure_ai.learn.engine.same`."""
    try:
        return bool(_same(answer, expected, tolerance))
    except Exception:
        return False


def _same(answer: Any, expected: Any, tolerance: float) -> bool:
    import numpy as np
    import pandas as pd

    kind = type(answer)
    if expected is None or expected is pd.NaT or expected is pd.NA:
        return answer is expected
    if isinstance(expected, bool | np.bool_):
        return kind in (bool, np.bool_) and bool(answer) == bool(expected)
    if isinstance(expected, int | float | np.number):
        if kind not in (int, float) and not (isinstance(answer, np.number) and kind.__module__ == "numpy"):
            return False
        if math.isnan(expected):
            return math.isnan(answer)
        return answer == expected or math.isclose(answer, expected, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(expected, str):
        return kind in (str, np.str_) and str(answer) == str(expected)
    if type(expected) in (list, tuple):
        if kind not in (list, tuple) or len(answer) != len(expected):
            return False
        return all(_same(a, e, tolerance) for a, e in zip(answer, expected, strict=True))
    if type(expected) is dict:
        return (
            kind is dict
            and len(answer) == len(expected)
            and all(key in answer and _same(answer[key], item, tolerance) for key, item in expected.items())
        )
    if type(expected) in (set, frozenset):
        return (
            kind in (set, frozenset) and len(answer) == len(expected) and all(e in answer for e in expected)
        )
    if isinstance(expected, np.ndarray):
        return (
            kind is np.ndarray
            and answer.shape == expected.shape
            and _same(answer.tolist(), expected.tolist(), tolerance)
        )
    if isinstance(expected, pd.DataFrame):
        return (
            kind is pd.DataFrame
            and list(answer.columns) == list(expected.columns)
            and all(
                _same(answer.iloc[:, i], expected.iloc[:, i], tolerance) for i in range(expected.shape[1])
            )
            and _same(answer.index.tolist(), expected.index.tolist(), tolerance)
        )
    if isinstance(expected, pd.Series):
        return (
            kind is pd.Series
            and _same(answer.index.tolist(), expected.index.tolist(), tolerance)
            and _same(answer.tolist(), expected.tolist(), tolerance)
        )
    return kind is type(expected) and bool(expected == answer)
