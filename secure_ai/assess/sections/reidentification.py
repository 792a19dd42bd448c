"""How easily a record is traced: three attackers, class sizes, the riskiest combinations, why each column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from secure_ai.anonymize.tabular.proposal import (
    EXACT_ROWS,
    LEFT_OUT,
    SPLITS_NO_FURTHER,
    QuasiIdentifierChoice,
    riskiest_combinations,
)
from secure_ai.anonymize.tabular.risk import AttackerRisk, ReidentificationRisk, reidentification_risk
from secure_ai.assess.change import shown_figure
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import judge, leave_open, risk_of
from secure_ai.assess.section import Block, Drawing, Section, Table, Text, blocks
from secure_ai.assess.severity import severities, severity_of_table
from secure_ai.core import Finding, Measurement, Unassessed
from secure_ai.core.svg import Bar, bar_chart

ID, TITLE = "data.reidentification", "Re-identification risk"
ATTACKERS = ("prosecutor", "journalist", "marketer")
# Combinations of up to three are tried over at most this many columns, chosen ones first: 175 groupings.
COMBINED_COLUMNS = 10
# From this many records on only over those chosen: 41 groupings for six.
MANY_ROWS = 2_000_000
# Lower bounds of the bins in which class sizes are shown.
BIN_STARTS = (1, 2, 3, 5, 11, 20, 50, 100, 1000)
WHO = {
    "prosecutor": "from someone who knows that the person is in the file",
    "journalist": "from someone who does not know who is in the file",
}
KNOWS = {
    "prosecutor": "Knows that the person is in the file, and of that person: {}.",
    "journalist": "Holds a register of the population with: {}; does not know who is in the file.",
    "marketer": "Holds a register with: {}; wants as many correct matches as possible.",
}
NO_COLUMN = (
    "No column of this table could be proposed as a quasi-identifier: name those that an outsider "
    "could know with the parameter quasi_identifiers."
)
NOT_IN_POPULATION = (
    "The population table lacks some of the quasi-identifiers: name those that both tables have with the "
    "parameter quasi_identifiers."
)
LIMITS = (
    "Somebody who knows another column knows more; compare the list of columns with your own case. The "
    "figures assume that the attacker's knowledge is right and complete, and that one person has one record. "
    "Wrong or outdated knowledge lowers the real risk; several records of one person can raise or lower it."
)
COUNTED_IN = {"duckdb": "", "dask": " Counted by Dask, partition by partition."}


@dataclass(frozen=True)
class Reidentification:
    """Re-identification risk, and how its quasi-identifiers came about.

    Attributes:
        risk: the measurement, or why there is none.
        choices: one per column, with the reason.
        proposed: whether the kit chose the columns rather than the assessor.
        combinations: frame of :func:`~secure_ai.anonymize.riskiest_combinations`.
    """

    risk: ReidentificationRisk | Unassessed
    choices: tuple[QuasiIdentifierChoice, ...]
    proposed: bool
    combinations: pd.DataFrame


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Choose quasi-identifiers if none are named, count classes, and judge the risk from three attackers."""
    measured = measure(inputs, progress)
    risk, names = measured.risk, inputs.names
    n = inputs.n_rows
    found = findings(inputs, measured)
    if isinstance(risk, Unassessed):
        return Section(
            id=ID,
            title=TITLE,
            summary=f"not assessed: {risk.reason}",
            findings=found,
            blocks=blocks(Text(text=risk.reason), _choices(measured, inputs)),
        )
    known = ", ".join(names.columns(risk.quasi_identifiers))
    return Section(
        id=ID,
        title=TITLE,
        summary=class_size_title(risk),
        assessed=f"Re-identification risk of all {n:,} records by someone who knows {known}",
        findings=found,
        blocks=blocks(
            _introduction(measured, inputs),
            _class_sizes(risk),
            _all_figures(risk),
            _combinations(measured, inputs),
            _choices(measured, inputs),
            Text(text=LIMITS),
            Text(text=f"Severity follows the most sensitive tier in the table: {severities()}."),
        ),
        facts={
            "k": risk.k,
            "unique_records": risk.uniques,
            "classes": risk.classes,
            "quasi_identifiers": len(risk.quasi_identifiers),
        },
    )


