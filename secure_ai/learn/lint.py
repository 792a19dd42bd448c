"""Check lessons, labs and solutions: structure, accessibility, and what must not be committed."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from secure_ai.core import UserError
from secure_ai.learn.notebook import (
    IGNORE_OUTPUT,
    canonical_text,
    known_parameters,
    machine_path_in,
    output_texts,
    parse_cell,
    read_notebook,
    tags,
)

MOST_KIB = 400
MOST_LINES = 12
THE_LESSON = "the-lesson"
FOLDERS = {"notebooks": "lesson", "labs": "lab", "solutions": "solution"}
EXPECTED_PARAMETERS = ("sector", "seed", "rows")

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*\S)\s*$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_SLUG = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_RANDOM = re.compile(r"[0-9a-f]{8}|[0-9a-f]{6,}-[0-9a-f-]+|(?=[a-f]*\d)[0-9a-f]{6,}")
_MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*("[^"]*\S[^"]*"|'[^']*\S[^']*')""", re.IGNORECASE)
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
_CHECK = re.compile(r"^\s*lab\.(\w+)\.check\(", re.MULTILINE)

CARD_PARTS = {
    "for whom it is": r"\bfor whom\b",
    "how many minutes it takes": r"\bminutes?\b",
    "what comes before": r"\bbefore\b|\bprerequisite",
    "what you will be able to do": r"\byou will be able to\b",
}


@dataclass(frozen=True)
class Problem:
    """One thing to mend: in which file and cell, by which rule, in a sentence."""

    path: Path
    cell_id: str
    rule: str
    sentence: str

    def __str__(self) -> str:
        where = f" [{self.cell_id}]" if self.cell_id else ""
        return f"{self.path}{where} {self.rule}: {self.sentence}"


@dataclass(frozen=True)
class _Subject:
    """A notebook to check: its path, its kind (lesson, lab, solution) and content."""

    path: Path
    kind: str
    node: NotebookNode

    @property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.node.cells if cell.cell_type == "code" and cell.source.strip()]

    @property
    def text(self) -> list[NotebookNode]:
        return [cell for cell in self.node.cells if cell.cell_type == "markdown"]


Found = Iterator[tuple[str, str]]  # cell id, sentence
Rule = Callable[[_Subject], Found]


def lint(path: Path, kind: str | None = None) -> list[Problem]:
    """Everything that is wrong with one notebook.

    Args:
        path: the notebook.
        kind: ``lesson``, ``lab`` or ``solution``; by default from the folder it is in.

    Returns:
        The problems, in the order of the rules; none if the notebook is as it should be.
    """
    path = Path(path)
    kind = kind or FOLDERS.get(path.parent.name, "lesson")
    try:
        node = read_notebook(path)
    except UserError as error:
        return [Problem(path, "", "readable", str(error))]
    subject = _Subject(path, kind, node)
    return [
        Problem(path, cell_id, name, sentence)
        for name, (kinds, rule) in RULES.items()
        if kind in kinds
        for cell_id, sentence in rule(subject)
    ]


# ------------------------------------------------------------------------------------------ structure


def _title(subject: _Subject) -> Found:
    cells = subject.node.cells
    first = _headings(cells[0].source) if cells and cells[0].cell_type == "markdown" else []
    if not first or first[0][0] != 1:
        yield _id(cells, 0), "the first cell must be the title, '# ...', with one sentence under it."
    elif not _plain_text(cells[0].source):
        yield cells[0].id, "the title needs one sentence under it: the question that the notebook answers."
    for cell in subject.text:
        for level, heading in _headings(cell.source):
            if level == 1 and cell is not cells[0]:
                yield cell.id, f"'# {heading}' is a second title: use '##'."


def _card(subject: _Subject) -> Found:
    cells = subject.node.cells
    if len(cells) < 2 or cells[1].cell_type != "markdown":
        yield _id(cells, 1), "the cell after the title must be the card."
        return
    missing = [
        what for what, found in CARD_PARTS.items() if not re.search(found, cells[1].source, re.IGNORECASE)
    ]
    if missing:
        yield cells[1].id, f"the card after the title does not say {', nor '.join(missing)}."
    elif subject.kind == "lesson":
        abilities = re.split(CARD_PARTS["what you will be able to do"], cells[1].source, flags=re.IGNORECASE)[
            1
        ]
        count = len(re.findall(r"^\s*(?:[-*+]|\d+\.)\s+\S", abilities, re.MULTILINE))
        if not 3 <= count <= 5:
            yield cells[1].id, f"the card lists {count} things that you will be able to do: list 3 to 5."


