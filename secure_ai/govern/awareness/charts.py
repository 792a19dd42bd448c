"""Pictures of awareness: groups only, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.errors import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent
from secure_ai.govern.awareness.culture import ReportingCulture, Trend
from secure_ai.govern.awareness.trainer import PhishingTrainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_culture(found: ReportingCulture, by: str = "difficulty") -> Figure:
    """Draw report and click rates with intervals, by group; suppressed groups are named and left empty.

    What it shows in words: :meth:`ReportingCulture.sentence`.
    """
    import matplotlib.pyplot as plt

    rows = found.to_frame(by)
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.5 * len(rows)), dpi=80, layout="constrained")
    shown = rows[~rows["suppressed"]]
    for shift, name, color, mark in ((0.12, "report", SCORE, "o"), (-0.12, "click", RISK, "s")):
        rate = shown[f"{name}_rate"]
        spread = [rate - shown[f"{name}_low"], shown[f"{name}_high"] - rate]
        axes.errorbar(rate, shown.index + shift, xerr=spread, fmt=mark, color=color, capsize=3, label=name)
    for place in rows.index[rows["suppressed"]]:
        axes.annotate("not shown, to shield its members", (0.01, place), va="center", color=GUIDE, fontsize=9)
    axes.set_yticks(range(len(rows)), rows["group"].tolist())
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of mails delivered (95% interval)")
    axes.legend(frameon=False, loc="lower right")
    overall = found.frames["overall"].iloc[0]
    start = "Simulation: " if found.simulated else ""
    axes.set_title(
        f"{start}{percent(overall['report_rate'])} report, {percent(overall['click_rate'])} click", loc="left"
    )
    return _finished(figure, axes)


def plot_culture_trend(found: ReportingCulture) -> Figure:
    """Draw the report rate from campaign to campaign, with intervals; the title says the trend.

    What it shows in words: :meth:`Trend.sentence`.
    """
    import matplotlib.pyplot as plt

    rows = found.to_frame("campaign").query("not suppressed")
    figure, axes = plt.subplots(figsize=(8, 3.6), dpi=80, layout="constrained")
    spread = [rows["report_rate"] - rows["report_low"], rows["report_high"] - rows["report_rate"]]
    axes.errorbar(
        rows["group"], rows["report_rate"], yerr=spread, fmt="-o", color=SCORE, capsize=3, label="report"
    )
    axes.plot(rows["group"], rows["click_rate"], "--s", color=RISK, label="click")
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of mails delivered")
    axes.tick_params(axis="x", rotation=30)
    axes.legend(frameon=False)
    words = found.trend.sentence() if isinstance(found.trend, Trend) else f"No trend: {found.trend.reason}"
    axes.set_title(("Simulation: " if found.simulated else "") + words, loc="left", fontsize=10)
    return _finished(figure, axes)


def plot_learning(trainer: PhishingTrainer) -> Figure:
    """Draw what the learner reported and trusted, phishing and honest, with the score as the title.

    What it shows in words: :meth:`PhishingTrainer.sentence`.

    Raises:
        UserError: if nothing was answered yet.
    """
    import matplotlib.pyplot as plt

    score = trainer.score()
    if not score.phishing + score.honest:
        raise UserError("No mail was answered yet: answer some first.")
    figure, axes = plt.subplots(figsize=(7, 2.4), dpi=80, layout="constrained")
    rows = (("honest", score.honest - score.false_alarms, score.false_alarms),
            ("phishing", score.hits, score.phishing - score.hits))  # fmt: skip
    for place, (_, right, wrong) in enumerate(rows):
        axes.barh(place, right, color=SCORE, label="" if place else "right")
        axes.barh(
            place,
            wrong,
            left=right,
            color=RISK,
            hatch="//",
            edgecolor="white",
            label="" if place else "wrong",
        )
    axes.set_yticks(range(2), [name for name, *_ in rows])
    axes.set_xlabel("mails answered")
    axes.legend(frameon=False)
    low, high = score.score_interval
    axes.set_title(f"Score {score.score:.0f} of 100 ({low:.0f} to {high:.0f})", loc="left")
    return _finished(figure, axes)


def _finished(figure: Figure, *axes) -> Figure:
    import matplotlib.pyplot as plt

    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