def measure(inputs: Inputs, progress: Progress) -> Reidentification:
    """Measure the risk of the quasi-identifiers."""
    nothing = pd.DataFrame(columns=["columns", "size", "k", "classes", "uniques", "share_unique"])
    source, population = inputs.source, inputs.population
    progress("choosing quasi-identifiers", 0.0)
    columns, choices = inputs.quasi_identifiers
    proposed = not inputs.parameters.quasi_identifiers
    if not columns:
        return Reidentification(Unassessed(NO_COLUMN), choices, proposed, nothing)
    if population is not None and not set(columns) <= set(population.columns):
        return Reidentification(Unassessed(NOT_IN_POPULATION), choices, proposed, nothing)
    progress(f"counting the classes of {inputs.n_rows:,} records", 0.4)
    risk = reidentification_risk(
        source, columns, population=population, threshold=inputs.parameters.threshold, engine=inputs.engine
    )
    more = [choice.column for choice in choices if choice.reason in {SPLITS_NO_FURTHER, LEFT_OUT}]
    combined = [*columns, *(more if inputs.n_rows < MANY_ROWS else ())][:COMBINED_COLUMNS]
    progress(f"combining {len(combined)} columns", 0.6)
    combinations = riskiest_combinations(source, combined, engine=inputs.engine)
    return Reidentification(risk, choices, proposed, combinations)


def findings(inputs: Inputs, measured: Reidentification) -> tuple[Finding, ...]:
    """Return one finding per attacker: prosecutor, journalist, marketer."""
    return tuple(_finding(inputs, measured, attacker) for attacker in ATTACKERS)


def _finding(inputs: Inputs, section: Reidentification, attacker: str) -> Finding:
    parameters, risk = inputs.parameters, section.risk
    name = f"data.reidentification.{attacker}"
    if isinstance(risk, Unassessed):
        return leave_open(name, risk.reason, sector=parameters.sector, evidence=TITLE)
    known = KNOWS[attacker].format(", ".join(inputs.names.columns(risk.quasi_identifiers)))
    own = parameters.thresholds.get(name, risk.threshold)
    if own != risk.threshold and 0 < own <= 1:
        # The share of records at risk is counted at the threshold that the finding is judged by.
        risk = reidentification_risk(
            inputs.source, risk.quasi_identifiers, population=inputs.population, threshold=own,
            engine=inputs.engine,
        )  # fmt: skip
    figure, share = _figure(risk, attacker)
    if isinstance(figure, Unassessed):
        return leave_open(name, figure.reason, sector=parameters.sector, evidence=TITLE).model_copy(
            update={"attacker_knowledge": known}
        )
    severity, why = severity_of_table(inputs.inventory)
    usual = risk_of(name)
    set_here = parameters.threshold != usual.threshold
    return judge(
        name,
        _title(attacker, risk, figure),
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        threshold=parameters.threshold,
        threshold_source=f"set by the assessor; for comparison: {usual.threshold_source}"
        if set_here
        else None,
        success=share,
        severity=severity,
        severity_reason=why,
        knowledge=known,
        evidence=TITLE,
    )


def _figure(risk: ReidentificationRisk, attacker: str) -> tuple[Measurement | Unassessed, float]:
    """Return the figure that is compared with the threshold, and the share that grades likelihood."""
    if attacker == "marketer":
        return _relabeled(risk.marketer), risk.marketer.value
    figures = risk.prosecutor if attacker == "prosecutor" else risk.journalist
    if isinstance(figures, AttackerRisk):
        return _relabeled(figures.highest_risk), figures.records_at_risk.value
    return figures, 0.0


def _relabeled(figure: Measurement) -> Measurement:
    """Return a figure whose method names tables by what they are: the name of a file may be a person's."""
    return replace(
        figure, method=figure.method.replace("population table the population", "population table")
    )


def _title(attacker: str, risk: ReidentificationRisk, figure: Measurement) -> str:
    if attacker == "marketer":
        # Without a population table the figure is a bound, not what is to be expected.
        bound = "at most " if isinstance(risk.journalist, Unassessed) else ""
        share = shown_figure(figure.value, figure.unit)
        return f"Matched as a whole, {bound}{share} of the records would be traced correctly"
    figures = risk.prosecutor if attacker == "prosecutor" else risk.journalist
    at_risk = round(figures.records_at_risk.value * risk.n) if isinstance(figures, AttackerRisk) else 0
    if not at_risk:
        return f"No record has a risk above {shown_figure(risk.threshold, 'share')} {WHO[attacker]}"
    verb = "has" if at_risk == 1 else "have"
    share = f"{at_risk:,} of {risk.n:,} records ({shown_figure(at_risk / risk.n, 'share')})"
    return f"{share} {verb} a risk above {shown_figure(risk.threshold, 'share')} {WHO[attacker]}"


def _introduction(measured: Reidentification, inputs: Inputs) -> Text:
    risk = measured.risk
    assert isinstance(risk, ReidentificationRisk)
    known = ", ".join(inputs.names.columns(risk.quasi_identifiers))
    estimates = (
        f" While columns were chosen, the classes of tables above {EXACT_ROWS:,} records were estimated "
        "within about 2 %; every figure below is an exact count."
        if measured.proposed and risk.n > EXACT_ROWS and inputs.engine == "duckdb"
        else ""
    )
    one, alone = risk.k == 1, risk.uniques == 1
    return Text(
        text=(
            f"Quasi-identifiers {'proposed by the kit' if measured.proposed else 'named by the assessor'}: "
            f"{known}. Records that agree on all of them form a class; the smallest class has k = {risk.k:,} "
            f"{'record' if one else 'records'}, {risk.uniques:,} {'record is' if alone else 'records are'} "
            "alone in theirs. A missing value counts as a value of its own. The figures are exact counts "
            f"over all records, for these columns only.{estimates}{COUNTED_IN[inputs.engine]}"
        )
    )


