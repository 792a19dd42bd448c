"""Claims about fairness: counts by hand, published intervals, and no verdict without enough cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.govern.fairness import (
    Gap,
    compare_groups,
    gap_drivers,
    group_cases,
    group_rates,
    implied_false_positive_rate,
    judge_definitions,
    plot_rates,
    plot_trade_off,
    proxies,
    rates_finding,
    trade_off,
    trade_off_finding,
    worst_gap,
)
from secure_ai.govern.fairness.gaps import difference_interval


def cases(*cells, names=("north", "south")):
    """Make cases from (true positives, false negatives, false positives, true negatives) of each group."""
    decision, outcome, group = [], [], []
    for name, counts in zip(names, cells, strict=True):
        for count, decided, true in zip(counts, (1, 0, 1, 0), (1, 1, 0, 0), strict=True):
            decision += [decided] * count
            outcome += [true] * count
            group += [name] * count
    return group_cases(decision, outcome, group, fewest=1)


def test_each_rate_is_the_share_that_a_person_counts():
    rates = group_rates(cases((30, 10, 20, 40), (5, 5, 10, 80)), fewest=1)
    value = rates.table.set_index(["group", "rate"])["value"]
    north = value["north"]
    assert north["selection_rate"] == 0.5
    assert north["base_rate"] == 0.4
    assert north["true_positive_rate"] == 0.75
    assert north["false_negative_rate"] == 0.25
    assert north["false_positive_rate"] == pytest.approx(1 / 3)
    assert north["precision"] == 0.6
    assert north["accuracy"] == 0.7
    assert value["south"]["precision"] == pytest.approx(1 / 3)


def test_a_group_that_is_too_small_is_unassessed_and_never_fair():
    rates = group_rates(cases((30, 10, 20, 40), (3, 2, 2, 5)))
    assert isinstance(rates.unassessed()["true_positive_rate", "south"], Unassessed)
    table = judge_definitions(rates).set_index("definition")
    assert set(table["answer"]) == {"unassessed"}
    assert table.loc["equal opportunity", "left out"] == "south"
    assert "unassessed" in rates.to_frame().loc["south", "precision"]


def test_counts_of_single_people_and_labels_of_small_groups_are_shown_nowhere():
    decision, outcome = [1, 0] * 50 + [1, 1, 0], [1, 0] * 50 + [1, 0, 0]
    known = group_cases(decision, outcome, ["north"] * 60 + ["south"] * 40 + ["Zyxwanda"] * 3)
    rates = group_rates(known)
    assert known.names == ("north", "south", "small groups")
    assert rates.to_frame().loc["small groups", "people"] == "under 20"
    small = rates.table[rates.table["group"] == "small groups"]
    assert small[["hits", "n", "value"]].isna().all().all()
    assert "Zyxwanda" not in rates.to_frame().to_string() + judge_definitions(rates).to_string()


def test_a_reference_that_is_too_small_leaves_every_comparison_unassessed():
    rates = group_rates(cases((30, 10, 20, 40), (3, 2, 2, 5)))
    ((name, why),) = compare_groups(rates, "true_positive_rate", reference="south")
    assert name == "north" and "south has fewer than 20 cases" in why.reason


def test_one_group_is_the_reference_in_every_rate():
    rates = group_rates(cases((20, 60, 10, 210), (90, 30, 60, 40)))
    assert rates.largest == "north"
    for rate in ("selection_rate", "true_positive_rate"):
        assert compare_groups(rates, rate)[0].reference == "north"


def test_a_rate_that_was_not_compared_holds_nothing():
    # Of south nobody knows how often cases are found; its false alarms are like those of north.
    rates = group_rates(cases((900, 0, 0, 9_000), (0, 10, 0, 9_000)))
    verdict = judge_definitions(rates, definitions=["equalized odds"]).iloc[0]
    assert verdict["answer"] == "unassessed"
    assert "true positive rate" in verdict["because"]


def test_every_two_groups_are_compared_and_not_only_each_with_the_largest():
    names = ("largest", "low", "high")
    rates = group_rates(cases((5_000, 0, 0, 5_000), (2_275, 0, 0, 2_725), (2_725, 0, 0, 2_275), names=names))
    answer = judge_definitions(rates, definitions=["demographic parity"], tolerance=0.08).iloc[0]
    assert answer["answer"] != "holds"
    assert "low" in answer["because"] and "high" in answer["because"]


def test_a_difference_within_the_tolerance_is_hardly_ever_called_a_violation():
    rng, called = np.random.default_rng(2), 0
    for _ in range(60):
        one, other = rng.binomial(2000, 0.545), rng.binomial(2000, 0.5)
        rates = group_rates(cases((one, 0, 0, 2000 - one), (other, 0, 0, 2000 - other)))
        called += judge_definitions(rates, definitions=["demographic parity"])["answer"][0] == "violated"
    assert called <= 3


@pytest.mark.parametrize("shares", [(0.3, 0.3), (0.3,) * 5, (0.3, 0.3, 0.3, 0.3, 0.35)])
def test_the_interval_of_the_largest_gap_covers_the_true_one(shares):
    rng, covered, truth = np.random.default_rng(4), 0, max(shares) - min(shares)
    group = np.repeat([f"g{n}" for n in range(len(shares))], 200)
    for _ in range(60):
        found = worst_gap(group_cases(rng.random(len(group)) < np.repeat(shares, 200), None, group))
        covered += found.interval[0] <= truth <= found.interval[1]
    assert covered >= 55  # 57 of 60 are expected at 95 %


def test_without_outcomes_only_the_selection_rate_is_known():
    known = group_cases([1, 0] * 50, None, ["a"] * 50 + ["b"] * 50)
    rates = group_rates(known)
    assert set(rates.table["rate"]) == {"selection_rate"}
    answers = judge_definitions(rates).set_index("definition")["answer"]
    assert answers["equal opportunity"] == "unassessed"
    assert isinstance(worst_gap(known, "precision"), Unassessed)


def test_who_did_not_state_a_group_is_counted_as_a_group_of_its_own():
    known = group_cases([1, 0, 1], [1, 0, 1], ["a", None, "b"], fewest=1)
    assert known.names == ("a", "b", "not stated")


def test_bands_of_numbers_keep_their_order():
    ages = pd.cut(pd.Series([70, 10, 40, 41]), [0, 18, 65, 120], labels=["young", "middle", "aged"])
    assert group_cases([1, 0, 1, 0], None, ages, fewest=1).names == ("young", "middle", "aged")


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(first, second, low, high):
    """Newcombe (1998), table II, method 10."""
    assert difference_interval(*first, *second) == pytest.approx((low, high), abs=6e-5)


def test_more_comparisons_make_each_interval_wider():
    one, many = (difference_interval(56, 70, 48, 80, comparisons=count) for count in (1, 10))
    assert many[0] < one[0] < one[1] < many[1]


def test_a_difference_has_the_sign_of_the_group_against_its_reference():
    (gap,) = compare_groups(group_rates(cases((30, 10, 20, 40), (5, 5, 10, 80))), "selection_rate", "north")
    assert isinstance(gap, Gap)
    assert gap.difference == pytest.approx(-0.35)
    assert gap.ratio == pytest.approx(0.3)
    assert gap.beyond_chance


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 500), st.integers(1, 500))
def test_the_fourth_rate_follows_from_the_three_others(tp, fn, fp, tn):
    base = (tp + fn) / (tp + fn + fp + tn)
    implied = implied_false_positive_rate(base, tp / (tp + fp), tp / (tp + fn))
    assert implied == pytest.approx(fp / (fp + tn))


def test_groups_that_mean_nothing_show_no_more_than_chance():
    rng = np.random.default_rng(3)
    beyond = 0
    for _ in range(40):
        known = group_cases(rng.random(600) < 0.3, None, rng.choice(list("abcd"), 600))
        found = worst_gap(known)
        beyond += found.value > found.control
    assert beyond <= 7  # one in twenty is expected; the binomial tail beyond 7 of 40 is below 0.2 %


def test_a_gap_that_is_there_is_beyond_chance():
    rng = np.random.default_rng(3)
    group = rng.choice(list("ab"), 800)
    found = worst_gap(group_cases(rng.random(800) < np.where(group == "a", 0.5, 0.3), None, group))
    assert isinstance(found, Measurement)
    assert found.value > found.control > found.baseline
    assert found.interval[0] > 0


def test_enough_equal_cases_hold_and_few_are_undecided():
    same = (3000, 1000, 2000, 4000)
    few = (30, 10, 20, 40)
    assert set(judge_definitions(group_rates(cases(same, same)))["answer"]) == {"holds"}
    assert set(judge_definitions(group_rates(cases(few, few)))["answer"]) == {"undecided"}


def test_equal_precision_and_unequal_base_rates_violate_equalized_odds():
    # Both groups: precision 60 %, true positive rate 75 %. Base rates 40 % and 10 %.
    rates = group_rates(cases((3000, 1000, 2000, 4000), (750, 250, 500, 8500)))
    answers = judge_definitions(rates).set_index("definition")["answer"]
    assert answers["predictive parity"] == answers["equal opportunity"] == "holds"
    assert answers["equalized odds"] == answers["demographic parity"] == "violated"


@pytest.fixture(scope="module")
def scored():
    """Scores that are right about everybody, in two groups with different base rates."""
    rng = np.random.default_rng(0)
    group = np.where(rng.random(60_000) < 0.5, "a", "b")
    score = np.where(group == "a", rng.beta(2, 3, 60_000), rng.beta(1, 6, 60_000))
    return score, rng.random(60_000) < score, group


def test_each_policy_closes_its_own_gap_and_one_threshold_is_cheapest(scored):
    result = trade_off(*scored, threshold=0.4, seed=1)
    gaps = result.costs.set_index("policy")
    for policy, rate in {
        "demographic parity": "selection rate",
        "equal opportunity": "true positive rate",
        "equal false alarms": "false positive rate",
    }.items():
        assert gaps.loc[policy, f"gap in {rate}"] < 0.04 < gaps.loc["one threshold for all", f"gap in {rate}"]
    # What calibrated scores promise: with costs that fit the threshold, no other rule errs at less cost.
    fitting = trade_off(*scored, threshold=0.4, cost_missed=0.6, cost_false_alarm=0.4, seed=1).costs
    costs = fitting.set_index("policy")["cost"]
    assert costs["one threshold for all"] <= 1.01 * costs.min()
    assert result.fitted + result.judged == len(scored[0])


def test_thresholds_are_not_judged_on_the_cases_that_chose_them(scored):
    score, outcome, group = (part[:400] for part in scored)
    result = trade_off(score, outcome, group, threshold=0.4)
    assert result.rates["demographic parity"].cases.decision.size == result.judged == 200


def test_a_group_that_is_too_small_keeps_the_common_threshold(scored):
    score, outcome, group = (part[:600].copy() for part in scored)
    group = group.astype(object)
    group[:8] = "tiny"
    result = trade_off(score, outcome, group, threshold=0.37)
    assert all(found["small groups"] == 0.37 for found in result.thresholds.values())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_parts_of_a_gap_add_up_to_it(seed):
    rng = np.random.default_rng(seed)
    contributions = pd.DataFrame(rng.normal(size=(60, 4)), columns=list("wxyz"))
    group = np.array(["a"] * 25 + ["b"] * 35)
    parts = gap_drivers(contributions, group, "a", "b")
    scores = contributions.sum(axis=1)
    assert parts["part"].sum() == pytest.approx(scores[group == "a"].mean() - scores[group == "b"].mean())
    assert (parts["low"] <= parts["part"]).all() and (parts["part"] <= parts["high"]).all()


def test_intervals_of_the_parts_hold_for_all_features_together():
    rng, wrong = np.random.default_rng(6), 0
    for _ in range(60):
        noise = pd.DataFrame(rng.normal(size=(7, 12)))
        parts = gap_drivers(noise, ["a"] * 3 + ["b"] * 4, "a", "b")
        wrong += bool(((parts["low"] > 0) | (parts["high"] < 0)).any())
    assert wrong <= 8


def test_what_a_policy_costs_more_has_an_interval_and_the_finding_says_whether_it_is_chance(scored):
    costs = trade_off(*scored, threshold=0.4).costs.set_index("policy")
    assert (costs.loc["one threshold for all", ["more", "more low", "more high"]] == 0).all()
    parity = costs.loc["demographic parity"]
    assert parity["more low"] < parity["more"] == parity["cost"] - costs.loc["one threshold for all", "cost"]
    few = trade_off(*(part[:45] for part in scored), threshold=0.4)
    assert "large enough" in trade_off_finding(few)
    assert plot_trade_off(few) is not None


def test_a_dollar_sign_in_a_label_is_a_dollar_sign():
    known = cases((30, 10, 20, 40), (35, 5, 10, 80), names=(r"$b\frac$", "south"))
    plot_rates(group_rates(known)).canvas.draw()


def test_a_column_that_stands_for_the_group_is_found_and_noise_is_not():
    rng = np.random.default_rng(5)
    group = rng.choice(["a", "b", "c"], 900)
    inputs = pd.DataFrame({"district": [f"d{name}" for name in group], "noise": rng.normal(size=900)})
    found = proxies(inputs, group).set_index("column")["auc"]
    assert found["district"] > 0.99
    assert abs(found["noise"] - 0.5) < 0.07
    assert found.index[-1] == "all together" and found["all together"] > 0.99


def test_pictures_say_their_finding(scored):
    rates = group_rates(group_cases(scored[0] >= 0.4, scored[1], scored[2]))
    assert "beyond chance" in rates_finding(rates)
    figure = plot_rates(rates)
    assert rates_finding(rates).split()[0] in figure._suptitle.get_text()
    result = trade_off(*scored, threshold=0.4)
    assert trade_off_finding(result)[:20] in plot_trade_off(result)._suptitle.get_text()


PAIR = ((9, 9, 9, 9), (9, 9, 9, 9))
NOISE = pd.DataFrame({"x": np.arange(60.0)})
HALVES = ["a"] * 30 + ["b"] * 30
BAD = {
    "lengths": (lambda: group_cases([1, 0], [1], ["a", "b"]), "differ in length"),
    "missing": (lambda: group_cases([1, None], None, ["a", "b"]), "values of the decision are missing"),
    "scores in place of decisions": (lambda: group_cases([0.2, 0.9], None, ["a", "b"]), "yes or no"),
    "words": (lambda: group_cases(["yes", "no"], None, ["a", "b"]), "yes or no"),
    "empty": (lambda: group_cases([], None, []), "there must be cases"),
    "ragged": (lambda: group_cases([[1], [1, 0]], None, ["a", "b"]), "one value for each case"),
    "lists as labels": (lambda: group_cases([1, 0], None, [["a"], ["b"]]), "one label for each case"),
    "table as labels": (lambda: group_cases([1, 0], None, np.ones((2, 2))), "one label for each case"),
    "one group": (lambda: group_cases([1, 0], None, ["a", "a"]), "at least two"),
    "identifiers": (lambda: group_cases([1] * 60, None, list(range(60))), "looks like a number"),
    "rate": (lambda: worst_gap(cases((1, 1, 1, 1), (1, 1, 1, 1)), "justice"), "There is no rate 'justice'"),
    "shown": (lambda: plot_rates(group_rates(cases(*PAIR)), ["zzz"]), "There is no rate 'zzz'"),
    "reference": (
        lambda: compare_groups(group_rates(cases(*PAIR)), "accuracy", "west"), "There is no group 'west'"
    ),
    "tolerance": (lambda: judge_definitions(group_rates(cases(*PAIR)), tolerance=5), "tolerance=5"),
    "tolerance as text": (lambda: judge_definitions(group_rates(cases(*PAIR)), tolerance="a"), "tolerance="),
    "definition": (
        lambda: judge_definitions(group_rates(cases(*PAIR)), definitions=["kind"]), "no definition 'kind'"
    ),
    "scores": (lambda: trade_off([0.1, np.nan] * 30, [0, 1] * 30, ["a", "b"] * 30), "finite number"),
    "no outcomes": (lambda: trade_off([0.1, 0.2] * 30, None, HALVES), "Without the true outcomes"),
    "few": (lambda: trade_off([0.1, 0.2], [0, 1], ["a", "b"], fewest=2), "too few to fit"),
    "cost": (lambda: trade_off([0.1, 0.2] * 30, [0, 1] * 30, HALVES, cost_missed=np.inf), "cost_missed="),
    "cost as text": (lambda: trade_off([0.1, 0.2] * 30, [0, 1] * 30, HALVES, cost_missed="3"), "cost_m"),
    "seed": (lambda: trade_off([0.1, 0.2] * 30, [0, 1] * 30, HALVES, seed=-1), "seed=-1"),
    "shares": (lambda: implied_false_positive_rate(0, 1, 1), "base rate between 0 and 1"),
    "explained": (lambda: gap_drivers(pd.DataFrame({"x": [1.0]}), ["a", "b"], "a", "b"), "give as many"),
    "alone": (lambda: gap_drivers(pd.DataFrame({"x": [1.0, 2]}), ["a", "b"], "a", "b"), "fewer than two"),
    "text": (lambda: gap_drivers(pd.DataFrame({"x": ["u", "v"]}), ["a", "b"], "a", "b"), "must be numbers"),
    "no columns": (lambda: proxies(NOISE[[]], HALVES), "columns of different names"),
    "double columns": (lambda: proxies(pd.concat([NOISE, NOISE], axis=1), HALVES), "different names"),
    "lists": (lambda: proxies([[1.0]] * 60, HALVES), "must be a table"),
    "fewest": (lambda: group_rates(cases((1, 1, 1, 1), (1, 1, 1, 1)), fewest=0), "fewest=0"),
    "fewest as text": (lambda: group_rates(cases((1, 1, 1, 1), (1, 1, 1, 1)), fewest="3"), "fewest='3'"),
    "fewest nan": (lambda: group_cases([1, 0], None, ["a", "b"], fewest=np.nan), "fewest=nan"),
}  # fmt: skip


def test_infinite_and_empty_columns_tell_nothing_and_stop_nothing():
    odd = NOISE.assign(inf=np.inf, nothing=np.nan, words=[None, "u"] * 30)
    found = proxies(odd, HALVES).set_index("column")["auc"]
    assert found["inf"] == found["nothing"] == 0.5


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name):
    call, words = BAD[name]
    with pytest.raises(UserError, match=words):
        call()
