"""Re-identification risk agrees with published tables and with counting by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from secure_ai.anonymize import equivalence_class_sizes, reidentification_risk
from secure_ai.anonymize.tabular.population import population_sizes
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.sources import open_source

# Sweeney (2002), figure 2: k-anonymous for race, birth, gender and ZIP with k = 2.
SWEENEY = pd.DataFrame(
    [
        ("Black", 1965, "m", "0214*", "short breath"),
        ("Black", 1965, "m", "0214*", "chest pain"),
        ("Black", 1965, "f", "0213*", "hypertension"),
        ("Black", 1965, "f", "0213*", "hypertension"),
        ("Black", 1964, "f", "0213*", "obesity"),
        ("Black", 1964, "f", "0213*", "chest pain"),
        ("White", 1964, "m", "0213*", "chest pain"),
        ("White", 1964, "m", "0213*", "obesity"),
        ("White", 1964, "m", "0213*", "short breath"),
        ("White", 1967, "m", "0213*", "chest pain"),
        ("White", 1967, "m", "0213*", "chest pain"),
    ],
    columns=["race", "birth", "gender", "zip", "problem"],
)
# Machanavajjhala et al. (2007), figures 1 and 2: inpatient microdata, and the same with 4-anonymity.
INPATIENTS = pd.DataFrame(
    [
        ("13053", 28, "Russian"),
        ("13068", 29, "American"),
        ("13068", 21, "Japanese"),
        ("13053", 23, "American"),
        ("14853", 50, "Indian"),
        ("14853", 55, "Russian"),
        ("14850", 47, "American"),
        ("14850", 49, "American"),
        ("13053", 31, "American"),
        ("13053", 37, "Indian"),
        ("13068", 36, "Japanese"),
        ("13068", 35, "American"),
    ],
    columns=["zip", "age", "nationality"],
)
FOUR_ANONYMOUS = pd.DataFrame(
    {
        "zip": ["130**"] * 4 + ["1485*"] * 4 + ["130**"] * 4,
        "age": ["< 30"] * 4 + [">= 40"] * 4 + ["3*"] * 4,
        "nationality": ["*"] * 12,
    }
)


def risk_of(frame: pd.DataFrame, columns: list[str], **options):
    return reidentification_risk(open_source(frame), columns, **options)


def test_k_of_sweeneys_table_is_two() -> None:
    risk = risk_of(SWEENEY, ["race", "birth", "gender", "zip"])
    assert (risk.k, risk.classes, risk.uniques, risk.n) == (2, 5, 0, 11)
    assert risk.prosecutor.highest_risk.value == 0.5
    assert risk.prosecutor.success_rate.value == pytest.approx(5 / 11)


def test_k_of_the_four_anonymous_inpatients_is_four_and_of_the_raw_ones_is_one() -> None:
    columns = ["zip", "age", "nationality"]
    assert risk_of(FOUR_ANONYMOUS, columns).k == 4
    raw = risk_of(INPATIENTS, columns)
    assert (raw.k, raw.uniques) == (1, 12)


def test_records_at_risk_depend_on_the_threshold_and_a_class_of_five_is_within_0_2() -> None:
    frame = pd.DataFrame({"group": ["a"] * 5 + ["b"] * 4 + ["c"]})
    assert risk_of(frame, ["group"], threshold=0.2).prosecutor.records_at_risk.value == 0.5
    assert risk_of(frame, ["group"], threshold=0.5).prosecutor.records_at_risk.value == 0.1
    assert risk_of(frame, ["group"], threshold=1.0).prosecutor.records_at_risk.value == 0.0


def test_class_sizes_count_classes_and_records() -> None:
    sizes = equivalence_class_sizes(open_source(SWEENEY), ["race", "birth", "gender", "zip"])
    assert sizes.to_dict("list") == {"class_size": [2, 3], "classes": [4, 1], "records": [8, 3]}


def test_a_missing_value_is_a_value_of_its_own() -> None:
    table = pa.table({"zip": ["02139", None, None, ""], "weight": [1.0, float("nan"), None, 1.0]})
    by_zip = equivalence_class_sizes(open_source(table), ["zip"])
    assert by_zip["class_size"].tolist() == [1, 2]  # '' is a text, not a missing value
    by_weight = equivalence_class_sizes(open_source(table), ["weight"])
    assert by_weight.to_dict("list")["class_size"] == [2]  # NaN and NULL are both missing


def test_negative_zero_looks_like_zero() -> None:
    assert risk_of(pd.DataFrame({"x": [0.0, -0.0]}), ["x"]).k == 2


def test_without_a_population_the_journalist_is_unassessed_and_the_bound_is_named() -> None:
    risk = risk_of(SWEENEY, ["race", "birth"])
    assert isinstance(risk.journalist, Unassessed)
    assert f"{risk.prosecutor.success_rate.value:.3g} on average" in risk.journalist.reason
    assert risk.marketer.value == risk.prosecutor.success_rate.value
    assert "upper bound" in risk.marketer.method


def test_journalist_and_marketer_against_a_population_agree_with_el_emams_formulas() -> None:
    sample = pd.DataFrame({"sex": ["f", "f", "m"], "born": [1960, 1960, 1970]})
    population = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 6, "born": [1960] * 4 + [1970] * 6})
    risk = risk_of(sample, ["sex", "born"], population=open_source(population))
    assert risk.journalist.highest_risk.value == 1 / 4
    assert risk.journalist.records_at_risk.value == pytest.approx(2 / 3)  # 1/4 > 0.2 >= 1/6
    mean = (2 / 4 + 1 / 6) / 3
    assert risk.journalist.success_rate.value == pytest.approx(max(2 / 10, mean))
    assert risk.marketer.value == pytest.approx(mean)
    assert risk.marketer.baseline == 1 / 10


def test_columns_of_different_types_are_compared_as_text() -> None:
    sample = pd.DataFrame({"zip": ["2139", "2139"]})
    population = pd.DataFrame({"zip": [2139] * 8})
    assert risk_of(
        sample, ["zip"], population=open_source(population)
    ).journalist.highest_risk.value == pytest.approx(1 / 8)


def test_an_incomplete_population_is_said_so_and_counts_cautiously() -> None:
    sample = pd.DataFrame({"zip": ["a", "a", "b"]})
    population = pd.DataFrame({"zip": ["a", "a", "a", "c"]})
    risk = risk_of(sample, ["zip"], population=open_source(population))
    assert risk.journalist.highest_risk.value == 1.0
    assert "1 of 3 records have fewer look-alikes" in risk.journalist.highest_risk.method


@pytest.mark.parametrize("n", [1, 7])
def test_every_figure_has_n_baseline_interval_method_and_source(n: int) -> None:
    for measured in risk_of(pd.DataFrame({"x": range(n)}), ["x"]).measurements():
        assert isinstance(measured, Measurement)
        assert measured.n == n
        assert measured.interval == (measured.value, measured.value)
        assert measured.method and measured.source


def test_the_baseline_is_one_record_named_at_random() -> None:
    risk = risk_of(SWEENEY, ["race"])
    assert risk.prosecutor.highest_risk.baseline == pytest.approx(1 / 11)


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ([], {}, "No quasi-identifier"),
        (["height"], {}, "no column 'height'"),
        (["race"], {"threshold": 0.0}, "threshold"),
        (["race"], {"threshold": 1.5}, "threshold"),
        (["race"], {"population": open_source(pd.DataFrame({"x": [1]}))}, "no column 'race'"),
    ],
)
def test_bad_input_is_one_sentence(columns: list[str], options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        risk_of(SWEENEY, columns, **options)


# ----------------------------------------------------------------- against counting by hand


def alike(value: object) -> object:
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value


COLUMNS = {
    "text": (st.sampled_from(["", "a", "A", "a ", "é", "é", "Ж", "東京", "0", None]), pa.string()),
    "number": (st.sampled_from([0, 1, -1, 2**53, None]), pa.int64()),
    "float": (st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf"), None]), pa.float64()),
    "flag": (st.sampled_from([True, False, None]), pa.bool_()),
    "same": (st.just("x"), pa.string()),
}


@st.composite
def tables(draw: st.DrawFn, most: int = 25) -> tuple[pa.Table, list[tuple]]:
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True))
    n = draw(st.integers(1, most))
    values = {name: draw(st.lists(COLUMNS[name][0], min_size=n, max_size=n)) for name in names}
    if draw(st.booleans()):
        values["different"], names = list(range(n)), [*names, "different"]
    types = {name: COLUMNS[name][1] if name in COLUMNS else pa.int64() for name in names}
    table = pa.table({name: pa.array(values[name], types[name]) for name in names})
    return table, [tuple(map(alike, row)) for row in zip(*(values[name] for name in names), strict=True)]


QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(tables(), st.sampled_from([0.09, 0.2, 1 / 3, 0.5, 1.0]))
def test_prosecutor_and_marketer_agree_with_a_count_by_hand(made: tuple, threshold: float) -> None:
    table, rows = made
    counts = Counter(rows)
    risk = reidentification_risk(open_source(table), table.column_names, threshold=threshold)
    n = len(rows)
    assert (risk.n, risk.k, risk.classes) == (n, min(counts.values()), len(counts))
    assert risk.uniques == sum(size == 1 for size in counts.values())
    at_risk = sum(1 / counts[row] > threshold for row in rows) / n
    assert risk.prosecutor.records_at_risk.value == pytest.approx(at_risk)
    assert risk.prosecutor.highest_risk.value == pytest.approx(max(1 / counts[row] for row in rows))
    assert risk.marketer.value == pytest.approx(sum(1 / counts[row] for row in rows) / n)


@QUICK
@given(tables(most=12), st.integers(1, 4))
def test_journalist_agrees_with_a_count_by_hand_and_never_exceeds_the_prosecutor(
    made: tuple, copies: int
) -> None:
    table, rows = made
    population = pa.concat_tables([table] * copies)
    inside = Counter(rows * copies)
    risk = reidentification_risk(open_source(table), table.column_names, population=open_source(population))
    n, mean = len(rows), sum(1 / inside[row] for row in rows) / len(rows)
    assert risk.marketer.value == pytest.approx(mean)
    share = len(inside) / sum(inside.values())
    assert risk.journalist.success_rate.value == pytest.approx(max(share, mean))
    assert risk.journalist.records_at_risk.value == pytest.approx(
        sum(1 / inside[row] > 0.2 for row in rows) / n
    )
    assert risk.journalist.highest_risk.value <= risk.prosecutor.highest_risk.value
    assert "look-alikes" not in risk.marketer.method


def test_without_a_register_the_size_of_the_population_gives_an_estimate_near_the_truth() -> None:
    rng = np.random.default_rng(1)
    people = pd.DataFrame({"a": rng.zipf(1.4, 60_000).clip(max=3_000), "b": rng.integers(0, 12, 60_000)})
    sample = people.sample(frac=0.15, random_state=2)
    truth = reidentification_risk(open_source(sample), ["a", "b"], population=open_source(people))
    found = reidentification_risk(open_source(sample), ["a", "b"], population_size=len(people))
    same = reidentification_risk(open_source(sample), ["a", "b"], sampling_fraction=0.15)
    assert found.journalist == same.journalist and found.marketer == same.marketer
    # Never above what is certain, and much nearer to the truth than that.
    assert found.marketer.value == pytest.approx(truth.marketer.value, rel=0.35)
    assert found.marketer.value < 0.6 * found.prosecutor.success_rate.value
    assert found.journalist.highest_risk.value <= found.prosecutor.highest_risk.value
    for m in found.measurements():
        assert m.interval[0] <= m.value <= m.interval[1]
    assert "estimated from the class sizes of 9,000 of 60,000" in found.journalist.highest_risk.method
    at_risk, highest = found.journalist.records_at_risk, found.journalist.highest_risk
    assert at_risk.value == pytest.approx(truth.journalist.records_at_risk.value, rel=0.35)
    assert highest.interval[0] <= truth.journalist.highest_risk.value <= highest.interval[1]


def test_a_file_that_is_the_population_leaves_nothing_to_estimate() -> None:
    risk = reidentification_risk(
        open_source(SWEENEY), ["race", "birth", "gender", "zip"], sampling_fraction=1
    )
    for name in ("records_at_risk", "highest_risk", "success_rate"):
        estimated, exact = getattr(risk.journalist, name), getattr(risk.prosecutor, name)
        assert estimated.value == pytest.approx(exact.value)
        assert estimated.interval == pytest.approx((exact.value, exact.value))


def test_sizes_in_the_population_are_those_of_the_beta_binomial_model() -> None:
    for size, n, people, theta, alpha in [
        (1, 50, 900, 3.0, 0.4),
        (7, 50, 30_000, 0.5, 0.1),
        (2, 9, 10, 1.0, 0.9),
    ]:
        model = betabinom(people - n, size - alpha, theta + n - size + alpha)
        more = np.arange(people - n + 1)
        sizes, chances = population_sizes(size, n, people, theta, alpha)
        assert chances @ (1 / sizes) == pytest.approx(model.pmf(more) @ (1 / (size + more)), rel=1e-3)


@pytest.mark.parametrize("table", [{"a": [1, 1, 1]}, {"a": [1, 2, 3]}], ids=["one class", "all unique"])
def test_where_no_model_fits_the_journalist_is_unassessed(table) -> None:
    risk = reidentification_risk(open_source(pd.DataFrame(table)), ["a"], population_size=50)
    assert isinstance(risk.journalist, Unassessed) and "cannot be fitted" in risk.journalist.reason
    assert "upper bound" in risk.marketer.method


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"population_size": 3}, "at least as many people"),
        ({"population_size": 50, "sampling_fraction": 0.5}, "either the size"),
        ({"sampling_fraction": 0.0}, "above 0"),
        ({"population_size": 50, "population": open_source(SWEENEY)}, "not both"),
    ],
)
def test_a_population_that_does_not_fit_is_told(options, words) -> None:
    with pytest.raises(UserError, match=words):
        reidentification_risk(open_source(SWEENEY), ["race"], **options)
