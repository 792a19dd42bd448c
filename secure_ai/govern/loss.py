"""What security incidents cost in a year: how often times how much, simulated, before and after controls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from secure_ai.core import Measurement, UserError
from secure_ai.core.intervals import wilson
from secure_ai.govern.loss_inputs import (
    Control,
    Effect,
    LossScenario,
    SecondaryLoss,
    ThreatFrequency,
    draw_rates,
    draw_shares,
    draw_sizes,
)

SOURCE = "FAIR (Open Group Standard O-RT 3.0): loss event frequency x loss magnitude"
MOST_EVENTS = 20_000_000
EPISTEMIC_DRAWS = 20_000

__all__ = [
    "BeforeAfter",
    "Control",
    "Effect",
    "LossScenario",
    "SecondaryLoss",
    "ThreatFrequency",
    "annualized_loss_expectancy",
    "bad_year",
    "before_after",
    "exceedance_curve",
    "probability_of_exceeding",
    "return_on_control",
    "simulate_losses",
]


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """The same simulated years without and with controls.

    Attributes:
        before: annual losses, one row a simulated year, one column a scenario.
        after: the same years and the same events with the controls in place (cost not included).
        controls: one row a control, see :func:`return_on_control`.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    controls: pd.DataFrame


def simulate_losses(
    scenarios: Sequence[LossScenario], years: int = 100_000, seed: int | np.random.Generator = 0
) -> pd.DataFrame:
    """Simulate the losses of ``years`` independent years.

    Each year has a Poisson number of events per scenario, each event its own loss (a compound
    Poisson process). A frequency given as an interval is drawn anew for every year.

    Returns:
        One row a year, one column a scenario, in the scenarios' currency; zero where nothing happened.

    Raises:
        UserError: if there is no scenario, a name is repeated, currencies differ, or ``years`` is
            not positive.
    """
    return before_after(scenarios, (), years, seed).before


def annualized_loss_expectancy(
    scenarios: Sequence[LossScenario], years: int = 100_000, seed: int | np.random.Generator = 0
) -> Measurement:
    """Measure the expected loss of a year by simulation.

    The baseline is frequency times the *median* loss: what one gets who ignores the rare large
    losses. The interval is that of the simulated mean where frequencies are numbers; where they are
    intervals it is the spread of the expectation over them, which no number of years makes smaller.

    Raises:
        UserError: as :func:`simulate_losses`.
    """
    rng = np.random.default_rng(seed)
    annual = simulate_losses(scenarios, years, rng).sum(axis=1).to_numpy()
    value = float(annual.mean())
    half = 1.96 * float(annual.std(ddof=1) if years > 1 else value) / math.sqrt(years)
    low, high, method = value - half, value + half, f"Monte Carlo over {years:,} simulated years"
    if not all(scenario.frequency_is_certain for scenario in scenarios):
        worlds = sum(
            draw_rates(scenario, EPISTEMIC_DRAWS, rng) * scenario.mean_magnitude for scenario in scenarios
        )
        spread = np.quantile(worlds, [0.025, 0.975])
        low, high = min(low, float(spread[0])), max(high, float(spread[1]))
        method += "; interval over the stated frequencies"
    return Measurement(
        name="annualized_loss_expectancy",
        value=value,
        unit=f"{scenarios[0].currency} per year",
        n=years,
        baseline=sum(scenario.mean_frequency * scenario.median_magnitude for scenario in scenarios),
        interval=(low, high),
        method=method,
        source=SOURCE,
    )


def exceedance_curve(
    losses: pd.DataFrame | np.ndarray, amounts: Sequence[float] | None = None
) -> pd.DataFrame:
    """Return how likely a year is to lose more than each amount.

    Args:
        losses: annual losses; the columns of a frame are added up.
        amounts: the amounts to look at; 60 log-spaced ones over the positive losses if not given.

    Returns:
        Columns ``amount``, ``probability`` and its 95 % Wilson interval ``low`` and ``high``.

    Raises:
        UserError: if there are no losses, or one is negative or not finite.
    """
    annual = np.sort(_annual(losses))
    positive = annual[annual > 0]
    if amounts is None:
        start, stop = (positive[0], positive[-1]) if positive.size else (1.0, 10.0)
        amounts = np.geomspace(start, stop, 60)
    grid = np.asarray(amounts, dtype=float)
    above = annual.size - np.searchsorted(annual, grid, side="right")
    low, high = wilson(above, annual.size)
    return pd.DataFrame({"amount": grid, "probability": above / annual.size, "low": low, "high": high})


def probability_of_exceeding(losses: pd.DataFrame | np.ndarray, amount: float) -> Measurement:
    """Measure the probability that a year loses more than ``amount``.

    The baseline is the probability of any loss at all.

    Raises:
        UserError: as :func:`exceedance_curve`.
    """
    annual = _annual(losses)
    row = exceedance_curve(annual, [amount]).iloc[0]
    return Measurement(
        name="probability_of_exceeding",
        value=float(row["probability"]),
        unit="probability",
        n=annual.size,
        baseline=float((annual > 0).mean()),
        interval=(float(row["low"]), float(row["high"])),
        method=f"share of simulated years with a loss above {amount:,.0f}; 95 % Wilson interval",
        source=SOURCE,
    )


def bad_year(losses: pd.DataFrame | np.ndarray, one_in: float = 20) -> float:
    """Return the loss that is exceeded in one year out of ``one_in``.

    Raises:
        UserError: if ``one_in`` is not above 1, or as :func:`exceedance_curve`.
    """
    if not one_in > 1:
        raise UserError(f"One year in {one_in} is not possible: give a number above 1, such as 20.")
    return float(np.quantile(_annual(losses), 1 - 1 / one_in))


