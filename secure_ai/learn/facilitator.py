"""The facilitator's view of a room: teams that play the same incident, side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.incidents import Tabletop, TabletopRoom
from secure_ai.govern.incidents.tabletop.actions import BY_ID
from secure_ai.govern.incidents.tabletop.room import FORMAT
from secure_ai.learn.display import LINE, Listing, Note, Shown, Table, inline, show_with_text
from secure_ai.learn.tabletop_exercise import TabletopExercise, decision_sentence, words

LAST = 3
BEGINNING = 200
CODE = """facilitator.decide("{team}", "confirm_alert", by="security")
facilitator.ask("{team}", "what_data")
facilitator.advance(15)              # every team
facilitator.team("{team}").look()    # what that team sees
facilitator.save("room.json")        # then facilitator.resume("room.json")"""
SECRET = "This view shows points and harm: it is the facilitator's, not for the teams."


class FacilitatorView:
    """What the person sees and does who runs a tabletop exercise for several teams.

    Args:
        room: the teams.

    Raises:
        UserError: if that is no room.
    """

    def __init__(self, room: TabletopRoom) -> None:
        if not isinstance(room, TabletopRoom):
            raise UserError("The view needs a room: TabletopRoom(scenario, sector, teams=[...]).")
        self.room = room

    def team(self, name: str) -> TabletopExercise:
        """Return the exercise of one team.

        Raises:
            UserError: if there is no such team.
        """
        return TabletopExercise(self.room.team(name))

    def decide(self, team: str, action: str, by: str) -> Shown:
        """Enter a team's decision; see :meth:`TabletopExercise.decide`."""
        return Together(team, self.team(team).decide(action, by))

    def ask(self, team: str, question: str) -> Shown:
        """Enter a team's question; see :meth:`TabletopExercise.ask`."""
        return Together(team, self.team(team).ask(question))

    def advance(self, minutes: int) -> Listing:
        """Let time pass for every team that has time left; return what each was told.

        Raises:
            UserError: as :meth:`TabletopRoom.advance`.
        """
        arrived = self.room.advance(minutes)
        rows = [
            (team, str(one.minute), words(one.source), one.text)
            for team, messages in arrived.items()
            for one in messages
        ]
        after = (
            "" if rows else "Nothing has arrived." if arrived else "The four days are over for every team."
        )
        return Listing("What has arrived", ("Team", "Minute", "From", "Message"), rows, after)

    def save(self, path: str | Path) -> Path:
        """Save the room; an earlier save of that name is replaced, another file is not.

        Raises:
            UserError: if there is another file of that name, or it cannot be written.
        """
        name = shown(Path(path).name or str(path))
        try:
            taken = bool(str(path).strip()) and Path(path).exists() and not _is_saved_room(Path(path))
            if taken or not str(path).strip():
                raise UserError(f"'{name}' is another file, or none: choose a new name for the room.")
            return self.room.save(path)
        except (OSError, ValueError):
            raise UserError(f"'{name}' is no name for a file here: choose another one.") from None

    def resume(self, path: str | Path, **options: Any) -> None:
        """Go on with a saved room; the present one stays if that cannot be read.

        Args:
            path: what :meth:`save` wrote.
            options: ``plan`` and ``detector``, as in :meth:`TabletopRoom.load`.

        Raises:
            UserError: as :meth:`TabletopRoom.load`.
        """
        self.room = TabletopRoom.load(path, **options)

    def teams(self) -> Table:
        """Return where every team stands: one row a team."""
        rows = [
            (
                row["team"],
                f"{row['minute']:,}",
                "yes" if row["contained"] else "no",
                *(str(row[name]) for name in ("records read", "decisions", "harmful", "undecided clocks")),
                f"{row['points']:.1f}",
            )
            for row in self.room.facilitator_frame().to_dict("records")
        ]
        columns = (
            "Team", "Minute", "Contained", "Records read", "Decisions", "Harmful", "Undecided clocks",
            "Points",
        )  # fmt: skip
        return Table("Teams", columns, rows, f"{self._leader()} {SECRET}")

    def scores(self) -> Table:
        """Return the points of every team side by side: one row a step of the plan."""
        frame = self.room.scores()
        rows = [
            (words(str(step)), *("" if math.isnan(value) else f"{value:.1f}" for value in row))
            for step, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)
        ]
        return Table("Points by step", ("Step", *frame.columns), rows)

    def look(self) -> Shown:
        """Return where the room stands and how to go on by code: the text equivalent of the widget."""
        teams = SideBySide(tuple((name, self.room.team(name)) for name in self.room.teams))
        code = CODE.format(team=self.room.teams[0])
        return Note("How to go on", "", code, before=(self.teams(), teams, self.scores()))

    def show(self) -> None:
        """Show the widget, and under it the same as text.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, self.look(), folded="The same as text, and how to go on by code")

    def widget(self) -> Any:
        """Return the ipywidgets version."""
        from secure_ai.learn.facilitator_widget import FacilitatorControls

        return FacilitatorControls(self).box

    def _leader(self) -> str:
        points = self.room.facilitator_frame()["points"]
        if len(points) < 2:
            return ""
        if points.nunique() == 1:
            return "All teams have the same points."
        return self.room.sentence()


@dataclass(frozen=True, repr=False)
class Together(Shown):
    """What a team did, under its name."""

    team: str
    said: Shown

    def text(self) -> str:
        return f"{self.team}\n{self.said.text()}"

    def html(self) -> str:
        return f"<strong>{inline(self.team)}</strong>{self.said.html()}"


@dataclass(frozen=True, repr=False)
class SideBySide(Shown):
    """Each team's time, last messages and last decisions."""

    teams: tuple[tuple[str, Tabletop], ...]

    def _lines(self, game: Tabletop) -> list[tuple[str, list[str]]]:
        told = [f"{one.minute:,}, {words(one.source)}: {one.text}" for one in game.messages[-LAST:]]
        made = [
            decision_sentence(one)
            if not one.done
            else f"{words(one.by)}: {BY_ID[one.action].words}, done at minute {one.finished:,}."
            + (f" Harm: {one.harm}." if one.harm else "")
            for one in game.decisions[-LAST:]
        ]
        return [
            (TabletopExercise(game).time(), []),
            ("Last messages", told),
            ("Last decisions", made or ["None yet."]),
        ]

    def text(self) -> str:
        lines = []
        for name, game in self.teams:
            lines.append(name)
            for head, items in self._lines(game):
                lines += [f"  {head}", *(f"  - {item}" for item in items)]
        return "\n".join(lines)

    def html(self) -> str:
        columns = ""
        for name, game in self.teams:
            body = ""
            for head, items in self._lines(game):
                body += f'<p style="margin:0.4em 0 0"><em>{inline(head)}</em></p>'
                if items:
                    lines = "".join(f"<li>{inline(item)}</li>" for item in items)
                    body += f'<ul style="margin:0;padding-left:1.2em">{lines}</ul>'
            columns += (
                f'<div role="group" aria-label="{inline(name)}" style="flex:1 1 20em;max-width:34em;'
                f'border:1px solid {LINE};padding:0.4em 0.8em;line-height:1.4">'
                f"<strong>{inline(name)}</strong>{body}</div>"
            )
        return f'<div style="display:flex;flex-wrap:wrap;gap:0.6em;margin:0.4em 0">{columns}</div>'


def _is_saved_room(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'"format": "{FORMAT}"'.encode() in file.read(BEGINNING)
