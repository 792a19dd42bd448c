"""The access explorer's controls: ipywidgets that follow the chosen role and kind of record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from secure_ai.core.errors import UserError
from secure_ai.learn.access_explorer import in_words, spaced, status
from secure_ai.learn.display import EDGES

if TYPE_CHECKING:
    from secure_ai.learn.access_explorer import AccessExplorer

LARGEST = 1_000_000
WIDE = {"description_width": "20em"}
LINE = {"width": "auto", "max_width": "48em"}


class AccessControls:
    """Choices, circumstances, the reason for an emergency, and the answer; ``box`` holds them all."""

    def __init__(self, explorer: AccessExplorer) -> None:
        self.explorer = explorer
        start, known = explorer.start, explorer.choices
        self.who = _dropdown("Who", [(name, name) for name in explorer.who], start["role"])
        self.action = _dropdown("Action", self._actions(start["kind"]), start["action"])
        self.what = _dropdown("What", [(spaced(kind), kind) for kind in known.kinds], start["kind"])
        self.why = _dropdown(
            "Why (purpose)", [(_plain(item), item) for item in known.purposes], start["purpose"]
        )
        self.reason = ipywidgets.Text(
            description="Reason for an emergency",
            placeholder="what happened, what is needed",
            style=WIDE,
            layout=LINE,
            continuous_update=False,
        )
        self.circumstances = ipywidgets.VBox([])
        self.answer = ipywidgets.HTML(layout={"width": "auto", "max_width": "60em"})
        self.further: dict[str, Any] = {}
        self.who.observe(self._rebuild, names="value")
        self.what.observe(self._new_kind, names="value")
        for widget in (self.action, self.why, self.reason):
            widget.observe(self._update, names="value")
        self._rebuild()
        folded = ipywidgets.Accordion([self.circumstances], titles=("Circumstances",), selected_index=0)
        parts = [self.who, self.action, self.what, self.why, self.reason, folded, self.answer]
        self.box = ipywidgets.VBox(parts)

    def _actions(self, kind: str) -> list[tuple[str, str]]:
        return [(_plain(action), action) for action in self.explorer.choices.actions(kind)]

    def _update(self, _: Any = None) -> None:
        facts = {name: widget.value for name, widget in self.further.items()}
        asked = (self.who.value, self.action.value, self.what.value, self.why.value)
        reason = self.reason.value
        try:
            found = self.explorer.ask(*asked, reason=reason, **facts)
            sentence = self.explorer.sentence(found, self.why.value, reason)
            text = self.explorer.look(*asked, reason=reason, **facts)
            self.answer.value = status(sentence, found.allowed, EDGES) + text.html()
        except UserError as error:
            self.answer.value = status(str(error), False, EDGES)

    def _rebuild(self, _: Any = None) -> None:
        kept = {name: widget.value for name, widget in self.further.items()}
        facts = self.explorer.facts(self.who.value, self.what.value)
        self.further = {}
        # Choices first, then figures, then the boxes to tick: the order in which they are read.
        for name in sorted(facts, key=lambda name: (isinstance(facts[name][0], bool), len(facts[name]) == 1)):
            widget = _control(in_words(name), facts[name])
            if name in kept and (len(facts[name]) == 1 or kept[name] in facts[name]):
                widget.value = kept[name]
            widget.observe(self._update, names="value")
            self.further[name] = widget
        self.circumstances.children = list(self.further.values())
        self._update()

    def _new_kind(self, _: Any = None) -> None:
        possible = self._actions(self.what.value)
        chosen = self.action.value
        # The answer waits until action and circumstances fit the new kind.
        self.action.unobserve(self._update, names="value")
        self.action.options = possible
        self.action.value = chosen if (_plain(chosen), chosen) in possible else possible[0][1]
        self.action.observe(self._update, names="value")
        self._rebuild()


def _control(label: str, values: tuple[Any, ...]) -> Any:
    if isinstance(values[0], bool):
        return ipywidgets.Checkbox(value=values[0], description=label, indent=False, layout=LINE)
    if len(values) == 1:
        return ipywidgets.BoundedIntText(
            value=values[0], min=0, max=LARGEST, description=label, style=WIDE, layout=LINE
        )
    return _dropdown(label, [(_plain(value), value) for value in values], values[0])


def _dropdown(label: str, options: list[tuple[str, Any]], value: Any) -> Any:
    return ipywidgets.Dropdown(options=options, value=value, description=label, style=WIDE, layout=LINE)


def _plain(value: object) -> str:
    return str(value).replace("_", " ")
