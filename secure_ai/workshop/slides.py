"""Slides made of a lesson and its outputs: 10 to 20 of them, with lesson and guide as speaker notes.

A slide asks the lesson's question; one step further it shows what the cell showed, and the finding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbformat import NotebookNode

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.learn.execute import run_for_outputs
from secure_ai.learn.map import CHAPTERS
from secure_ai.learn.notebook import canonical_text, known_parameters, read_notebook
from secure_ai.project import project_root
from secure_ai.workshop.guide import Guide, load_guide
from secure_ai.workshop.slides_page import Slide, deck_page

FEWEST, MOST = 10, 20
LONGEST_TEXT = 240  # characters of a question or a finding; the rest is in the notes
LONGEST_SAID = 170  # of what a cell said above its picture
ROWS, COLUMNS, CELL = 6, 5, 40
LINES = 8

_SILENT = {"parameters", "setup", "references", "quiz", "monday-names"}
_SILENT |= {"references-names", "clean-up", "tidy-up"}
_PREDICT = re.compile(r"^\*\*(?:Predict|Try it)[.:]\*\*\s*")
_SHOWS = re.compile(r"^\*\*What this shows\.\*\*\s*")
_NOT_YET = "Solve the task above first"
_HEADING = re.compile(r"^#{2,4}\s+(.*)$")


@dataclass
class _Turn:
    """A question of a lesson, what its cells showed, and the finding."""

    section: str
    question: str = ""
    finding: str = ""
    pictures: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def shown(self) -> bool:
        return bool(self.pictures or self.tables or self.printed)

    @property
    def weight(self) -> int:
        """What is worth a slide first: a question with a picture."""
        return 4 * bool(self.pictures) + 3 * bool(self.question) + 2 * bool(self.tables) + bool(self.finding)


@dataclass(frozen=True)
class Deck:
    """The slides of a lesson.

    Attributes:
        key: of the chapter.
        title: of the lesson.
        slides: in order.
        left_out: questions of the lesson that have no slide; they stand in the notes of the slide before.
    """

    key: str
    title: str
    slides: tuple[Slide, ...]
    left_out: tuple[str, ...]


def lesson_of(key: str, sector: str, root: Path) -> NotebookNode:
    """Return a lesson with outputs of a sector: as it is stored, or run for the other sector.

    Raises:
        UserError: if the lesson cannot be read, or does not run.
    """
    path = root / "notebooks" / f"{key}.ipynb"
    node = read_notebook(path)
    if known_parameters(node, path.name).get("sector", sector) == sector:
        return node
    return run_for_outputs(path, {"sector": sector})


def make_deck(key: str, *, sector: str = "healthcare", root: Path | None = None) -> Deck:
    """Make the slides of a chapter from its lesson, its lab's tasks and its guide.

    Args:
        key: name of the chapter, ``07_encryption``, or its number, ``07``.
        sector: whose outputs are shown; those that are not stored are made by running the lesson.
        root: folder of the kit; found by itself if not given.

    Raises:
        UserError: if there is no such chapter, or its lesson or guide cannot be read.
    """
    root = root or project_root()
    guide = load_guide(key, root=root)
    chapter = guide.chapter
    node = lesson_of(chapter.key, sector, root)
    cells = {cell.id: cell for cell in node.cells}
    try:
        title, lead = _title(cells["title"].source)
        aims, monday, takeaways = (_points(cells[name].source) for name in ("card", "monday", "takeaways"))
    except KeyError as error:
        raise UserError(
            f"The lesson {chapter.key} has no cell {error}: it cannot be made into slides."
        ) from None
    turns = _turns(node)
    kept, left_out = _choose(turns)
    first = Slide("title", title, lead=lead, notes=_opening(guide))
    closing = [
        _tasks(chapter.key, guide),
        Slide("quiz", "Before we go on", points=_quiz(chapter.key), steps=False, notes=_answers(chapter.key)),
        Slide("monday", "What to do on Monday", points=monday, notes=list(guide.monday)),
        Slide("takeaways", "Takeaways", points=takeaways, notes=_deeper(guide)),
    ]
    aim = Slide("aims", "You will be able to", points=aims, notes=[guide.for_whom])
    middle = [_slide(turn, guide, left_out.get(number, [])) for number, turn in enumerate(kept)]
    dropped = tuple(turn.question or turn.section for turns in left_out.values() for turn in turns)
    return Deck(chapter.key, title, (first, aim, *middle, *closing), dropped)


def write_slides(key: str, file: str | Path, *, sector: str = "healthcare", root: Path | None = None) -> Deck:
    """Write the slides of a chapter as one HTML file that needs no network; return what is in it.

    Raises:
        UserError: as :func:`make_deck`, or if the file cannot be written.
    """
    deck = make_deck(key, sector=sector, root=root)
    with atomic_file(Path(file)) as draft:
        draft.write_text(deck_page(deck.title, deck.slides), encoding="utf-8")
    return deck


def slide_notebook(key: str, *, sector: str = "healthcare", root: Path | None = None) -> str:
    """Return the lesson as a notebook with Jupyter's slide types, for those who have reveal.js at hand.

    A heading or a question begins a slide, what a cell shows comes one step later, set-up cells are
    skipped, and the guide's words are notes: ``jupyter nbconvert --to slides`` takes it from there.

    Raises:
        UserError: as :func:`make_deck`.
    """
    root = root or project_root()
    guide = load_guide(key, root=root)
    node = lesson_of(guide.chapter.key, sector, root)
    marked = []
    for cell in node.cells:
        cell.metadata["slideshow"] = {"slide_type": _slide_type(cell)}
        marked.append(cell)
        if notes := _spoken(guide, {cell.id}):
            note = nbformat.v4.new_markdown_cell("\n\n".join(notes), id=f"{cell.id}-notes"[:64])
            note.metadata["slideshow"] = {"slide_type": "notes"}
            marked.append(note)
    node.cells = marked
    return canonical_text(node)


def chapters_with_slides() -> tuple[str, ...]:
    """Return the names of all chapters that slides can be made of."""
    return tuple(chapter.key for number, chapter in CHAPTERS.items() if number != "RA")


def _slide_type(cell: NotebookNode) -> str:
    if cell.id in _SILENT:
        return "skip"
    if cell.cell_type == "code":
        return "fragment" if cell.get("outputs") else "skip"
    source = cell.source.lstrip()
    if source.startswith("#") or cell.id == "card":
        return "slide"
    if any(_PREDICT.match(part) for part in source.split("\n\n")):
        return "slide"
    return "fragment"


def _title(source: str) -> tuple[str, str]:
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return lines[0].lstrip("# ").strip(), " ".join(lines[1:])


def _points(source: str) -> list[str]:
    return [found[1] for found in re.finditer(r"^(?:-|\d+\.)\s+(.*)$", source, re.MULTILINE)]


def _turns(node: NotebookNode) -> list[_Turn]:
    turns: list[_Turn] = []
    section, said = "", []
    for cell in node.cells:
        if cell.id.startswith("quiz"):
            break
        if cell.id in _SILENT or cell.id in ("title", "card"):
            continue
        if cell.cell_type == "code":
            if _has_output(cell):
                if not turns or turns[-1].finding or turns[-1].section != section:
                    turns.append(_Turn(section, *said[:1], texts=said[1:]))
                    said = []
                _take(turns[-1], cell)
            continue
        parts = [part.strip() for part in re.split(r"\n\s*\n", cell.source)]
        # What stands before a question leads to it, and is not what the cell before has shown.
        asks = any(_PREDICT.match(part) for part in parts)
        for paragraph in parts:
            part = paragraph
            if heading := _HEADING.match(part):
                if said and turns:  # what stands before a heading ends the section, and opens no other
                    turns[-1].texts += said
                    said = []
                section, part = _plain(heading[1]), "\n".join(part.splitlines()[1:])
            if not part or part.startswith("```"):
                continue
            if _PREDICT.match(part):
                asked = _PREDICT.sub("", part)
                turns.append(_Turn(section, asked[:1].upper() + asked[1:], cells=[cell.id], texts=said))
                said = []
            elif _is_finding(part, turns, section, asks):
                turns[-1].finding = _SHOWS.sub("", part)
                turns[-1].cells.append(cell.id)
            else:
                said.append(_plain(part))
                if turns and turns[-1].finding and turns[-1].section == section:
                    turns[-1].texts.append(said.pop())
                    turns[-1].cells.append(cell.id)
    return [turn for turn in turns if turn.shown]


def _is_finding(part: str, turns: list[_Turn], section: str, asks: bool) -> bool:
    if not turns or not turns[-1].shown or turns[-1].finding or turns[-1].section != section:
        return False
    return not asks or _SHOWS.match(part) is not None


def _has_output(cell: NotebookNode) -> bool:
    return any(
        one.output_type in ("stream", "display_data", "execute_result") for one in cell.get("outputs", [])
    )


def _take(turn: _Turn, cell: NotebookNode) -> None:
    turn.cells.append(cell.id)
    for one in cell.outputs:
        data = one.get("data", {})
        if one.output_type == "stream":
            if one.text.startswith(_NOT_YET):
                continue
            turn.printed.append("\n".join(one.text.strip().splitlines()[:LINES]))
        elif "image/png" in data:
            turn.pictures.append(data["image/png"].replace("\n", ""))
        elif table := _table(data.get("text/html", "")):
            turn.tables.append(table)
        elif "text/markdown" in data:
            turn.printed.append("\n".join(_lines(data["text/markdown"])[:LINES]))
        elif "text/html" not in data and data.get("text/plain", "").strip():
            turn.printed.append("\n".join(data["text/plain"].strip().splitlines()[:LINES]))


def _lines(markdown: str) -> list[str]:
    """Lines of Markdown as plain text, without those that only shape it."""
    lines = [_plain(line).strip("|#- ") for line in markdown.splitlines()]
    return [line for line in lines if re.search(r"\w", line)]


def _table(given: str) -> str:
    """The first table of an output: without styles, in as many rows and columns as can be read from afar."""
    table = BeautifulSoup(given, "html.parser").find("table")
    if table is None:
        return ""
    rows = table.find_all("tr")
    width = max((len(row.find_all(["td", "th"])) for row in rows), default=0)
    head = sum(bool(row.find("th")) and not row.find("td") for row in rows)
    longest = max(CELL, 4 * CELL // max(1, min(width, COLUMNS)))
    caption = table.find("caption")
    lines = []
    for number, row in enumerate(rows[: head + ROWS]):
        texts = [_short(cell.get_text(" ", strip=True), longest) for cell in row.find_all(["td", "th"])][
            :COLUMNS
        ]
        tag = "th" if number < head else "td"
        lines.append("<tr>" + "".join(f"<{tag}>{_escaped(text)}</{tag}>" for text in texts) + "</tr>")
    missing = [
        f"{count} more {what}"
        for count, what in ((len(rows) - head - ROWS, "rows"), (width - COLUMNS, "columns"))
        if count > 0
    ]
    note = f"<p class='more'>{' and '.join(missing)} in the lesson</p>" if missing else ""
    named = f"<caption>{_escaped(caption.get_text(' ', strip=True))}</caption>" if caption else ""
    return f"<table>{named}{''.join(lines)}</table>{note}"


def _choose(turns: list[_Turn]) -> tuple[list[_Turn], dict[int, list[_Turn]]]:
    """Keep as many turns as there is room for, by weight; each left out belongs to the one kept before it."""
    room = MOST - 6
    by_weight = sorted(range(len(turns)), key=lambda number: (-turns[number].weight, number))
    chosen = set(by_weight[:room])
    kept: list[_Turn] = []
    left_out: dict[int, list[_Turn]] = {}
    for number, turn in enumerate(turns):
        if number in chosen:
            kept.append(turn)
        else:
            left_out.setdefault(max(len(kept) - 1, 0), []).append(turn)
    return kept, left_out


def _slide(turn: _Turn, guide: Guide, left_out: list[_Turn]) -> Slide:
    notes = _spoken(guide, set(turn.cells))
    notes += [f"In the lesson: {text}" for text in (_plain(turn.finding), *turn.texts) if text]
    notes += [f"Without a slide: {_plain(one.question or one.section)}" for one in left_out]
    return Slide(
        turn.cells[0],
        turn.section or "To begin with",
        lead=_short(_plain(turn.question), LONGEST_TEXT),
        show=_figure(turn),
        said=_sentence(turn),
        finding=_short(_plain(turn.finding), LONGEST_TEXT),
        notes=notes,
        steps=bool(turn.question),
    )


def _sentence(turn: _Turn) -> str:
    """What a cell said in a sentence beside its picture or table; printed columns are no sentence."""
    if not (turn.pictures or turn.tables):
        return ""
    for text in turn.printed:
        line = " ".join(text.split("\n"))
        if line.endswith((".", ":")) and "  " not in line:
            return _short(line.removesuffix(":"), LONGEST_SAID)
    return ""


def _figure(turn: _Turn) -> str:
    if turn.pictures:
        says = _short(_plain(turn.finding) or (turn.printed or [turn.section])[0], LONGEST_TEXT)
        return f'<img src="data:image/png;base64,{turn.pictures[-1]}" alt="{_escaped(says)}">'
    if turn.tables:
        return turn.tables[0]
    return f"<pre>{_escaped(turn.printed[0])}</pre>"


def _names(where: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", where))


def _spoken(guide: Guide, cells: set[str]) -> list[str]:
    """What the guide says about cells of the lesson."""
    said = [f"{slot.minutes} min: {slot.what}" for slot in guide.plan if _names(slot.where) & cells]
    said += [f"Goes wrong: {one.text}" for one in guide.pitfalls if set(one.cells) & cells]
    said += [f"Ask: {one.question} {one.answer}" for one in guide.questions if set(one.cells) & cells]
    return said


def _opening(guide: Guide) -> list[str]:
    total, lesson, lab = guide.minutes
    return [f"{total} minutes: lesson {lesson}, lab {lab}.", *(f"Before: {line}" for line in guide.before)]


def _tasks(key: str, guide: Guide) -> Slide:
    lab = import_module(f"secure_ai.learn.tasks.{key[3:]}").lab
    notes = [f"{one.task}: \u201c{one.message}\u201d {one.say}" for one in guide.slips]
    points = [f"**{name}** {task.prompt}" for name, task in lab.tasks.items()]
    return Slide("lab", "Your turn: the lab", points=points, notes=notes)


def _quiz(key: str) -> list[str]:
    from secure_ai.learn.quiz import load_quiz

    return [question.prompt for question in load_quiz(key[3:]).content.questions]


def _answers(key: str) -> list[str]:
    from secure_ai.learn.quiz import load_quiz

    listed = enumerate(load_quiz(key[3:]).content.questions, start=1)
    return [f"{place}. {one.options[one.answer]} {one.why[one.answer]}" for place, one in listed]


def _deeper(guide: Guide) -> list[str]:
    return [f"Go deeper: {line}" for line in guide.deeper]


def _plain(text: str) -> str:
    """Markdown without links, marks of emphasis and line ends."""
    text = re.sub(r"!?\[([^\]]+)\]\([^)]*\)", r"\1", text.strip())
    text = re.sub(r"<br\s*/?>", " ", text)
    text = re.sub(r"\*\*([^*]+)\*\*|(?<!\w)\*([^*\s][^*]*)\*", lambda found: found[1] or found[2], text)
    return " ".join(text.split())


def _short(text: str, longest: int) -> str:
    """Whole sentences up to ``longest`` characters; a first sentence that is longer is cut at a word."""
    if len(text) <= longest:
        return text
    cut = text[:longest]
    ends = [found.end() for found in re.finditer(r"(?<!Art)(?<!Dr)(?<!No)[.?!](?=\s)", cut)]
    if ends and ends[-1] > longest // 3:
        return cut[: ends[-1]]
    return cut[: cut.rfind(" ")].rstrip(",;:") + " \u2026" if " " in cut else cut


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
