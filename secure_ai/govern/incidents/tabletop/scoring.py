"""Scoring decisions against the plan: done, in time, by the right role, in the right order, and "
"without harm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.govern.incidents.clocks import clocks_for
from secure_ai.govern.incidents.plan import Step
from secure_ai.govern.incidents.tabletop.actions import BY_ID, CLOCK_ACTIONS
from secure_ai.govern.incidents.tabletop.registry import make_world

if TYPE_CHECKING:
    from secure_ai.govern.incidents.tabletop.engine import Decision, Tabletop

STEPS, CONTAINMENT, EVIDENCE = 70.0, 20.0, 10.0
DONE, IN_TIME, RIGHT_ROLE, IN_ORDER = 0.3, 0.2, 0.2, 0.3
HARM, NOT_NEEDED = 10.0, 5.0
LARGE = 500
QUICKEST = 15
"""Minutes within which no team can stop anything; what is read until then is nobody's fault."""
WITHOUT_DELAY = 4_320
"""How the tabletop reads "without undue delay" where a law names no time: three days."""
Wanted = tuple[Step, tuple[str, ...], int]
CONTAIN = frozenset({"disable_account", "revoke_key_use", "close_share", "start_continuity", "rotate_key"})


@dataclass(frozen=True, slots=True)
class StepScore:
    """How one step of the plan went.

    Attributes:
        step: its id.
        action: what was done for it, or would have been.
        done, in_time, right_role, in_order: what was reached.
        due: the minute until when.
        finished: when it was; None if it was not.
        points, of: reached, and possible.
    """

    step: str
    action: str
    done: bool
    in_time: bool
    right_role: bool
    in_order: bool
    due: int
    finished: int | None
    points: float
    of: float


@dataclass(frozen=True)
class Score:
    """How a team did.

    Attributes:
        steps: one for each step of the plan that this incident asked for.
        containment, evidence: points reached of 20 and of 10.
        deductions: reason → points taken off.
        records, records_without_team, records_unavoidable: read by the wrongdoer; had nobody done anything;
            before anybody could.
        total: 0 to 100.
    """

    steps: tuple[StepScore, ...]
    containment: float
    evidence: float
    deductions: tuple[tuple[str, float], ...]
    records: int
    records_without_team: int
    records_unavoidable: int
    total: float

    def to_frame(self) -> pd.DataFrame:
        """Return the steps: step, action, done, in time, right role, in order, due, finished, points, of."""
        rows = [
            (s.step, s.action, s.done, s.in_time, s.right_role, s.in_order, s.due, s.finished, s.points, s.of)
            for s in self.steps
        ]
        columns = [
            "step",
            "action",
            "done",
            "in time",
            "right role",
            "in order",
            "due",
            "finished",
            "points",
            "of",
        ]
        return pd.DataFrame(rows, columns=columns).astype({"finished": "Int64"}).round({"points": 1, "of": 1})

    def sentence(self) -> str:
        """Say the result and what it rests on."""
        done = sum(step.done for step in self.steps)
        timely = sum(step.in_time for step in self.steps)
        harm = sum(points for _, points in self.deductions)
        return (
            f"{self.total:.0f} of 100 points: {done} of {len(self.steps)} steps done, {timely} in time; "
            f"{self.records} records read ({self.records_without_team} if nobody had acted); "
            f"{harm:.0f} points off for harm and needless steps."
        )