# ---------------------------------------------------------------- tables and the drawing


def class_size_bins(risk: ReidentificationRisk) -> pd.DataFrame:
    """Sum class sizes into bins.

    Returns:
        One row per bin: ``class_size`` (text), ``classes``, ``records``, ``share`` (of records),
        ``highest_risk`` (of a record in the smallest class of the bin), ``above_threshold`` (whether
        every record of the bin is at risk; a bin is split where the threshold falls into it).
    """
    # The threshold is a boundary of its own: the first size that is no longer at risk.
    safe = math.ceil(1 / risk.threshold)
    safe += 1 / safe > risk.threshold
    starts = [start for start in sorted({*BIN_STARTS, safe}) if start <= max(risk.n, safe)]
    rows = []
    sizes = risk.class_sizes
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        inside = sizes["class_size"] >= start
        if following is not None:
            inside &= sizes["class_size"] < following
        label = f"{start} or more" if following is None else str(start)
        if following is not None and following - 1 > start:
            label = f"{start} to {following - 1}"
        classes, records = (int(sizes.loc[inside, name].sum()) for name in ("classes", "records"))
        rows.append((label, classes, records, records / risk.n, 1 / start, start < safe))
    names = ["class_size", "classes", "records", "share", "highest_risk", "above_threshold"]
    return pd.DataFrame(rows, columns=names)


def class_size_title(risk: ReidentificationRisk) -> str:
    """Say in one sentence what the drawing of class sizes shows."""
    at_risk = risk.prosecutor.records_at_risk.value
    return (
        f"{shown_figure(at_risk, 'share')} of the records are in classes so small that their risk is above "
        f"{shown_figure(risk.threshold, 'share')}; {shown_figure(risk.uniques / risk.n, 'share')} are unique"
    )


def _class_sizes(risk: ReidentificationRisk) -> list[Block]:
    bins, title = class_size_bins(risk), class_size_title(risk)
    bars = [
        Bar(
            f"class of {row.class_size}",
            row.share,
            f"{shown_figure(row.share, 'share')} ({row.records:,} record{'' if row.records == 1 else 's'})",
            bool(row.above_threshold),
        )
        for row in bins.itertuples()
    ]
    shown = pd.DataFrame(
        {
            "Class size": bins["class_size"],
            "Classes": bins["classes"],
            "Records": bins["records"],
            "Share": bins["share"],
            "Risk of a record up to": bins["highest_risk"],
            "Against the threshold": ["above" if above else "within" for above in bins["above_threshold"]],
        }
    )
    formats = ("text", "count", "count", "share", "figure", "text")
    return [
        Drawing(title=title, svg=str(bar_chart("class-sizes", title, bars, "at risk: above the threshold"))),
        Table.of("Records by the size of their class", shown, formats),
    ]


def _all_figures(risk: ReidentificationRisk) -> Table:
    rows = [
        (m.name.replace("_", " "), m.value, m.baseline, m.unit, _relabeled(m).method)
        for m in risk.measurements()
    ]
    frame = pd.DataFrame(rows, columns=["Figure", "Value", "Baseline", "Unit", "Method"])
    return Table.of("All figures, by attacker", frame, ("text", "figure", "figure", "text", "text"))


def _combinations(measured: Reidentification, inputs: Inputs) -> Table | None:
    found = measured.combinations
    if found.empty:
        return None
    frame = pd.DataFrame(
        {
            "Columns": [_joined(inputs, columns) for columns in found["columns"]],
            "Smallest class": found["k"],
            "Classes": found["classes"],
            "Unique records": found["uniques"],
            "Share": found["share_unique"],
        }
    )
    return Table.of(
        "The combinations of up to three columns that single out the most records",
        frame,
        ("text", "count", "count", "count", "share"),
    )


def _choices(measured: Reidentification, inputs: Inputs) -> Table:
    rows = [
        (inputs.names.column(c.column), c.role.value, c.reason, c.classes, c.uniques)
        for c in measured.choices
    ]
    return Table(
        title="Why each column was taken, or not",
        columns=("Column", "Taken as", "Why", "Classes so far", "Unique so far"),
        formats=("text", "text", "text", "count", "count"),
        rows=tuple(rows),
    )


def _joined(inputs: Inputs, columns: Sequence[str]) -> str:
    return ", ".join(inputs.names.columns(columns))
