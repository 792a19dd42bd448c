"""What the section on fairness shows: rates by group, the largest differences, definitions, trade-offs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.section import Block, Table, Text
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import percent
from secure_ai.govern.fairness import GroupRates, judge_definitions, trade_off
from secure_ai.govern.fairness.charts import trade_off_finding
from secure_ai.govern.fairness.trade_offs import WARNING

if TYPE_CHECKING:
    from secure_ai.assess.sections.decisions import Decisions
    from secure_ai.assess.sections.fairness import Compared

FOUR_FIFTHS = 0.8


def rates_table(name: str, rates: GroupRates) -> Table:
    """Return a row for each group: its people, and every rate with its interval; none where it is too small.

    The false negative rate is left out: it is what the true positive rate lacks.
    """
    table = rates.table[rates.table["rate"] != "false_negative_rate"]
    shown = [
        f"{percent(row.value)} ({percent(row.low)} to {percent(row.high)})" if row.value == row.value else "–"
        for row in table.itertuples()
    ]
    names = list(dict.fromkeys(table["rate"]))
    people = table[table["rate"] == "selection_rate"].set_index("group")["n"]
    frame = table.assign(shown=shown).pivot(index="group", columns="rate", values="shown")
    groups = list(dict.fromkeys(table["group"]))
    frame = frame.reindex(index=groups, columns=names).rename(columns=lambda rate: rate.replace("_", " "))
    frame.insert(0, "people", people.reindex(groups))
    return Table.of(
        f"Rates by {name}, with 95% intervals; – where a group is too small",
        frame.reset_index(),
        ("text", "count", *("text",) * len(names)),
    )


def compared_table(compared: Sequence[Compared]) -> Table:
    """Return for each grouping the largest difference of the favorable decision, and the ratio."""
    rows = []
    for one in compared:
        gap = one.gaps["selection_rate"]
        known = one.rates.of("selection_rate").dropna(subset="value")
        if not isinstance(gap, Measurement):
            rows.append((one.name, len(known), None, None, None, None, None, f"unassessed: {gap.reason}"))
            continue
        high, low = float(known["value"].max()), float(known["value"].min())
        ratio = low / high if high else None
        words = (
            "no ratio: nobody is favored"
            if ratio is None
            else f"{'below' if ratio < FOUR_FIFTHS else 'not below'} four fifths"
        )
        rows.append((one.name, len(known), gap.value, *gap.interval, gap.control, ratio, words))
    columns = [
        "grouping", "groups compared", "largest difference", "at least", "at most",
        "by chance (1 in 20, all together)", "lowest rate / highest", "for comparison",
    ]  # fmt: skip
    return Table.of(
        "How far groups are apart in the favorable decision",
        pd.DataFrame(rows, columns=columns),
        ("text", "count", "share", "share", "share", "share", "figure", "text"),
    )


def definitions_table(name: str, rates: GroupRates) -> Table:
    """Return which definitions of fairness these decisions meet, and what each gives up."""
    frame = judge_definitions(rates)
    return Table.of(f"Definitions of fairness by {name}, differences of 5 points accepted", frame)


def trade_off_blocks(inputs: Inputs, decided: Decisions, compared: Sequence[Compared]) -> list[Block]:
    """Return what meeting each definition would cost, for each grouping; nothing where it cannot be "
    "judged."""
    if decided.score is None or decided.deserved is None:
        return []
    found: list[Block] = []
    for one in compared:
        try:
            traded = trade_off(
                decided.score,
                decided.deserved,
                one.rates.cases.group,
                threshold=decided.threshold,
                seed=inputs.parameters.seed,
            )
        except UserError as error:
            found.append(Text(text=f"What definitions would cost by {one.name} was not judged: {error}"))
            continue
        costs = traded.costs.drop(columns=["cost", "more", "more low", "more high"])
        kinds = {"policy": "text", "missed": "count", "false alarms": "count"}
        table = Table.of(
            f"What each definition would cost by {one.name}, on {traded.judged:,} people",
            costs,
            tuple(kinds.get(column, "share") for column in costs.columns),
        )
        found += [table, Text(text=trade_off_finding(traded))]
    return [*found, Text(text=WARNING)] if any(isinstance(part, Table) for part in found) else found
