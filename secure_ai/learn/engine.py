"""Tasks and their checks: plain-sentence feedback that never raises, never hangs and shows no traceback."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.core.errors import UserError
from secure_ai.learn import progress as store
from secure_ai.learn.display import Note, Shown, Table, box, inline

if TYPE_CHECKING:
    import numpy as np


SOLUTIONS = Path(__file__).parent / "tasks" / "solutions.json"
# Set in a workshop: the address of the instructor's board, and the folder of the solutions released so far.
BOARD_VARIABLE = "SECURE_AI_BOARD"
SOLUTIONS_VARIABLE = "SECURE_AI_SOLUTIONS"


class Status(StrEnum):
    """What a check found."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    ERROR = "error"
    NOT_ATTEMPTED = "not_attempted"


LEADS = {
    Status.CORRECT: "Correct.",
    Status.INCORRECT: "Not yet:",
    Status.ERROR: "",
    Status.NOT_ATTEMPTED: "Not attempted yet.",
}
WORDS = {
    Status.CORRECT: "Correct",
    Status.INCORRECT: "Not yet",
    Status.ERROR: "Error",
    Status.NOT_ATTEMPTED: "Not attempted yet",
}


@dataclass(frozen=True, repr=False)
class CheckResult(Shown):
    """The outcome of a check, in words.

    Attributes:
        status: one of four outcomes.
        message: one sentence on what was found.
        next_step: what to try next, empty where there is nothing to add.
        note: something about the kit rather than the answer (progress that could not be saved).
    """

    status: Status
    message: str
    next_step: str = ""
    note: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the answer is correct, so that later cells may build on it."""
        return self.status is Status.CORRECT

    def __bool__(self) -> bool:
        return self.accepted

    def text(self) -> str:
        lines = [f"{LEADS[self.status]} {self.message}".strip()]
        if self.next_step:
            lines.append(f"Next: {self.next_step}")
        if self.note:
            lines.append(self.note)
        return "\n".join(lines)

    def html(self) -> str:
        lead = LEADS[self.status] or "Error."
        body = f"<strong>{lead}</strong> {inline(self.message)}"
        if self.next_step:
            body += f"<br><strong>Next:</strong> {inline(self.next_step)}"
        if self.note:
            body += f"<br>{inline(self.note)}"
        return box(body, kind=self.status.value, role="status")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        _forget_pending(self)
        return super()._repr_mimebundle_(include, exclude)

    def __repr__(self) -> str:
        _forget_pending(self)
        return self.text()


def correct(message: str) -> CheckResult:
    """Accept the answer, and say why it is right."""
    return CheckResult(Status.CORRECT, message)


def incorrect(message: str, next_step: str = "") -> CheckResult:
    """Reject the answer: ``message`` says what is wrong, ``next_step`` what to try."""
    return CheckResult(Status.INCORRECT, message, next_step)


def not_attempted(
    message: str = "Put your answer in place of `...`, then run the cell again.",
) -> CheckResult:
    """Say that there is no answer yet."""
    return CheckResult(Status.NOT_ATTEMPTED, message)


def fresh() -> np.random.Generator:
    """Return a generator of random inputs that nobody can foresee, so that no constant passes a check."""
    import numpy as np

    return np.random.default_rng(secrets.randbits(128))


@dataclass(frozen=True)
class KnownWrong:
    """A wrong answer that people give, and the message that it must get.

    Attributes:
        value: the answer, as a learner would hand it to ``check``.
        message: exactly the message of the result.
        note: why someone would answer so.
    """

    value: Any
    message: str
    note: str = ""


@dataclass
class Task:
    """One task of a lab; see :meth:`Lab.task`.

    Attributes:
        lab: the lab that it belongs to.
        name: its name in the lab, also its key in the progress file and in ``solutions.json``.
        prompt: one sentence on what is asked.
        hints: hints that climb from vague to nearly the code.
        known_wrong: wrong answers, each with its message.
        reference: an answer that must be accepted, or None.
        legitimate: constants that happen to be right answers, which tests must not count as cheating.
        prepare: starts what the judge needs (a server), or None; its time does not count.
        judge: the function that judges a value.
        accepted: whether the last check of this session accepted the answer.
        hints_used: the highest hint that was shown in this session.
    """

    lab: Lab
    name: str
    prompt: str
    hints: tuple[str, ...]
    judge: Callable[[Any], CheckResult]
    known_wrong: tuple[KnownWrong, ...] = ()
    reference: Any = None
    legitimate: tuple[Any, ...] = ()
    prepare: Callable[[], object] | None = None
    accepted: bool = field(default=False, init=False)
    hints_used: int = field(default=0, init=False)

    def check(self, value: Any = ..., *, seconds: float | None = None) -> CheckResult:
        """Judge ``value``; never raises and never runs longer than ``seconds`` (2 by default).

        Args:
            value: the learner's answer: a function, a table, a number. ``...`` counts as no answer.
            seconds: limit, of which the environment variable ``SECURE_AI_CHECK_SECONDS`` sets the default.

        Returns:
            The result, which a cell shows when the call is its last expression.
        """
        unprepared = self._unprepared(value)
        result = evaluate(self.judge, value, seconds=seconds) if unprepared is None else unprepared
        self.accepted = result.accepted
        self.lab.session[self.name] = _latest(self.lab.session.get(self.name), result.status)
        unsaved = store.record(self.lab.key, self.name, result.status.value)
        if unsaved:
            result = replace(result, note=unsaved)
        self._tell(result.status.value, result.message)
        _pending_of_this_cell().append(result)
        return result

    def hint(self, number: int = 1) -> Note:
        """Show hint ``number``, from 1."""
        if type(number) is not int or number < 1:
            return self._note("No such hint", f"hints are numbered from 1 to {len(self.hints)}.")
        if number > len(self.hints):
            body = f"there are {len(self.hints)}; `{self.name}.solution()` shows one way to do it."
            return self._note("That was the last hint", body)
        unsaved = store.record(self.lab.key, self.name, hints_used=number)
        self.hints_used = max(self.hints_used, number)
        self._tell("hint")
        more = f" (`hint({number + 1})` says more)" if number < len(self.hints) else ""
        body = self.hints[number - 1] + more + (f" {unsaved}" if unsaved else "")
        return self._note(f"Hint {number} of {len(self.hints)}", body)

    def solution(self) -> Note:
        """Show one way to solve the task, taken from the answer key."""
        source = solution_text(self.lab.key, self.name)
        if source is None and os.environ.get(SOLUTIONS_VARIABLE, "").strip():
            return self._note("Not available", "Your instructor has not released the solution yet.")
        if source is None:
            body = (
                f"the answer key has no solution for `{self.name}`; look in solutions/{self.lab.key}.ipynb."
            )
            return self._note("Not available", body)
        unsaved = store.record(self.lab.key, self.name, solution_shown=True)
        return self._note("One way to do it", unsaved, source)

    def _unprepared(self, value: Any) -> CheckResult | None:
        """Start what the check needs, outside its time limit; return why that failed, or None."""
        try:
            if self.prepare is not None and value is not None and value is not ...:
                self.prepare()
        except UserError as error:
            return CheckResult(Status.ERROR, f"The check cannot begin: {error}")
        return None

    def _tell(self, status: str, message: str = "") -> None:
        """Tell the instructor's board of a workshop, in the background; nothing where there is none."""
        if os.environ.get(BOARD_VARIABLE):
            from secure_ai.learn import seat

            seat.tell(self.lab.key, self.name, status, message, self.hints_used)

    def _note(self, title: str, body: str, code: str = "") -> Note:
        # Only a cell's last expression is shown. Without this, uncommenting a hint under `check` would
        # hide the check's own result.
        pending = _pending_of_this_cell()
        note = Note(title, body, code, before=tuple(pending))
        pending[:] = [*pending, replace(note, before=())]
        return note

    def __repr__(self) -> str:
        return f"Task {self.name} of {self.lab.title}: {self.prompt}"


