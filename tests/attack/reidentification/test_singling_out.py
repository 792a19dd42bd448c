"""A k-anonymous release lets somebody describe exactly one person, far more often than chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.attack.reidentification import plot_singling_out, single_out
from secure_ai.attack.reidentification.values import locate
from secure_ai.core import Unassessed, UserError

KEYS = ["x", "y", "z"]


def population(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {name: rng.integers(0, 10**6, n) for name in KEYS}
    return pd.DataFrame(columns).assign(s=rng.choice(list("abcdefgh"), n))


def released(people: pd.DataFrame) -> pd.DataFrame:
    """Narrow boxes around five people each, cut along one column after the other."""
    boxes = people.astype(object)
    groups = [people.index.to_numpy()]
    for column, parts in zip(KEYS, (6, 6, len(people) // 180), strict=True):
        groups = [
            part
            for group in groups
            for part in np.array_split(people.loc[group].sort_values(column).index.to_numpy(), parts)
        ]
    for group in groups:
        for column in KEYS:
            values = people.loc[group, column]
            boxes.loc[group, column] = f"[{values.min()}, {values.max()}]"
    return boxes


def test_classes_isolate_far_more_often_than_chance_and_not_among_other_people() -> None:
    people, others = population(1440, 0), population(1440, 1)
    found = single_out(released(people), people, KEYS, attributes=["s"], others=others)
    assert found.by_value.interval[0] > 0.8
    assert found.by_value.value > 3 * found.by_value.baseline
    assert found.by_value.value > 2 * found.by_value.control
    # One of n people is left by a hash with probability (1 - 1/n)^(n-1): about 37 %.
    assert found.by_hash.interval[0] < 0.45
    assert found.by_hash.interval[1] > 0.3
    assert found.k == 5
    assert "every class has at least 5 records" in found.sentence()


def test_a_release_that_is_no_release_of_these_people_singles_out_as_its_control_does() -> None:
    first, people, others = population(1440, 0), population(1440, 2), population(1440, 3)
    found = single_out(released(first), people, KEYS, attributes=["s"], others=others)
    for figure in found.measurements():
        assert figure.value == pytest.approx(figure.control, abs=0.08)


def test_the_baseline_is_the_chance_that_a_description_fits_one_of_n() -> None:
    people = pd.DataFrame({"x": ["a"] * 6 + ["b"] * 4})
    found = single_out(people, people, ["x"])
    weights = [0.6 / 6, 0.4 / 4]
    chance = [10 * w * (1 - w) ** 9 for w in weights]
    assert found.predicates["weight"].tolist() == pytest.approx(weights)
    assert found.by_hash.baseline == pytest.approx(np.mean(chance))
    assert isinstance(found.by_value, Unassessed)


def test_a_unique_record_is_isolated_by_its_class() -> None:
    people = pd.DataFrame({"x": [1, 2, 3], "s": list("aab")})
    found = single_out(people, people, ["x"], attributes=["s"])
    assert (found.by_hash.value, found.by_value.value) == (1.0, 1.0)


def test_the_same_seed_makes_the_same_descriptions_and_attempts_limit_them() -> None:
    people = population(400, 0)
    release = released(people)
    found = [single_out(release, people, KEYS, attributes=["s"], attempts=20, seed=4) for _ in range(2)]
    pd.testing.assert_frame_equal(found[0].predicates, found[1].predicates)
    assert (found[0].predicates["kind"] == "hash").sum() == 20


@pytest.mark.parametrize(
    ("release", "options", "words"),
    [
        (pd.DataFrame({"x": ["*"]}), {}, "suppressed"),
        (pd.DataFrame({"x": [1]}), {"attributes": ["x"]}, "two roles"),
        (pd.DataFrame({"x": [1]}), {"attempts": 0}, "attempts"),
        (pd.DataFrame({"y": [1]}), {}, "no column 'x'"),
        (pd.DataFrame({"x": ["north"]}), {}, "fits anybody"),
        (pd.DataFrame({"x": []}), {}, "no rows"),
    ],
)
def test_a_wrong_request_is_answered_in_a_sentence(release, options, words) -> None:
    with pytest.raises(UserError, match=words):
        single_out(release, pd.DataFrame({"x": [1, 2]}), ["x"], **options)


def test_the_title_of_the_picture_states_the_finding() -> None:
    people = pd.DataFrame({"x": [1, 2, 3], "s": list("aab")})
    title = plot_singling_out(single_out(people, people, ["x"], attributes=["s"]))._suptitle.get_text()
    assert "With k = 1, 100% of the descriptions" in title


@pytest.mark.parametrize(
    ("released_value", "raw", "fits"),
    [
        ("[17, 25]", ["16", "17", "20.5", "25", "26"], [0, 1, 1, 1, 0]),
        ("[17, 25)", ["16", "17", "25"], [0, 1, 0]),
        ("[17, 25[", ["17", "25"], [1, 0]),
        ("]17, 25]", ["17", "25"], [0, 0]),
        ("20-24", ["19", "20", "24", "25"], [0, 1, 1, 0]),
        (">= 40", ["39", "40"], [0, 1]),
        ("< 40", ["39", "40"], [1, 0]),
        ("17", ["17", "18"], [1, 0]),
        ("{a, b, c}", ["a", "b, c", "b", "d"], [1, 1, 1, 0]),
        ("021**", ["02115", "02215", "021"], [1, 0, 0]),
        ("*", ["x", None], [1, 1]),
        ("missing", ["x", None], [0, 1]),
        ("[1, 2] or missing", ["1", "3", None], [1, 0, 1]),
        ("[1980-01-01, 1989-12-31]", ["1979-12-31", "1985-06-01"], [0, 1]),
        ("1985", ["1985-06-01", "1986-06-01"], [1, 0]),
        ("1985-06", ["1985-06-01", "1985-07-01"], [1, 0]),
        ("{α, 丙}", ["丙", "β"], [1, 0]),
    ],
)
def test_released_values_stand_for_the_values_that_a_reader_would_say(released_value, raw, fits) -> None:
    # A second column that everybody fits keeps the class from being all suppressed.
    classes = pd.DataFrame({"v": [released_value], "w": ["1"]})
    people = pd.DataFrame({"v": pd.Series(raw, dtype="str"), "w": "1"})
    persons, _ = locate(classes, people, required=False)
    assert persons.tolist() == np.flatnonzero(fits).tolist()
