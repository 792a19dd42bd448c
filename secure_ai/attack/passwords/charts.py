"""Pictures of password cracking; each title states what its data show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.attack.passwords.comparison import EqualTime, GuessCurve, duration
from secure_ai.attack.passwords.staff_passwords import HABITS
from secure_ai.core.figures import GUIDE, RISK, SCORE, percent, share_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_share_by_guesses(curve: GuessCurve) -> Figure:
    """Draw the share that has fallen over the number of guesses, and the share per habit at the end."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 4), dpi=80, layout="constrained", width_ratios=(1, 1)
    )
    last = curve.table.iloc[-1]
    left.step(curve.table["guesses"], curve.table["all"], where="post", color=RISK)
    left.set_xscale("log")
    left.set_ylim(0, 1)
    left.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    left.set_xlabel("guesses at each account")
    left.set_ylabel("passwords found")
    shown = [habit for habit, count in curve.habits.items() if count][::-1]
    share_bars(right, [last[habit] for habit in shown])
    right.set_yticks(range(len(shown)), [_wrapped(HABITS[habit].words) for habit in shown], fontsize=8)
    right.set_xlabel(f"found within {int(last['guesses']):,} guesses")
    figure.suptitle(
        f"{percent(float(last['all']))} of the passwords fall within {int(last['guesses']):,} guesses",
        x=0.01, ha="left",
    )  # fmt: skip
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_equal_time(found: EqualTime) -> Figure:
    """Draw the measured hashes per second, and the share found in equal time, per scheme."""
    import matplotlib.pyplot as plt

    names = list(found.cracks)[::-1]
    places = range(len(names))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 1.2 + 0.5 * len(names)), dpi=80, layout="constrained", sharey=True
    )
    rates = [found.rate(name) for name in names]
    left.barh(places, rates, color=SCORE)
    left.set_xscale("log")
    left.set_xlim(min(rates) / 3, max(rates) * 30)
    for place, name, rate in zip(places, names, rates, strict=True):
        left.annotate(
            f"{_rate(rate)}; list: {duration(found.whole_list_seconds(name))}",
            (rate, place), (4, 0), textcoords="offset points", va="center", fontsize=8, color=GUIDE,
        )  # fmt: skip
    left.set_yticks(places, [found.cracks[name].scheme.name for name in names])
    left.set_xlabel("hashes per second, measured; whole list: extrapolated")
    shares = [found.cracks[name].share for name in names]
    share_bars(right, shares, room=1.2)
    right.set_xlabel(f"passwords found in {found.seconds:g} s")
    figure.suptitle(
        f"In equal time {percent(shares[-1])} fall as {found.cracks[names[-1]].scheme.name}, "
        f"{percent(shares[0])} as {found.cracks[names[0]].scheme.name}",
        x=0.01, ha="left",
    )  # fmt: skip
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 38))
