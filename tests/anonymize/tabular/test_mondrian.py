"""Mondrian: every class satisfies what is asked for, whatever the table."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.tabular import formulas, splitting
from secure_ai.anonymize.tabular.apply import released_frame
from secure_ai.anonymize.tabular.formulas import ClassHistogram
from secure_ai.anonymize.tabular.mondrian import mondrian
from secure_ai.anonymize.tabular.requirements import Diversity, Requirements
from secure_ai.core import UserError
from secure_ai.core.sources import open_source

_spec = importlib.util.spec_from_file_location("tables", Path(__file__).with_name("tables.py"))
tables_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tables_module)
tables, quasi_identifiers = tables_module.tables, tables_module.quasi_identifiers
class_sizes, covers = tables_module.class_sizes, tables_module.covers

ADULT = ["sex", "age", "race", "marital-status", "education", "native-country"]
REPRESENTATIONS = st.sampled_from(["interval", "interval", "set", "midpoint", "mean"])


def ncp(partitioning):
    """Mean over cells of the share of the column that a cell covers."""
    return float(partitioning.widths().mean(axis=1) @ partitioning.class_sizes) / partitioning.n_records


def check_release(frame, k, representation):
    names = quasi_identifiers(frame)
    partitioning = mondrian(frame, names, Requirements(k))
    released = released_frame(partitioning, frame, representation)
    assert class_sizes(released, names).min() >= k
    assert len(released) == len(frame)
    assert released.index.equals(frame.index)
    assert list(released.columns) == list(frame.columns)
    assert (released["untouched"] == frame["untouched"]).all()
    if representation == "interval":
        for name in names:
            texts = list(frame[name].astype(str))
            for text, value in zip(released[name], frame[name], strict=True):
                assert covers(text, value, texts), (text, value)


@settings(max_examples=60, deadline=None)
@given(tables(), st.integers(1, 8), REPRESENTATIONS)
def test_no_released_class_is_smaller_than_k(frame, k, representation):
    check_release(frame, min(k, len(frame)), representation)


@pytest.mark.slow
@settings(max_examples=2500, deadline=None)
@given(tables(most=60), st.integers(1, 12), REPRESENTATIONS)
def test_no_released_class_is_smaller_than_k_in_thousands_of_tables(frame, k, representation):
    check_release(frame, min(k, len(frame)), representation)


def measured(released, names, sensitive, ordered):
    """The histogram of a sensitive attribute by class, from the released table alone."""
    classes = released.groupby(names, dropna=False, observed=True).ngroup().to_numpy()
    values = sensitive.to_numpy() if ordered else np.array([str(value) for value in sensitive])
    codes = np.unique(values, return_inverse=True)[1]
    pairs, counts = np.unique(np.column_stack([classes, codes]), axis=0, return_counts=True)
    return ClassHistogram(pairs[:, 0], pairs[:, 1], counts, np.bincount(codes))


LEVELS, DISTANCES = st.integers(1, 3), st.floats(0, 0.8)
FIGURES = st.one_of(
    st.fixed_dictionaries({"l": LEVELS}),
    st.fixed_dictionaries({"l": st.floats(1, 3), "diversity": st.just(Diversity.ENTROPY)}),
    st.fixed_dictionaries({"l": LEVELS, "c": st.floats(0.5, 4), "diversity": st.just(Diversity.RECURSIVE)}),
    st.fixed_dictionaries({"t": DISTANCES}),
    st.fixed_dictionaries({"alpha": st.floats(0.3, 1)}),
    st.fixed_dictionaries({"beta": st.floats(0, 3)}),
    st.fixed_dictionaries({"l": LEVELS, "t": DISTANCES}),
)  # fmt: skip


def check_sensitive(frame, k, figures):
    names = quasi_identifiers(frame)
    requirements = Requirements(min(k, len(frame)), **figures)
    try:
        partitioning = mondrian(frame, names, requirements, sensitive=["s"])
    except UserError as refused:
        assert "choose" in str(refused)
        whole = measured(frame.assign(all=1), ["all"], frame["s"], frame["s"].dtype != object)
        assert not requirements.satisfied(whole, ordered=frame["s"].dtype != object).all()
        return
    released = released_frame(partitioning, frame)
    ordered = frame["s"].dtype != object
    histogram = measured(released, names, frame["s"], ordered)
    assert histogram.sizes.min() >= requirements.k
    slack = 1e-6
    if "t" in figures:
        distance = formulas.ordered_distance if ordered else formulas.equal_distance
        assert distance(histogram).max() <= figures["t"] + slack
    if "alpha" in figures:
        assert formulas.most_frequent_share(histogram).max() <= figures["alpha"] + slack
    if "beta" in figures:
        assert formulas.enhanced_beta(histogram).max() <= figures["beta"] + slack
    if "c" in figures:
        assert formulas.recursive_ratio(histogram, figures["l"]).max() < figures["c"] + slack
    elif "diversity" in figures:
        assert formulas.entropy_diversity(histogram).min() >= figures["l"] - slack
    elif "l" in figures:
        assert formulas.distinct_values(histogram).min() >= figures["l"]


@settings(max_examples=50, deadline=None)
@given(tables(sensitive=True), st.integers(1, 5), FIGURES)
def test_released_classes_satisfy_what_is_required_of_the_sensitive_attribute(frame, k, figures):
    check_sensitive(frame, k, figures)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(tables(most=60, sensitive=True), st.integers(1, 8), FIGURES)
def test_released_classes_satisfy_it_in_thousands_of_tables(frame, k, figures):
    check_sensitive(frame, k, figures)


@settings(max_examples=15, deadline=None)
@given(tables(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order_of_the_records(frame, k, random):
    names = quasi_identifiers(frame)
    requirements = Requirements(min(k, len(frame)))
    shuffled = frame.sample(frac=1, random_state=random.randint(0, 2**31))
    one = released_frame(mondrian(frame, names, requirements), frame)
    other = released_frame(mondrian(shuffled, names, requirements), shuffled)
    pd.testing.assert_frame_equal(one, other.loc[one.index])


def random_table(rows, seed=0, values=40):
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": generator.integers(0, values, rows),
            "income": generator.lognormal(3, 1, rows),
            "city": generator.choice(["A", "B", "C", "D"], rows, p=[0.6, 0.2, 0.15, 0.05]),
            "illness": generator.choice(["flu", "HIV", "ulcer"], rows),
            "salary": generator.integers(0, 10, rows),
        }
    )


def test_blocks_on_several_threads_give_the_classes_of_one_block(monkeypatch):
    frame = random_table(5_000)
    names = ["age", "income", "city"]
    requirements = Requirements(4, l=2, t=0.4)
    one = mondrian(frame, names, requirements, sensitive=["illness"])
    monkeypatch.setattr(splitting, "BLOCK", 64)
    many = mondrian(frame, names, requirements, sensitive=["illness"])
    np.testing.assert_array_equal(one.class_of_combination, many.class_of_combination)
    assert one.n_classes > 100


def test_several_sensitive_attributes_are_all_protected():
    frame = random_table(3_000)
    partitioning = mondrian(
        frame, ["age", "city"], Requirements(5, l=3, t=0.3), sensitive=["illness", "salary"]
    )
    released = released_frame(partitioning, frame)
    for name, ordered in (("illness", False), ("salary", True)):
        histogram = measured(released, ["age", "city"], frame[name], ordered)
        assert formulas.distinct_values(histogram).min() >= 3
        distance = formulas.ordered_distance if ordered else formulas.equal_distance
        assert distance(histogram).max() <= 0.3 + 1e-9
    assert partitioning.n_classes > 1


def test_counted_combinations_and_single_records_give_the_same_release():
    # A column of different numbers makes every record an item; without it combinations are counted.
    frame = random_table(4_000, values=15)
    names = ["age", "city", "salary"]
    counted = mondrian(frame, names, Requirements(5))
    doubled = pd.concat([frame, frame], ignore_index=True)
    unique = mondrian(frame.assign(income=frame["income"]), [*names, "income"], Requirements(5))
    assert unique.in_record_order and not counted.in_record_order
    assert (released_frame(mondrian(doubled, names, Requirements(10)), doubled)[:4_000][names]
            == released_frame(counted, frame)[names]).all().all()  # fmt: skip


def test_gaps_are_separated_from_numbers_where_both_are_many():
    frame = pd.DataFrame({"age": [*range(20), *[None] * 20]})
    released = released_frame(mondrian(frame, ["age"], Requirements(5)), frame)["age"]
    assert set(released[20:]) == {"missing"}
    assert not released[:20].str.contains("missing").any()


def test_an_order_of_the_categories_keeps_neighbors_together():
    frame = pd.DataFrame({"city": ["Ulm", "Rome", "Bonn", "Bari"] * 3})
    released = released_frame(
        mondrian(frame, ["city"], Requirements(6), orders={"city": ["Ulm", "Bonn", "Rome", "Bari"]}), frame
    )
    assert set(released["city"]) == {"{Bonn, Ulm}", "{Bari, Rome}"}


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"l": 4}, "has 3 different values"),
        ({"l": 2.99, "diversity": Diversity.ENTROPY}, "choose l of at most 2"),
        ({"l": 3, "c": 0.1, "diversity": Diversity.RECURSIVE}, "choose c above"),
        ({"l": 4, "c": 2.0, "diversity": Diversity.RECURSIVE}, "choose l of at most 3"),
        ({"alpha": 0.2}, "choose at least 0.5"),
    ],
)  # fmt: skip
def test_what_the_whole_table_cannot_satisfy_is_refused_with_the_most_that_is_possible(figures, words):
    frame = pd.DataFrame({"age": range(40), "illness": ["flu", "flu", "HIV", "ulcer"] * 10})
    with pytest.raises(UserError, match=words):
        mondrian(frame, ["age"], Requirements(2, **figures), sensitive=["illness"])


@pytest.mark.parametrize(
    ("columns", "sensitive", "k", "words"),
    [
        (["age"], [], 41, "fewer than k=41"),
        ([], [], 2, "No quasi-identifier"),
        (["age", "illness"], ["illness"], 2, "choose one of the two"),
        (["height"], [], 2, "no column 'height'"),
        (["weight"], [], 2, "infinite"),
    ],
)
def test_bad_input_is_one_sentence(columns, sensitive, k, words):
    frame = pd.DataFrame({"age": range(40), "illness": ["flu"] * 40, "weight": [1.0] * 39 + [float("inf")]})
    with pytest.raises(UserError, match=words) as refused:
        mondrian(frame, columns, Requirements(k), sensitive=sensitive)
    assert "\n" not in str(refused.value)


@pytest.mark.shared_data
@pytest.mark.parametrize(("k", "most"), [(5, 0.011), (10, 0.02), (50, 0.07)])
def test_adult_keeps_almost_everything(shared_data, k, most):
    source = open_source(shared_data / "adult.csv", delimiter=";")
    partitioning = mondrian(source, ADULT, Requirements(k))
    assert partitioning.n_records == 30_162
    assert partitioning.class_sizes.min() >= k
    assert ncp(partitioning) <= most
