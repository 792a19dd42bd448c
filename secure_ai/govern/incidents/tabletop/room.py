"""A room of teams that play the same incident, run by an instructor; games are saved and resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.govern.incidents.plan import IncidentPlan
from secure_ai.govern.incidents.tabletop.engine import Decision, Tabletop
from secure_ai.govern.incidents.tabletop.scoring import score
from secure_ai.govern.incidents.tabletop.world import Detector, Message

FORMAT = "secure-ai tabletop 1"
LARGEST_FILE = 5_000_000
MOST_TEAMS = 50

Word = Annotated[str, Field(min_length=1, max_length=64)]
TeamName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,31}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Decide(_Part):
    do: Literal["decide"]
    action: Word
    by: Word


class _Advance(_Part):
    do: Literal["advance"]
    minutes: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class _Ask(_Part):
    do: Literal["ask"]
    question: Word


Command = Annotated[_Decide | _Advance | _Ask, Field(discriminator="do")]


class _Saved(_Part):
    format: Literal["secure-ai tabletop 1"]
    scenario: Word
    sector: Word
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)]
    plan: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    teams: dict[TeamName, Annotated[tuple[Command, ...], Field(max_length=5_000)]] = Field(
        min_length=1, max_length=MOST_TEAMS
    )


class TabletopRoom:
    """The same incident for several teams, each with its own decisions and its own time.

    Args:
        scenario, sector, seed, plan, detector: as in :class:`Tabletop`.
        teams: their names: letters, digits, spaces, hyphens; no persons' names.

    Raises:
        UserError: if a name is none or stands twice, or there are none or too many.
    """

    def __init__(
        self,
        scenario: str = "exposed_store",
        sector: str = "healthcare",
        *,
        seed: int = 1,
        teams: Iterable[str] = ("team 1", "team 2"),
        plan: IncidentPlan | str | Path | None = None,
        detector: Detector | None = None,
    ) -> None:
        names = [teams] if isinstance(teams, str) or not isinstance(teams, Iterable) else list(teams)
        if not all(isinstance(name, str) for name in names):
            raise UserError("The teams of a room are given by their names.")
        if not 1 <= len(names) <= MOST_TEAMS or len(set(names)) != len(names):
            raise UserError(f"A room has 1 to {MOST_TEAMS} teams, each with a name of its own.")
        try:
            _Saved(
                format=FORMAT, scenario="x", sector="x", seed=0, plan="0" * 64, teams=dict.fromkeys(names, ())
            )
        except ValidationError:
            raise UserError("A team's name has 1 to 32 letters, digits, spaces and hyphens.") from None
        self._games = {
            name: Tabletop(scenario, sector, seed=seed, plan=plan, detector=detector) for name in names
        }

    @property
    def teams(self) -> tuple[str, ...]:
        """The names of the teams."""
        return tuple(self._games)

    def team(self, name: str) -> Tabletop:
        """Return the tabletop of a team.

        Raises:
            UserError: if there is no such team.
        """
        if not isinstance(name, str) or name not in self._games:
            raise UserError(f"There is no team '{shown(str(name))}': choose from {', '.join(self._games)}.")
        return self._games[name]

    def decide(self, team: str, action: str, by: str) -> Decision:
        """Let a team decide; see :meth:`Tabletop.decide`."""
        return self.team(team).decide(action, by)

    def advance(self, minutes: int) -> dict[str, list[Message]]:
        """Let time pass for every team that has time left, and return what each is told."""
        return {name: game.advance(minutes) for name, game in self._games.items() if not game.over}

    def facilitator_frame(self) -> pd.DataFrame:
        """Return what the instructor sees and the teams do not.

        Returns:
            team, minute, contained, records read, decisions, harmful, undecided clocks, points.
        """
        rows = []
        for name, game in self._games.items():
            undecided = sum(clock.status == "undecided" for clock in game.clocks())
            harmful = sum(bool(one.harm) for one in game.decisions)
            rows.append(
                (
                    name,
                    game.minute,
                    game.world.contained(),
                    len(game.world.records),
                    len(game.decisions),
                    harmful,
                    undecided,
                    round(score(game).total, 1),
                )
            )
        columns = [
            "team",
            "minute",
            "contained",
            "records read",
            "decisions",
            "harmful",
            "undecided clocks",
            "points",
        ]
        return pd.DataFrame(rows, columns=columns)

    def scores(self) -> pd.DataFrame:
        """Return the teams side by side, step by step: one row a step, one column a team (points), "
        "and the total."""
        scored = {name: score(game) for name, game in self._games.items()}
        columns = {
            name: {
                **{step.step: round(step.points, 1) for step in one.steps},
                "containment": round(one.containment, 1),
                "evidence": round(one.evidence, 1),
                "deductions": -round(sum(points for _, points in one.deductions), 1),
                "total": round(one.total, 1),
            }
            for name, one in scored.items()
        }
        order = list(dict.fromkeys(row for one in columns.values() for row in one))
        last = [row for row in ("containment", "evidence", "deductions", "total") if row in order]
        return pd.DataFrame(columns).reindex([row for row in order if row not in last] + last)

    def sentence(self) -> str:
        """Say who leads."""
        totals = {name: score(game).total for name, game in self._games.items()}
        best = max(totals, key=lambda name: totals[name])
        return (
            f"{best} leads with {totals[best]:.0f} of 100 points; the others have "
            + (", ".join(f"{points:.0f}" for name, points in totals.items() if name != best) or "not begun")
            + "."
        )

    def save(self, path: str | Path) -> Path:
        """Write the room as JSON: scenario, seed and the teams' decisions; no log, no secret.

        Raises:
            UserError: if the file cannot be written; an older one then stays.
        """
        target, any_game = Path(path), next(iter(self._games.values()))
        content = {
            "format": FORMAT,
            "scenario": any_game.scenario,
            "sector": any_game.sector,
            "seed": any_game.seed,
            "plan": plan_digest(any_game.plan),
            "teams": {name: game.commands for name, game in self._games.items()},
        }
        with atomic_file(target) as draft:
            try:
                draft.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
            except OSError as error:
                raise UserError(
                    f"The game {shown(target.name)} cannot be written ({system_reason(error)}): "
                    f"choose another place."
                ) from None
        return target

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        plan: IncidentPlan | str | Path | None = None,
        detector: Detector | None = None,
    ) -> TabletopRoom:
        """Return the room of a file, every decision made again in its order.

        Raises:
            UserError: if the file cannot be read, is no saved game, was played with another plan, or holds a
                decision that cannot be made.
        """
        if not isinstance(path, str | Path):
            raise UserError("Give the path of the file that save() wrote.")
        saved = _read(Path(path))
        name = shown(Path(path).name)
        room = cls(
            saved.scenario, saved.sector, seed=saved.seed, teams=saved.teams, plan=plan, detector=detector
        )
        if plan_digest(next(iter(room._games.values())).plan) != saved.plan:
            raise UserError(f"The game {name} was played with another plan: give that one (plan=...).")
        for team, commands in saved.teams.items():
            game = room.team(team)
            for number, command in enumerate(commands, 1):
                try:
                    _again(game, command)
                except UserError as error:
                    raise UserError(f"The game {name}, {team}, decision {number}: {error}") from None
        return room


def plan_digest(plan: IncidentPlan) -> str:
    """Return the SHA-256 of a plan's content."""
    return hashlib.sha256(plan.model_dump_json().encode()).hexdigest()


def _again(game: Tabletop, command: _Decide | _Advance | _Ask) -> None:
    if isinstance(command, _Decide):
        game.decide(command.action, command.by)
    elif isinstance(command, _Advance):
        game.advance(command.minutes)
    else:
        game.ask(command.question)


def _read(file: Path) -> _Saved:
    name = shown(file.name)
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise UserError(f"The game {name} is too large to be one.")
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        raise UserError(
            f"The game {name} cannot be read, or is no JSON: take the file that save() wrote."
        ) from None
    try:
        return _Saved.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(shown(str(part)) for part in first["loc"][:4]) or "the file"
        raise UserError(
            f"The game {name} is none that this version can read: {place} is not as it should be."
        ) from None
