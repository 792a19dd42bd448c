"""The chooser's controls: a checkbox for each control, the budget as one ticks, and a button that builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from secure_ai.core.errors import UserError
from secure_ai.learn.display import EDGES, compact, inline

if TYPE_CHECKING:
    from secure_ai.learn.capstones.chooser import Chooser

LINE = {"width": "auto", "max_width": "60em"}


class ChooserControls:
    """Checkboxes, budget, button and result; ``box`` holds them all, in the order in which they are read."""

    def __init__(self, chooser: Chooser) -> None:
        self.chooser = chooser
        self.boxes = {
            name: ipywidgets.Checkbox(
                value=name in chooser.start,
                description=f"{one.title} ({one.points} points, {one.hours} h a week)",
                indent=False,
                layout=LINE,
            )
            for name, one in chooser.capstone.scenario.controls.items()
        }
        self.budget = ipywidgets.HTML(layout=LINE)
        self.build = ipywidgets.Button(description="Build and attack it", layout={"width": "16em"})
        self.result = ipywidgets.HTML(layout=LINE)
        for part in self.boxes.values():
            part.observe(self._count, names="value")
        self.build.on_click(self._build)
        self._count()
        self.box = ipywidgets.VBox([*self.boxes.values(), self.budget, self.build, self.result])

    def chosen(self) -> list[str]:
        """Return the names that are ticked."""
        return [name for name, part in self.boxes.items() if part.value]

    def _count(self, _: Any = None) -> None:
        fits = self.chooser.capstone.scenario.affordable(self.chosen())
        self.budget.value = _status(self.chooser.budget(self.chosen()), "correct" if fits else "incorrect")
        self.result.value = ""

    def _build(self, _: Any = None) -> None:
        self.build.disabled = True
        self.result.value = _status("The models are trained and attacked; this takes some seconds.", "error")
        try:
            note = self.chooser.look(self.chosen())
            self.result.value = compact(note.html())
        except UserError as error:
            self.result.value = _status(str(error), "error")
        finally:
            self.build.disabled = False


def _status(sentence: str, edge: str) -> str:
    style = f"border-left:6px solid {EDGES[edge]};padding:0.4em 0.8em"
    return f'<div role="status" aria-live="polite" style="{style}">{inline(sentence)}</div>'