def _parameters(subject: _Subject) -> Found:
    tagged = [cell for cell in subject.node.cells if "parameters" in tags(cell)]
    if len(tagged) != 1 or tagged[0].cell_type != "code":
        yield _id(tagged, -1), f"{len(tagged)} cells are tagged 'parameters': exactly one code cell must be."
        return
    try:
        known = known_parameters(subject.node, subject.path.name)
    except UserError as error:
        yield tagged[0].id, str(error)
        return
    missing = [name for name in EXPECTED_PARAMETERS if name not in known]
    if missing:
        yield tagged[0].id, f"the parameters cell does not set {', '.join(missing)}."


def _setup(subject: _Subject) -> Found:
    position = next((i for i, cell in enumerate(subject.code) if "parameters" in tags(cell)), None)
    if position is None:
        return
    if position:
        yield subject.code[0].id, "the parameters cell must be the first code cell."
    after = subject.code[position + 1 : position + 2]
    if not after or "import " not in after[0].source or "check_parameters(" not in after[0].source:
        yield (
            _id(after, 0),
            ("after the parameters comes the set-up: imports, and check_parameters(...) first."),
        )


def _heading_levels(subject: _Subject) -> Found:
    level_before = 0
    for cell in subject.text:
        for level, heading in _headings(cell.source):
            if level > level_before + 1:
                yield cell.id, f"'{'#' * level} {heading}' skips a level after level {level_before}."
            level_before = level


def _long_code(subject: _Subject) -> Found:
    for cell in subject.code:
        if THE_LESSON in tags(cell):
            continue
        try:
            tree = parse_cell(cell.source)
        except SyntaxError:
            yield cell.id, "the cell is not Python."
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield (
                    cell.id,
                    f"the class '{node.name}' belongs in the package; or tag the cell '{THE_LESSON}'.",
                )
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MOST_LINES:
                    yield (
                        cell.id,
                        (
                            f"the function '{node.name}' has {lines} lines, more than {MOST_LINES}: "
                            f"it belongs in the package; or tag the cell '{THE_LESSON}'."
                        ),
                    )


def _section(pattern: str, advice: str) -> Rule:
    def rule(subject: _Subject) -> Found:
        headings = [heading for cell in subject.text for _, heading in _headings(cell.source)]
        if not any(re.search(pattern, heading, re.IGNORECASE) for heading in headings):
            yield "", advice

    return rule


def _quiz(subject: _Subject) -> Found:
    if not any("load_quiz(" in cell.source for cell in subject.code) or not any(
        ".show()" in cell.source for cell in subject.code
    ):
        yield "", "there is no quiz: quiz = load_quiz(...) and quiz.show()."


def _lab_link(subject: _Subject) -> Found:
    wanted = f"labs/{subject.path.name}"
    if not any(re.search(rf"\]\([^)]*{re.escape(wanted)}\)", cell.source) for cell in subject.text):
        yield "", f"there is no link to the lab, [...](../{wanted})."


def _tasks(subject: _Subject) -> Found:
    names = [name for cell in subject.code for name in _CHECK.findall(cell.source)]
    if not names:
        yield "", "there is no task: lab.NAME.check(value)."
    everything = "\n".join(cell.source for cell in subject.code)
    for name in dict.fromkeys(names):
        for verb in ("hint", "solution"):
            if not re.search(rf"^\s*#\s*lab\.{name}\.{verb}\(", everything, re.MULTILINE):
                yield "", f"the task '{name}' has no commented line '# lab.{name}.{verb}()'."


def _progress(subject: _Subject) -> Found:
    if not any(re.search(r"^\s*lab\.progress\(\)", cell.source, re.MULTILINE) for cell in subject.code):
        yield "", "the notebook does not end with the learner's progress: lab.progress()."


