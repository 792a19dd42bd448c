"""Measures of a table agree with a count by hand, with pyCANON and with the papers that define them."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.anonymize.tabular import coding
from secure_ai.anonymize.tabular.classes import give_back_memory
from secure_ai.anonymize.tabular.measures import privacy_measures
from secure_ai.core import Measurement, UserError

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Li et al. (2007), table 3: salaries in thousands and diseases of nine patients.
SALARIES = pd.DataFrame(
    {
        "zip": ["476**"] * 3 + ["4790*"] * 3 + ["476+*"] * 3,
        "salary": [3, 4, 5, 6, 11, 8, 7, 9, 10],
        "disease": [
            "gastric ulcer",
            "gastritis",
            "stomach cancer",
            "gastritis",
            "flu",
            "bronchitis",
            "bronchitis",
            "pneumonia",
            "stomach cancer",
        ],
    }
)
# Machanavajjhala et al. (2007), figure 2: 4-anonymous inpatients.
INPATIENTS = pd.DataFrame(
    {
        "group": [1] * 4 + [2] * 4 + [3] * 4,
        "condition": ["heart", "heart", "viral", "viral", "cancer", "heart", "viral", "viral"]
        + ["cancer"] * 4,
    }
)
SMALL = pd.DataFrame({"group": [1] * 6 + [2] * 4, "value": list("aaabbc") + list("aabc")})
# Printed by pyCANON 1.0 (numpy 2.0, pandas 2.3) in an environment of its own; for each row, with ';' as
# separator of Adult: from pycanon import anonymity as a; q = [...]; s = [...]
#   a.alpha_k_anonymity(d, q, s), a.l_diversity(d, q, s), a.entropy_l_diversity(d, q, s),
#   a.t_closeness(d, q, s), a.basic_beta_likeness(d, q, s), a.enhanced_beta_likeness(d, q, s),
#   a.delta_disclosure(d, q, s)
MEASURES = ("alpha", "distinct_l", "entropy_l", "t", "basic_beta", "enhanced_beta", "delta")
PYCANON_SMALL = [
    (SALARIES, ["zip"], "salary", 3, (1 / 3, 3, 2, 0.375, 2.0, 2.0, 1.098612289)),
    (SALARIES, ["zip"], "disease", 3, (1 / 3, 3, 2, 0.444444444, 2.0, 2.0, 1.098612289)),
    (
        INPATIENTS,
        ["group"],
        "condition",
        4,
        (1.0, 1, 1, 0.583333333, 1.4, 1.386294361, 0.875468737),
    ),
    (
        SMALL,
        ["group"],
        "value",
        4,
        (0.5, 3, 2, 0.05, 0.25, 0.25, 0.223143551),
    ),
]
PYCANON_ADULT = [
    (
        ["sex", "race"],
        "occupation",
        87,
        (0.278911565, 10, 7, 0.324962444, 17.722532588, 8.117113556, 3.132721993),
    ),
    (
        ["sex", "race"],
        "age",
        87,
        (0.08045977, 33, 27, 0.091935715, 16.617990654, 10.314338133, 2.868920576),
    ),
    (
        ["sex", "race"],
        "salary-class",
        87,
        (0.954022989, 2, 1, 0.202945474, 0.383667516, 0.383667516, 1.689000022),
    ),
    (
        ["sex"],
        "age",
        9782,
        (0.03465549, 71, 49, 0.021990053, 2.083418524, 2.083418524, 1.126038892),
    ),
    (
        ["sex", "age", "race"],
        "occupation",
        1,
        (1.0, 1, 1, 0.995258935, 557.555555556, 8.117113556, 6.325354086),
    ),
]


def agrees_with_pycanon(table, columns, sensitive, k, expected) -> None:
    found = privacy_measures(table, columns, [sensitive])
    worst = {name: figure.value for name, figure in found[sensitive].worst.items()}
    reference = dict(zip(MEASURES, expected, strict=True))
    # pyCANON cuts the decimals off: it prints 2 where three values are equally frequent.
    assert 0 <= worst["entropy_l"] - reference.pop("entropy_l") <= 1 + 1e-9
    assert found.k == k
    assert {name: worst[name] for name in reference} == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize(("table", "columns", "sensitive", "k", "expected"), PYCANON_SMALL)
def test_small_tables_agree_with_pycanon(table, columns, sensitive, k, expected) -> None:
    agrees_with_pycanon(table, columns, sensitive, k, expected)


@pytest.mark.shared_data
@pytest.mark.parametrize(("columns", "sensitive", "k", "expected"), PYCANON_ADULT)
def test_adult_agrees_with_pycanon(shared_data, columns, sensitive, k, expected) -> None:
    agrees_with_pycanon(str(shared_data / "adult.csv"), columns, sensitive, k, expected)


def test_t_of_the_salaries_is_that_of_the_paper() -> None:
    found = privacy_measures(SALARIES, ["zip"], ["salary"])["salary"]
    # Li et al., section 4.3: 0.375 for {3k, 4k, 5k}, which is the second class in the order of the codes.
    assert (found.ordered, found.worst["t"].value) == (True, pytest.approx(0.375))
    assert (found.worst["t"].index, found.worst["t"].size) == (0, 3)
    other = privacy_measures(SALARIES.query("zip != '476+*'").assign(zip="x"), ["zip"], ["salary"])
    assert other["salary"].worst["t"].value == pytest.approx(0.0)


def test_recursive_diversity_takes_the_most_frequent_value_first() -> None:
    # Machanavajjhala et al., definition 4.2, by hand: 3/(2+1) and 2/(1+1); with l = 3, 3/1 and 2/1.
    worst = privacy_measures(SMALL, ["group"], ["value"])["value"].worst
    assert (worst["recursive_c_l2"].value, worst["recursive_c_l3"].value) == (1.0, 3.0)
    assert math.isinf(
        privacy_measures(INPATIENTS, "group", "condition")["condition"].worst["recursive_c_l2"].value
    )


def test_a_class_that_lacks_a_value_has_no_strict_delta() -> None:
    worst = privacy_measures(INPATIENTS, ["group"], ["condition"])["condition"].worst
    assert math.isinf(worst["delta_strict"].value) and worst["delta"].value < 1
    assert math.isinf(worst["enhanced_beta_strict"].value)


def test_a_missing_sensitive_value_is_a_value_of_its_own_above_the_largest() -> None:
    table = pa.table({"q": [1, 1, 2, 2], "s": pa.array([1.0, 2.0, None, float("nan")])})
    found = privacy_measures(table, ["q"], ["s"])["s"]
    assert (found.values, found.worst["distinct_l"].value, found.worst["distinct_l"].index) == (3, 1.0, 1)
    # Ranks 1, 2, missing with shares 1/4, 1/4, 1/2; class 2 is all missing: (1/4 + 2/4) / 2.
    assert found.worst["t"].value == pytest.approx(3 / 8)


def test_several_sets_are_measured_and_the_worst_is_named() -> None:
    table = SALARIES.assign(nurse=range(9))
    found = privacy_measures(table, {"neighbor": ["zip"], "insider": ["zip", "nurse"]}, ["disease"])
    assert found.worst == "insider"
    assert found.sentence().startswith("Of 2 sets, 'insider' is the worst. Who knows zip, nurse finds 9 of 9")
    assert set(found.to_frame()["quasi_identifiers"]) == {"neighbor", "insider"}
    assert any(m.name == "neighbor: t[disease]" for m in found.measurements())


def test_every_figure_is_a_measurement_with_the_whole_table_as_baseline() -> None:
    found = privacy_measures(SALARIES, ["zip"], ["salary", "disease"])
    assert all(isinstance(m, Measurement) and m.n == 9 and m.source for m in found.measurements())
    baseline = {m.name: m.baseline for m in found.measurements()}
    assert (baseline["k"], baseline["t[salary]"], baseline["distinct_l[disease]"]) == (9.0, 0.0, 6.0)
    assert "gastritis" not in json.dumps([m.to_dict() for m in found.measurements()]) + found.sentence()


@pytest.mark.parametrize(
    ("table", "columns", "options", "words"),
    [
        (SALARIES, [], {}, "No quasi-identifier"),
        (SALARIES, {}, {}, "No set"),
        (SALARIES, ["zip"], {"sensitive": ["zip"]}, "choose one of the two"),
        (SALARIES, ["zip"], {"sensitive": ["height"]}, "no column 'height'"),
        (SALARIES, ["height"], {}, "no column 'height'"),
        (SALARIES, ["zip"], {"ordered": ["salary"]}, "as ordered"),
        (SALARIES, ["zip"], {"recursive_l": [0]}, "at least 1"),
        (SALARIES, ["zip"], {"engine": "spark"}, "not known"),
        (SALARIES.assign(x=np.inf), ["x"], {}, "'x' of .* infinite"),
        (SALARIES.assign(x=np.inf), ["x"], {"sensitive": ["salary"]}, "'x' of .* infinite"),
        (SALARIES.assign(x=np.inf), ["zip"], {"sensitive": ["x"]}, "'x' of .* infinite"),
        (SALARIES.assign(x=[[1]] * 9), ["x"], {}, "cannot be grouped"),
        (SALARIES.assign(x=[{"a": 1}] * 9), ["zip"], {"sensitive": ["x"]}, "cannot be grouped"),
        (SALARIES.iloc[:0], ["zip"], {}, "no rows"),
        (SALARIES.rename(columns={"zip": "records"}), ["records"], {}, "rename"),
    ],
)
def test_bad_input_is_one_sentence(table, columns, options, words) -> None:
    with pytest.raises(UserError, match=words):
        privacy_measures(table, columns, **options)


def test_names_with_quotes_and_columns_of_nothing_but_missing_values_are_measured() -> None:
    table = pa.table(
        {'a"; --': [1, 1, 2], "it's": pa.array([None] * 3, pa.string()), "code": ["x", "y", None]}
    )
    found = privacy_measures(table, ['a"; --', "it's"], ["code"])
    assert (found.k, found.classes, found["code"].values) == (1, 2, 3)


# ----------------------------------------------------------------- against counting by hand

CELLS = {
    "text": st.sampled_from(["", "a", "A", "Ж", "東京", "a'\"", None]),
    "number": st.sampled_from([0, 1, -1, 2**53 + 1, None]),
    "float": st.sampled_from([0.0, -0.0, 1.5, float("nan"), None]),
    "flag": st.sampled_from([True, False, None]),
}
TYPES = {"text": pa.string(), "number": pa.int64(), "float": pa.float64(), "flag": pa.bool_()}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    n = draw(st.integers(1, 20))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=2, max_size=4))
    return pa.table(
        {
            f"{kind} {i}": pa.array(draw(st.lists(CELLS[kind], min_size=n, max_size=n)), TYPES[kind])
            for i, kind in enumerate(kinds)
        }
    )


def alike(value: object) -> object:
    if isinstance(value, float):
        return None if math.isnan(value) else value + 0.0
    return value


def by_hand(rows: list[tuple], sensitive: list, ordered: bool) -> dict[str, float]:
    """Every measure from its definition, class by class and value by value."""
    values = sorted({v for v in sensitive if v is not None})
    values += [None] if None in sensitive else []
    n, q = len(rows), {v: sensitive.count(v) / len(rows) for v in values}
    classes = defaultdict(list)
    for row, value in zip(rows, sensitive, strict=True):
        classes[row].append(value)
    found = defaultdict(list)
    for members in classes.values():
        p = {v: members.count(v) / len(members) for v in values}
        counts = sorted(Counter(members).values(), reverse=True)
        found["alpha"].append(max(p.values()))
        found["distinct_l"].append(-len(counts))
        found["entropy_l"].append(-math.exp(-sum(s * math.log(s) for s in p.values() if s)))
        found["recursive_c_l2"].append(counts[0] / sum(counts[1:]) if counts[1:] else math.inf)
        gaps = np.array([p[v] - q[v] for v in values])
        steps = np.abs(np.cumsum(gaps)).sum() / max(len(values) - 1, 1)
        found["t"].append(steps if ordered else np.abs(gaps).sum() / 2)
        gains = [(p[v] - q[v]) / q[v] for v in values]
        found["basic_beta"].append(max(gains))
        found["enhanced_beta"].append(min(max(gains), max(-math.log(q[v]) for v in values)))
        logs = [abs(math.log(p[v] / q[v])) if p[v] else math.inf for v in values]
        found["delta_strict"].append(max(logs))
        found["delta"].append(max(x for x in logs if x < math.inf))
    sign = {"distinct_l": -1, "entropy_l": -1}
    return {"k": min(map(len, classes.values())), "n": n} | {
        name: sign.get(name, 1) * max(figures) for name, figures in found.items()
    }


@QUICK
@given(tables(), st.booleans())
def test_measures_agree_with_their_definitions_counted_by_hand(table: pa.Table, combined: bool) -> None:
    *columns, sensitive = table.column_names
    with pytest.MonkeyPatch.context() as patch:
        if combined:  # as where the values of all columns make too many combinations for one number
            patch.setattr(coding, "LARGEST_CODE", 1)
        found = privacy_measures(table, columns, [sensitive])
    cells = [[alike(value) for value in column.to_pylist()] for column in table.columns]
    expected = by_hand(list(zip(*cells[:-1], strict=True)), cells[-1], found[sensitive].ordered)
    assert (found.k, found.n) == (expected.pop("k"), expected.pop("n"))
    worst = {name: found[sensitive].worst[name].value for name in expected}
    assert worst == pytest.approx(expected, abs=1e-9)


@QUICK
@given(tables(), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_that_of_columns_changes_a_figure(table: pa.Table, random) -> None:
    *columns, sensitive = table.column_names
    rows = list(range(len(table)))
    random.shuffle(rows)
    shuffled = columns.copy()
    random.shuffle(shuffled)
    here = privacy_measures(table, columns, [sensitive])
    there = privacy_measures(table.take(rows), shuffled, [sensitive])
    assert (here.k, here.classes, here.uniques) == (there.k, there.classes, there.uniques)
    figures = [[w.value for w in found[sensitive].worst.values()] for found in (here, there)]
    assert figures[0] == pytest.approx(figures[1], abs=1e-12)
    assert privacy_measures(table.take(rows), columns, [sensitive]) == here


@QUICK
@given(tables(), st.integers(1, 3))
def test_coarser_values_never_lower_k(table: pa.Table, kept: int) -> None:
    *columns, _ = table.column_names
    coarse = {
        name: pa.array(
            [None if (v := alike(cell)) is None else str(v)[:kept] for cell in table[name].to_pylist()],
            pa.string(),
        )
        for name in columns
    }
    assert privacy_measures(pa.table(coarse), columns).k >= privacy_measures(table, columns).k


def test_a_table_read_in_many_passes_and_chunks_has_the_same_figures(monkeypatch, tmp_path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({c: rng.integers(0, 9, 3000) for c in "abc"} | {"s": rng.integers(0, 5, 3000)})
    table.to_parquet(tmp_path / "t.parquet")
    whole = privacy_measures(tmp_path / "t.parquet", list("abc"), ["s"])
    passes = coding.CodedTable.passes
    monkeypatch.setattr(coding.CodedTable, "passes", lambda self: passes(self, 400))
    monkeypatch.setattr(coding, "CHUNK", 50)
    assert privacy_measures(tmp_path / "t.parquet", list("abc"), ["s"]) == whole


def test_more_combinations_than_the_bound_can_hold_are_measured_with_more_memory(tmp_path, monkeypatch):
    rng = np.random.default_rng(5)
    n = 60_000
    frame = pd.DataFrame({f"q{i}": rng.integers(0, 10**12, n).astype(str) for i in range(6)})
    frame["secret"] = rng.integers(0, 5, n)
    path = tmp_path / "wide.parquet"
    frame.to_parquet(path)
    expected = privacy_measures(frame, list(frame.columns[:6]), ["secret"]).to_frame()
    monkeypatch.setattr("secure_ai.anonymize.tabular.classes.MEMORY", 12)
    monkeypatch.setattr("secure_ai.anonymize.tabular.classes.MEMORY_PER_THREAD", 1)
    given_back = []

    def give_back(source):
        given_back.append(source.label)
        give_back_memory(source)

    monkeypatch.setattr("secure_ai.anonymize.tabular.coding.give_back_memory", give_back)
    bounded = privacy_measures(path, list(frame.columns[:6]), ["secret"]).to_frame()
    assert given_back == ["wide.parquet"]
    pd.testing.assert_frame_equal(bounded, expected)
