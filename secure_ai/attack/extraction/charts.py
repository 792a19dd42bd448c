"""Pictures of theft, each with a title computed from its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from secure_ai.attack.extraction.result import ExtractionResult
from secure_ai.attack.extraction.rounding import EQUATIONS, RoundingCurve
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = ("-", "--", "-.", ":")
MARKS = "os^Dv"
COLORS = (RISK, SCORE, "#2e6b34", "#6b4c9a", "#8a5a00")


def plot_extraction(found: ExtractionResult | Mapping[str, ExtractionResult]) -> Figure:
    """Draw agreement with the model against queries, beside what naming its most frequent answer reaches.

    Args:
        found: one result, or several by name (same rows held out), each a curve.
    """
    import matplotlib.pyplot as plt

    results = {"copy": found} if isinstance(found, ExtractionResult) else dict(found)
    figure, axes = plt.subplots(figsize=(8, 4.6), dpi=80, layout="constrained")
    for place, (name, result) in enumerate(results.items()):
        curve, color = result.curve, COLORS[place % len(COLORS)]
        axes.fill_between(curve["queries"], curve["low"], curve["high"], color=color, alpha=0.15, linewidth=0)
        axes.plot(
            curve["queries"], curve["fidelity"], LINES[place % len(LINES)] + MARKS[place % len(MARKS)],
            color=color, markersize=4, label=f"{name} (95% interval)" if len(results) == 1 else name,
        )  # fmt: skip
    best_name, best = max(results.items(), key=lambda item: item[1].fidelity.value)
    axes.axhline(
        best.fidelity.baseline, color=GUIDE, linestyle=":", label="always the model's most frequent answer"
    )
    if best.fidelity.control is not None:
        axes.plot([best.queries], [best.fidelity.control], "x", color=GUIDE, label="copy of shuffled answers")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_minor_formatter(lambda *_: "")
    axes.yaxis.set_major_formatter(lambda value, _: percent(max(value, 0.0)))
    axes.set_xlabel(f"queries (rows asked about); the last costs {best.cost:,.2f} {best.currency} in all")
    axes.set_ylabel(f"same answer as the model,\nof {best.fidelity.n:,} rows held out")
    named = f"{best_name}: " if len(results) > 1 else ""
    axes.set_title(
        f"{named}{best.queries:,} queries copy {percent(best.fidelity.value)} of the answers; "
        f"without any it is {percent(best.fidelity.baseline)}",
        loc="left",
        fontsize=11,
    )
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_rounding(found: RoundingCurve) -> Figure:
    """Draw the worst error of a coefficient for each kind of answer, by method."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    answers = list(dict.fromkeys(found.table["answer"]))
    for place, (method, part) in enumerate(found.table.groupby("method", sort=True)):
        axes.plot(
            [answers.index(answer) for answer in part["answer"]], part["coefficient_error"].clip(lower=1e-17),
            LINES[place] + MARKS[place], color=RISK if method == EQUATIONS else SCORE,
            label=f"{method} ({part['queries'].min():,} to {part['queries'].max():,} queries)",
        )  # fmt: skip
    axes.set_yscale("log")
    axes.set_xticks(range(len(answers)), answers)
    axes.set_xlabel("what the model answers with")
    axes.set_ylabel("largest error of a coefficient\n(in its own units, log scale)")
    searched = found.table[found.table["method"] != EQUATIONS]
    title = "Equations need exact answers"
    if len(searched):
        worst = searched["coefficient_error"].max()
        title = f"However coarse the answers, line search errs by at most {worst:.0e}"
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(frameon=False, loc="best", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
