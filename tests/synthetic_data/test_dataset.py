"""`load` refuses what it cannot make, and makes the same bytes for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_data import DataCard, load
from synthetic_data.dataset import blocks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sector": "retail"}, "Unknown sector 'retail'; choose one of healthcare, finance"),
        ({"sector": None}, "Unknown sector None"),
        ({"rows": 0}, "rows must be a whole number of at least 1, not 0"),
        ({"rows": 2.5}, "rows must be a whole number of at least 1, not 2.5"),
        ({"rows": True}, "rows must be a whole number"),
        ({"rows": "10"}, "rows must be a whole number of at least 1, not '10'"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        ({"seed": None}, "seed must be a whole number of at least 0, not None"),
    ],
)
def test_bad_requests_are_refused_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**({"sector": "healthcare", "rows": 10} | arguments))


def test_numpy_integers_are_whole_numbers():
    assert load("healthcare", rows=np.int64(3), seed=np.int32(1)).rows == 3


def test_a_missing_table_is_answered_with_the_tables_that_exist():
    with pytest.raises(KeyError, match="There is no table 'patient' in healthcare; the tables are patients"):
        load("healthcare", rows=3)["patient"]


def test_blocks_cover_all_rows_and_only_the_last_is_smaller():
    assert blocks(12, 5) == [(0, 5), (1, 5), (2, 2)]
    assert blocks(10, 5) == [(0, 5), (1, 5)]
    assert blocks(1, 5) == [(0, 1)]


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_same_seed_same_tables_and_another_seed_others(sector):
    first, second, other = (load(sector, rows=300, seed=seed) for seed in (4, 4, 5))
    for name, frame in first.tables.items():
        pd.testing.assert_frame_equal(frame, second[name])
        hashes = [pd.util.hash_pandas_object(made[name]).to_numpy() for made in (first, second)]
        assert np.array_equal(*hashes)
    people = next(iter(first.tables))
    assert not first[people].equals(other[people])
    assert first.documents == second.documents
    assert first.card.to_markdown() == second.card.to_markdown()


def test_a_card_shows_every_fact_in_words():
    card = DataCard("Card", {"noise": 0.05, "risk": {"age": 0.3, "by_sex": {"female": 1}}}, ("Invented.",))
    text = card.to_markdown()
    for part in ("# Card", "Invented.", "## Noise", "0.05", "- **Age**: 0.3", "  - **Female**: 1"):
        assert part in text