class Lab:
    """The tasks of one chapter.

    Args:
        key: name of the notebook without its ending, such as ``03_data_inventory``.
        title: title for people.
    """

    def __init__(self, key: str, title: str) -> None:
        self.key = key
        self.title = title
        self.tasks: dict[str, Task] = {}
        self.session: dict[str, Status] = {}
        if os.environ.get(BOARD_VARIABLE):
            from secure_ai.learn import seat

            seat.tell(key, "", "opened")

    def task(
        self,
        prompt: str,
        hints: Sequence[str],
        known_wrong: Sequence[KnownWrong] = (),
        solution: Any = None,
        *,
        name: str | None = None,
        legitimate: Sequence[Any] = (),
        prepare: Callable[[], object] | None = None,
    ) -> Callable[[Callable[[Any], CheckResult]], Task]:
        """Make the decorated function, which judges a value, a task of this lab.

        Args:
            prompt: one sentence on what is asked.
            hints: two or three hints that climb.
            known_wrong: at least two wrong answers with the message that each must get.
            solution: an answer that must be accepted.
            name: name of the task, by default the function's.
            legitimate: constants that happen to be right, where the task asks for a value and not a function.
            prepare: called before each check, outside its time limit, to start once what the check needs.

        Raises:
            ValueError: if the lab has a task of this name.
        """

        def make(judge: Callable[[Any], CheckResult]) -> Task:
            task_name = name or judge.__name__
            if task_name in self.tasks:
                raise ValueError(f"The lab {self.key} has two tasks named '{task_name}': rename one.")
            task = Task(
                lab=self,
                name=task_name,
                prompt=prompt,
                hints=tuple(hints),
                judge=judge,
                known_wrong=tuple(known_wrong),
                reference=solution,
                legitimate=tuple(legitimate),
                prepare=prepare,
            )
            self.tasks[task_name] = task
            return task

        return make

    def statuses(self) -> dict[str, Status]:
        """Return the best status of every task, from the progress file and this session."""
        known = {status.value for status in Status}
        saved = {name: word for name, word in store.statuses(self.key).items() if word in known}
        return {
            name: _latest(Status(saved.get(name, Status.NOT_ATTEMPTED)), self.session.get(name))
            for name in self.tasks
        }

    def progress(self) -> Table:
        """Show which tasks are solved, and what to do next."""
        statuses = self.statuses()
        open_tasks = [name for name, status in statuses.items() if status is not Status.CORRECT]
        solved = len(statuses) - len(open_tasks)
        if open_tasks:
            after = f"Next: {open_tasks[0]}. {self.tasks[open_tasks[0]].prompt}"
        else:
            after = (
                "All tasks are solved. Next: the reflection at the end, then the next chapter on your path."
            )
        rows = [(name, WORDS[statuses[name]], task.prompt) for name, task in self.tasks.items()]
        return Table(
            f"{self.title}: {solved} of {len(statuses)} tasks solved",
            ("Task", "Status", "What it asks"),
            rows,
            after,
        )


