"""What anonymization would cost: for several k the risk that is left, and the detail that is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.anonymize.tabular.frontier import Frontier, frontier
from secure_ai.anonymize.tabular.methods import SUPPRESSION_LIMIT, Method, Plan, with_hierarchies
from secure_ai.anonymize.tabular.requirements import Requirements
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.progress import Progress
from secure_ai.assess.section import Block, Drawing, Section, Table, Text, blocks
from secure_ai.core import UserError
from secure_ai.core.sources import Source, column_list

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ID, TITLE = "data.anonymization", "What anonymization would cost"
# A class of five for sharing under controls, of eleven as Medicare publishes (no cell from 1 to 10).
KS = (5, 11)
SAMPLED_ROWS = 50_000
# Generalizing by levels searches the lattice of all columns: with more, its time would not be bounded.
MOST_COLUMNS, MOST_VALUES = 8, 5_000
METHODS = {
    Method.MONDRIAN: "each class as coarse as it needs",
    Method.FULL_DOMAIN: "each column at one level, few records suppressed",
}
EXPLAINED = (
    "Information loss is the normalized certainty penalty: 0 where every cell says what it said, 1 where "
    "none says anything (Xu et al., 2006). Two methods are tried: Mondrian makes each class as coarse as it "
    "needs (LeFevre et al., 2006); full-domain generalization puts each column at one level in the whole "
    f"table and may suppress at most {SUPPRESSION_LIMIT:.0%} of the records. The highest risk is that of the "
    "prosecutor in the released table. Direct identifiers are not part of a release: "
    "remove or replace them first. A release that is "
    "meant for sharing is made and verified with 'secure-ai anonymize'."
)


@dataclass(frozen=True)
class Costs:
    """What each k would cost.

    Attributes:
        points: one row per method and k: ``method``, ``k``, ``highest_risk``, ``success_rate``,
            ``suppressed`` (share of records), ``ncp``.
        unreached: by method and k, why a k was not reached.
        records: that were anonymized.
        of: that the table has.
    """

    points: pd.DataFrame
    unreached: dict[tuple[str, int], str]
    records: int
    of: int


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Anonymize a sample of the records with several k; nothing is released or kept."""
    columns, _ = inputs.quasi_identifiers
    reason = _refusal(inputs, columns)
    if reason:
        return Section(
            id=ID, title=TITLE, summary=f"not assessed: {reason}", blocks=blocks(Text(text=reason))
        )
    progress(f"drawing at most {SAMPLED_ROWS:,} records", 0.0)
    costs = measure(inputs, columns, progress)
    if costs.points.empty:
        reason = "No k could be reached: " + next(iter(costs.unreached.values()), "nothing was tried.")
        return Section(
            id=ID, title=TITLE, summary=f"not assessed: {reason}", blocks=blocks(Text(text=reason))
        )
    title = costs_title(costs)
    best = _cheapest(costs)
    known = ", ".join(inputs.names.columns(columns))
    return Section(
        id=ID,
        title=TITLE,
        summary=title,
        assessed=f"What k-anonymity would cost, tried on {costs.records:,} of {costs.of:,} records",
        blocks=blocks(
            Text(text=f"Generalized were: {known}. {_sampling(costs)}"),
            Drawing.of(title, _drawn(costs, title)),
            _table(costs),
            _unreached(costs),
            Text(text=EXPLAINED),
        ),
        facts={
            "records_anonymized": costs.records,
            **{f"information_loss_k{row.k}": float(row.ncp) for row in best.itertuples()},
        },
    )


def measure(inputs: Inputs, columns: tuple[str, ...], progress: Progress) -> Costs:
    """Anonymize a sample of the records by both methods with several k."""
    ks = sorted({*KS, _asked(inputs.parameters.threshold)})
    sample = sampled_rows(inputs.source, columns, inputs.n_rows, inputs.parameters.seed)
    # A k that the sample cannot reach says nothing about the table.
    tried = [k for k in ks if k <= len(sample)]
    frames, unreached = [], {("", k): f"k = {k}: there are fewer records." for k in ks if k not in tried}
    for step, method in enumerate(Method):
        progress(f"anonymizing with {METHODS[method].split(',')[0]}", 0.2 + 0.4 * step)
        found = _frontier(sample, columns, method, tried)
        if isinstance(found, UserError):
            unreached |= {(method.value, k): _reason(k) for k in tried}
            continue
        frames.append(found.points.assign(method=METHODS[method]))
        unreached |= {(method.value, k): _reason(k) for k in found.unreached}
    names = ["method", "k", "highest_risk", "success_rate", "suppressed", "ncp"]
    points = pd.concat(frames, ignore_index=True)[names] if frames else pd.DataFrame(columns=names)
    return Costs(points, unreached, len(sample), inputs.n_rows)


