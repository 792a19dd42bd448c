"""What an examination of the trail found: whether it is whole, and if not, what happened where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Part = Literal["entry", "checkpoint", "head", "header", "witness", "database"]
Kind = Literal[
    "edited", "deleted", "inserted", "reordered", "truncated", "rewritten", "forged", "missing", "damaged",
    "wrong key", "another version", "another trail", "not witnessed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was written.

    Attributes:
        part: of what: an entry, a checkpoint, the head, the header, the witness, the database.
        kind: what happened to it.
        number: the entry's sequence number, the checkpoint's number or the witness's line; 0 for a part that
            there is once. Of several the first.
        last: the last of them; the same as ``number`` for one.
        words: a sentence.
    """

    part: Part
    kind: Kind
    number: int
    last: int
    words: str

    def about(self, sequence: int) -> bool:
        """Say whether this problem is about an entry."""
        if self.part != "entry":
            return False
        if self.kind == "reordered":
            return sequence in (self.number, self.last)
        return self.number <= sequence <= self.last


@dataclass(frozen=True)
class Verification:
    """The result of :func:`secure_ai.monitor.trail.verify_trail`.

    Attributes:
        name: of the trail.
        entries: how many were read.
        end: the last entry that a writer signed for, as head, checkpoints and witness say.
        checkpoints: how many were good, those that only the witness has included.
        checked_at: entries where a good checkpoint is; thinned to a few hundred, for a picture.
        witnessed: the last entry that the witness has seen; None without a witness.
        problems: what is wrong, in the order of the trail; the first thousand.
        problem_count: how many there are.
        clock_back: how many events have an earlier time than one that had arrived before them; no problem of
            the trail, but of a clock.
        first_clock_back: the first of those.
        log_id: of the trail; empty where no signature says which it is.
    """

    name: str
    entries: int
    end: int
    checkpoints: int
    checked_at: tuple[int, ...]
    witnessed: int | None
    problems: tuple[Problem, ...]
    problem_count: int
    clock_back: int
    first_clock_back: int | None
    log_id: str = ""

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem_count

    @property
    def intact_until(self) -> int:
        """The last entry before the first problem about entries; ``end`` if there is none."""
        about = [problem.number for problem in self.problems if problem.part == "entry"]
        return max(0, min(about, default=self.end + 1) - 1)

    def found(self, sequence: int) -> bool:
        """Say whether a problem is about the entry of this number."""
        return any(problem.about(sequence) for problem in self.problems)

    def sentence(self) -> str:
        """Return the result in words."""
        covered = (
            "no witness was given, so an older copy of the whole trail would pass"
            if self.witnessed is None
            else f"the witness has seen entry {self.witnessed:,}"
        )
        if self.intact:
            checkpoints = "1 checkpoint" if self.checkpoints == 1 else f"{self.checkpoints:,} checkpoints"
            return (
                f"The trail {self.name} is whole: {self.entries:,} entries and {checkpoints} are as they "
                f"were written; {covered}.{self._clock_sentence()}"
            )
        first = self.problems[0]
        more = self.problem_count - 1
        others = f" {more:,} more {'problem' if more == 1 else 'problems'}." if more else ""
        return (
            f"The trail {self.name} was changed. {first.words}{others} {self._until()} "
            f"{covered[0].upper()}{covered[1:]}.{self._clock_sentence()}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the problems as a table: part, kind, number, last, words."""
        import pandas as pd

        names = Problem.__slots__
        rows = [[getattr(problem, name) for name in names] for problem in self.problems]
        return pd.DataFrame(rows, columns=list(names))

    def _until(self) -> str:
        if not any(problem.part == "entry" for problem in self.problems):
            return "No entry is among what was changed."
        if not self.intact_until:
            return "No entry before it can be relied on."
        return f"Entries 1 to {self.intact_until:,} are as they were written."

    def _clock_sentence(self) -> str:
        if not self.clock_back:
            return ""
        events = "event has" if self.clock_back == 1 else "events have"
        return (
            f" {self.clock_back:,} {events} an earlier time than one that had arrived before, the first is "
            f"entry {self.first_clock_back:,}: a clock was set back, or events came late."
        )


class Findings:
    """Collects problems in constant memory: neighbors of a kind become one, and a thousand are kept."""

    MOST = 1_000

    def __init__(self) -> None:
        self.kept: list[Problem] = []
        self.count = 0

    def add(self, part: Part, kind: Kind, number: int, words: str, last: int | None = None) -> None:
        """Note a problem; ``words`` may hold {where}, which becomes the numbers."""
        last = number if last is None else last
        before = self.kept[-1] if self.kept else None
        neighbor = before is not None and (before.part, before.kind) == (part, kind)
        if neighbor and kind != "reordered" and before.last + 1 == number and number > 1:
            self.kept[-1] = Problem(part, kind, before.number, last, words)
            return
        self.count += 1
        if len(self.kept) < self.MOST:
            self.kept.append(Problem(part, kind, number, last, words))

    def result(self) -> tuple[Problem, ...]:
        """Return the problems, those about entries first, in their order."""
        parts = ("header", "entry", "checkpoint", "head", "witness", "database")
        ordered = sorted(self.kept, key=lambda p: (parts.index(p.part), p.number, p.last))
        return tuple(_with_words(problem) for problem in ordered)


def _with_words(problem: Problem) -> Problem:
    name = {"entry": "Entry", "checkpoint": "Checkpoint", "witness": "Line"}.get(problem.part, "")
    if problem.last > problem.number:
        plural = {"Entry": "Entries", "Checkpoint": "Checkpoints", "Line": "Lines"}.get(name, name)
        where = f"{plural} {problem.number:,} to {problem.last:,}"
    else:
        where = f"{name} {problem.number:,}"
    return Problem(
        problem.part, problem.kind, problem.number, problem.last, problem.words.format(where=where)
    )
