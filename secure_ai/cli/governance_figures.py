"""Commands of governance that measure: fairness (rates by group) and loss (money at risk)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_ai.cli.app import SECTORS, reading_options, root
from secure_ai.cli.governance import (
    FILE,
    FOUND,
    UNASSESSED,
    as_json,
    formats_option,
    picture,
    print_frame,
    today_option,
    write_documents,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from secure_ai.govern.records import Section

CHANCE = click.FloatRange(0, 1, min_open=True, max_open=True)


@root.command()
@click.argument("source", metavar="TABLE")
@click.option("--decision", required=True, metavar="COLUMN", help="The decision: 1 and 0, or true and false.")
@click.option("--outcome", metavar="COLUMN", help="What turned out; without it only selection is compared.")
@click.option("--group", required=True, metavar="COLUMN", help="The group of each person.")
@click.option("--score", metavar="COLUMN", help="The score behind the decision: what each definition costs.")
@click.option("--decision-yes", metavar="VALUE", help="What stands in the column where the answer is yes.")
@click.option("--outcome-yes", metavar="VALUE", help="The same for --outcome.")
@click.option("--tolerance", type=CHANCE, default=0.05, show_default=True, help="Accepted difference.")
@click.option("--fewest", type=click.IntRange(1), default=20, show_default=True, help="Cases a rate needs.")
@click.option("--threshold", type=float, default=0.5, show_default=True, help="Of --score.")
@click.option("--cost-missed", type=float, default=1.0, show_default=True, help="With --score.")
@click.option("--cost-false-alarm", type=float, default=1.0, show_default=True, help="With --score.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--out", type=FILE, help="Folder for the report, written whole or not at all.")
@formats_option
@today_option
@reading_options
def fairness(
    *,
    source: str,
    decision: str,
    outcome: str | None,
    group: str,
    score: str | None,
    decision_yes: str | None,
    outcome_yes: str | None,
    tolerance: float,
    fewest: int,
    threshold: float,
    cost_missed: float,
    cost_false_alarm: float,
    seed: int,
    out: Path | None,
    formats: tuple[str, ...],
    today: date | None,
    **reading: str | None,
) -> int:
    """Compare the decisions in TABLE between groups: rates, definitions of fairness, what each costs.

    Exit code 1 if a definition is violated, 3 if none could be judged.

    Example: secure-ai fairness loans.csv --decision approved --outcome repaid --group sex --out report
    """
    from secure_ai.core.measurement import Unassessed
    from secure_ai.core.sources import open_source
    from secure_ai.govern.fairness import (
        group_cases,
        group_rates,
        judge_definitions,
        rates_finding,
        trade_off,
        worst_gap,
    )

    if score is not None and outcome is None:
        raise UserError("--score needs --outcome: without it no threshold can be judged.")
    opened = open_source(source, **reading)
    named = list(dict.fromkeys(name for name in (decision, outcome, group, score) if name is not None))
    opened.require(named)
    frame = opened.to_pandas(named)
    truth = None if outcome is None else _yes(frame, outcome, outcome_yes, "--outcome-yes")
    decided = _yes(frame, decision, decision_yes, "--decision-yes")
    cases = group_cases(decided, truth, frame[group], fewest=fewest)
    rates = group_rates(cases, fewest=fewest)
    judged = judge_definitions(rates, tolerance=tolerance)
    gaps = {
        name: worst_gap(cases, name, fewest=fewest, seed=seed) for name in dict.fromkeys(rates.table["rate"])
    }
    policies = None
    if score is not None:
        policies = trade_off(
            frame[score], truth, frame[group], threshold=threshold, cost_missed=cost_missed,
            cost_false_alarm=cost_false_alarm, fewest=fewest, seed=seed,
        )  # fmt: skip
    if out is not None:
        record = _fairness_record(
            opened.label, rates, judged=judged, gaps=gaps, policies=policies, tolerance=tolerance, today=today
        )
        figures = {
            name: {"reason": found.reason} if isinstance(found, Unassessed) else found.to_dict()
            for name, found in gaps.items()
        }
        answers = judged[["definition", "answer", "because"]].to_dict("records")
        content = as_json({"largest_gaps": figures, "definitions": answers})
        write_documents(out, [record], formats, fairness_json=content)
    print(rates.to_frame().to_string())
    print_frame(judged[["definition", "answer", "because"]])
    print(rates_finding(rates))
    if policies is not None:
        print(policies.costs.to_string(index=False))
    answers = set(judged["answer"])
    return FOUND if "violated" in answers else UNASSESSED if answers == {"unassessed"} else 0


@root.command()
@click.argument("model", metavar="SECTOR_OR_FILE")
@click.option("--years", type=click.IntRange(100, 5_000_000), default=100_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--amount", type=click.FloatRange(0, min_open=True), default=1_000_000.0, show_default=True,
              help="How likely is a year above it?")  # fmt: skip
@click.option("--one-in", type=click.FloatRange(1, min_open=True), default=20.0, show_default=True,
              help="How bad is one year in so many?")  # fmt: skip
@click.option("--sector", type=SECTORS, help="Whose published figures stand beside; needed with a file.")
@click.option("--out", type=FILE, help="Folder for the report, written whole or not at all.")
@formats_option
@today_option
def loss(
    *,
    model: str,
    years: int,
    seed: int,
    amount: float,
    one_in: float,
    sector: str | None,
    out: Path | None,
    formats: tuple[str, ...],
    today: date | None,
) -> None:
    """Simulate what a year may cost, without and with controls, and set published figures beside it.

    SECTOR_OR_FILE is healthcare or finance for the kit's illustration, or a loss model of your own (YAML).

    Example: secure-ai loss finance --years 100000 --out losses
    """
    from secure_ai.govern.loss import annualized_loss_expectancy, before_after
    from secure_ai.govern.loss_charts import controls_summary, exceedance_sentence, exceedance_summary
    from secure_ai.govern.loss_model import load_loss_model

    loaded = load_loss_model(model)
    currency = loaded.scenarios[0].currency
    result = before_after(loaded.scenarios, loaded.controls, years, seed)
    summary = exceedance_summary(result, amount, one_in, currency)
    controls = controls_summary(result, currency) if loaded.controls else None
    beside = sector or (model if model in {"healthcare", "finance"} else None)
    if out is not None:
        expected = annualized_loss_expectancy(loaded.scenarios, years, seed)
        parts = _loss_sections(
            loaded,
            result,
            summary=summary,
            controls=controls,
            sector=beside,
            one_in=one_in,
            currency=currency,
        )
        sentence = exceedance_sentence(result, one_in, currency)
        _write_loss(out, formats, parts, expected=expected, sentence=sentence, today=today)
    print(summary.to_string())
    if controls is not None:
        print(controls.to_string(index=False))
    print(exceedance_sentence(result, one_in, currency))


def _yes(frame: pd.DataFrame, column: str, yes: str | None, option: str) -> np.ndarray | pd.Series:
    if yes is None:
        return frame[column]
    if frame[column].isna().any():
        return frame[column]  # The library says how many are missing.
    if frame[column].dtype == bool:  # A column of yes and no, or true and false, is read as that.
        found = frame[column] == (yes.casefold() in {"yes", "y", "true", "t", "1"})
    else:
        found = frame[column].astype(str) == yes
    if not found.any():
        raise UserError(f"{option}: this value does not stand in the column {column}: check its spelling.")
    return found.to_numpy()


def _fairness_record(label, rates, *, judged, gaps, policies, tolerance, today) -> Any:
    from secure_ai.govern.fairness import (
        plot_rates,
        plot_trade_off,
        rates_finding,
        trade_off_finding,
    )
    from secure_ai.govern.fairness.trade_offs import WARNING
    from secure_ai.govern.records import Paragraph, Record, Section, Table, measurements_table

    finding = rates_finding(rates)
    blocks = [Table.from_frame("Each rate with its 95 % interval (Wilson)", rates.to_frame().reset_index())]
    if rates.table["value"].notna().any():
        blocks.append(picture(plot_rates(rates), finding, finding))
    sections = [
        Section("Rates by group", tuple(blocks)),
        Section(
            "Definitions of fairness",
            (
                Paragraph(
                    "They exclude each other where groups differ in their base rate: which one is owed is a "
                    "decision of people."
                ),
                Table.from_frame(f"Judged with a tolerance of {tolerance:g}", judged),
            ),
        ),
        Section(
            "Largest gaps, against chance",
            (
                measurements_table(
                    "Baseline and control: what groups dealt out at random show, on average and at 95 %",
                    [(name.replace("_", " "), found) for name, found in gaps.items()],
                ),
            ),
        ),
    ]
    if policies is not None:
        cost = trade_off_finding(policies)
        sections.append(
            Section(
                "What each definition costs",
                (
                    Table.from_frame(
                        f"Fitted on {policies.fitted:,} cases, judged on {policies.judged:,}", policies.costs
                    ),
                    picture(plot_trade_off(policies), cost, cost),
                    Paragraph(WARNING, note=True),
                ),
            )
        )
    return Record(
        title=f"Fairness of decisions: {label}",
        kind="Fairness report",
        file_name="fairness",
        sections=tuple(sections),
        summary=finding,
        dated=today,
    )


def _loss_sections(loaded, result, *, summary, controls, sector, one_in, currency) -> tuple[Section, ...]:
    from secure_ai.govern.loss_charts import controls_sentence, plot_controls, plot_exceedance
    from secure_ai.govern.loss_charts import exceedance_sentence as sentence_of
    from secure_ai.govern.published_losses import published_losses
    from secure_ai.govern.records import Section, Table

    sentence = sentence_of(result, one_in, currency)
    sections = [
        Section(
            "Scenarios",
            (
                Table.from_frame("How often, and how much", loaded.to_frame()),
                Table.from_frame("Where the figures come from", loaded.sources()),
            ),
        ),
        Section(
            "What a year may cost",
            (
                Table.from_frame("Simulated years", summary.reset_index(names="what")),
                picture(plot_exceedance(result, one_in, currency), sentence, sentence),
            ),
        ),
    ]
    if controls is not None:
        saves = controls_sentence(result)
        sections.append(
            Section(
                "Controls",
                (
                    Table.from_frame("What each saves", controls),
                    picture(plot_controls(result, currency), saves, saves),
                ),
            )
        )
    if sector is not None:
        published = Table.from_frame("Published, for comparison only", published_losses(sector))
        sections.append(Section("What others have published", (published,)))
    return tuple(sections)


def _write_loss(out, formats, sections, *, expected, sentence, today) -> None:
    from secure_ai.govern.records import Record

    record = Record(
        title="What a year may cost",
        kind="Loss model",
        file_name="losses",
        facts={"Expected loss of a year": expected},
        summary=sentence,
        sections=sections,
        dated=today,
    )
    write_documents(out, [record], formats, loss_json=as_json({"expected": expected.to_dict()}))