def sampled_rows(source: Source, columns: tuple[str, ...], n_rows: int, seed: int) -> pd.DataFrame:
    """Return the columns of all records, or of at most 50,000 that are drawn at random.

    Positions are drawn here and not by DuckDB, whose own sampling depends on the number of threads.
    """
    if n_rows <= SAMPLED_ROWS:
        return source.to_pandas(columns)
    drawn = np.sort(np.random.default_rng(seed).choice(n_rows, SAMPLED_ROWS, replace=False)) + 1
    place = '"row number\t"'  # a name that no column has
    return source.sql(
        f"SELECT {column_list(columns)} FROM "
        f"(SELECT {column_list(columns)}, row_number() OVER () AS {place} FROM source) "
        f"WHERE {place} IN (SELECT unnest(?)) ORDER BY {place}",
        [drawn.tolist()],
    ).df()


def costs_title(costs: Costs) -> str:
    """Say in one sentence what the least k would cost and what the largest."""
    best = _cheapest(costs)
    first, last = best.iloc[0], best.iloc[-1]
    text = f"k = {int(first['k'])} would cost {first['ncp']:.1%} of the detail of the quasi-identifiers"
    return text if len(best) == 1 else f"{text}, k = {int(last['k'])} {last['ncp']:.1%}"


def _refusal(inputs: Inputs, columns: tuple[str, ...]) -> str:
    if not columns:
        return "There is no quasi-identifier to generalize: name them with the parameter quasi_identifiers."
    if len(columns) > MOST_COLUMNS:
        return (
            f"{len(columns)} quasi-identifiers are more than the {MOST_COLUMNS} that are tried here: "
            "anonymize the table itself, with 'secure-ai anonymize'."
        )
    if inputs.n_rows < min(KS):
        return f"There are fewer than {min(KS)} records: no class can be made large enough."
    return ""


def _asked(threshold: float) -> int:
    """Return the least k whose risk is within the threshold."""
    k = math.ceil(1 / threshold)
    return max(2, k + (1 / k > threshold))


def _frontier(
    sample: pd.DataFrame, columns: tuple[str, ...], method: Method, ks: list[int]
) -> Frontier | UserError:
    plan = Plan(columns, Requirements(ks[0]), method=method)
    try:
        if method is Method.FULL_DOMAIN and max(sample[name].nunique() for name in columns) > MOST_VALUES:
            return UserError("too many different values for levels")
        return frontier(
            sample, replace(with_hierarchies(sample, plan), requirements=Requirements(ks[0])), ks=ks
        )
    except UserError as error:
        # The sentence may name columns and values: it is told in our own words.
        return error


def _reason(k: int) -> str:
    return f"k = {k} was not reached with these columns: generalize or leave out some of them first."


def _sampling(costs: Costs) -> str:
    if costs.records == costs.of:
        return f"All {costs.of:,} records were anonymized, to see what it costs; nothing was kept."
    error = 1.96 * math.sqrt(0.25 / costs.records)
    return (
        f"{costs.records:,} of {costs.of:,} records, drawn at random, were anonymized, to see what it costs; "
        f"nothing was kept. A share of records is then exact within {error:.1%} at 95 % confidence. The "
        "whole table has more look-alikes, so that the same k costs it less detail: the losses below are "
        "upper figures."
    )


def _cheapest(costs: Costs) -> pd.DataFrame:
    """Return for each k the method that loses least."""
    order = costs.points.sort_values(["k", "ncp"], kind="stable")
    return order.drop_duplicates("k").reset_index(drop=True)


def _table(costs: Costs) -> Block:
    points = costs.points
    frame = pd.DataFrame(
        {
            "Method": points["method"],
            "k": points["k"].astype(int),
            "Highest risk after": points["highest_risk"].astype(float),
            "Traced on average after": points["success_rate"].astype(float),
            "Records suppressed": points["suppressed"].astype(float),
            "Information loss": points["ncp"].astype(float),
        }
    )
    formats = ("text", "count", "figure", "share", "share", "share")
    return Table.of("What each k would leave of risk and of detail", frame, formats)


def _unreached(costs: Costs) -> Text | None:
    reasons = dict.fromkeys(
        f"{METHODS[Method(method)]}: {reason}" if method else reason
        for (method, _), reason in costs.unreached.items()
    )
    return Text(text="Not reached: " + " ".join(reasons)) if reasons else None


def _drawn(costs: Costs, title: str) -> Figure:
    from matplotlib.figure import Figure

    from secure_ai.core.figures import RISK, SCORE

    figure = Figure(figsize=(8, 3.4), dpi=80, layout="constrained")
    axes = figure.add_subplot()
    for (method, points), color, marker in zip(
        costs.points.groupby("method", sort=False), (SCORE, RISK), "os", strict=False
    ):
        axes.plot(points["k"], points["ncp"], color=color, marker=marker, label=method)
    axes.set_xticks(sorted(set(costs.points["k"])))
    axes.set_ylim(0, max(0.05, 1.15 * float(costs.points["ncp"].max())))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("least number of records that look alike (k)")
    axes.set_ylabel("information loss")
    axes.set_title(title, fontsize=10, loc="left")
    axes.legend(frameon=False, loc="upper left")
    return figure