def evaluate(judge: Callable[[Any], CheckResult], value: Any, *, seconds: float | None = None) -> CheckResult:
    """Run ``judge`` on ``value`` with a time limit, and turn whatever happens into a result."""
    from secure_ai.learn import guard

    return guard.evaluate(judge, value, seconds)


def attempt(function: Any, *args: Any, none_is_an_answer: bool = False, **kwargs: Any) -> Any:
    """Call the learner's ``function`` on copies of the arguments and return what it returns.

    For use inside a check. It ends the check by itself, with a sentence, where the value is no
    function, cannot take these arguments, is still the starter, or returns nothing.

    Args:
        function: what the learner handed in.
        args: positional arguments; the learner gets deep copies, so yours stay as they are.
        none_is_an_answer: accept None as a return value.
        kwargs: keyword arguments, copied too.
    """
    from secure_ai.learn import guard

    return guard.attempt(function, args, kwargs, none_is_an_answer)


def same(answer: Any, expected: Any, *, tolerance: float = 1e-9) -> bool:
    """Whether ``answer`` equals ``expected``; never raises, whatever ``answer`` is.

    Numbers compare within ``tolerance`` (relative and absolute) and NaN equals NaN; lists and tuples
    are interchangeable; sets, mappings, arrays, Series and DataFrames compare by content. True is not 1.
    """
    from secure_ai.learn import compare

    return compare.same(answer, expected, tolerance)


def solution_text(lab: str, task: str) -> str | None:
    """Return the solution's source from ``tasks/solutions.json``, which ``secure-ai lab build`` writes.

    In a workshop it comes from the folder that ``SECURE_AI_SOLUTIONS`` names, and is there once released.
    """
    import json

    released = os.environ.get(SOLUTIONS_VARIABLE, "").strip()
    file = Path(released) / "solutions.json" if released else SOLUTIONS
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))[lab][task]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return entry if isinstance(entry, str) and entry.strip() else None


_pending: dict[Any, list[Shown]] = {}


def _latest(before: Status | None, now: Status | None) -> Status:
    """A task once correct stays correct, and an untouched starter hides nothing."""
    if before is Status.CORRECT or now in (None, Status.NOT_ATTEMPTED):
        return before or Status.NOT_ATTEMPTED
    return now


def _pending_of_this_cell() -> list[Shown]:
    """Return what this cell made and has not shown yet; nothing outside IPython."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return []
    if shell.execution_count not in _pending:
        _pending.clear()
        _pending[shell.execution_count] = []
    return _pending[shell.execution_count]


def _forget_pending(result: CheckResult) -> None:
    for items in _pending.values():
        items[:] = [item for item in items if item is not result]
