"""What the findings may cost in a year: the loss model, with measured success rates in place of guesses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.assess.change import shown
from secure_ai.assess.risks import bad_side
from secure_ai.assess.section import Block, Drawing, Section, Table, Text, blocks
from secure_ai.assess.treatment.plan import PERSONAL, known_ids
from secure_ai.core import Finding, Measurement, Unassessed, UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent
from secure_ai.core.sources import shown as shown_name
from secure_ai.core.text import mask_spans
from secure_ai.core.yaml_files import read_yaml
from secure_ai.govern.loss import (
    BeforeAfter,
    LossScenario,
    ThreatFrequency,
    annualized_loss_expectancy,
    bad_year,
    before_after,
    exceedance_curve,
    return_on_control,
)
from secure_ai.govern.loss_charts import money
from secure_ai.govern.loss_model import LossModel, interval, load_loss_model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID = "treatment.losses"
TITLE = "What it may cost in a year"
YEARS = 20_000
# More would take longer than the report is worth waiting for; fewer years are simulated instead.
MOST_EVENTS = 2_000_000
FEWEST_YEARS = 1_000
ONE_IN = 20


@dataclass(frozen=True)
class Linked:
    """A scenario whose share of successful attempts was looked for among the findings.

    Attributes:
        stated: as the file has it.
        now: with the measured share; as stated where nothing usable was measured.
        after: with the share measured on the mitigated version; as ``now`` where there is none.
        words: which share was used and why.
    """

    stated: LossScenario
    now: LossScenario
    after: LossScenario
    words: str


def read_losses(path: str | Path | None, sector: str) -> LossModel:
    """Read the scenarios and controls, and check that they can be simulated together.

    Args:
        path: of the organization's own file; None for the kit's illustration.
        sector: ``"healthcare"`` or ``"finance"``.

    Raises:
        UserError: if it cannot be read, a field is wrong, it names an unknown finding, or its figures are too
            large to simulate.
    """
    if path is not None:
        read_yaml(path, "file of losses")  # refuses pipes, large files and what is no YAML
    try:
        model = load_loss_model(sector if path is None else Path(path))
        return_on_control(model.scenarios, model.controls, 0, draws=100)
        events = sum(scenario.mean_frequency for scenario in model.scenarios)
        finite = all(math.isfinite(scenario.expected_annual_loss) for scenario in model.scenarios)
    except (TypeError, AttributeError, ValueError, ArithmeticError):
        raise UserError(
            "The file of losses holds something else than the names, numbers and intervals it needs: "
            "start from secure_ai/govern/data/loss_finance.yaml."
        ) from None
    if not finite or not events <= MOST_EVENTS / FEWEST_YEARS:
        raise UserError(
            f"The losses count more than {MOST_EVENTS / FEWEST_YEARS:,.0f} events a year, or amounts without "
            "end: state the loss of a month or a year instead of each event."
        )
    stray = next((one for one in model.scenarios if one.finding and one.finding not in known_ids()), None)
    if stray is not None:
        raise UserError(
            f"The loss scenario '{shown_name(stray.name)}' names the finding '{shown_name(stray.finding)}', "
            "which no assessment has: use an id of findings.json."
        )
    return model


def without_people(model: LossModel) -> LossModel:
    """Hide names, addresses and numbers of people in what an organization wrote of its own losses.

    A scenario or control whose name held one is numbered, so that no two are called alike.
    """
    from secure_ai.discover import detect

    names = [one.name for one in (*model.scenarios, *model.controls)]
    others = [model.source, *model.stories.values(), *(one.source for one in model.scenarios)]
    texts = list(dict.fromkeys(map(str, [*names, *others, *(one.source for one in model.controls)])))
    found = detect(texts, entities=(*PERSONAL, "EMAIL_ADDRESS"))
    hidden = {text: mask_spans(text, spans) for text, spans in zip(texts, found, strict=True) if spans}
    if not hidden:
        return model
    called = {
        name: f"{hidden[name]} {number}" if name in hidden else name
        for number, name in enumerate(dict.fromkeys(map(str, names)), 1)
    }

    def said(text: str) -> str:
        return hidden.get(str(text), text)

    return replace(
        model,
        source=said(model.source),
        stories={called[str(name)]: said(story) for name, story in model.stories.items()},
        scenarios=tuple(
            replace(one, name=called[str(one.name)], source=said(one.source)) for one in model.scenarios
        ),
        controls=tuple(
            replace(
                one,
                name=called[str(one.name)],
                source=said(one.source),
                effects={called.get(str(name), name): effect for name, effect in one.effects.items()},
            )
            for one in model.controls
        ),
    )


def link(model: LossModel, findings: Sequence[Finding]) -> list[Linked]:
    """Put the measured success rates in the place of the stated ones, where a scenario names a finding."""
    by_id = {finding.id: finding for finding in findings}
    return [_link(scenario, by_id.get(scenario.finding)) for scenario in model.scenarios]


def losses_section(
    model: LossModel, findings: Sequence[Finding], *, illustration: bool, seed: int
) -> Section:
    """Simulate the losses of a year and return what a committee needs of them.

    Args:
        model: scenarios and controls.
        findings: with their measurements, before and after.
        illustration: whether the figures are the kit's own and not the organization's.
        seed: makes the simulation repeatable.
    """
    linked = link(model, findings)
    first = (
        "The amounts and frequencies below are an illustration that was made up for this kit, not the "
        f"organization's: {model.source}."
        if illustration
        else f"The amounts and frequencies below are the organization's own: {model.source}."
    )
    try:
        return _simulated(model, linked, first, illustration, seed)
    except (UserError, ArithmeticError, ValueError, MemoryError) as error:
        reason = str(error) if isinstance(error, UserError) else "the figures are too large to simulate"
        return Section(
            id=ID,
            title=TITLE,
            summary="unassessed: the losses could not be simulated",
            blocks=blocks(Text(text=first), Text(text=Unassessed(reason).sentence())),
            facts={"illustration": illustration, "expected_loss": None},
        )


def _simulated(
    model: LossModel, linked: Sequence[Linked], first: str, illustration: bool, seed: int
) -> Section:
    now, currency = [one.now for one in linked], model.scenarios[0].currency
    mitigated = any(one.after is not one.now for one in linked)
    years = _years(now)
    result = before_after(now, model.controls, years, seed)
    expected = annualized_loss_expectancy(now, years, seed)
    later = before_after([one.after for one in linked], (), years, seed).before if mitigated else None
    sides = _sides(result, later, bool(model.controls))
    low, high = (money(amount, currency) for amount in expected.interval)
    bad = bad_year(result.before, ONE_IN)
    kind = "An illustration" if illustration else "Expected"
    summary = (
        f"{kind}: {money(expected.value, currency)} in an average year ({low} to {high}); "
        f"one year in {ONE_IN} costs more than {money(bad, currency)}"
    )
    return Section(
        id=ID,
        title=TITLE,
        summary=summary,
        blocks=blocks(
            Text(text=first),
            Text(text=f"{summary}. {expected.method}; {expected.source}."),
            [Text(text=one.words) for one in linked if one.words],
            _scenarios(model, linked, mitigated, currency),
            _summary_table(sides, currency),
            _curves(sides, currency),
            _controls(result, currency) if model.controls else None,
            None
            if illustration
            else Table.of("Where the figures of each scenario come from", model.sources()),
        ),
        facts={
            "illustration": illustration,
            "expected_loss": expected.value,
            "expected_loss_low": expected.interval[0],
            "expected_loss_high": expected.interval[1],
            "bad_year": bad,
            "bad_year_one_in": ONE_IN,
            "currency": currency,
            "years": years,
            "measured_scenarios": sum(one.now is not one.stated for one in linked),
        },
    )


def _link(scenario: LossScenario, finding: Finding | None) -> Linked:
    if not scenario.finding or not isinstance(scenario.frequency, ThreatFrequency):
        return Linked(scenario, scenario, scenario, "")
    stated = " to ".join(percent(share) for share in scenario.frequency.success)
    start = f"{scenario.name}: {stated} of the attempts were stated to succeed"
    measured = finding.measurement if finding else Unassessed("this assessment has no such finding")
    try:
        if bad_side(scenario.finding) == "below":
            raise UserError("A figure that ought to be high is no success of an attacker.")
        now = _with_share(scenario, measured)
    except UserError:
        why = (
            f"was not measured ({measured.reason.rstrip('.')})"
            if isinstance(measured, Unassessed)
            else f"({measured.name}) is no share of attempts that succeed"
        )
        return Linked(scenario, scenario, scenario, f"{start}; {scenario.finding} {why}, so this stays.")
    words = f"{start}; {scenario.finding} measured {shown(measured)}, which is used in its place."
    after = now
    if finding is not None and isinstance(finding.after, Measurement):
        try:
            after = _with_share(scenario, finding.after)
            words += f" On the mitigated version: {shown(finding.after)}."
        except UserError:
            words += " What was measured on the mitigated version is no share of attempts that succeed."
    return Linked(scenario, now, after, words)


def _with_share(scenario: LossScenario, measured: Measurement | Unassessed) -> LossScenario:
    frequency = scenario.frequency
    attempts = frequency.attempts if isinstance(frequency, ThreatFrequency) else frequency
    return replace(scenario, frequency=ThreatFrequency.measured(attempts, measured))


def _years(scenarios: Sequence[LossScenario]) -> int:
    events = sum(scenario.mean_frequency for scenario in scenarios)
    return max(FEWEST_YEARS, min(YEARS, int(MOST_EVENTS / max(events, 1))))


def _sides(result: BeforeAfter, later: pd.DataFrame | None, controlled: bool) -> dict[str, pd.DataFrame]:
    sides = {"as it is": result.before}
    if later is not None:
        sides["mitigated version, as measured"] = later
    if controlled:
        sides["as it is, with all controls of the model"] = result.after
    return sides


def _scenarios(model: LossModel, linked: Sequence[Linked], mitigated: bool, currency: str) -> Table:
    rows = []
    for one in linked:
        amounts = [round(one.stated.expected_annual_loss), round(one.now.expected_annual_loss)]
        if mitigated:
            amounts.append(round(one.after.expected_annual_loss))
        source = "as stated" if one.now is one.stated else f"success measured by {one.now.finding}"
        rows.append(
            (
                str(one.now.name), str(model.stories[one.now.name]), interval(one.now.frequency),
                f"{interval(one.now.magnitude)} {currency}", source, *amounts,
            )
        )  # fmt: skip
    columns = ["scenario", "what happens", "times a year", "each time", "frequency", "expected as stated",
               "expected as measured"]  # fmt: skip
    return Table(
        title=f"Expected loss of each scenario in a year ({currency}): how often times how much",
        columns=(*columns, *(["expected after mitigation"] if mitigated else [])),
        formats=("text",) * 5 + ("count",) * (3 if mitigated else 2),
        rows=tuple(rows),
    )


def _summary_table(sides: Mapping[str, pd.DataFrame], currency: str) -> Table:
    rows = tuple(
        (
            name,
            round(float(losses.sum(axis=1).mean())),
            round(bad_year(losses, ONE_IN)),
            float((losses.sum(axis=1) > 0).mean()),
        )
        for name, losses in sides.items()
    )
    return Table(
        title=f"Simulated years ({currency}): the average, the bad year, and how likely any loss is",
        columns=("", "average year", f"one year in {ONE_IN} costs more than", "chance of any loss"),
        formats=("text", "count", "count", "share"),
        rows=rows,
    )


def _curves(sides: Mapping[str, pd.DataFrame], currency: str) -> Drawing | Text:
    """Draw how likely a year is to lose more than each amount."""
    annual = next(iter(sides.values())).sum(axis=1)
    positive = annual[annual > 0]
    if positive.empty:
        return Text(text="No simulated year has a loss, so there is no curve to draw.")
    low, high = max(float(positive.quantile(0.01)), 1.0), max(float(annual.quantile(0.999)), 10.0)
    figure = _figure(4.2)
    axes = figure.subplots()
    amounts = np.geomspace(10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high)), 120)
    styles = zip((RISK, SCORE, GUIDE), ("-", "--", "-."), strict=True)
    for (name, losses), (color, line) in zip(sides.items(), styles, strict=False):
        curve = exceedance_curve(losses, amounts)
        axes.plot(curve["amount"], curve["probability"], color=color, linestyle=line, linewidth=2, label=name)
        axes.plot(bad_year(losses, ONE_IN), 1 / ONE_IN, "o", color=color)
    axes.axhline(1 / ONE_IN, color=GUIDE, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xlim(amounts[0], amounts[-1])
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: _plain(money(value, currency)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("loss in one year (each mark is ten times the one before)")
    axes.set_ylabel("chance that a year loses more")
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.25)
    said = "; ".join(f"{money(bad_year(one, ONE_IN), currency)} {name}" for name, one in sides.items())
    return Drawing.of(f"What one year in {ONE_IN} costs at least: {said}", figure)


def _controls(result: BeforeAfter, currency: str) -> list[Block]:
    table = result.controls
    rows = tuple(
        (
            str(row["control"]), round(row["cost"]), round(row["saves"]), round(row["saves_low"]),
            round(row["saves_high"]), round(row["net"]),
            None if math.isnan(row["return"]) else float(row["return"]), float(row["chance_it_pays"]),
        )
        for row in table.to_dict("records")
    )  # fmt: skip
    figure = _figure(0.5 * len(table) + 1.2)
    axes, upwards = figure.subplots(), table.iloc[::-1]
    places = range(len(upwards))
    axes.hlines(places, upwards["net_low"], upwards["net_high"], color=SCORE, linewidth=3, alpha=0.5)
    axes.plot(upwards["net"], places, "o", color=SCORE)
    axes.axvline(0, color=GUIDE, linewidth=1)
    axes.set_yticks(places, [_plain(str(name)) for name in upwards["control"]])
    axes.xaxis.set_major_formatter(lambda value, _: _plain(money(value, currency)))
    axes.tick_params(axis="x", labelsize=8)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("saved minus cost in an average year, with its 95 % range; right of 0 it pays for itself")
    axes.grid(axis="x", alpha=0.25)
    single = table[table["control"] != "all together"]
    best = single.loc[single["chance_it_pays"].idxmax()]
    title = (
        f"Surest to pay for itself: {best['control']} ({percent(float(best['chance_it_pays']))} of the draws)"
    )
    return [
        Table(
            title=f"What each control costs and saves in an average year ({currency}), with its 95 % range",
            columns=("control", "cost", "saves", "saves at least", "saves at most", "saves minus cost",
                     "back for each 1 spent, beyond it", "chance it pays"),
            formats=("text", "count", "count", "count", "count", "count", "figure", "share"),
            rows=rows,
        ),
        Drawing.of(title, figure),
    ]  # fmt: skip


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(8.5, height), dpi=80, layout="constrained")


def _plain(text: str) -> str:
    # matplotlib would set what stands between two dollar signs as a formula.
    return text.replace("$", r"\$")
