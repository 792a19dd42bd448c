"""A small table of visits, of whom some come several times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.core.sources import Source, open_source


@pytest.fixture(scope="session")
def visits() -> pd.DataFrame:
    """3,000 visits of 1,000 people: person, age, cost, ward, insured."""
    rng = np.random.default_rng(5)
    n = 3000
    return pd.DataFrame(
        {
            "person": rng.integers(0, 1000, n),
            "age": rng.integers(18, 95, n).astype(float),
            "cost": rng.lognormal(6, 1, n),
            "ward": rng.choice(["east", "west", "north"], n, p=[0.6, 0.399, 0.001]),
            "insured": rng.integers(0, 2, n).astype(bool),
        }
    )


@pytest.fixture
def source(visits) -> Source:
    """The visits, opened."""
    return open_source(visits)
