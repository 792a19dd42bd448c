"""Who is where: what the board knows of each seat, how long it is stuck, and what the class got wrong."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from typing import Any

from secure_ai.workshop.hub.board.agenda import Agenda
from secure_ai.workshop.hub.board.catalog import Lab
from secure_ai.workshop.hub.board.database import MOST_MESSAGES, Database
from secure_ai.workshop.hub.room import Settings, Step

# The kit's own, and meant to be argued with: two tries without progress are a pattern, five minutes are the
# time after which an instructor who walks by asks, and who has not tried for ten is no longer trying.
STUCK_TRIES = 2
STUCK_MINUTES = 5
QUIET_MINUTES = 10
# A seat's bar asks again every twenty seconds at the latest.
AWAY_SECONDS = 75
STATUSES = ("correct", "incorrect", "error", "not_attempted", "opened", "hint")
TRIES = ("correct", "incorrect", "error")
MOST_WRONGS = 100
MOST_HINTS = 9
OTHER = "(further messages)"
RULE = (
    f"Stuck: minutes since the last progress (a task solved, a lab opened, or the first try at another task) "
    f"while tries go on, that is after {STUCK_TRIES} tries or more, the last within {QUIET_MINUTES} minutes. "
    f"From {STUCK_MINUTES} minutes on the seat is marked."
)
# A kernel that starts anew is told what was said last, not all that was said since the morning.
LATEST = 3


class Classroom:
    """The state of the class, kept in a database.

    Args:
        settings: of the room.
        labs: by key.
        mask: takes what a check said to what may be shown.
        database: where it survives a restart.
        clock: seconds, as :func:`time.time`.
        signed_in: returns the seats whose code was used; without it a seat is known from its first lab on.
    """

    def __init__(
        self,
        settings: Settings,
        labs: dict[str, Lab],
        mask: Callable[[str], str],
        database: Database,
        clock: Callable[[], float] = time.time,
        *,
        signed_in: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.settings, self.labs, self.mask, self.database, self.clock = (
            settings, labs, mask, database, clock,
        )  # fmt: skip
        self.signed_in = signed_in
        self.names = {seat.name: seat for seat in settings.seats}
        kept = database.seats()
        self.seats = {name: kept.get(name) or _blank() for name in self.names}
        self.seen: dict[str, float] = {}
        self.wrongs: dict[tuple[str, str], dict[str, Counter[str]]] = defaultdict(dict)
        for lab, task, message, seat, tries in database.wrongs():
            self.wrongs[lab, task].setdefault(message, Counter())[seat] = tries
        self.messages = database.messages()
        steps = settings.agenda or (Step("Workshop", settings.minutes),)
        self.agenda = Agenda(steps, database.fact("agenda"))
        self.board = database.fact("board") or secrets.token_hex(8)
        database.keep_fact("board", self.board)
        # What changes for the seats has a number, so that none misses it; the timer counts, too.
        self.last = max(database.fact("last", 0), self.messages[-1]["id"] if self.messages else 0)
        self.submitted = database.submissions()
        self.page_changed, self.inbox_changed = asyncio.Event(), asyncio.Event()

    # -------------------------------------------------------------------------------- from the seats

    def contact(self, seat: str) -> None:
        """Note that a seat is there."""
        back = self.clock() - self.seen.get(seat, 0) > AWAY_SECONDS
        self.seen[seat] = self.clock()
        if back:
            self._wake_page()

    def event(
        self, seat: str, lab: str, task: str, status: str, *, message: str = "", hints: int = 0
    ) -> None:
        """Take in what happened at a seat.

        Args:
            seat: name.
            lab: key of a lab that there is.
            task: name of a task of it; empty where the lab was opened.
            status: one of ``STATUSES``.
            message: what the check said; masked here.
            hints: the highest hint of the task that was opened.

        Raises:
            ValueError: in one sentence, if there is no such lab, task or status.
        """
        known = self.labs.get(lab)
        if known is None:
            raise ValueError("There is no such lab.")
        if status not in STATUSES or (status == "opened") != (not task):
            raise ValueError("There is no such status.")
        if task and known.task(task) is None:
            raise ValueError("There is no such task.")
        state, now = self.seats[seat], self.clock()
        self.contact(seat)
        if state["lab"] != lab and status != "hint":
            state.update(lab=lab, task="", task_since=now, progress_at=now, tries=0)
            self._go_on(state, now)
        if task:
            self._judged(seat, (lab, task), status, message, hints)
        self.database.keep_seat(seat, state)
        self._wake_page()

    def _judged(self, seat: str, place: tuple[str, str], status: str, message: str, hints: int) -> None:
        (lab, task), state, now = place, self.seats[seat], self.clock()
        entry = state["tasks"].get(f"{lab}/{task}") or {"status": "", "tries": 0, "hints": 0, "said": ""}
        entry["hints"] = max(entry["hints"], min(max(hints, 0), MOST_HINTS))
        if entry["hints"] or status in TRIES:
            state["tasks"][f"{lab}/{task}"] = entry
        # Running all cells again is no try and no place where the learner is; a solved task stays solved.
        if status not in TRIES or entry["status"] == "correct":
            return
        if entry["tries"] == 0 and state["task"] != task:
            state.update(progress_at=now, tries=0)
        if state["task"] != task:
            state.update(task=task, task_since=now)
        entry["tries"] += 1
        entry["status"], entry["said"] = status, ""
        state["tries"] += 1
        state["tried_at"] = now
        if status == "correct":
            state.update(progress_at=now, tries=0)
            self._go_on(state, now)
            return
        entry["said"] = self._count_wrong(seat, lab, task, self.mask(message))

    def _go_on(self, state: dict[str, Any], now: float) -> None:
        """Put a seat at the first task of its lab that it has not solved; at none when all are."""
        tasks = [one.name for one in self.labs[state["lab"]].tasks]
        solved = {name for name in tasks if self._status(state, name) == "correct"}
        after = tasks[tasks.index(state["task"]) + 1 :] if state["task"] in tasks else tasks
        left = [name for name in [*after, *tasks] if name not in solved]
        state.update(task=left[0] if left else "", task_since=now)

    def _status(self, state: dict[str, Any], task: str) -> str:
        return state["tasks"].get(f"{state['lab']}/{task}", {}).get("status", "")

    def _count_wrong(self, seat: str, lab: str, task: str, message: str) -> str:
        found = self.wrongs[lab, task]
        if message not in found and len(found) >= MOST_WRONGS:
            message = OTHER
        found.setdefault(message, Counter())[seat] += 1
        self.database.keep_wrong(lab, task, message, seat)
        return message

    def submit(self, seat: str, lab: str, notebook: bytes) -> int:
        """Keep a notebook that a learner handed in; return its number.

        Raises:
            ValueError: if there is no such lab.
        """
        if lab not in self.labs:
            raise ValueError("There is no such lab.")
        number = self.database.add_submission(self.clock(), seat, lab, notebook)
        self.submitted = self.database.submissions()
        self.contact(seat)
        self._wake_page()
        return number

    # ------------------------------------------------------------------------------- to the seats

    def say(
        self, kind: str, text: str, seats: Collection[str] | None = None, lab: str = "", task: str = ""
    ) -> int:
        """Send a hint or an announcement to seats, or to all where none are named; return its number."""
        body = {
            "kind": kind, "text": text, "lab": lab, "task": task,
            "seats": sorted(seats) if seats is not None else None,
        }  # fmt: skip
        now, number = self.clock(), self.last + 1
        self.database.add_message(number, now, body)
        self.messages = [*self.messages[-MOST_MESSAGES + 1 :], {"id": number, "at": now, **body}]
        self._count_to(number)
        return number

    def do(self, action: str, minutes: float = 0) -> None:
        """Start, pause or move the timer and the agenda.

        Raises:
            ValueError: if there is no such action.
        """
        self.agenda.do(action, self.clock(), minutes)
        self.database.keep_fact("agenda", self.agenda.keep())
        self._count_to(self.last + 1)

    def inbox(self, seat: str, since: int) -> dict[str, Any]:
        """Return what a seat has not been told since a number, and the timer."""
        own = [one for one in self.messages if one["seats"] is None or seat in one["seats"]]
        if since <= 0:
            fresh = own[-LATEST:]
        else:
            # Another board gave a higher number: its messages are not ours.
            fresh = [one for one in own if since < one["id"]] if since <= self.last else []
        keys = ("id", "kind", "text", "lab", "task")
        return {
            "board": self.board,
            "last": self.last,
            "messages": [{key: one[key] for key in keys} for one in fresh],
            "timer": self.agenda.shown(self.clock()),
        }

    def stuck_on(self, lab: str, task: str) -> list[str]:
        """Return the seats that are at a task, have tried it and have not solved it."""
        return [
            name
            for name, state in self.seats.items()
            if (state["lab"], state["task"]) == (lab, task)
            and state["tasks"].get(f"{lab}/{task}", {}).get("tries")
        ]

    # -------------------------------------------------------------------------------- to the page

    def shown(self) -> dict[str, Any]:
        """Return all that the page shows, without names of learners."""
        now = self.clock()
        inside = set(self.signed_in())
        seats = [self._seat(name, state, now, name in inside) for name, state in self.seats.items()]
        used = {seat["lab"] for seat in seats if seat["lab"]} | {lab for lab, _ in self.wrongs}
        used |= {self.agenda.steps[self.agenda.at].lab} & set(self.labs)
        return {
            "now": now,
            "room": self.settings.name,
            "isolated": self.settings.own_users,
            "own_view": self.settings.own_view,
            "rule": RULE,
            "timer": self.agenda.shown(now),
            "agenda": [
                {"title": step.title, "minutes": step.minutes, "lab": step.lab} for step in self.agenda.steps
            ],
            "seats": seats,
            "labs": [self._lab(self.labs[key]) for key in sorted(used)],
            "wrongs": self._wrongs(),
            "submissions": self.submitted,
            "said": [
                {key: one[key] for key in ("id", "at", "kind", "text", "seats", "task")}
                for one in self.messages[-20:]
            ],
        }

    def _seat(self, name: str, state: dict[str, Any], now: float, inside: bool) -> dict[str, Any]:
        current = state["tasks"].get(f"{state['lab']}/{state['task']}", {})
        quiet = now - state["tried_at"] > 60 * QUIET_MINUTES
        here = now - self.seen.get(name, -math.inf) <= AWAY_SECONDS
        trying = here and bool(state["task"]) and state["tries"] >= STUCK_TRIES and not quiet
        stuck = (now - state["progress_at"]) / 60 if trying else 0.0
        done = bool(state["lab"]) and not state["task"]
        word = "not here yet"
        if state["lab"]:
            word = "done" if done else {"incorrect": "not yet", "error": "error"}.get(
                current.get("status", ""), "working"
            )  # fmt: skip
            if current.get("tries") and quiet and not done:
                word = "quiet"
            if stuck >= STUCK_MINUTES:
                word = "stuck"
            if not here and not done:
                word = "away"
        elif here:
            word = "here"
        elif inside:
            word = "signed in"
        prefix = f"{state['lab']}/"
        return {
            "name": name,
            "number": self.names[name].number,
            "lab": state["lab"],
            "task": state["task"],
            "word": word,
            "minutes": int(max(now - state["task_since"], 0) // 60) if state["task"] else None,
            "stuck": round(stuck, 2),
            "tries": current.get("tries", 0),
            "hints": current.get("hints", 0),
            "said": current.get("said", ""),
            "tasks": {
                key.removeprefix(prefix): {part: entry[part] for part in ("status", "tries", "hints")}
                for key, entry in state["tasks"].items()
                if key.startswith(prefix)
            },
        }

    def _lab(self, lab: Lab) -> dict[str, Any]:
        tasks = [{"name": one.name, "prompt": one.prompt, "hints": list(one.hints)} for one in lab.tasks]
        return {"key": lab.key, "title": lab.title, "tasks": tasks}

    def _wrongs(self) -> list[dict[str, Any]]:
        found = []
        for (lab, task), messages in self.wrongs.items():
            latest = Counter(
                state["tasks"].get(f"{lab}/{task}", {}).get("said") for state in self.seats.values()
            )
            rows = [
                {"message": text, "seats": len(by), "tries": sum(by.values()), "now": latest[text]}
                for text, by in messages.items()
            ]
            rows.sort(key=lambda row: (-row["seats"], -row["tries"], row["message"]))
            found.append({"lab": lab, "task": task, "messages": rows[:8], "more": max(len(rows) - 8, 0)})
        return sorted(found, key=lambda one: (one["lab"], self._place(one["lab"], one["task"])))

    def _place(self, lab: str, task: str) -> int:
        names = [one.name for one in self.labs[lab].tasks] if lab in self.labs else []
        return names.index(task) if task in names else len(names)

    def _count_to(self, number: int) -> None:
        self.last = number
        self.database.keep_fact("last", number)
        self.inbox_changed.set()
        self.inbox_changed = asyncio.Event()
        self._wake_page()

    def _wake_page(self) -> None:
        self.page_changed.set()
        self.page_changed = asyncio.Event()


def _blank() -> dict[str, Any]:
    return {
        "lab": "", "task": "", "task_since": 0.0, "progress_at": 0.0, "tried_at": 0.0, "tries": 0,
        "tasks": {},
    }  # fmt: skip