def before_after(
    scenarios: Sequence[LossScenario],
    controls: Sequence[Control],
    years: int = 100_000,
    seed: int | np.random.Generator = 0,
) -> BeforeAfter:
    """Simulate the same years without and with ``controls``.

    Both sides share their events: a control stops some of them and makes the others cheaper, so the
    difference is the controls' doing and not luck. Effects of several controls on one scenario
    multiply. An effect is drawn anew for every year from its interval.

    Raises:
        UserError: as :func:`simulate_losses`, and if a control acts on a scenario that is not there.
    """
    years = _check_years(years)
    _check_together(scenarios, controls)
    # One stream for the events, so that they are the same whatever controls are looked at.
    events, effects, worlds = np.random.default_rng(seed).spawn(3)
    before, after = {}, {}
    for scenario in scenarios:
        rates = draw_rates(scenario, years, events)
        if rates.sum() > MOST_EVENTS:
            raise UserError(
                f"{scenario.name}: {rates.sum():,.0f} events are too many to simulate: simulate fewer years, "
                "or state the loss of a month instead of an event."
            )
        counts = events.poisson(rates)
        year = np.repeat(np.arange(years), counts)
        sizes = draw_sizes(scenario, year.size, events)
        luck = events.random(year.size)
        before[scenario.name] = np.bincount(year, sizes, minlength=years)
        kept, price = np.ones(years), np.ones(years)
        for control in controls:
            effect = control.effects.get(scenario.name, Effect())
            kept *= 1 - draw_shares(effect.frequency, years, effects)
            price *= 1 - draw_shares(effect.magnitude, years, effects)
        remaining = np.where(luck < kept[year], sizes * price[year], 0.0)
        after[scenario.name] = np.bincount(year, remaining, minlength=years)
    table = return_on_control(scenarios, controls, worlds)
    return BeforeAfter(pd.DataFrame(before), pd.DataFrame(after), table)


def return_on_control(
    scenarios: Sequence[LossScenario],
    controls: Sequence[Control],
    seed: int | np.random.Generator = 0,
    draws: int = EPISTEMIC_DRAWS,
) -> pd.DataFrame:
    """Say what each control saves in an average year, what it returns, and how sure that is.

    Every draw is one set of true values that the stated intervals allow (frequencies and effects);
    given them, the expected saving is exact. The intervals are the 95 % range over the draws.

    Returns:
        One row a control, and a last row for all together (their effects multiply): ``control``,
        ``cost``, ``saves``, ``saves_low``, ``saves_high`` (currency a year), ``net`` (saves − cost),
        ``net_low``, ``net_high``, ``return`` (net ÷ cost; NaN where the cost is 0) and
        ``chance_it_pays`` (share of the draws with net > 0).

    Raises:
        UserError: as :func:`before_after`.
    """
    _check_together(scenarios, controls)
    rng = np.random.default_rng(seed)
    expected = {item.name: draw_rates(item, draws, rng) * item.mean_magnitude for item in scenarios}
    left = {item.name: np.ones(draws) for item in scenarios}
    rows = []
    for control in controls:
        saved = np.zeros(draws)
        for name, effect in control.effects.items():
            share = (1 - draw_shares(effect.frequency, draws, rng)) * (
                1 - draw_shares(effect.magnitude, draws, rng)
            )
            saved += expected[name] * (1 - share)
            left[name] *= share
        rows.append(_return_row(control.name, control.annual_cost, saved))
    if len(controls) > 1:
        together = sum(expected[item.name] * (1 - left[item.name]) for item in scenarios)
        rows.append(_return_row("all together", sum(item.annual_cost for item in controls), together))
    return pd.DataFrame(rows, columns=list(_return_row("", 1.0, np.zeros(1))))


def _return_row(name: str, cost: float, saved: np.ndarray) -> dict[str, object]:
    saves, (low, high) = float(saved.mean()), np.quantile(saved, [0.025, 0.975])
    return {
        "control": name,
        "cost": float(cost),
        "saves": saves,
        "saves_low": float(low),
        "saves_high": float(high),
        "net": saves - cost,
        "net_low": float(low - cost),
        "net_high": float(high - cost),
        "return": (saves - cost) / cost if cost else math.nan,
        "chance_it_pays": float((saved > cost).mean()),
    }


def _annual(losses: pd.DataFrame | np.ndarray) -> np.ndarray:
    values = np.asarray(losses, dtype=float)
    annual = values.sum(axis=1) if values.ndim == 2 else values
    if annual.size == 0:
        raise UserError("There are no simulated years: call simulate_losses first.")
    if not np.isfinite(annual).all() or (annual < 0).any():
        raise UserError("An annual loss is negative or not a number: pass the result of simulate_losses.")
    return annual


def _check_years(years: int) -> int:
    if not isinstance(years, int | np.integer) or isinstance(years, bool) or years < 1:
        raise UserError(f"Cannot simulate {years} years: give a whole number from 1 upwards, such as 100000.")
    return int(years)


def _check_together(scenarios: Sequence[LossScenario], controls: Sequence[Control]) -> None:
    if not scenarios:
        raise UserError("There is no loss scenario to simulate: give at least one.")
    names = [scenario.name for scenario in scenarios]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise UserError(f"Two loss scenarios are called '{repeated}': give each its own name.")
    currencies = sorted({scenario.currency for scenario in scenarios})
    if len(currencies) > 1:
        raise UserError(f"The scenarios are in {' and '.join(currencies)}: convert them to one currency.")
    for control in controls:
        unknown = next((name for name in control.effects if name not in names), None)
        if unknown is not None:
            raise UserError(
                f"The control '{control.name}' acts on '{unknown}', which is no scenario here: "
                f"choose from {', '.join(names)}."
            )
