"""The tabletop itself: time passes, messages arrive, the team decides, and each decision takes minutes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.incidents.clocks import ClockState, clocks_for, clocks_frame
from secure_ai.govern.incidents.facts import IncidentFacts
from secure_ai.govern.incidents.plan import IncidentPlan, load_plan
from secure_ai.govern.incidents.tabletop.actions import (
    ACTIONS,
    BY_ID,
    QUESTION_BY_ID,
    QUESTIONS,
    Action,
    role_in,
)
from secure_ai.govern.incidents.tabletop.effects import answer, effect
from secure_ai.govern.incidents.tabletop.registry import make_world
from secure_ai.govern.incidents.tabletop.world import Detector, Message, World
from secure_ai.monitor.detection.result import Detection

LENGTH = 5_760
"""Minutes that a tabletop lasts: four days after the alarm."""
DECIDING = 1
"""Minutes that a decision itself costs."""
WATCHED = 480
REPEATABLE = frozenset({"count_records"})


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of the team.

    Attributes:
        number: counts from 1.
        action: what was decided.
        by: the role that does it.
        decided, started, finished: minutes after the alarm; ``finished`` is when it will be, or was, done.
        right_role: whether the plan gives it to that role.
        done: whether it has been finished.
        harm: why it did harm; empty if it did none.
        result: what came of it.
    """

    number: int
    action: str
    by: str
    decided: int
    started: int
    finished: int
    right_role: bool
    done: bool = False
    harm: str = ""
    result: str = ""

    def sentence(self) -> str:
        """Say what is done, by whom and until when."""
        words = BY_ID[self.action].words
        when = f"done at minute {self.finished}" if self.done else f"will be done at minute {self.finished}"
        return f"{self.by}: {words} (begun at minute {self.started}, {when})." + (
            f" {self.result}" if self.result else ""
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a question: in words, and the facts that it establishes."""

    minute: int
    question: str
    text: str
    facts: tuple[str, ...] = ()


class Tabletop:
    """An incident for one team.

    Args:
        scenario: such as ``"exposed_store"`` or ``"insider"``.
        sector: ``"healthcare"`` or ``"finance"``.
        seed: decides numbers, hours and laws; the same seed is the same incident.
        plan: what decisions are scored against; the kit's plan of the sector by default.
        detector: raises the alarms from the audit events; the scenario's own by default.

    Raises:
        UserError: if there is no such scenario or sector, the seed is none, or the plan is another sector's.
    """

    def __init__(
        self,
        scenario: str = "exposed_store",
        sector: str = "healthcare",
        *,
        seed: int = 1,
        plan: IncidentPlan | str | Path | None = None,
        detector: Detector | None = None,
    ) -> None:
        self.world: World = make_world(scenario, sector, seed)
        self.scenario, self.sector, self.seed = scenario, sector, seed
        self.plan = plan if isinstance(plan, IncidentPlan) else load_plan(sector if plan is None else plan)
        if self.plan.sector != sector:
            raise UserError(
                f"The plan is one of {self.plan.sector}, the tabletop one of {sector}: choose one."
            )
        self._detector: Callable[[Sequence[AuditEvent]], Sequence[Detection]] = detector or self.world.detect
        self.minute = 0
        self.decisions: list[Decision] = []
        self.answers: list[Answer] = []
        self.detections: list[tuple[int, Detection]] = []
        self.commands: list[dict[str, Any]] = []
        self._known: dict[str, Any] = {"timezone": self.world.laws["timezone"]}
        self._free: dict[str, int] = {}
        self._running: list[tuple[int, int]] = []
        self._examined = -1
        self.world.run_until(0)
        self.world.minute = 0
        self._watch()

    # ------------------------------------------------------------ looking

    @property
    def over(self) -> bool:
        """Whether the four days are over."""
        return self.minute >= LENGTH

    @property
    def now(self) -> datetime:
        """The time in the tabletop, in UTC."""
        return self.world.moment(self.minute)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Everything that has reached the team, in order."""
        return tuple(self.world.messages)

    @property
    def facts(self) -> IncidentFacts:
        """The facts that the team has established."""
        return IncidentFacts(**self._known)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that can act: those of the plan."""
        return tuple(self.plan.roles)

    def clocks(self) -> tuple[ClockState, ...]:
        """Return the legal clocks as far as the team's facts decide them."""
        return clocks_for(self.facts)

    def clocks_frame(self) -> pd.DataFrame:
        """Return the clocks as a table, with the hours that are left."""
        return clocks_frame(self.clocks(), self.now)

    def brief(self) -> str:
        """Return what a team reads first."""
        local = self.world.start.astimezone(self.facts.zone)
        return (
            f"{self.world.title}. {self.world.briefing[self.sector]} It is {local:%A, %d %B %Y, %H:%M}. "
            f"See messages_frame(), actions() and questions(); then decide(action, by=role), "
            f"ask(question) and "
            f"advance(minutes). {self.plan.name} is what you are measured by."
        )

    def messages_frame(self) -> pd.DataFrame:
        """Return the messages: minute, from, text."""
        rows = [(one.minute, one.source, one.text) for one in self.messages]
        return pd.DataFrame(rows, columns=["minute", "from", "text"])

    def actions(self) -> pd.DataFrame:
        """Return what can be decided: action, what, minutes. Who does it, and whether it is wise, "
        "says the plan."""
        rows = [(one.id, one.words, one.minutes) for one in ACTIONS]
        return pd.DataFrame(rows, columns=["action", "what", "minutes"])

    def questions(self) -> pd.DataFrame:
        """Return what can be asked: question, what, minutes."""
        rows = [(one.id, one.words, one.minutes) for one in QUESTIONS]
        return pd.DataFrame(rows, columns=["question", "what", "minutes"])

    def log_frame(self, last: int = 20) -> pd.DataFrame:
        """Return the last events that the logs at hand show: minute, actor, action, target, outcome, reason.

        Raises:
            UserError: unless ``last`` is a whole number of 1 or more.
        """
        if isinstance(last, bool) or not isinstance(last, int) or last < 1:
            raise UserError("last is how many events to show: a whole number of 1 or more.")
        rows = [
            (minute, e.actor, e.action, e.target, e.outcome, len(e.records), e.reason)
            for minute, e in self.world.visible_events()[-last:]
        ]
        columns = ["minute", "actor", "action", "target", "outcome", "records", "reason"]
        return pd.DataFrame(rows, columns=columns)

    def situation(self) -> str:
        """Say where things stand: time, what runs, what the clocks say."""
        running = [one for one in self.decisions if not one.done]
        busy = "; ".join(f"{one.by}: {one.action} until minute {one.finished}" for one in running) or "nobody"
        open_clocks = [clock for clock in self.clocks() if clock.status != "not_applicable"]
        undecided = sum(clock.status == "undecided" for clock in open_clocks)
        return (
            f"Minute {self.minute} of {LENGTH}. At work: {busy}. "
            f"{len(open_clocks) - undecided} clocks run, {undecided} are undecided."
        )

    # ------------------------------------------------------------ deciding

    def decide(self, action: str, by: str) -> Decision:
        """Decide that a role does something; it begins as soon as that role is free.

        Args:
            action: see :meth:`actions`.
            by: a role of the plan. Another role than the plan's needs twice as long.

        Raises:
            UserError: if there is no such action or role, it has been decided already, or the time is over.
        """
        self._check_time()
        wanted = BY_ID.get(action) if isinstance(action, str) else None
        if wanted is None:
            raise UserError(f"There is no action '{shown(str(action))}': choose from {', '.join(BY_ID)}.")
        if not isinstance(by, str) or by not in self.plan.roles:
            raise UserError(f"The plan has no role '{shown(str(by))}': choose from {', '.join(self.roles)}.")
        if action not in REPEATABLE and any(one.action == action for one in self.decisions):
            raise UserError(f"'{action}' has been decided already: wait for it, or decide something else.")
        self.commands.append({"do": "decide", "action": action, "by": by})
        self._run_to(min(self.minute + DECIDING, LENGTH))
        right = by == self.owner_of(wanted)
        start = max(self.minute, self._free.get(by, 0))
        finish = start + wanted.minutes * (1 if right else 2)
        self._free[by] = finish
        made = Decision(len(self.decisions) + 1, action, by, self.minute, start, finish, right)
        self.decisions.append(made)
        heapq.heappush(self._running, (finish, made.number))
        return made

    def advance(self, minutes: int) -> list[Message]:
        """Let time pass and return the messages that came.

        Raises:
            UserError: if ``minutes`` is no whole number of 1 or more, or the time is over.
        """
        self._check_time()
        if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= LENGTH:
            raise UserError(f"Minutes to wait are a whole number from 1 to {LENGTH}.")
        self.commands.append({"do": "advance", "minutes": minutes})
        return self._wait(minutes)

    def ask(self, question: str) -> Answer:
        """Ask a question and wait for the answer; what it establishes is known from then on.

        Raises:
            UserError: if there is no such question, or the time is over.
        """
        self._check_time()
        wanted = QUESTION_BY_ID.get(question) if isinstance(question, str) else None
        if wanted is None:
            raise UserError(
                f"There is no question '{shown(str(question))}': choose from {', '.join(QUESTION_BY_ID)}."
            )
        self.commands.append({"do": "ask", "question": question})
        self._wait(wanted.minutes)
        text, facts = answer(self, question)
        self._learn(facts)
        given = Answer(self.minute, question, text, tuple(facts))
        self.answers.append(given)
        return given

    def owner_of(self, action: Action) -> str:
        """Return the role that the plan gives an action to; the kit's own where the plan does not "
        "speak of it."""
        steps = self.plan.steps_of_action(action.id)
        return steps[0].owner if steps else role_in(self.sector, action.role)

    def finished(self, action: str) -> int | None:
        """Return the minute when an action was first done; None if it is not."""
        return next((one.finished for one in self.decisions if one.action == action and one.done), None)

    # ------------------------------------------------------------ time

    def _check_time(self) -> None:
        if self.over:
            raise UserError("The four days are over: see score() and report().")

    def _wait(self, minutes: int) -> list[Message]:
        before = len(self.world.messages)
        self._run_to(min(self.minute + minutes, LENGTH))
        return self.world.messages[before:]

    def _run_to(self, minute: int) -> None:
        while self._running and self._running[0][0] <= minute:
            finish, number = heapq.heappop(self._running)
            self._let_pass(finish)
            self._complete(number - 1)
        self._let_pass(minute)

    def _let_pass(self, minute: int) -> None:
        while self.minute < minute:
            step = min(minute, self.minute + 5) if self.minute < WATCHED else minute
            self.world.run_until(step)
            self.minute = step
            self._watch()

    def _watch(self) -> None:
        if self._examined == len(self.world.events):
            return
        self._examined = len(self.world.events)
        known = {(found.kind, found.actor) for _, found in self.detections}
        for found in self._detector([event for _, event in self.world.visible_events()]):
            if (found.kind, found.actor) not in known:
                known.add((found.kind, found.actor))
                self.detections.append((self.minute, found))
                self.world.say("monitoring", found.sentence())

    def _complete(self, place: int) -> None:
        decision = self.decisions[place]
        action = BY_ID[decision.action]
        harmful = action.harm == "always"
        if action.harm == "before evidence":
            harmful = "preserve_logs" not in self.world.done and self.world.destroy_log() > 0
        text, facts = effect(self, action)
        self.world.done.setdefault(action.id, decision.finished)
        self._learn(facts)
        result = " ".join(part for part in (text, self.world.apply(action.id)) if part)
        self.decisions[place] = replace(
            decision, done=True, harm=action.why if harmful else "", result=result
        )
        self.world.say(decision.by, result or f"{action.words}: done.")

    def _learn(self, facts: dict[str, Any]) -> None:
        self._known = {**self._known, **facts}
        self._known = {name: value for name, value in self._known.items() if value is not None}
