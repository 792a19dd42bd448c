"""The tabletop exercise's controls: ipywidgets to decide, ask and wait, with all that a team can look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from secure_ai.core.errors import UserError
from secure_ai.govern.incidents.tabletop.actions import ACTIONS, QUESTIONS
from secure_ai.learn.display import LINE, Listing, Note, Shown, box, compact, inline
from secure_ai.learn.tabletop_exercise import words

if TYPE_CHECKING:
    from secure_ai.govern.incidents import Tabletop
    from secure_ai.learn.tabletop_exercise import TabletopExercise

WIDE = {"width": "auto", "max_width": "66em"}
FIELD = {"width": "auto", "flex": "1 1 24em", "max_width": "50em"}
NARROW = {"description_width": "4.5em"}
BUTTON = {"width": "auto", "min_width": "9em"}
WAITS = (
    ("until something arrives", 0), ("5 minutes", 5), ("15 minutes", 15), ("30 minutes", 30),
    ("1 hour", 60), ("4 hours", 240), ("8 hours", 480), ("1 day", 1_440),
)  # fmt: skip
AGAIN = "This lets the rest of the four days pass. Press the button once more to do so."


class TabletopControls:
    """What arrived, the choices, the log, clocks, decisions and plan, and the result; ``box`` holds all."""

    def __init__(self, exercise: TabletopExercise) -> None:
        self.exercise = exercise
        game = exercise.tabletop
        self.now = ipywidgets.HTML(layout=WIDE)
        self.messages = ipywidgets.HTML(layout=WIDE)
        self.said = ipywidgets.HTML(layout=WIDE)
        self.role = dropdown("Role", role_options(game))
        self.action = dropdown("Action", action_options(game))
        self.question = dropdown("Question", question_options())
        self.wait = dropdown("Wait", list(WAITS), 0)
        self.folder = ipywidgets.Text(
            value="after-action-report",
            description="Folder",
            style=NARROW,
            layout=FIELD,
            continuous_update=False,
        )
        self.finish = button("Finish: let the rest pass", self._finish)
        self.choices = ipywidgets.VBox(
            [
                line(self.role),
                line(self.action, button("Decide", self._decide)),
                line(self.question, button("Ask", self._ask)),
                line(self.wait, button("Wait", self._wait), self.finish),
            ],
            layout=WIDE,
        )
        self.report = line(self.folder, button("Write the after-action report", self._write))
        self.views = {
            "Log": ipywidgets.HTML(), "Legal clocks": ipywidgets.HTML(),
            "Decisions so far": ipywidgets.HTML(), "Plan and roles": ipywidgets.HTML(),
        }  # fmt: skip
        # Buttons, not an accordion: its headings cannot be reached with the keyboard.
        self.look_at = ipywidgets.ToggleButtons(
            options=list(self.views), description="Look at", style={**NARROW, "button_width": "auto"}
        )
        self.view = ipywidgets.VBox(layout=WIDE)
        self.look_at.observe(self._look, names="value")
        self._look()
        self.result = ipywidgets.HTML(layout=WIDE)
        self._asked_to_finish = False
        title, rest = exercise.brief().split(". ", 1)
        brief = ipywidgets.HTML(compact(f"<strong>{inline(title)}.</strong> {inline(rest)}"), layout=WIDE)
        self.box = ipywidgets.VBox(
            [brief, self.now, self.messages, self.choices, self.said, self.look_at, self.view, self.result]
        )
        self._draw()

    def _look(self, _: Any = None) -> None:
        self.view.children = (self.views[self.look_at.value],)

    def _act(self, act: Callable[[], Shown]) -> None:
        self._asked_to_finish = False
        try:
            found = act()
        except UserError as error:
            self.said.value = announced(f"Not possible: {error}", kind="error")
            return
        self.said.value = f'<div role="status" aria-live="polite">{compact(found.html())}</div>'
        self._draw()

    def _decide(self, _: Any) -> None:
        action, role = self.action.value, self.role.value
        if not role or not action:
            self.said.value = announced("Choose a role and an action first.")
            return
        self._act(lambda: self.exercise.decide(action, role))

    def _ask(self, _: Any) -> None:
        question = self.question.value
        if not question:
            self.said.value = announced("Choose a question first.")
            return
        self._act(lambda: self.exercise.ask(question))

    def _wait(self, _: Any) -> None:
        self._act(lambda: self.exercise.wait(self.wait.value or None))

    def _finish(self, _: Any) -> None:
        if self._asked_to_finish or self.exercise.tabletop.over:
            self._act(self._over)
            return
        self._asked_to_finish = True
        self.said.value = announced(AGAIN)

    def _over(self) -> Shown:
        self.exercise.finish()
        # What the plan asks for is long: the result is not to stand far below it.
        self.look_at.value = "Decisions so far"
        return Note("The exercise is over", "The result stands at the end.")

    def _write(self, _: Any) -> None:
        try:
            written = self.exercise.write_report(self.folder.value)
        except UserError as error:
            self.said.value = announced(f"Not written: {error}", kind="error")
            return
        names = " and ".join(path.name for path in written)
        self.said.value = announced(f"Written into {written[0].parent}: {names}.", kind="correct")

    def _draw(self) -> None:
        exercise = self.exercise
        self.now.value = announced(exercise.status())
        newest = exercise.messages()
        rows = list(reversed(newest.rows))
        table = Listing("What has arrived, the newest first", newest.columns, rows)
        self.messages.value = (
            f'<div tabindex="0" role="group" aria-label="What has arrived" style="max-height:16em;'
            f'overflow-y:auto;border:1px solid {LINE};padding:0.3em">{compact(table.html())}</div>'
        )
        self.views["Log"].value = compact(exercise.log().html())
        self.views["Legal clocks"].value = compact(exercise.clocks().html())
        self.views["Decisions so far"].value = compact(exercise.decisions().html())
        self.views["Plan and roles"].value = compact(exercise.plan().html() + exercise.roles().html())
        refresh(self.action, action_options(exercise.tabletop))
        if exercise.tabletop.over:
            parts = [part for part in self.box.children if part is not self.choices]
            if self.report not in parts:
                parts.insert(parts.index(self.said), self.report)
            self.box.children = parts
            self.result.value = compact(exercise.result().html())


def action_options(game: Tabletop) -> list[tuple[str, str]]:
    """Return the actions as choices: words, minutes, owner; what was decided says so."""
    made = {one.action for one in game.decisions}
    return [
        ("choose an action", ""),
        *(
            (
                f"{'(decided) ' if one.id in made else ''}{one.words}: "
                f"{one.minutes} min, {words(game.owner_of(one))}",
                one.id,
            )
            for one in ACTIONS
        ),
    ]


def role_options(game: Tabletop) -> list[tuple[str, str]]:
    """Return the roles as choices."""
    return [("choose a role", ""), *((words(role), role) for role in game.roles)]


def question_options() -> list[tuple[str, str]]:
    """Return the questions as choices."""
    return [
        ("choose a question", ""), *((f"{one.words} ({one.minutes} min)", one.id) for one in QUESTIONS),
    ]  # fmt: skip


def dropdown(label: str, options: list[tuple[str, Any]], value: Any = "") -> Any:
    """Return a choice with its label."""
    return ipywidgets.Dropdown(options=options, value=value, description=label, style=NARROW, layout=FIELD)


def button(label: str, act: Callable[[Any], None]) -> Any:
    """Return a button that says what it does."""
    made = ipywidgets.Button(description=label, tooltip=label, layout=BUTTON)
    made.on_click(act)
    return made


def line(*parts: Any) -> Any:
    """Return controls side by side, under one another where there is no room."""
    return ipywidgets.HBox(list(parts), layout={"flex_flow": "row wrap", "align_items": "center"})


def refresh(widget: Any, options: list[tuple[str, Any]]) -> None:
    """Give a choice new options; what was chosen stays chosen."""
    if list(widget.options) != options:
        chosen = widget.value
        widget.options = options
        widget.value = chosen


def announced(sentence: str, *, kind: str = "not_attempted") -> str:
    """Return a sentence that screen readers announce when it changes."""
    return compact(box(f'<span aria-live="polite">{inline(sentence)}</span>', kind=kind, role="status"))
