"""A trail as a picture: data on the left, the prediction on the right, who answers for it below the model."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from secure_ai.core.figures import GUIDE, HATCH, RISK, SCORE
from secure_ai.govern.traceability.trail import Fact, Question, State, Trail

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 0.86, 0.66
_COLOR: dict[State, str] = {"known": SCORE, "problem": RISK, "unassessed": GUIDE}
_WORDS: dict[State, str] = {"known": "holds", "problem": "WRONG", "unassessed": "unassessed"}
_RANK: dict[State, int] = {"problem": 0, "unassessed": 1, "known": 2}
# Questions that share a column of the picture, from top to bottom.
_COLUMNS: tuple[tuple[Question, ...], ...] = (
    ("data versions", "consent of training"),
    ("training data", "code", "trained by", "duties"),
    ("model", "model file", "approval", "policy", "card"),
    ("prediction", "consent of prediction", "lineage", "register"),
)
_ARROWS: tuple[tuple[Question, Question], ...] = (
    ("data versions", "training data"), ("training data", "model"), ("code", "model"),
    ("trained by", "model"), ("model", "prediction"),
)  # fmt: skip


@dataclass(frozen=True)
class _Box:
    question: Question
    state: State
    words: str
    x: float
    y: float


def plot_trail(trail: Trail) -> Figure:
    """Draw the questions of a trail with their answers: solid holds, hatched is wrong, dashed is unassessed.

    A question with several answers (a table each) is one box in its worst state that says how many.
    """
    import matplotlib.pyplot as plt

    boxes = {box.question: box for box in _boxes(trail)}
    rows = max(len(column) for column in _COLUMNS)
    figure, axes = plt.subplots(figsize=(10.4, 0.6 + 1.05 * rows), dpi=70, layout="constrained")
    for start, end in _ARROWS:
        if start in boxes and end in boxes:
            _arrow(axes, boxes[start], boxes[end])
    for questions in _COLUMNS:
        asked = [boxes[question] for question in questions if question in boxes]
        # What stands below belongs to what stands above, but for code and trainer: they have arrows.
        for above, below in pairwise(asked if questions[0] != "training data" else ()):
            ends = (above.y - _HEIGHT / 2, below.y + _HEIGHT / 2)
            axes.plot([above.x] * 2, ends, color=GUIDE, linewidth=1.2, zorder=0)
    for box in boxes.values():
        _draw(axes, box)
    axes.set_xlim(-0.55, len(_COLUMNS) - 0.45)
    axes.set_ylim(-rows + 0.45, 0.5)
    axes.axis("off")
    axes.set_title(_title(trail), loc="left", fontsize=10)
    plt.close(figure)
    return figure


def _boxes(trail: Trail) -> list[_Box]:
    found = []
    for x, questions in enumerate(_COLUMNS):
        asked = [question for question in questions if any(fact.question == question for fact in trail.facts)]
        for y, question in enumerate(asked):
            facts = sorted(
                (fact for fact in trail.facts if fact.question == question), key=lambda one: _RANK[one.state]
            )
            found.append(_Box(question, facts[0].state, _said(facts), x, -y))
    return found


def _said(facts: list[Fact]) -> str:
    worst = [fact for fact in facts if fact.state == facts[0].state]
    first = worst[0].short if worst[0].state != "unassessed" else ""
    more = f"{len(worst)} of {len(facts)}" if len(facts) > 1 else ""
    return ", ".join(part for part in (first, more) if part)


def _draw(axes: Axes, box: _Box) -> None:
    from matplotlib.patches import Rectangle

    color = _COLOR[box.state]
    corner = (box.x - _WIDTH / 2, box.y - _HEIGHT / 2)
    axes.add_patch(
        Rectangle(
            corner, _WIDTH, _HEIGHT, facecolor="white", edgecolor=color, linewidth=1.8,
            linestyle="--" if box.state == "unassessed" else "-",
        )
    )  # fmt: skip
    if box.state == "problem":
        axes.add_patch(
            Rectangle(corner, 0.06, _HEIGHT, facecolor=color, edgecolor="white", hatch=HATCH, linewidth=0)
        )
    lines = [
        f"{box.question}: {_WORDS[box.state]}",
        *textwrap.wrap(box.words if " " in box.words else _cut(box.words), 25, max_lines=2, placeholder="…"),
    ]
    top = box.y + 0.1 * (len(lines) - 1)
    for number, line in enumerate(lines):
        axes.text(
            box.x + 0.02, top - 0.2 * number, line, ha="center", va="center", fontsize=8,
            color=color if number == 0 else "black", weight="bold" if number == 0 else "normal",
        )  # fmt: skip


def _cut(word: str, most: int = 24) -> str:
    return word if len(word) <= most else f"{word[: most - 1]}…"


def _arrow(axes: Axes, start: _Box, end: _Box) -> None:
    from matplotlib.patches import FancyArrowPatch

    wrong = "problem" in {start.state, end.state}
    axes.add_patch(
        FancyArrowPatch(
            (start.x + _WIDTH / 2, start.y), (end.x - _WIDTH / 2, end.y), arrowstyle="-|>", mutation_scale=10,
            linewidth=1.4, color=RISK if wrong else GUIDE, linestyle=":" if wrong else "-",
        )
    )  # fmt: skip


def _title(trail: Trail) -> str:
    problems, gaps = len(trail.problems), len(trail.unassessed)
    if trail.complete:
        return f"Every part of this prediction is known and holds ({len(trail.facts)} facts)"
    parts = [f"{_are(problems)} wrong"] * bool(problems) + [f"{_are(gaps)} unassessed"] * bool(gaps)
    return f"Of {len(trail.facts)} facts behind this prediction {' and '.join(parts)}"


def _are(count: int) -> str:
    return "1 is" if count == 1 else f"{count} are"
