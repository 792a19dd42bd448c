"""People for the tests of this folder: mixed columns that hang together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def people() -> Callable[[int, int], pd.DataFrame]:
    """Draw n people with a seed; all seeds from one population."""

    def draw(n: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        trait = rng.normal(size=(n, 5))
        trait[:, 1] += 0.8 * trait[:, 0]
        return pd.DataFrame(
            {
                "age": np.clip((45 + 15 * trait[:, 0]).round(), 18, 95).astype(int),
                "income": np.exp(10 + 0.6 * trait[:, 1]).round(-2),
                "weight": (75 + 12 * trait[:, 2] - 5 * trait[:, 1]).round(1),
                "city": rng.choice(list("abcdefghij"), n, p=np.arange(10, 0, -1) / 55),
                "sex": rng.choice(["f", "m"], n),
                "diagnosis": np.array(list("klmn"))[np.digitize(trait[:, 1] + trait[:, 4] / 2, [-1, 0, 1.5])],
                "admitted": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(700, size=n), unit="D"),
            }
        )

    return draw


@pytest.fixture(scope="session")
def asked() -> dict:
    """What is attacked in them."""
    return {
        "secrets": ["diagnosis", "income"],
        "linked": (["age", "income", "city"], ["weight", "sex", "diagnosis", "admitted"]),
    }
