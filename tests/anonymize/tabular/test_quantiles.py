"""The median of every class, counted, is the median of its sorted codes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.tabular.quantiles import Lists, quantiles

CODES = st.one_of(st.integers(0, 5), st.integers(0, 2**25))
CLASSES = st.lists(
    st.lists(st.tuples(CODES, st.integers(1, 1_000)), min_size=1, max_size=40), min_size=1, max_size=8
)


@settings(max_examples=200, deadline=None)
@given(CLASSES, st.booleans(), st.data())
def test_counting_finds_what_sorting_finds(classes, weighted, data):
    lists = Lists(
        np.array([code for items in classes for code, _ in items], dtype=np.int32),
        np.array([weight for items in classes for _, weight in items]) if weighted else None,
        np.array([len(items) for items in classes]),
    )
    records = [np.repeat(*np.array(items).T) if weighted else np.array(items)[:, 0] for items in classes]
    rank = np.array([data.draw(st.integers(1, len(held))) for held in records])
    code, below, upto = quantiles(lists, rank)
    for i, held in enumerate(records):
        assert code[i] == np.sort(held)[rank[i] - 1]
        assert below[i] == (held < code[i]).sum()
        assert upto[i] == (held <= code[i]).sum()
