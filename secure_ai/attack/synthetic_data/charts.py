"""Pictures of what attacks on synthetic data found, each with a title computed from its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.attack.synthetic_data.result import PrivacyAttack, SyntheticPrivacy, two_digits
from secure_ai.core import Measurement, UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_synthetic_privacy(found: SyntheticPrivacy) -> Figure:
    """Draw success on training records, on control records and by naive guessing, for each attack.

    Raises:
        UserError: if no attack could be made.
    """
    import matplotlib.pyplot as plt

    shown = [attack for attack in found.attacks if attack.success is not None]
    if not shown:
        raise UserError("There is nothing to draw: no attack could be made on these tables.")
    figure, axes = plt.subplots(figsize=(9, 1.4 + 0.95 * len(shown)), dpi=80, layout="constrained")
    for place, attack in enumerate(shown):
        for offset, (share, interval), look in zip(
            (-0.27, 0.0, 0.27),
            _bars(attack),
            (
                {"color": RISK, "label": "training records"},
                {"color": SCORE, "hatch": HATCH, "edgecolor": "white", "label": "control records"},
                {"color": "white", "edgecolor": GUIDE, "label": "naive guessing"},
            ),
            strict=True,
        ):
            if place:
                del look["label"]
            spread = [[max(0.0, share - interval[0])], [max(0.0, interval[1] - share)]]
            axes.barh(place + offset, share, height=0.25, linewidth=0.8, **look)
            axes.errorbar(share, place + offset, xerr=spread, color="black", capsize=2, linewidth=1)
        axes.annotate(
            _verdict(attack), (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=9
        )
    axes.set_yticks(range(len(shown)), [attack.title for attack in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.0)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel("attacks that succeed (95% interval)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower left", ncols=3, frameon=False)
    figure.suptitle(_title(found), x=0.01, ha="left")
    plt.close(figure)
    return figure


def privacy_curve(found: Mapping[float, SyntheticPrivacy]) -> pd.DataFrame:
    """Return the risks of several synthetic tables, one row per setting and assessed attack.

    Args:
        found: result of :func:`synthetic_privacy` per setting of the synthesizer (records in a leaf).

    Returns:
        Columns ``setting``, ``attack``, ``risk``, ``low``, ``high``; ascending settings.
    """
    rows = [
        (setting, attack.title, attack.risk.value, *attack.risk.interval)
        for setting in sorted(found)
        for attack in found[setting].attacks
        if isinstance(attack.risk, Measurement)
    ]
    return pd.DataFrame(rows, columns=["setting", "attack", "risk", "low", "high"])


def privacy_curve_sentence(curve: pd.DataFrame) -> str:
    """Say which risk moves most over the settings, and which is highest at the end.

    Raises:
        UserError: if no attack was assessed.
    """
    first, last = _most_moved(curve)
    highest = curve[curve["setting"] == curve["setting"].max()].sort_values("risk").iloc[-1]
    return (
        f"The risk of {first['attack']} goes from {_with_interval(first)} at {first['setting']:g} to "
        f"{_with_interval(last)} at {last['setting']:g}; the highest risk at {highest['setting']:g} is "
        f"{two_digits(highest['risk'])}, by {highest['attack']}."
    )


def plot_privacy_curve(curve: pd.DataFrame, *, setting: str = "records in a leaf") -> Figure:
    """Draw the risks of :func:`privacy_curve` over the setting.

    Raises:
        UserError: if no attack was assessed.
    """
    import matplotlib.pyplot as plt

    first, last = _most_moved(curve)
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=80, layout="constrained")
    styles = [("o", "-"), ("s", "--"), ("^", "-."), ("D", ":"), ("v", "-"), ("P", "--")]
    colors = [RISK, SCORE, GUIDE, "#a65a00", "#2e6b2e", "#5b3a8e"]
    for number, (attack, part) in enumerate(curve.groupby("attack", sort=False)):
        marker, line = styles[number % len(styles)]
        spread = [part["risk"] - part["low"], part["high"] - part["risk"]]
        axes.errorbar(
            part["setting"], part["risk"], yerr=spread, marker=marker, linestyle=line, markersize=5,
            color=colors[number % len(colors)], capsize=2, linewidth=1.4, label=attack,
        )  # fmt: skip
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    ticks = sorted(curve["setting"].unique())
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(setting)
    axes.set_ylabel("risk in excess of the control group\n(95% interval)")
    axes.set_title(
        f"Risk of {first['attack']}: {two_digits(first['risk'])} at {first['setting']:g} {setting}, "
        f"{two_digits(last['risk'])} at {last['setting']:g}",
        loc="left",
    )
    figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _bars(attack: PrivacyAttack) -> list[tuple[float, tuple[float, float]]]:
    made = attack.success
    return [
        (made.value, made.interval),
        (made.control, attack.control_interval),
        (made.baseline, attack.naive_interval),
    ]


def _verdict(attack: PrivacyAttack) -> str:
    if not isinstance(attack.risk, Measurement):
        return "not assessed"
    low, high = attack.risk.interval
    return f"risk {two_digits(attack.risk.value)}\n({two_digits(low)} to {two_digits(high)})"


def _with_interval(row: pd.Series) -> str:
    return f"{two_digits(row['risk'])} ({two_digits(row['low'])} to {two_digits(row['high'])})"


def _title(found: SyntheticPrivacy) -> str:
    worst = found.worst
    if worst is None:
        return "No attack is strong enough to say anything about these synthetic data"
    leaks = sum(attack.leaks for attack in found.attacks)
    if not leaks:
        weak = len(found.attacks) - sum(isinstance(attack.risk, Measurement) for attack in found.attacks)
        rest = f" ({weak} of {len(found.attacks)} attacks not assessed)" if weak else ""
        return f"Training records are hit no more often than control records, beyond chance{rest}"
    return (
        f"Training records stand out in {leaks} of {len(found.attacks)} attacks, most by {worst.title}: "
        f"{percent(worst.success.value)} against {percent(worst.success.control)}"
    )


def _most_moved(curve: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return first and last row of the attack whose risk differs most between its ends."""
    if curve.empty:
        raise UserError("No attack was assessed at any setting: there is no curve.")
    ends = [part.iloc[[0, -1]] for _, part in curve.groupby("attack", sort=False)]
    moved = max(ends, key=lambda pair: abs(pair["risk"].iloc[0] - pair["risk"].iloc[1]))
    return moved.iloc[0], moved.iloc[1]