# -------------------------------------------------------------------------------------- accessibility


def _image_sentence(subject: _Subject) -> Found:
    cells = subject.node.cells
    for position, cell in enumerate(cells):
        if cell.cell_type != "code" or not any(_is_image(output) for output in cell.outputs):
            continue
        said = any(_says_something(output) for output in cell.outputs)
        after = cells[position + 1] if position + 1 < len(cells) else None
        if not said and not (
            after is not None and after.cell_type == "markdown" and _plain_text(after.source)
        ):
            yield cell.id, "the image needs its finding in a sentence or a small table under it."


def _is_image(output: NotebookNode) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))


def _says_something(output: NotebookNode) -> bool:
    if output.output_type == "stream":
        return bool(output.text.strip())
    return not _is_image(output) and bool(output.get("data"))


def _alt_text(subject: _Subject) -> Found:
    for cell in subject.text:
        source = _without_fences(cell.source)
        if any(not alt.strip() for alt in _MARKDOWN_IMAGE.findall(source)):
            yield cell.id, "an image has no alternative text: ![what it shows](...)."
        if any(not _ALT.search(image) for image in _HTML_IMAGE.findall(source)):
            yield cell.id, 'an image has no alternative text: <img alt="what it shows" ...>.'
    for cell in subject.code:
        for output in cell.outputs:
            html = str(output.get("data", {}).get("text/html", ""))
            if any(not _ALT.search(image) for image in _HTML_IMAGE.findall(html)):
                yield cell.id, "an image in the cell's HTML output has no alternative text."


# ------------------------------------------------------------------------------- what gets committed


def _execution_order(subject: _Subject) -> Found:
    before = 0
    for cell in subject.code:
        count = cell.execution_count
        if count is None:
            if subject.kind != "lab":
                yield cell.id, "the cell was not run: store the outputs with secure_ai.learn.execute."
            continue
        if count <= before:
            yield cell.id, f"the cell ran out of order ({count} after {before}): run all cells from the top."
        elif subject.kind != "lab" and count != before + 1:
            yield cell.id, f"the cell ran as number {count} after {before}: run all cells afresh."
        before = count


def _machine_path(subject: _Subject) -> Found:
    for cell in subject.node.cells:
        for text in [cell.source, *(output_texts(cell) if cell.cell_type == "code" else [])]:
            if found := machine_path_in(text):
                yield cell.id, f"it holds a path of one machine, {found}."
                break


def _stored_error(subject: _Subject) -> Found:
    for cell in subject.code:
        if any(output.output_type == "error" for output in cell.outputs):
            yield cell.id, "an error is stored: catch it and show its message as the lesson's own output."


def _memory_address(subject: _Subject) -> Found:
    for cell in subject.code:
        if IGNORE_OUTPUT not in tags(cell) and any(_ADDRESS.search(text) for text in output_texts(cell)):
            yield cell.id, "the output holds a memory address, which differs in every run."


def _size(subject: _Subject) -> Found:
    size = subject.path.stat().st_size / 1024
    if size >= MOST_KIB:
        yield "", f"the file has {size:.0f} KiB, and must stay below {MOST_KIB}: make images smaller."


def _cell_ids(subject: _Subject) -> Found:
    # From the file itself, because nbformat gives the second of two equal ids a new one.
    stored = [cell.get("id", "") for cell in json.loads(subject.path.read_bytes())["cells"]]
    for cell_id in sorted({cell_id for cell_id in stored if stored.count(cell_id) > 1}):
        yield cell_id, "another cell has the same id."
    for cell in subject.node.cells:
        if cell.id not in stored:
            continue
        if not _SLUG.fullmatch(cell.id):
            yield cell.id, "a cell id is a few small words joined by hyphens."
        elif _RANDOM.fullmatch(cell.id):
            yield cell.id, "the cell id looks random: name what the cell does."


