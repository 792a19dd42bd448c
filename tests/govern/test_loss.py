"""Claims about the loss model: the textbook figure, simulation against formula, honest controls."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.govern.loss import (
    Control,
    Effect,
    LossScenario,
    SecondaryLoss,
    ThreatFrequency,
    annualized_loss_expectancy,
    bad_year,
    before_after,
    exceedance_curve,
    probability_of_exceeding,
    return_on_control,
    simulate_losses,
)
from secure_ai.govern.loss_inputs import draw_shares, draw_sizes, interval_from_median, mean_share
from secure_ai.govern.published_losses import KINDS, published_incident, published_losses

CLASSIC = LossScenario("classic", 0.1, (100_000, 1_000_000))
quick = settings(max_examples=40, deadline=None)
shares = st.tuples(st.floats(0.01, 0.95), st.floats(0.0, 0.04)).map(lambda pair: (pair[0], sum(pair)))
frequencies = st.floats(0, 5) | st.tuples(st.floats(0.01, 2), st.floats(1, 10)).map(
    lambda p: (p[0], p[0] * p[1])
)
magnitudes = st.tuples(st.floats(1, 1e6), st.floats(1, 1000)).map(lambda pair: (pair[0], pair[0] * pair[1]))
threats = st.builds(ThreatFrequency, st.floats(0, 20), shares)
secondary = st.none() | st.builds(SecondaryLoss, shares, magnitudes)
scenarios = st.builds(LossScenario, st.just("a"), frequencies | threats, magnitudes, secondary=secondary)
controls = st.lists(
    st.builds(
        lambda frequency, magnitude: Control("c", 1.0, {"a": Effect(frequency, magnitude)}),
        st.none() | shares,
        st.none() | shares,
    ),
    max_size=3,
)


def test_once_in_ten_years_between_100_000_and_a_million_costs_40_400_13_a_year():
    assert round(CLASSIC.expected_annual_loss, 2) == 40_400.13


def test_the_simulated_mean_of_the_classic_case_agrees_within_its_interval():
    measured = annualized_loss_expectancy([CLASSIC], years=200_000, seed=1)
    assert measured.interval[0] <= CLASSIC.expected_annual_loss <= measured.interval[1]
    assert measured.interval[1] - measured.interval[0] < 0.05 * measured.value
    assert (measured.unit, measured.n) == ("USD per year", 200_000)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    truth = CLASSIC.expected_annual_loss
    hits = 0
    for seed in range(200):
        low, high = annualized_loss_expectancy([CLASSIC], years=4_000, seed=seed).interval
        hits += low <= truth <= high
    assert 0.90 <= hits / 200 <= 0.99


def test_the_baseline_shows_that_the_typical_loss_hides_the_tail():
    measured = annualized_loss_expectancy([CLASSIC], years=1_000)
    assert measured.baseline == pytest.approx(0.1 * math.sqrt(1e5 * 1e6))
    assert measured.baseline < 0.8 * CLASSIC.expected_annual_loss


def test_nine_losses_in_ten_fall_into_the_stated_interval():
    single = simulate_losses([LossScenario("rare", 1e-3, (1_000, 50_000))], 400_000, seed=3)["rare"]
    events = single[single > 0]
    assert len(events) > 300
    assert 0.85 < events.between(1_000, 50_000).mean() < 0.95


def test_pert_losses_stay_between_the_bounds_and_have_the_pert_mean():
    scenario = LossScenario("pert", 1e-3, (10, 100), most_likely=20)
    events = simulate_losses([scenario], 2_000_000, seed=5)["pert"]
    events = events[events > 0]
    assert scenario.mean_magnitude == pytest.approx((10 + 4 * 20 + 100) / 6)
    single = events[events <= 100]
    assert single.min() >= 10
    assert single.mean() == pytest.approx(scenario.mean_magnitude, rel=0.05)


def test_the_number_of_events_is_poisson():
    flat = LossScenario("flat", 2.0, (1.0, 1.0))
    counts = simulate_losses([flat], 100_000, seed=2)["flat"]
    assert counts.mean() == pytest.approx(2, rel=0.02)
    assert counts.var() == pytest.approx(2, rel=0.03)
    assert (counts == 0).mean() == pytest.approx(math.exp(-2), rel=0.03)


def test_uncertainty_about_the_frequency_widens_the_interval_however_many_years_are_simulated():
    unsure = LossScenario("unsure", (0.02, 0.4), (100_000, 1_000_000))
    measured = annualized_loss_expectancy([unsure], years=200_000, seed=1)
    low, high = measured.interval
    assert high - low > measured.value
    assert low <= unsure.expected_annual_loss <= high
    assert "stated frequencies" in measured.method


def test_the_same_seed_gives_the_same_years_and_another_seed_others():
    first, again = (simulate_losses([CLASSIC], 500, seed=9) for _ in range(2))
    assert first.equals(again)
    assert not first.equals(simulate_losses([CLASSIC], 500, seed=10))


@quick
@given(
    scenario=scenarios, amounts=st.lists(st.floats(0, 1e9), min_size=2, max_size=5), seed=st.integers(0, 99)
)
def test_the_exceedance_curve_never_rises_and_stays_inside_its_interval(scenario, amounts, seed):
    curve = exceedance_curve(simulate_losses([scenario], 300, seed), sorted(amounts))
    assert (np.diff(curve["probability"]) <= 0).all()
    assert (curve["low"] <= curve["probability"]).all()
    assert (curve["probability"] <= curve["high"]).all()
    assert curve["low"].min() >= 0 and curve["high"].max() <= 1


def test_the_exceedance_curve_counts_years():
    curve = exceedance_curve(np.array([0.0, 10.0, 20.0, 30.0]), [0, 10, 15, 30, 31])
    assert curve["probability"].tolist() == [0.75, 0.5, 0.5, 0.0, 0.0]


def test_the_chance_of_any_loss_is_the_poisson_one():
    losses = simulate_losses([CLASSIC], 100_000, seed=4)
    measured = probability_of_exceeding(losses, 0)
    assert measured.interval[0] <= 1 - math.exp(-0.1) <= measured.interval[1]
    assert measured.baseline == measured.value


def test_a_bad_year_is_exceeded_as_often_as_it_says():
    losses = simulate_losses([LossScenario("often", 3, (1_000, 50_000))], 20_000, seed=4)
    assert (losses.sum(axis=1) > bad_year(losses, 20)).mean() == pytest.approx(1 / 20, abs=1e-3)


@quick
@given(scenario=scenarios, chosen=controls, seed=st.integers(0, 99))
def test_no_simulated_year_costs_more_with_controls_than_without(scenario, chosen, seed):
    result = before_after([scenario], chosen, years=200, seed=seed)
    assert (result.after <= result.before).all().all()
    if not chosen:
        assert result.after.equals(result.before)


@quick
@given(scenario=scenarios, chosen=controls, seed=st.integers(0, 99))
def test_the_years_without_controls_do_not_depend_on_the_controls(scenario, chosen, seed):
    assert before_after([scenario], chosen, 100, seed).before.equals(simulate_losses([scenario], 100, seed))


def test_a_control_that_halves_the_frequency_halves_the_loss():
    half = Control("half", 10_000, {"classic": Effect(frequency=(0.5, 0.5))})
    result = before_after([CLASSIC], [half], years=200_000, seed=6)
    assert result.after["classic"].sum() / result.before["classic"].sum() == pytest.approx(0.5, rel=0.05)
    row = result.controls.iloc[0]
    assert row["saves"] == pytest.approx(CLASSIC.expected_annual_loss / 2)
    assert row["saves_low"] == row["saves_high"] == pytest.approx(row["saves"])
    assert row["return"] == pytest.approx((row["saves"] - 10_000) / 10_000)
    assert row["chance_it_pays"] == 1


def test_effects_of_two_controls_multiply_and_their_costs_add():
    one = Control("one", 100, {"classic": Effect(frequency=(0.5, 0.5))})
    two = Control("two", 200, {"classic": Effect(magnitude=(0.5, 0.5))})
    table = return_on_control([CLASSIC], [one, two]).set_index("control")
    assert table.loc["all together", "saves"] == pytest.approx(0.75 * CLASSIC.expected_annual_loss)
    assert table.loc["all together", "cost"] == 300


def test_an_uncertain_effect_gives_an_uncertain_return():
    loose = Control("loose", 15_000, {"classic": Effect(frequency=(0.1, 0.8))})
    row = return_on_control([CLASSIC], [loose], seed=1).iloc[0]
    assert row["net_low"] < 0 < row["net_high"]
    assert 0.1 < row["chance_it_pays"] < 0.9


def test_a_control_without_cost_has_no_return_but_a_saving():
    free = Control("free", 0, {"classic": Effect(frequency=(0.2, 0.4))})
    row = return_on_control([CLASSIC], [free]).iloc[0]
    assert math.isnan(row["return"]) and row["chance_it_pays"] == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frequency": -0.1}, "frequency of -0.1"),
        ({"frequency": math.nan}, "frequency of nan"),
        ({"frequency": math.inf}, "frequency of inf"),
        ({"frequency": (0.4, 0.1)}, "frequency .* is reversed"),
        ({"frequency": (0.0, 0.1)}, "frequency needs two positive bounds"),
        ({"magnitude": (1_000_000, 100_000)}, "magnitude .* is reversed"),
        ({"magnitude": (0, 100_000)}, "magnitude needs two positive bounds"),
        ({"magnitude": (-5, 100_000)}, "magnitude needs two positive bounds"),
        ({"magnitude": (math.nan, 1)}, "magnitude needs two positive bounds"),
        ({"magnitude": (1,)}, "magnitude needs two positive bounds"),
        ({"magnitude": 5}, "magnitude needs two positive bounds"),
        ({"magnitude": "10"}, "magnitude needs two positive bounds"),
        ({"magnitude": ("1", "2")}, "magnitude needs two positive bounds"),
        ({"frequency": "10"}, "frequency needs two positive bounds"),
        ({"frequency": None}, "frequency of None"),
        ({"frequency": True}, "frequency of True"),
        ({"magnitude": (1, 10), "most_likely": "5"}, "is not between"),
        ({"magnitude": (1, 10), "most_likely": 11}, "is not between"),
        ({"magnitude": (5, 5), "most_likely": 5}, "is not between"),
    ],
)
def test_an_impossible_scenario_is_refused_in_a_sentence_that_names_it(fields, message):
    with pytest.raises(UserError, match=message) as caught:
        LossScenario(**{"name": "theft", "frequency": 0.1, "magnitude": (1, 10)} | fields)
    assert str(caught.value).startswith("theft: ")


@pytest.mark.parametrize("interval", [(0.5, 1.0), (0.0, 0.5), (0.8, 0.2), (-0.1, 0.3), (0.2, math.nan)])
def test_an_effect_that_is_no_share_is_refused(interval):
    with pytest.raises(UserError):
        Effect(frequency=interval)
    with pytest.raises(UserError):
        Effect(magnitude=interval)


@pytest.mark.parametrize("cost", [-1, math.nan, math.inf, "5", None])
def test_an_impossible_cost_is_refused(cost):
    with pytest.raises(UserError, match="annual cost"):
        Control("c", cost)


@pytest.mark.parametrize("years", [0, -1, 1.5, "100", True, None])
def test_an_impossible_number_of_years_is_refused(years):
    with pytest.raises(UserError, match="whole number from 1"):
        simulate_losses([CLASSIC], years)


def test_scenarios_that_do_not_fit_together_are_refused():
    with pytest.raises(UserError, match="no loss scenario"):
        simulate_losses([])
    with pytest.raises(UserError, match="called 'classic'"):
        simulate_losses([CLASSIC, CLASSIC])
    with pytest.raises(UserError, match="EUR and USD"):
        simulate_losses([CLASSIC, LossScenario("b", 1, (1, 2), currency="EUR")])
    with pytest.raises(UserError, match="acts on 'clasic'"):
        before_after([CLASSIC], [Control("typo", 1, {"clasic": Effect((0.1, 0.2))})])
    with pytest.raises(UserError, match="too many to simulate"):
        simulate_losses([LossScenario("log lines", 1e6, (1, 2))], 100_000)


@pytest.mark.parametrize("losses", [np.array([]), np.array([1.0, math.nan]), np.array([-1.0])])
def test_losses_that_are_none_are_refused(losses):
    with pytest.raises(UserError):
        exceedance_curve(losses)
    with pytest.raises(UserError):
        bad_year(losses)


@pytest.mark.parametrize("one_in", [1, 0, -3, math.nan])
def test_a_bad_year_needs_odds(one_in):
    with pytest.raises(UserError, match="above 1"):
        bad_year(np.array([1.0]), one_in)


THREAT = ThreatFrequency(attempts=(2, 20), success=(0.02, 0.3))


def test_attempts_times_success_is_simulated_as_it_is_calculated():
    scenario = LossScenario("fraud", frequency=THREAT, magnitude=(1_000, 1_000))
    losses = simulate_losses([scenario], 200_000, seed=5)["fraud"]
    assert losses.mean() == pytest.approx(scenario.expected_annual_loss, rel=0.02)
    assert not scenario.frequency_is_certain


def test_the_mean_of_a_share_is_that_of_its_draws():
    draws = draw_shares((0.02, 0.3), 400_000, np.random.default_rng(1))
    assert mean_share((0.02, 0.3)) == pytest.approx(draws.mean(), rel=0.005)
    assert mean_share((0.3, 0.3)) == pytest.approx(0.3)


def test_a_secondary_loss_adds_its_chance_times_its_size():
    plain = LossScenario("leak", frequency=1.0, magnitude=(1_000, 1_000))
    more = LossScenario(
        "leak", frequency=1.0, magnitude=(1_000, 1_000), secondary=SecondaryLoss((0.25, 0.25), (8_000, 8_000))
    )
    assert more.expected_annual_loss - plain.expected_annual_loss == pytest.approx(2_000)
    losses = simulate_losses([more], 100_000, seed=2)["leak"]
    assert losses.mean() == pytest.approx(3_000, rel=0.02)
    assert np.allclose(losses / 1_000, (losses / 1_000).round())


def test_a_measured_success_rate_becomes_a_range_that_leaves_room_for_what_was_not_seen():
    seen = Measurement("attack_success_rate", 0.0, "share", 60, 0.0, (0.0, 0.06), "suite", "test")
    low, high = ThreatFrequency.measured(10, seen).success
    assert 0 < low < high == 0.06
    always = Measurement("attack_success_rate", 1.0, "share", 60, 0.0, (0.94, 1.0), "suite", "test")
    assert ThreatFrequency.measured(10, always).success[1] < 1
    exact = Measurement("attack_success_rate", 0.5, "share", 60, 0.0, (0.5, 0.5), "suite", "test")
    assert ThreatFrequency.measured(10, exact).success == (0.5, 0.5)


def test_what_was_not_measured_is_no_success_rate_of_nought():
    with pytest.raises(UserError, match="was not assessed"):
        ThreatFrequency.measured(10, Unassessed("no endpoint"))
    with pytest.raises(UserError, match="is no share"):
        ThreatFrequency.measured(10, Measurement("cost", 3.0, "USD", 9, 0.0, (2.0, 4.0), "count", "test"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ThreatFrequency(-1, (0.1, 0.2)),
        lambda: ThreatFrequency((5, 2), (0.1, 0.2)),
        lambda: ThreatFrequency(5, (0.2, 0.1)),
        lambda: ThreatFrequency(5, (0.2, 1.0)),
        lambda: ThreatFrequency(5, (0.0, 0.5)),
        lambda: SecondaryLoss((0.1, 1.5), (1, 2)),
        lambda: SecondaryLoss((0.1, 0.5), (2, 1)),
    ],
)
def test_an_impossible_part_of_a_scenario_is_refused(make):
    with pytest.raises(UserError):
        make()


@pytest.mark.parametrize("bounds", [(1.0, 1.0), (0.0, 0.0), (0.0, 1.0), (0.999, 1.0)])
def test_a_share_that_was_always_or_never_seen_is_still_neither_certain_nor_impossible(bounds):
    measured = Measurement("success_rate", bounds[1], "probability", 20, 0.0, bounds, "an attack", "own")
    low, high = ThreatFrequency.measured(10, measured).success
    assert 0 < low <= high < 1


def test_a_scenario_takes_the_share_of_a_finding_only_where_it_counts_attempts():
    assert LossScenario("x", ThreatFrequency(5, (0.1, 0.2)), (1, 2), finding="model.evasion").finding
    with pytest.raises(UserError, match="attempts and success"):
        LossScenario("x", 0.5, (1, 2), finding="model.evasion")


def test_a_median_and_a_95th_percentile_give_the_interval_that_has_them():
    low, high = interval_from_median(600_000, 32_000_000)
    found = LossScenario("x", 1.0, (low, high))
    assert found.median_magnitude == pytest.approx(600_000)
    sizes = draw_sizes(found, 200_000, np.random.default_rng(0))
    assert np.quantile(sizes, 0.95) == pytest.approx(32_000_000, rel=0.05)
    with pytest.raises(UserError, match="do not fit"):
        interval_from_median(5, 3)


def test_the_published_mean_lies_far_above_the_published_median():
    incident = published_incident()
    assert incident.mean_magnitude > 10 * incident.median_magnitude


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_every_published_figure_says_who_when_on_what_and_how_it_was_read(sector):
    table = published_losses(sector)
    assert len(table) >= 4
    assert not table.isna().any().any()
    assert set(table["kind"]) <= set(KINDS)
    assert table["source"].str.startswith("https://").all()
    assert table["year"].between(2010, 2026).all()


def test_a_sector_without_published_figures_is_refused():
    with pytest.raises(UserError, match="no sector 'retail'"):
        published_losses("retail")


def test_the_hipaa_ceiling_says_of_which_year_it_is_that_it_moves_and_that_less_is_asked_for():
    table = published_losses("healthcare")
    one = table[table["who"].str.contains("160.404")].iloc[0]
    assert (one["amount"], one["year"]) == (2_134_831, 2024)
    assert "adjusted every year" in one["figure"]
    assert "three of the four tiers" in one["figure"]
