"""How far a learner is on a path: chapters with what is solved of them, what is missing, what is next."""

from __future__ import annotations

import datetime as dt
import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.learn.display import Table
from secure_ai.learn.map import CHAPTERS, Chapter, Role, duration, find_role, kit_folder
from secure_ai.learn.progress_records import QUIZ, LearnerRecord, TaskRecord, own_record
from secure_ai.learn.quiz import load_quiz

NOT_COUNTED = (
    "Reading a lesson leaves no trace: what counts are tasks that were solved and questions that were "
    "answered. Minutes are planned ones; nothing measures how long you take."
)
CAPSTONES = {"healthcare": "18", "finance": "19"}


@dataclass(frozen=True)
class ChapterProgress:
    """One chapter of a path.

    Attributes:
        number: ``03``, or ``RA``.
        chapter: its title and minutes.
        of_labs: whether the tasks of its lab count; else the questions of its quiz do.
        wanted: names of the tasks or questions that count; empty where nothing can be counted.
        records: what is known of these.
        quiz_seen: whether a question of its quiz was answered.
    """

    number: str
    chapter: Chapter
    of_labs: bool
    wanted: tuple[str, ...]
    records: dict[str, TaskRecord]
    quiz_seen: bool = False

    @property
    def solved(self) -> int:
        """Number of tasks (or questions) that were solved."""
        return sum(name in self.records and self.records[name].solved for name in self.wanted)

    @property
    def missing(self) -> tuple[str, ...]:
        """Those that are not."""
        return tuple(
            name for name in self.wanted if name not in self.records or not self.records[name].solved
        )

    @property
    def complete(self) -> bool:
        """Whether all are solved; never where nothing can be counted."""
        return bool(self.wanted) and not self.missing

    @property
    def finished_at(self) -> dt.datetime | None:
        """When the last of them was solved; None while one is missing."""
        times = [self.records[name].solved_at for name in self.wanted if name in self.records]
        return max(time for time in times if time) if self.complete else None

    @property
    def touched_at(self) -> dt.datetime | None:
        """The last time at which one of them was touched."""
        return max((record.touched_at for record in self.records.values()), default=None)

    @property
    def minutes(self) -> int:
        """Planned for the lesson, and for the lab where it counts."""
        return self.chapter.lesson_minutes + self.chapter.lab_minutes * self.of_labs

    @property
    def lesson(self) -> str:
        """Address of the lesson in the kit's folder."""
        return f"notebooks/{self.chapter.key}.ipynb"

    @property
    def lab(self) -> str:
        """Address of the lab in the kit's folder; empty where the path has none for this chapter."""
        return f"labs/{self.chapter.key}.ipynb" if self.of_labs and self.chapter.lab_minutes else ""

    def words(self) -> str:
        """Say what is solved: ``2 of 5 tasks``."""
        if not self.wanted:
            return "not counted"
        return f"{self.solved} of {len(self.wanted)} {'tasks' if self.of_labs else 'questions'}"


@dataclass(frozen=True)
class NextStep:
    """Where to go on.

    Attributes:
        notebook: its address in the kit's folder; empty where nothing is left.
        sentence: what is there to do.
    """

    notebook: str
    sentence: str


@dataclass(frozen=True)
class PathProgress:
    """A path with what is solved of it.

    Attributes:
        role: the path.
        sector: ``healthcare``, ``finance``, or empty if none was chosen.
        chapters: in order; of two capstones that are offered the one that counts.
    """

    role: Role
    sector: str
    chapters: tuple[ChapterProgress, ...]

    @property
    def counted(self) -> tuple[ChapterProgress, ...]:
        """The chapters of which something can be counted."""
        return tuple(chapter for chapter in self.chapters if chapter.wanted)

    @property
    def complete(self) -> bool:
        """Whether all that can be counted is solved."""
        return all(chapter.complete for chapter in self.counted)

    def missing(self) -> list[str]:
        """Say chapter by chapter what is not solved."""
        return [
            f"{chapter.number} {chapter.chapter.title}: {', '.join(chapter.missing)}"
            for chapter in self.counted
            if chapter.missing
        ]

    def summary(self) -> str:
        """Say in a sentence how far the path is."""
        done = sum(chapter.complete for chapter in self.counted)
        solved = sum(chapter.solved for chapter in self.counted)
        total = sum(len(chapter.wanted) for chapter in self.counted)
        kind = "tasks" if self.role.labs else "questions"
        return f"{done} of {len(self.counted)} chapters are complete, {solved} of {total} {kind} solved."


def path_progress(role: str, record: LearnerRecord | None = None, *, sector: str = "") -> PathProgress:
    """Return how far a learner is on a path.

    Args:
        role: one of ``map.ROLES``.
        record: of the learner; one's own by default.
        sector: decides which capstone counts where a path offers both.

    Raises:
        UserError: if there is no such path, or progress cannot be read.
    """
    chosen = find_role(role)
    known = own_record() if record is None else record
    chapters = [_chapter(number, chosen, known) for number in chosen.chapters]
    return PathProgress(chosen, sector, tuple(_one_capstone(chapters, chosen, sector)))