def _kernel(subject: _Subject) -> Found:
    from secure_ai.learn.builder import STAMP

    metadata = subject.node.metadata
    if metadata.get("kernelspec", {}).get("name") != "python3":
        yield "", "the kernel must be python3."
    if set(metadata.get("language_info", {"name": "python"})) != {"name"}:
        yield "", "language_info holds more than the name, such as a version of Python."
    known = {"kernelspec", "language_info", *([STAMP] if subject.kind == "lab" else [])}
    if extra := set(metadata) - known:
        yield "", f"the metadata hold more than kernel and language: {', '.join(sorted(extra))}."


def _stale(subject: _Subject) -> Found:
    from secure_ai.learn.builder import build_lab, why_different

    solution = subject.path.resolve().parent.parent / "solutions" / subject.path.name
    if not solution.is_file():
        yield "", f"it has no solution: labs are generated from solutions/{subject.path.name}."
        return
    try:
        built, _ = build_lab(read_notebook(solution), subject.path.stem)
    except UserError as error:
        yield "", f"it cannot be rebuilt: {error}"
        return
    if different := why_different(subject.path, canonical_text(built)):
        yield "", different


def _buildable(subject: _Subject) -> Found:
    from secure_ai.learn.builder import build_lab

    try:
        build_lab(subject.node, subject.path.stem)
    except UserError as error:
        yield "", str(error)


# -------------------------------------------------------------------------------------------- helpers


def _headings(source: str) -> list[tuple[int, str]]:
    return [
        (len(match[1]), match[2])
        for line in _without_fences(source).splitlines()
        if (match := _HEADING.match(line))
    ]


def _without_fences(source: str) -> str:
    kept, inside = [], ""
    for line in source.splitlines():
        fence = _FENCE.match(line)
        if fence and not inside:
            inside = fence[1]
        elif fence and fence[1] == inside:
            inside = ""
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def _plain_text(source: str) -> str:
    return "\n".join(
        line for line in _without_fences(source).splitlines() if line.strip() and not _HEADING.match(line)
    )


def _id(cells: list[NotebookNode], position: int) -> str:
    return cells[position].id if cells and position < len(cells) else ""


_ALL = frozenset({"lesson", "lab", "solution"})
_LESSON = frozenset({"lesson"})
_EXERCISE = frozenset({"lab", "solution"})

RULES: dict[str, tuple[frozenset[str], Rule]] = {
    "title": (_ALL, _title),
    "card": (_ALL, _card),
    "parameters": (_ALL, _parameters),
    "setup": (_ALL, _setup),
    "heading-levels": (_ALL, _heading_levels),
    "long-code": (_LESSON, _long_code),
    "quiz": (_LESSON, _quiz),
    "monday": (_LESSON, _section("what to do on monday", "there is no section 'What to do on Monday'.")),
    "takeaways": (_LESSON, _section("takeaways", "there is no section 'Takeaways'.")),
    "lab-link": (_LESSON, _lab_link),
    "scenario": (_EXERCISE, _section("scenario", "there is no section 'Scenario'.")),
    "tasks": (_EXERCISE, _tasks),
    "progress": (_EXERCISE, _progress),
    "reflection": (_EXERCISE, _section("reflection", "there is no section 'Reflection'.")),
    "image-sentence": (_ALL, _image_sentence),
    "alt-text": (_ALL, _alt_text),
    "execution-order": (_ALL, _execution_order),
    "machine-path": (_ALL, _machine_path),
    "stored-error": (_ALL, _stored_error),
    "memory-address": (_ALL, _memory_address),
    "size": (_ALL, _size),
    "cell-ids": (_ALL, _cell_ids),
    "kernel": (_ALL, _kernel),
    "markers": (frozenset({"solution"}), _buildable),
    "stale": (frozenset({"lab"}), _stale),
}


def lint_paths(root: Path) -> list[Path]:
    """Every lesson, solution and lab of the kit (not the assessments, which are no lessons)."""
    return [path for folder in FOLDERS for path in sorted((Path(root) / folder).glob("*.ipynb"))]


def main(arguments: list[str]) -> int:
    """Check the notebooks named, or all of them; one line for each problem, exit code 1 if there is any."""
    paths = [Path(argument) for argument in arguments] or lint_paths(Path.cwd())
    problems = [problem for path in paths for problem in lint(path)]
    for problem in problems:
        print(problem)
    print(f"{len(paths)} notebooks, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