def score(tabletop: Tabletop) -> Score:
    """Return the score of a tabletop as it stands.

    A step counts once one of its actions is done; a step under a legal clock counts only if that clock
    applies in truth, and telling somebody without need costs points. Containment is measured in records that
    were not read, against the same incident with nobody acting. What was begun before the steps that it rests
    on were done is guesswork, however soon: it has points for being done and for the role, none for its time.
    """
    wanted = _wanted(tabletop)
    each = STEPS / max(len(wanted), 1)
    steps = tuple(_step_score(tabletop, one, wanted, each) for one in wanted)
    everything, unavoidable = _nobody(tabletop.scenario, tabletop.sector, tabletop.seed)
    read = len(tabletop.world.records)
    avoidable = max(everything - unavoidable, 1)
    # Nothing was held back before the wrongdoer could have gone on: waiting is no containment.
    held = min(1.0, (everything - max(read, unavoidable)) / avoidable) if tabletop.world.contained() else 0.0
    containment = CONTAINMENT * max(0.0, held) if any(d.done for d in tabletop.decisions) else 0.0
    evidence = EVIDENCE * _evidence(tabletop)
    deductions = tuple(_deductions(tabletop, {name for _, actions, _ in wanted for name in actions}))
    total = sum(s.points for s in steps) + containment + evidence - sum(points for _, points in deductions)
    return Score(
        steps, containment, evidence, deductions, read, everything, unavoidable, max(0.0, min(100.0, total))
    )


def _wanted(tabletop: Tabletop) -> list[Wanted]:
    """Return the steps that this incident asks for, their actions and the minute when each is due."""
    truth = tabletop.world.truth()
    clocks = {clock.id: clock for clock in clocks_for(truth)}
    found = []
    for step in tabletop.plan.ordered():
        actions = tuple(name for name in step.actions if _serves(tabletop, name))
        if not actions:
            continue
        if step.clock is None:
            found.append((step, actions, int(step.within_minutes or WITHOUT_DELAY)))
            continue
        clock = clocks[step.clock]
        if clock.status != "applies":
            continue
        if step.clock == "hipaa_secretary":
            large = (truth.individuals or 0) >= LARGE
            actions = ("notify_secretary",) if large else ("log_for_annual_report",)
        due = WITHOUT_DELAY
        if clock.deadline is not None:
            due = int((clock.deadline - tabletop.world.start).total_seconds() // 60)
        found.append((step, actions, due))
    return found


def _serves(tabletop: Tabletop, action: str) -> bool:
    return action in BY_ID and (action not in CONTAIN or action in tabletop.world.useful)


def _step_score(tabletop: Tabletop, one: Wanted, wanted: list[Wanted], each: float) -> StepScore:
    step, actions, due = one
    made = _first(tabletop, actions)
    if made is None:
        return StepScore(step.id, " or ".join(actions), False, False, False, False, due, None, 0.0, each)
    others = {other.id: names for other, names, _ in wanted}
    before = [_first(tabletop, others[name]) for name in step.after if name in others]
    order = all(first is not None and first.finished <= made.started for first in before)
    role, in_time = made.by == step.owner, made.finished <= due
    share = DONE + RIGHT_ROLE * role + (IN_ORDER + IN_TIME * in_time) * order
    return StepScore(step.id, made.action, True, in_time, role, order, due, made.finished, each * share, each)


def _first(tabletop: Tabletop, actions: tuple[str, ...]) -> Decision | None:
    done = [one for one in tabletop.decisions if one.action in actions and one.done]
    return min(done, key=lambda one: one.finished, default=None)


def _evidence(tabletop: Tabletop) -> float:
    kept = tabletop.world.done.get("preserve_logs")
    return float(kept is not None and tabletop.world.evidence_records() is not None)


def _deductions(tabletop: Tabletop, wanted: set[str]):
    for made in tabletop.decisions:
        if not made.done:
            continue
        words = BY_ID[made.action].words
        if made.harm:
            yield f"{words}: {made.harm}", HARM
        elif made.action in _notices() and made.action not in wanted:
            yield f"{words}: nobody had to be told that", NOT_NEEDED
        elif made.action in CONTAIN and made.action not in tabletop.world.useful:
            yield f"{words}: of no use in this incident", NOT_NEEDED


def _notices() -> set[str]:
    return {name for names in CLOCK_ACTIONS.values() for name in names}


@lru_cache(maxsize=64)
def _nobody(scenario: str, sector: str, seed: int) -> tuple[int, int]:
    """Return how many records are read if nobody acts, and how many before anybody can."""
    world = make_world(scenario, sector, seed)
    world.run_until(1_440)
    return len(world.records), world.records_by(QUICKEST)
