"""Pictures of what search tokens give away, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core.errors import UserError
from secure_ai.core.figures import HATCH, RISK, SCORE, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from secure_ai.encrypt.fields.frequency import FrequencyAttack

SHOWN_CHARACTERS = 44


def plot_frequency_attack(found: FrequencyAttack, top: int = 12) -> Figure:
    """Draw the rows of the commonest tokens with what was guessed, right and wrong told apart by hatch.

    Raises:
        UserError: if the attack was not measured against the truth.
    """
    import matplotlib.pyplot as plt

    if "right" not in found.guesses:
        raise UserError("Which guesses are right is not known: give the attack the true values.")
    table = found.guesses.head(top).iloc[::-1]
    right = table["right"].to_numpy(bool)
    labels = [str("no guess" if guess is None else guess) for guess in table["guess"]]
    labels = [text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…" for text in labels]
    figure, axes = plt.subplots(figsize=(9, 0.9 + 0.34 * len(table)), dpi=80, layout="constrained")
    for wanted, color, hatch, name in (
        (True, RISK, HATCH, "guessed right"),
        (False, SCORE, "", "guessed wrong"),
    ):
        places = [place for place, hit in enumerate(right) if hit == wanted]
        if not places:
            continue  # a color that does not occur needs no legend
        axes.barh(
            places, table["rows"].to_numpy()[places], color=color, hatch=hatch, edgecolor="white", label=name
        )
    axes.set_yticks(range(len(table)), labels, fontsize=9)
    axes.set_xlabel("rows with this token")
    axes.set_title(
        f"Counting tokens alone reads {percent(found.success)} of the rows "
        f"({percent(found.baseline)} without tokens)",
        loc="left",
    )
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def plot_truncation(table: pd.DataFrame) -> Figure:
    """Draw, over the length of tokens, the success of the attack and the useful share of what is returned.

    Args:
        table: of :func:`truncation_tradeoff`.
    """
    import matplotlib.pyplot as plt

    rows = table.sort_values("bits")
    places = range(len(rows))
    figure, axes = plt.subplots(figsize=(10, 3.4), dpi=80, layout="constrained")
    axes.plot(places, rows["attack_success"], "-o", color=RISK, label="rows read by the attack")
    axes.plot(places, rows["baseline"], ":", color=RISK, label="rows read by guessing the commonest")
    axes.plot(places, rows["wanted_share"], "--s", color=SCORE, label="wanted rows among those returned")
    axes.set_xticks(places, rows["bits"].astype(str))
    axes.set_xlabel("length of a token (bits)")
    axes.set_ylim(0, 1.05)
    axes.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    short, full = rows.iloc[0], rows.iloc[-1]
    axes.set_title(
        f"From {full['bits']:.0f} to {short['bits']:.0f} bits: the attack reads "
        f"{percent(full['attack_success'])} → {percent(short['attack_success'])}, "
        f"a search returns {percent(short['wanted_share'])} wanted rows",
        loc="left", fontsize=11,
    )  # fmt: skip
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
