"""The vendor scorecard's controls: vendor, day, what is bought, whose gaps to list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from secure_ai.core.errors import UserError
from secure_ai.learn.display import EDGES, compact, inline
from secure_ai.learn.vendor_scorecard import ALL_AREAS, MOST_MONTHS

if TYPE_CHECKING:
    from secure_ai.learn.vendor_scorecard import VendorScorecard

WIDE = {"description_width": "16em"}
LINE = {"width": "auto", "max_width": "44em"}
DATA = [
    ("people's data with names", "identified"),
    ("people's data without names", "deidentified"),
    ("no data about people", "none"),
]
# The edge only repeats what the sentence says.
DECISION_EDGES = {
    "as_it_stands": "correct",
    "with_clauses": "correct",
    "with_conditions": "incorrect",
    "not_before_conditions": "error",
}


class ScorecardControls:
    """Choices and the result; ``box`` holds them all, in the order in which they are read."""

    def __init__(self, scorecard: VendorScorecard) -> None:
        self.scorecard = scorecard
        bought = scorecard.engagement
        self.vendor = _dropdown(
            "Vendor", [(name, name) for name in scorecard.forms], next(iter(scorecard.forms))
        )
        # A field, not a slider: the slider's handle has no name that a screen reader could say.
        self.months = ipywidgets.BoundedIntText(
            value=0, min=0, max=MOST_MONTHS, description="Months later", style=WIDE, layout=LINE
        )
        self.data = _dropdown("It gets", DATA, bought.data)
        self.essential = _box("Care or banking stops without it", bought.essential)
        self.ai = _box("It contains a model", bought.ai)
        areas = [
            (ALL_AREAS, ALL_AREAS),
            *((title, name) for name, title in scorecard.questionnaire.areas.items()),
        ]
        self.area = _dropdown("Open questions of", areas, ALL_AREAS)
        self.result = ipywidgets.HTML(layout={"width": "auto", "max_width": "66em"})
        parts = [self.vendor, self.months, self.data, self.essential, self.ai, self.area]
        for part in parts:
            part.observe(self._update, names="value")
        self._update()
        self.box = ipywidgets.VBox([*parts, self.result])

    def _update(self, _: Any = None) -> None:
        chosen = {"data": self.data.value, "essential": self.essential.value, "ai": self.ai.value}
        try:
            found = self.scorecard.assess(self.vendor.value, months_later=self.months.value, **chosen)
        except UserError as error:
            self.result.value = _status(str(error), "error")
            return
        self.result.value = compact(
            _status(found.sentence(), DECISION_EDGES[found.decision])
            + self.scorecard.table(found).html()
            + self.scorecard.picture(found)
            + self.scorecard.gaps(found, self.area.value).html()
        )


def _status(sentence: str, edge: str) -> str:
    style = f"border-left:6px solid {EDGES[edge]};padding:0.4em 0.8em"
    return f'<div role="status" aria-live="polite" style="{style}">{inline(sentence)}</div>'


def _dropdown(label: str, options: list[tuple[str, str]], value: str) -> Any:
    return ipywidgets.Dropdown(options=options, value=value, description=label, style=WIDE, layout=LINE)


def _box(label: str, value: bool) -> Any:
    return ipywidgets.Checkbox(value=value, description=label, indent=False, layout=LINE)