def next_step(path: PathProgress, root: Path | None = None) -> NextStep:
    """Return where to go on: the last lab that was touched and has an open task, else the next chapter.

    Args:
        path: from :func:`path_progress`.
        root: folder of the kit; what it does not hold is passed over.
    """
    root = root or kit_folder()
    begun = [chapter for chapter in path.counted if chapter.missing and chapter.touched_at is not None]
    for chapter in sorted(begun, key=lambda one: (one.touched_at, one.number), reverse=True):
        where = chapter.lab or chapter.lesson
        if _there(root, where):
            kind = "lab" if chapter.lab else "the quiz at the end of lesson"
            sentence = (
                f"Go on with {kind} {chapter.number}: {chapter.words()} solved, next {chapter.missing[0]}."
            )
            return NextStep(where, sentence)
    for chapter in path.counted:
        where = chapter.lab if chapter.lab and chapter.quiz_seen else chapter.lesson
        if chapter.missing and _there(root, where):
            kind = "Solve lab" if where == chapter.lab else "Read lesson"
            minutes = chapter.chapter.lab_minutes if where == chapter.lab else chapter.chapter.lesson_minutes
            sentence = f"{kind} {chapter.number}, {chapter.chapter.title} ({duration(minutes)})."
            return NextStep(where, sentence)
    if path.complete and path.counted:
        command = f"'secure-ai certificate --path {path.role.name} --name \"…\"' writes your certificate."
        return NextStep("", f"All that can be counted is solved; {command}")
    return NextStep("", "Nothing is left on this path in this copy of the kit.")


def show_progress(role: str | None = None, *, sector: str = "", root: Path | None = None) -> Table:
    """Show the chapters of a path with what you have solved of each, and the next step.

    Args:
        role: one of ``ROLES``; without it the path that ``secure-ai start --path`` has remembered.
        sector: decides which capstone counts where a path offers both; the remembered one if not given.
        root: folder of the kit; found by itself if not given.

    Raises:
        UserError: if there is no such path, or none is remembered.
    """
    from secure_ai.learn.resume import remembered

    root = root or kit_folder()
    kept = remembered()
    if role is None and kept is None:
        raise UserError('No path is chosen yet: name one, such as show_progress("analyst").')
    sector = sector or (kept.sector if kept is not None else "")
    path = path_progress(role if role is not None else kept.path, sector=sector)
    rows = []
    for chapter in path.chapters:
        lab: str | tuple[str, str] = (
            _link(root, "lab", chapter.number, chapter.lab) if chapter.lab else "no lab"
        )
        rows.append(
            (
                f"{chapter.number} {chapter.chapter.title}",
                duration(chapter.minutes),
                _link(root, "lesson", chapter.number, chapter.lesson),
                *([lab] if path.role.labs else []),
                chapter.words(),
            )
        )
    columns = ("Chapter", "Time", "Lesson", *(["Lab"] if path.role.labs else []), "Solved")
    after = f"Next: {next_step(path, root).sentence} {NOT_COUNTED}"
    return Table(f"Path: {path.role.title}. {path.summary()}", columns, rows, after)


@cache
def lab_tasks(key: str) -> tuple[str, ...]:
    """Return the names of a lab's tasks in order; empty if the kit has no such lab."""
    try:
        module = importlib.import_module(f"secure_ai.learn.tasks.{key[3:]}")
    except ModuleNotFoundError:
        return ()
    return tuple(module.lab.tasks)


@cache
def quiz_questions(key: str) -> tuple[str, ...]:
    """Return the names under which a chapter's questions are kept; empty if it has no quiz."""
    try:
        quiz = load_quiz(key[3:])
    except UserError:
        return ()
    return tuple(f"question_{number}" for number in range(1, len(quiz.content.questions) + 1))


def _chapter(number: str, role: Role, record: LearnerRecord) -> ChapterProgress:
    chapter, quiz = CHAPTERS[number], record.of(f"{QUIZ}{CHAPTERS[number].key[3:]}")
    if number == "RA":
        return ChapterProgress(number, chapter, role.labs, (), {})
    if role.labs:
        return ChapterProgress(
            number, chapter, True, lab_tasks(chapter.key), record.of(chapter.key), bool(quiz)
        )
    return ChapterProgress(number, chapter, False, quiz_questions(chapter.key), quiz, bool(quiz))


def _one_capstone(chapters: list[ChapterProgress], role: Role, sector: str) -> list[ChapterProgress]:
    both = [chapter for chapter in chapters if chapter.number in CAPSTONES.values()]
    if role.name == "full" or len(both) < 2:
        return chapters
    # Without a sector the one that is further along counts, else the hospital's.
    chosen = CAPSTONES.get(sector) or max(both, key=lambda chapter: chapter.solved).number
    return [chapter for chapter in chapters if chapter not in both or chapter.number == chosen]


def _link(root: Path | None, name: str, number: str, address: str) -> str | tuple[str, str]:
    return (f"open {name} {number}", f"../{address}") if _there(root, address) else "in preparation"


def _there(root: Path | None, address: str) -> bool:
    return bool(address) and root is not None and (root / address).is_file()
