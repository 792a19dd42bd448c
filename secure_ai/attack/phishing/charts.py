"""Pictures of phishing, each with a title computed from its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from secure_ai.attack.phishing.domain_measure import DomainMeasurement
from secure_ai.attack.phishing.evade import EvasionCurve
from secure_ai.attack.phishing.mail import Mail, check_mails
from secure_ai.attack.phishing.measure import FilterMeasurement
from secure_ai.attack.phishing.phish_scale import DIFFICULTIES
from secure_ai.core.errors import UserError
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent, share_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ("-", "--", "-.", ":")


def plot_filter(found: FilterMeasurement) -> Figure:
    """Draw the ROC on unseen templates, and what is caught of each kind of phishing.

    What it shows in words: :meth:`FilterMeasurement.sentence`.
    """
    import matplotlib.pyplot as plt

    kinds = found.by_kind().query("malicious")
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), dpi=80, layout="constrained")
    left.step(
        found.roc["false_alarm_rate"], found.roc["recall"], where="post", color=RISK, label="the filter"
    )
    left.plot([0, 1], [0, 1], color=GUIDE, linestyle=":", label="guessing")
    left.plot(found.false_alarms.value, found.recall.value, "o", color=SCORE, label="its threshold")
    left.set_xlabel("honest mail flagged (share)")
    left.set_ylabel("phishing flagged (share)")
    left.legend(frameon=False, loc="lower right")
    share_bars(right, kinds["flagged"].tolist())
    right.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds["kind"]], fontsize=9)
    right.set_xlabel("flagged at the threshold")
    worst = kinds.iloc[0]
    figure.suptitle(
        f"AUC {found.auc.value:.3f} on unseen templates; {worst['kind'].replace('_', ' ')} is caught least "
        f"({percent(worst['flagged'])})",
        x=0.01, ha="left",
    )  # fmt: skip
    return _finished(figure, left, right)


def plot_evasion(curve: EvasionCurve) -> Figure:
    """Draw the share of flagged phishing that is made to pass, against the number of queries.

    What it shows in words: :meth:`EvasionCurve.sentence`.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4), dpi=80, layout="constrained")
    ends = {}
    for number, (name, rows) in enumerate(curve.frame.groupby("filter", sort=False)):
        color = (RISK, SCORE, GUIDE)[number % 3]
        axes.plot(rows["queries"], rows["evaded"], STYLES[number % 4], marker="o", color=color, label=name)
        axes.fill_between(rows["queries"], rows["low"], rows["high"], color=color, alpha=0.12, linewidth=0)
        ends[name] = rows["evaded"].iloc[-1]
    axes.set_xlabel("queries to the filter, per mail")
    axes.set_ylabel("flagged phishing that passes (95% interval)")
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False)
    parts = ", ".join(f"{name} {percent(share)}" for name, share in ends.items())
    axes.set_title(f"Made to pass within {int(curve.frame['queries'].max())} queries: {parts}", loc="left")
    return _finished(figure, axes)


def plot_lookalikes(found: DomainMeasurement) -> Figure:
    """Draw the share flagged, by technique and among honest neighbors.

    What it shows in words: :meth:`DomainMeasurement.sentence`.
    """
    import matplotlib.pyplot as plt

    rows = found.table.iloc[::-1]
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.34 * len(rows)), dpi=80, layout="constrained")
    share_bars(axes, rows["flagged"].tolist())
    axes.set_yticks(range(len(rows)), [name.replace("_", " ") for name in rows["group"]])
    axes.set_xlabel("flagged as lookalike or suspicious")
    axes.set_title(
        f"{percent(found.recall[0])} of lookalikes are found; {percent(rows['flagged'].iloc[0])} of honest "
        "neighbors are accused",
        loc="left",
    )
    return _finished(figure, axes)


def difficulty_sentence(mails: Sequence[Mail]) -> str:
    """Say how many of the phishing mails are of each difficulty."""
    counts = _difficulties(mails)
    parts = ", ".join(f"{counts[name]} {name}" for name in DIFFICULTIES)
    return f"Of {sum(counts.values())} phishing mails, by difficulty on the NIST Phish Scale: {parts}."


def plot_difficulty(mails: Sequence[Mail]) -> Figure:
    """Draw how many phishing mails are of each difficulty of the Phish Scale.

    Raises:
        UserError: if there is no phishing mail.
    """
    import matplotlib.pyplot as plt

    counts = _difficulties(mails)
    figure, axes = plt.subplots(figsize=(7, 3), dpi=80, layout="constrained")
    bars = axes.barh(list(counts), list(counts.values()), color=SCORE)
    axes.bar_label(bars, padding=4)
    axes.set_xlabel("phishing mails")
    axes.set_ylabel("difficult to notice")
    hardest = counts["very"] / sum(counts.values())
    axes.set_title(f"{percent(hardest)} of the phishing mails are very difficult to notice", loc="left")
    return _finished(figure, axes)


def _difficulties(mails: Sequence[Mail]) -> dict[str, int]:
    found = [mail.difficulty for mail in check_mails(mails) if mail.malicious]
    if not found:
        raise UserError("There is no phishing among these mails: only phishing has a difficulty.")
    return {name: found.count(name) for name in DIFFICULTIES}


def _finished(figure: Figure, *axes) -> Figure:
    import matplotlib.pyplot as plt

    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
