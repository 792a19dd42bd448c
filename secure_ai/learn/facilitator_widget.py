"""The facilitator's controls: ipywidgets to let time pass for all teams, enter decisions, save and resume."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from secure_ai.core.errors import UserError
from secure_ai.learn.display import Note, Shown, compact
from secure_ai.learn.facilitator import SideBySide
from secure_ai.learn.tabletop_widget import (
    FIELD,
    NARROW,
    WAITS,
    WIDE,
    action_options,
    announced,
    button,
    dropdown,
    line,
    question_options,
    refresh,
    role_options,
)

if TYPE_CHECKING:
    from secure_ai.learn.facilitator import FacilitatorView


class FacilitatorControls:
    """Teams in a table and side by side, time for all, a team's decision, save and resume; in ``box``."""

    def __init__(self, view: FacilitatorView) -> None:
        self.view = view
        self.table, self.side, self.points = (ipywidgets.HTML(layout={"width": "auto"}) for _ in range(3))
        self.said = ipywidgets.HTML(layout=WIDE)
        self.wait = dropdown("Wait", [wait for wait in WAITS if wait[1]], 15)
        self.team = dropdown("Team", self._team_options(), view.room.teams[0])
        self.role = dropdown("Role", role_options(self._game()))
        self.action = dropdown("Action", action_options(self._game()))
        self.question = dropdown("Question", question_options())
        self.file = ipywidgets.Text(
            value="tabletop-room.json",
            description="File",
            style=NARROW,
            layout=FIELD,
            continuous_update=False,
        )
        self.team.observe(self._other_team, names="value")
        controls = [
            line(self.wait, button("Advance all teams", self._advance)),
            line(self.team),
            line(self.role),
            line(self.action, button("Decide for this team", self._decide)),
            line(self.question, button("Ask for this team", self._ask)),
            line(self.file, button("Save the room", self._save), button("Resume a room", self._resume)),
        ]
        entries = ipywidgets.VBox(controls, layout=WIDE)
        self.box = ipywidgets.VBox([self.table, self.side, entries, self.said, self.points])
        self._draw()

    def _game(self) -> Any:
        return self.view.room.team(self.team.value)

    def _team_options(self) -> list[tuple[str, str]]:
        return [(name, name) for name in self.view.room.teams]

    def _act(self, act: Callable[[], Shown]) -> None:
        try:
            found = act()
        except UserError as error:
            self.said.value = announced(f"Not possible: {error}", kind="error")
            return
        self.said.value = f'<div role="status" aria-live="polite">{compact(found.html())}</div>'
        self._draw()

    def _advance(self, _: Any) -> None:
        self._act(lambda: self.view.advance(self.wait.value))

    def _decide(self, _: Any) -> None:
        team, action, role = self.team.value, self.action.value, self.role.value
        if not action or not role:
            self.said.value = announced("Choose a role and an action first.")
            return
        self._act(lambda: self.view.decide(team, action, role))

    def _ask(self, _: Any) -> None:
        team, question = self.team.value, self.question.value
        if not question:
            self.said.value = announced("Choose a question first.")
            return
        self._act(lambda: self.view.ask(team, question))

    def _save(self, _: Any) -> None:
        self._act(lambda: Note("Saved", f"The room is in {self.view.save(self.file.value).name}."))

    def _resume(self, _: Any) -> None:
        def resume() -> Shown:
            self.view.resume(self.file.value)
            self.team.options = self._team_options()
            self.team.value = self.view.room.teams[0]
            refresh(self.role, role_options(self._game()))
            return Note("Resumed", f"{len(self.view.room.teams)} teams go on where they were.")

        self._act(resume)

    def _other_team(self, _: Any) -> None:
        if self.team.value in self.view.room.teams:
            refresh(self.action, action_options(self._game()))

    def _draw(self) -> None:
        room = self.view.room
        self.table.value = compact(self.view.teams().html())
        self.side.value = SideBySide(tuple((name, room.team(name)) for name in room.teams)).html()
        self.points.value = compact(self.view.scores().html())
        refresh(self.action, action_options(self._game()))
