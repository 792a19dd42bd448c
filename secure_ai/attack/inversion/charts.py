"""Pictures of an inverted class, each with a title computed from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.extraction.coding import InputCoder
from secure_ai.attack.inversion.measure import Inversion
from secure_ai.core import UserError
from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 12


def plot_inverted_picture(found: Inversion, members: tuple[Any, Any], picture: tuple[int, int]) -> Figure:
    """Draw where the climb began, what came out, and the mean of the members of the class.

    No member's own picture is shown. What it shows in words: :meth:`Inversion.sentence`.

    Args:
        found: what :func:`measure_inversion` found.
        members: the rows and classes that it was given.
        picture: height and width.

    Raises:
        UserError: if a row is no picture of that size.
    """
    import matplotlib.pyplot as plt

    rows, labels = np.asarray(members[0], dtype=float), np.asarray(members[1])
    if rows.ndim != 2 or rows.shape[1] != picture[0] * picture[1]:
        raise UserError(f"picture={tuple(picture)}: give the height and width of the rows.")
    shown = {
        "where the climb began": found.inverted.start,
        "what came out": found.inverted.record,
        "mean of the class's members": rows[labels == found.label].mean(axis=0),
    }
    figure, axes = plt.subplots(1, 3, figsize=(8, 3.4), dpi=80, layout="constrained")
    for place, (name, row) in zip(axes, shown.items(), strict=True):
        place.imshow(np.asarray(row, dtype=float).reshape(picture), cmap="gray")
        place.set_title(name, fontsize=10)
        place.set_axis_off()
    figure.suptitle(_title(found), x=0.01, ha="left", fontsize=11)
    plt.close(figure)
    return figure


def plot_inverted_record(found: Inversion, members: tuple[Any, Any]) -> Figure:
    """Draw how the inverted record and the class's members differ from the others, column by column.

    What it shows in words: :meth:`Inversion.sentence`.

    Args:
        found: what :func:`measure_inversion` found.
        members: the rows and classes that it was given.
    """
    import matplotlib.pyplot as plt

    rows, labels = members
    code = InputCoder(rows)
    coded = code(rows)
    came = code(found.inverted.record)[0] - code(found.inverted.start)[0]
    true = coded[np.asarray(labels) == found.label].mean(axis=0) - coded.mean(axis=0)
    # Both are directions: each is drawn by its share of the whole way.
    came, true = (way / (np.linalg.norm(way) or 1.0) for way in (came, true))
    chosen = np.argsort(-np.maximum(np.abs(came), np.abs(true)), kind="stable")[:SHOWN][::-1]
    places = np.arange(len(chosen))
    figure, axes = plt.subplots(figsize=(8, 0.4 * len(chosen) + 1.6), dpi=80, layout="constrained")
    axes.barh(
        places + 0.2, came[chosen], 0.38, color=RISK, hatch=HATCH, edgecolor="white", label="inverted record"
    )
    axes.barh(
        places - 0.2, true[chosen], 0.38, color=SCORE, edgecolor="white", label="mean of the class's members"
    )
    axes.axvline(0, color=GUIDE, linewidth=1)
    axes.set_yticks(places, [code.names[place] for place in chosen])
    axes.set_xlabel("difference from the usual record (share of the way, standard deviations)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    figure.suptitle(_title(found), x=0.01, ha="left", fontsize=11)
    plt.close(figure)
    return figure


def _title(found: Inversion) -> str:
    does = "is like" if found.shows_class() else "is not like"
    who = "tells members from others" if found.shows_members() else "shows no person"
    return (
        f"What came out {does} class {found.label} (likeness {found.likeness.value:.2f}, "
        f"another class {found.likeness.control:.2f}) and {who}"
    )
