"""Usefulness: the same model before and after, on held-out rows that are never generalized."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.tabular.encoding import CategoryCells, ColumnEncoder, NumberCells, cells_of
from secure_ai.anonymize.tabular.usefulness import Generalized, usefulness
from secure_ai.core import UserError


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(5)
    age, town = rng.integers(20, 80, 1500), rng.choice(["north", "south", "east"], 1500)
    ill = rng.random(1500) < 1 / (1 + np.exp(-(age - 50) / 8 - (town == "north")))
    cost = 10 * age + 200 * (town == "south") + rng.normal(0, 40, 1500)
    return pd.DataFrame({"age": age, "town": town, "ill": np.where(ill, "yes", "no"), "cost": cost})


def unchanged(frame):
    return Generalized(np.arange(len(frame)), {n: cells_of(frame[n]) for n in ("age", "town")})


def everything_hidden(frame):
    one = np.zeros(len(frame), int)
    low, high = np.array([20.0]), np.array([79.0])
    age, town = NumberCells(one, low, high, np.zeros(1)), CategoryCells(one, (("east", "north", "south"),))
    return Generalized(np.arange(len(frame)), {"age": age, "town": town})


def test_a_range_is_read_as_if_its_values_were_equally_likely():
    encoder = ColumnEncoder(cells_of(pd.Series([0.0, 10.0, 20.0, 30.0, 40.0] * 4)))
    exact = encoder.encode(cells_of(pd.Series([10.0, 20.0])))
    spread = encoder.encode(NumberCells(np.array([0]), np.array([10.0]), np.array([20.0]), np.zeros(1)))
    assert spread[0, 0] == pytest.approx(exact[:, 0].mean())
    assert ((spread[0] >= exact.min(axis=0) - 1e-12) & (spread[0] <= exact.max(axis=0) + 1e-12)).all()


def test_a_set_of_categories_is_shared_out_among_them():
    encoder = ColumnEncoder(cells_of(pd.Series(["a", "a", "a", "b", "b", "c"])))
    assert encoder.encode(CategoryCells(np.array([0]), (("a", "c"),))).tolist() == [[0.5, 0, 0.5, 0]]
    assert encoder.encode(cells_of(pd.Series(["new", "b"]))).tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]


def test_numbers_and_their_text_are_the_same_category():
    encoder = ColumnEncoder(cells_of(pd.Series([1, 2, 1]), number=False))
    assert (encoder.encode(cells_of(pd.Series([1.0, 2.0]), number=False)).sum(axis=0) > 0).sum() == 2


def test_missing_values_are_neither_lost_nor_the_average():
    encoder = ColumnEncoder(cells_of(pd.Series([1.0, 2.0, 3.0, None])))
    assert encoder.encode(cells_of(pd.Series([None, 2.0])))[:, -1].tolist() == [1, 0]
    assert cells_of(pd.Series(["a", None])).members == (("a",), ("missing",))


def test_a_table_that_was_not_changed_is_as_useful_as_before(people):
    found = usefulness(people[["age", "town", "ill"]], "ill", unchanged, seed=1)
    assert found.main.before.value == found.main.after.value > 0.75
    assert found.main.difference.value == 0 and found.main.difference.interval == (0, 0)
    assert "no difference" in found.sentence()


def test_a_table_that_hides_everything_is_worth_no_more_than_guessing(people):
    found = usefulness(people[["age", "town", "ill"]], "ill", everything_hidden, seed=1)
    auc, accuracy = found.scores
    assert abs(auc.after.value - 0.5) < 0.35 and auc.after.value < auc.before.value
    assert accuracy.after.value <= accuracy.before.value
    assert auc.difference.interval[1] < 0 and "less" in found.sentence()


def test_a_number_is_scored_by_how_much_of_its_spread_is_explained(people):
    found = usefulness(people[["age", "town", "cost"]], "cost", everything_hidden, seed=1)
    assert found.main.before.name == "r2" and found.main.before.value > 0.9
    assert found.main.after.value < 0.05
    low, high = found.main.before.interval
    assert low < found.main.before.value < high < 1


def test_more_than_two_outcomes_are_scored_by_accuracy(people):
    found = usefulness(people[["age", "town", "cost"]].assign(cost=pd.cut(people["cost"], 3).astype(str)),
                       "cost", unchanged, seed=1)  # fmt: skip
    assert [score.before.name for score in found.scores] == ["accuracy"]
    assert found.to_frame().loc[0, "difference"] == 0


def test_held_out_rows_are_never_given_to_the_release(people):
    table = people[["age", "town", "ill"]]
    seen = []

    def watched(frame):
        seen.append(len(frame))
        return unchanged(frame)

    usefulness(table, "ill", watched, seed=3)
    assert seen == [1200] * 5


def test_the_same_seed_gives_the_same_figures_and_another_does_not(people):
    table = people[["age", "town", "ill"]]
    first, again, other = (usefulness(table, "ill", unchanged, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.main.before.value != other.main.before.value


def test_if_every_training_row_is_suppressed_the_model_knows_nothing(people):
    none = np.empty(0, int)

    def suppressed(frame):
        return Generalized(none, {"age": NumberCells(none, none.astype(float), none.astype(float), none)})

    found = usefulness(people[["age", "town", "ill"]], "ill", suppressed, seed=1)
    assert found.suppressed == 1 and found.main.after.value == 0.5


@pytest.mark.parametrize(
    ("columns", "target", "words"),
    [
        (["age", "town"], "ill", "no column 'ill'"),
        (["ill"], "ill", "No column is left"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_a_sentence(people, columns, target, words):
    with pytest.raises(UserError, match=words):
        usefulness(people[columns], target, unchanged)


def test_intervals_of_r2_cover_what_new_rows_show():
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    table = pd.DataFrame({"age": x, "town": "t", "cost": x + rng.normal(size=4000)})
    found = usefulness(table, "cost", lambda f: Generalized(np.arange(len(f)), {"age": cells_of(f["age"])}))
    low, high = found.main.before.interval
    assert low < 0.5 < high and high - low < 0.1
