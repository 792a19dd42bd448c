"""The facilitator guide: one Markdown file a chapter, with a fixed set of headings, read into plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.learn.map import CHAPTERS, Chapter
from secure_ai.project import project_root

FOLDER = Path("workshop") / "guide"
SECTIONS = (
    "Before the room opens",
    "Minute by minute",
    "What usually goes wrong",
    "Questions to ask",
    "Cut it to half",
    "Go deeper",
    "On Monday",
)
IN_THE_LESSON, IN_THE_LAB = "In the lesson", "In the lab"

_MINUTES = re.compile(r"^\*\*Minutes:\*\* (\d+) \(lesson (\d+), lab (\d+)\)", re.MULTILINE)
_FOR_WHOM = re.compile(r"^\*\*For whom:\*\* (.+)$", re.MULTILINE)
_CELLS = re.compile(r"\(lesson((?: `[a-z0-9-]+`,?)+)\)")
_QUESTION = re.compile(r"^\d+\. \*\*(.+?)\*\* (.+)$")


@dataclass(frozen=True)
class Slot:
    """A line of the plan: minutes, what happens, and the cells of the lesson or tasks of the lab."""

    minutes: int
    what: str
    where: str


@dataclass(frozen=True)
class Slip:
    """What a check says of a wrong answer: task of the lab, its message, and what to say to the learner."""

    task: str
    message: str
    say: str


@dataclass(frozen=True)
class Pitfall:
    """What goes wrong in a lesson; ``cells`` are the ids of the cells that it is about."""

    text: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A question to ask, its answer, and the cells of the lesson in which the answer stands."""

    question: str
    answer: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Guide:
    """The guide to a chapter.

    Attributes:
        chapter: its entry in the map.
        for_whom: who sits in the room.
        minutes: stated: in all, of the lesson, of the lab.
        before: what to do before the room opens.
        plan: the timing of the whole chapter.
        pitfalls: what goes wrong in the lesson.
        slips: what goes wrong in the lab.
        questions: to ask.
        half: the plan when there is half of the time.
        deeper: for a class that wants more.
        monday: what learners can do at work.
    """

    chapter: Chapter
    for_whom: str
    minutes: tuple[int, int, int]
    before: tuple[str, ...]
    plan: tuple[Slot, ...]
    pitfalls: tuple[Pitfall, ...]
    slips: tuple[Slip, ...]
    questions: tuple[Question, ...]
    half: tuple[Slot, ...]
    deeper: tuple[str, ...]
    monday: tuple[str, ...]


def load_guide(key: str, *, root: Path | None = None) -> Guide:
    """Read the guide to a chapter.

    Args:
        key: name of the chapter, ``07_encryption``, or its number, ``07``.
        root: folder of the kit; found by itself if not given.

    Raises:
        UserError: if there is no such chapter or guide, or a section is missing or empty; names it.
    """
    chapter = CHAPTERS.get(str(key)[:2])
    if chapter is None or str(key) not in (chapter.key, chapter.key[:2]):
        raise UserError("There is no such chapter: name it by its number, from 00 to 19.")
    file = (root or project_root()) / FOLDER / f"{chapter.key}.md"
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "there is none" if isinstance(error, FileNotFoundError) else type(error).__name__
        raise UserError(f"The guide to chapter {chapter.key[:2]} cannot be read: {reason}.") from None
    return _read(chapter, text)


def _read(chapter: Chapter, text: str) -> Guide:
    minutes, for_whom = _MINUTES.search(text), _FOR_WHOM.search(text)
    sections = _sections(text, "## ")
    missing = [name for name in SECTIONS if name not in sections]
    missing += [name for name, found in (("Minutes", minutes), ("For whom", for_whom)) if not found]
    wrong = _sections(sections.get(SECTIONS[2], ""), "### ")
    missing += [name for name in (IN_THE_LESSON, IN_THE_LAB) if name not in wrong]
    if missing:
        raise UserError(f"The guide to chapter {chapter.key[:2]} lacks: {', '.join(missing)}.")
    guide = Guide(
        chapter,
        for_whom[1],
        (int(minutes[1]), int(minutes[2]), int(minutes[3])),
        _bullets(sections[SECTIONS[0]]),
        _slots(chapter, sections[SECTIONS[1]]),
        tuple(Pitfall(_without_cells(line), _cells(line)) for line in _bullets(wrong[IN_THE_LESSON])),
        tuple(Slip(row[0].strip("`"), row[1], row[2]) for row in _rows(chapter, wrong[IN_THE_LAB], 3)),
        tuple(_question(chapter, line) for line in _numbered(sections[SECTIONS[3]])),
        _slots(chapter, sections[SECTIONS[4]]),
        _bullets(sections[SECTIONS[5]]),
        _bullets(sections[SECTIONS[6]]),
    )
    empty = [name for name, value in vars(guide).items() if not value]
    if empty:
        raise UserError(f"The guide to chapter {chapter.key[:2]} says nothing under: {', '.join(empty)}.")
    return guide


def _sections(text: str, mark: str) -> dict[str, str]:
    parts = re.split(rf"^{mark}(.+)$", text, flags=re.MULTILINE)
    return dict(zip((name.strip() for name in parts[1::2]), parts[2::2], strict=True))


def _bullets(text: str) -> tuple[str, ...]:
    return tuple(line[2:].strip() for line in text.splitlines() if line.startswith("- "))


def _numbered(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"\d+\. ", line)]


def _rows(chapter: Chapter, text: str, columns: int) -> list[list[str]]:
    lines = [line.strip() for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
    for number, row in enumerate(rows, start=1):
        if len(row) != columns:
            raise UserError(
                f"The guide to chapter {chapter.key[:2]}: row {number} of a table has {len(row)} cells, "
                f"{columns} are asked for."
            )
    return rows


def _slots(chapter: Chapter, text: str) -> tuple[Slot, ...]:
    rows = _rows(chapter, text, 3)
    for row in rows:
        if not row[0].isdigit():
            raise UserError(f"The guide to chapter {chapter.key[:2]}: a line of a plan has no minutes.")
    return tuple(Slot(int(row[0]), row[1], row[2]) for row in rows)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell for found in _CELLS.findall(line) for cell in re.findall(r"`([a-z0-9-]+)`", found))


def _without_cells(line: str) -> str:
    return " ".join(_CELLS.sub("", line).split())


def _question(chapter: Chapter, line: str) -> Question:
    found = _QUESTION.match(line)
    if not found:
        raise UserError(
            f"The guide to chapter {chapter.key[:2]}: a question is written as '1. **Question?** Answer.'."
        )
    return Question(found[1], _without_cells(found[2]), _cells(found[2]))
