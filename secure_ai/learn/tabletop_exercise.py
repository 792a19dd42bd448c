"""A tabletop exercise for one team: what has arrived, what runs, what can be decided, and how it went."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.incidents import (
    ClockState,
    Tabletop,
    plot_timeline,
    score,
    timeline_sentence,
    write_after_action,
)
from secure_ai.govern.incidents.plan import deadline_in_words
from secure_ai.govern.incidents.tabletop.actions import ACTIONS, BY_ID, QUESTION_BY_ID, QUESTIONS
from secure_ai.govern.incidents.tabletop.engine import LENGTH, Decision
from secure_ai.learn.display import Listing, Note, Shown, Table, show_with_text

LOG_LINES = 8
LONGEST_WAIT = 480
DPI = 90
ABBREVIATIONS = frozenset({"dora", "gdpr", "hipaa", "nis2", "phi", "sec"})
CODE = """exercise.decide("{action}", by="{role}")
exercise.ask("{question}")
exercise.wait(15)      # minutes; exercise.wait() waits until something arrives
exercise.finish()      # lets the rest of the time pass; then exercise.result()"""


class TabletopExercise:
    """What one team works with; the tabletop itself keeps the time and the rules.

    Args:
        tabletop: the incident that is played.

    Raises:
        UserError: if that is no tabletop.
    """

    def __init__(self, tabletop: Tabletop) -> None:
        if not isinstance(tabletop, Tabletop):
            raise UserError('The exercise needs a tabletop: Tabletop("exposed_store", sector).')
        self.tabletop = tabletop

    # ------------------------------------------------------------ acting

    def decide(self, action: str, by: str) -> Shown:
        """Decide that a role does something; return that and what arrived meanwhile.

        Raises:
            UserError: as :meth:`Tabletop.decide`.
        """
        before = len(self.tabletop.messages)
        made = self.tabletop.decide(action, by)
        return Note("Decided", decision_sentence(made), before=self._arrived(before))

    def ask(self, question: str) -> Shown:
        """Ask a question; return the answer and what arrived meanwhile.

        Raises:
            UserError: as :meth:`Tabletop.ask`.
        """
        before = len(self.tabletop.messages)
        found = self.tabletop.ask(question)
        asked = QUESTION_BY_ID[found.question].words
        return Note("Answer", f"{asked} {found.text} {self.time()}", before=self._arrived(before))

    def wait(self, minutes: int | None = None) -> Shown:
        """Let time pass and return what arrived.

        Args:
            minutes: how many; by default until something arrives, at most eight hours.

        Raises:
            UserError: as :meth:`Tabletop.advance`.
        """
        before, start = len(self.tabletop.messages), self.tabletop.minute
        if minutes is not None:
            self.tabletop.advance(minutes)
        else:
            self.tabletop.advance(1)
            while (
                len(self.tabletop.messages) == before
                and not self.tabletop.over
                and self.tabletop.minute < start + LONGEST_WAIT
            ):
                self.tabletop.advance(5)
        arrived = self._arrived(before)
        words = self.time() if arrived else f"Nothing has arrived. {self.time()}"
        return Note("Time has passed", words, before=arrived)

    def finish(self) -> Shown:
        """Let the rest of the four days pass and return the result."""
        if not self.tabletop.over:
            self.tabletop.advance(LENGTH - self.tabletop.minute)
        return self.result()

    def write_report(self, folder: str | Path) -> list[Path]:
        """Write the after-action report into a folder; an earlier report there is replaced.

        Raises:
            UserError: if the folder cannot be written.
        """
        if not str(folder).strip():
            raise UserError("Name a folder for the report, such as reports/exercise.")
        try:
            return write_after_action(self.tabletop, Path(folder))
        except ValueError:
            name = shown(Path(folder).name)
            raise UserError(f"{name} is no name for a folder: choose another one.") from None

    # ------------------------------------------------------------ looking

    def time(self) -> str:
        """Say what time it is in the exercise."""
        game = self.tabletop
        local = game.now.astimezone(game.facts.zone)
        return f"It is {local:%A, %d %B, %H:%M}, minute {game.minute:,} of {LENGTH:,}."

    def status(self) -> str:
        """Say the time, who is at work until when, and how the clocks stand."""
        game = self.tabletop
        running = [one for one in game.decisions if not one.done]
        work = "; ".join(
            f"{words(one.by)} until minute {one.finished:,} ({BY_ID[one.action].words})" for one in running
        )
        clocks = game.clocks()
        runs = sum(clock.status == "applies" for clock in clocks)
        open_ = sum(clock.status == "undecided" for clock in clocks)
        state = "The exercise is over. " if game.over else ""
        return (
            f"{state}{self.time()} At work: {work or 'nobody'}. Legal clocks: {runs} run, {open_} undecided."
        )

    def brief(self) -> str:
        """Return what the team reads first."""
        world = self.tabletop.world
        return f"{world.title}. {world.briefing[self.tabletop.sector]} {self.tabletop.plan.sentence()}"

    def messages(self, last: int | None = None) -> Listing:
        """Return what has arrived, the newest last."""
        every = self.tabletop.messages
        rows = _message_rows(every[-last:] if last else every)
        return Listing("What has arrived", ("Minute", "From", "Message"), rows)

    def log(self, last: int = LOG_LINES) -> Listing:
        """Return the last lines of the log at hand.

        Raises:
            UserError: unless ``last`` is a whole number of 1 or more.
        """
        frame = self.tabletop.log_frame(last)
        rows = [
            (
                str(row["minute"]),
                str(row["actor"]),
                f"{row['action']} {row['target']}",
                str(row["outcome"]) + (f" ({row['reason']})" if row["reason"] else ""),
                _counted(row["records"], "record") if row["records"] else "",
            )
            for row in frame.to_dict("records")
        ]
        columns = ("Minute", "Actor", "Action and target", "Outcome", "Records")
        return Listing(f"Last {len(rows)} lines of the log", columns, rows)

    def clocks(self) -> Listing:
        """Return the legal clocks: those that run first, with what is left; then the undecided ones."""
        states = self.tabletop.clocks()
        rows = [_clock_row(clock, self.tabletop) for clock in states if clock.status == "applies"]
        rows += [_clock_row(clock, self.tabletop) for clock in states if clock.status == "undecided"]
        names = ", ".join(f"{c.name} ({c.reference})" for c in states if c.status == "not_applicable")
        after = f"Do not apply by the facts established: {names}." if names else ""
        return Listing(
            "Legal clocks", ("Clock", "Status", "Deadline", "Why, or what is missing"), rows, after
        )

    def decisions(self) -> Listing:
        """Return the decisions so far and what came of them."""
        rows = [
            (
                str(one.number),
                words(one.by),
                BY_ID[one.action].words,
                f"done at minute {one.finished:,}"
                if one.done
                else f"will be done at minute {one.finished:,}",
                _result_words(one, self.tabletop.over),
            )
            for one in self.tabletop.decisions
        ]
        columns = ("Number", "Role", "Decision", "When", "Result")
        return Listing("Decisions so far", columns, rows, "" if rows else "None yet.")

    def plan(self) -> Listing:
        """Return the plan that decisions are measured by."""
        plan = self.tabletop.plan
        rows = [
            (step.what, words(step.owner), words(deadline_in_words(step)), words(", ".join(step.after)))
            for step in plan.ordered()
        ]
        return Listing(plan.name, ("Step", "Owner", "Due", "After"), rows)

    def actions(self) -> Listing:
        """Return what can be decided: name, words, owner, minutes; what was decided is marked."""
        game = self.tabletop
        made = {one.action for one in game.decisions}
        rows = [
            (
                one.id,
                one.words + (" (decided)" if one.id in made else ""),
                game.owner_of(one),
                f"{one.minutes} min",
            )
            for one in ACTIONS
        ]
        after = "Another role than the owner needs twice as long. Not everything on the list is wise."
        return Listing("Actions", ("Name", "What", "Owner", "Takes"), rows, after)

    def questions(self) -> Listing:
        """Return what can be asked: name, words, minutes."""
        asked = {one.question for one in self.tabletop.answers}
        rows = [
            (one.id, one.words + (" (asked)" if one.id in asked else ""), f"{one.minutes} min")
            for one in QUESTIONS
        ]
        return Listing("Questions", ("Name", "What", "Takes"), rows)

    def roles(self) -> Listing:
        """Return the roles of the plan and what each answers for."""
        return Listing("Roles", ("Role", "Answers for"), list(self.tabletop.plan.roles.items()))

    def look(self) -> Shown:
        """Return the present situation and how to go on by code: the text equivalent of the widget."""
        seen: tuple[Shown, ...] = (
            Note("The incident", self.brief()), Note("Now", self.status()), self.messages(), self.log(),
            self.clocks(), self.decisions(),
        )  # fmt: skip
        if self.tabletop.over:
            return Note("How it went", "see below.", before=(*seen, self.result()))
        game = self.tabletop
        code = CODE.format(action=ACTIONS[0].id, role=game.owner_of(ACTIONS[0]), question=QUESTIONS[0].id)
        choices = (self.actions(), self.questions(), self.roles())
        return Note("How to go on", "Each of these returns what it brings:", code, before=(*seen, *choices))

    def result(self) -> Shown:
        """Return how it went: the score step by step, points taken off, and the timeline."""
        found = score(self.tabletop)
        words_ = found.sentence() + ("" if self.tabletop.over else " The exercise still goes on.")
        rows = [
            (_step_words(self.tabletop, row["step"]), *_step_cells(row)) for row in _rows(found.to_frame())
        ]
        rows += [
            ("Containment", "", "", "", "", f"{found.containment:.1f} of 20"),
            ("Evidence kept", "", "", "", "", f"{found.evidence:.1f} of 10"),
            *((reason, "", "", "", "", f"-{points:.1f}") for reason, points in found.deductions),
        ]
        columns = ("Step of the plan", "Finished", "In time", "Right role", "In order", "Points")
        table = Listing("Score by step", columns, rows)
        return Result(words_, table, Timeline(self.tabletop))

    def show(self) -> None:
        """Show the widget, and under it the same as text.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, self.look(), folded="The same as text, and how to go on by code")

    def widget(self) -> Any:
        """Return the ipywidgets version."""
        from secure_ai.learn.tabletop_widget import TabletopControls

        return TabletopControls(self).box

    def _arrived(self, before: int) -> tuple[Shown, ...]:
        new = self.tabletop.messages[before:]
        return (Listing("New", ("Minute", "From", "Message"), _message_rows(new)),) if new else ()


@dataclass(frozen=True, repr=False)
class Result(Shown):
    """How an exercise went."""

    sentence: str
    table: Table
    timeline: Timeline

    def text(self) -> str:
        return "\n".join([f"Result: {self.sentence}", self.table.text(), self.timeline.text()])

    def html(self) -> str:
        return Note("Result", self.sentence).html() + self.table.html() + self.timeline.html()


@dataclass(frozen=True, repr=False)
class Timeline(Shown):
    """The timeline of an exercise as a picture, and its finding in words."""

    tabletop: Tabletop

    def text(self) -> str:
        return f"Timeline: {timeline_sentence(self.tabletop)}"

    def html(self) -> str:
        buffer = io.BytesIO()
        plot_timeline(self.tabletop).savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        alt = html.escape(f"Timeline. {timeline_sentence(self.tabletop)}", quote=True)
        return f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{data}">'


def decision_sentence(made: Decision) -> str:
    """Say what was decided, for the team: without what is said only afterwards."""
    delay = f", begins at minute {made.started:,}" if made.started > made.decided else ""
    return f"{words(made.by)}: {BY_ID[made.action].words}{delay}, done at minute {made.finished:,}."


def words(name: str) -> str:
    """Return a name as words: ``"incident_lead"`` is ``"incident lead"``, ``"gdpr_role"`` ``"GDPR role"``."""
    return " ".join(
        part.upper() if part.rstrip(",") in ABBREVIATIONS else part
        for part in name.replace("_", " ").split(" ")
    )


def _message_rows(messages: tuple) -> list[tuple[str, str, str]]:
    return [(str(one.minute), words(one.source), one.text) for one in messages]


def _result_words(made: Decision, over: bool) -> str:
    """Return what came of a decision; the harm that it did is said when the exercise is over."""
    harm = f"Harm: {made.harm}." if made.harm and over else ""
    return " ".join(part for part in (made.result, harm) if part)


def _clock_row(clock: ClockState, game: Tabletop) -> tuple[str, str, str, str]:
    why = f"missing: {words(', '.join(clock.missing))}" if clock.missing else clock.why
    when = clock.limit if clock.status == "applies" else ""
    if clock.deadline is not None:
        when = f"{clock.deadline:%a %d %b %Y %H:%M %Z}, {_left(clock.remaining_minutes(game.now) or 0)}"
    status = "runs" if clock.status == "applies" else "undecided"
    return f"{clock.name} ({clock.reference})", status, when, why


def _left(minutes: float) -> str:
    hours = int(abs(minutes) // 60)
    amount = _counted(hours // 24, "day") if hours > 96 else _counted(hours, "hour")
    return f"{amount} {'left' if minutes >= 0 else 'overdue'}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dict("records")


def _step_words(game: Tabletop, step: str) -> str:
    return game.plan.step(step).what


def _step_cells(row: dict[str, Any]) -> tuple[str, ...]:
    points = f"{row['points']:.1f} of {row['of']:.1f}"
    if not row["done"]:
        return ("not done", "", "", "", points)
    said = ("yes" if row[name] else "no" for name in ("in time", "right role", "in order"))
    return (f"minute {row['finished']:,}", *said, points)
