"""Every rule of the lint finds a notebook that was broken on purpose, and passes the good ones."""

from __future__ import annotations

import base64

import nbformat
import pytest

from secure_ai.learn import lint as lint_module
from secure_ai.learn.builder import build_lab
from secure_ai.learn.lint import RULES, lint, lint_paths, main
from secure_ai.learn.notebook import minimal_metadata, read_notebook, write_notebook

TASKS = """
from secure_ai.learn.engine import KnownWrong, Lab, attempt, correct, fresh, incorrect

lab = Lab("03_sample", title="Sample")
progress = lab.progress


@lab.task(prompt="Hide it.", hints=("Look.", "Closer."))
def mask(value):
    n = int(fresh().integers(2, 9))
    return correct("Hidden.") if attempt(value, "a" * n) == "*" * n else incorrect("It shows.")
"""
PIXEL = base64.b64encode(b"an image").decode()


def text(cell_id, source):
    return nbformat.v4.new_markdown_cell(source, id=cell_id)


def code(cell_id, source, *outputs, tags=()):
    cell = nbformat.v4.new_code_cell(source, id=cell_id, outputs=list(outputs))
    if tags:
        cell.metadata["tags"] = list(tags)
    return cell


def printed(words):
    return nbformat.v4.new_output("stream", name="stdout", text=words)


def image():
    return nbformat.v4.new_output("display_data", data={"image/png": PIXEL, "text/plain": "<Figure>"})


CARD = (
    "**For whom:** everyone. **Minutes:** 20. **Before this:** the start page.\n\n"
    "You will be able to\n- find a leak\n- measure it\n- close it"
)
OPENING = [
    text("title", "# Who is in the table?\n\nCan a row without a name be given one?"),
    text("card", CARD),
    code("parameters", 'sector = "healthcare"\nseed = 7\nrows = 500', tags=["parameters"]),
]
SETUP = "from secure_ai.learn import check_parameters, load_quiz\n\n"
SETUP += "check_parameters(sector=sector, seed=seed, rows=rows)"


def finished(cells):
    node = nbformat.v4.new_notebook(cells=nbformat.from_dict([dict(cell) for cell in cells]))
    node = minimal_metadata(node)
    for count, cell in enumerate((c for c in node.cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
    return node


def good_lesson():
    return finished(
        [
            *OPENING,
            code("setup", SETUP),
            text("why", "## Why it matters\n\nA name is not the only thing that names."),
            code("count-names", "print(3)", printed("3\n")),
            code("plot-ages", "1", image()),
            text("plot-ages-says", "Half of the rows have a neighbor of the same age."),
            text("quiz-title", "## Quiz"),
            code("quiz", 'quiz = load_quiz("sample")\nquiz.show()', tags=["nbval-ignore-output"]),
            text("monday", "## What to do on Monday\n\nCount."),
            text("takeaways", "## Takeaways\n\nYou counted. Go on to the [lab](../labs/03_sample.ipynb)."),
        ]
    )


def good_solution():
    return finished(
        [
            *OPENING,
            text("scenario", "## Scenario\n\nYou work at a hospital."),
            code("setup", SETUP + "\nimport sample_tasks as lab"),
            text("task", "## Hide a name\n\nIt is at stake."),
            code(
                "mask", "def mask(t):\n    ### BEGIN SOLUTION\n    return '*' * len(t)\n    ### END SOLUTION"
            ),
            code(
                "check-mask",
                "lab.mask.check(mask)\n# lab.mask.hint()\n# lab.mask.solution()",
                nbformat.v4.new_output(
                    "execute_result", data={"text/plain": "Correct. Hidden."}, execution_count=4
                ),
            ),
            code("progress", "lab.progress()", tags=["nbval-ignore-output"]),
            text("reflection", "## Reflection\n\nWhat would you change?"),
        ]
    )


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """A kit with one good chapter, whose tasks can be imported here."""
    (tmp_path / "sample_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    solution = good_solution()
    write_notebook(good_lesson(), tmp_path / "notebooks" / "03_sample.ipynb")
    write_notebook(solution, tmp_path / "solutions" / "03_sample.ipynb")
    write_notebook(build_lab(solution, "03_sample")[0], tmp_path / "labs" / "03_sample.ipynb")
    return tmp_path


def test_a_good_chapter_has_no_problems(kit, monkeypatch, capsys):
    paths = lint_paths(kit)
    assert len(paths) == 3
    assert [problem for path in paths for problem in lint(path)] == []
    monkeypatch.chdir(kit)
    assert main([]) == 0
    assert capsys.readouterr().out == "3 notebooks, 0 problems\n"


def cell(node, cell_id):
    return next(c for c in node.cells if c.id == cell_id)


def drop(cell_id):
    def breaks(node):
        node.cells.remove(cell(node, cell_id))

    return breaks


def put(cell_id, **fields):
    def breaks(node):
        cell(node, cell_id).update(nbformat.from_dict(fields))

    return breaks


def add(new):
    return lambda node: node.cells.append(nbformat.from_dict({**new, "execution_count": None}))


def replace(cell_id, old, new):
    def breaks(node):
        target = cell(node, cell_id)
        assert old in target.source
        target.source = target.source.replace(old, new)

    return breaks


def tag(cell_id, *tags):
    return put(cell_id, metadata={"tags": list(tags)})


def metadata(**fields):
    return lambda node: node.metadata.update(nbformat.from_dict(fields))


def error_output():
    return nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=["no"])


def html(content):
    return nbformat.v4.new_output("display_data", data={"text/html": content, "text/plain": "x"})


LONG = "def f():\n" + "    x = 1\n" * 12
LESSON, LAB, SOLUTION = "notebooks", "labs", "solutions"
# folder, what breaks it, the rule that must find it, the cell that it must name, words of its sentence
BROKEN = [
    (LESSON, drop("title"), "title", "card", "must be the title"),
    (LESSON, put("title", source="# Who is in the table?"), "title", "title", "needs one sentence"),
    (LESSON, put("why", source="# Another"), "title", "why", "second title"),
    (LESSON, drop("card"), "card", "parameters", "must be the card"),
    (LESSON, replace("card", "Minutes", "Time"), "card", "card", "how many minutes"),
    (LESSON, replace("card", "For whom", "To"), "card", "card", "for whom"),
    (LESSON, replace("card", "Before this", "After"), "card", "card", "what comes before"),
    (LESSON, replace("card", "You will be able to", "Goals"), "card", "card", "what you will be able to do"),
    (LESSON, replace("card", "\n- measure it\n- close it", ""), "card", "card", "lists 1 things"),
    (LAB, drop("card"), "card", "parameters", "must be the card"),
    (LESSON, tag("setup", "parameters"), "parameters", "setup", "2 cells are tagged"),
    (LESSON, tag("parameters"), "parameters", "", "0 cells are tagged"),
    (LESSON, replace("parameters", "rows = 500", ""), "parameters", "parameters", "does not set rows"),
    (LESSON, replace("parameters", "rows = 500", "rows = f()"), "parameters", "parameters", "may hold only"),
    (LESSON, drop("setup"), "setup", "count-names", "comes the set-up"),
    (LESSON, put("setup", source="import os"), "setup", "setup", "check_parameters"),
    (LESSON, lambda node: node.cells.insert(2, code("early", "1")), "setup", "early", "first code cell"),
    (LESSON, replace("why", "## Why", "#### Why"), "heading-levels", "why", "skips a level"),
    (LESSON, put("count-names", source=LONG), "long-code", "count-names", "'f' has 13 lines"),
    (LESSON, put("count-names", source="class A: ..."), "long-code", "count-names", "class 'A'"),
    (LESSON, put("count-names", source="x = = 1"), "long-code", "count-names", "not Python"),
    (LESSON, put("quiz", source="1"), "quiz", "", "no quiz"),
    (LESSON, drop("monday"), "monday", "", "What to do on Monday"),
    (LESSON, replace("takeaways", "## Takeaways", "## End"), "takeaways", "", "Takeaways"),
    (LESSON, replace("takeaways", "03_sample", "04_other"), "lab-link", "", "link to the lab"),
    (SOLUTION, drop("scenario"), "scenario", "", "Scenario"),
    (LAB, drop("scenario"), "scenario", "", "Scenario"),
    (SOLUTION, replace("check-mask", "# lab.mask.hint()", ""), "tasks", "", "lab.mask.hint()"),
    (SOLUTION, replace("check-mask", "# lab.mask.solution()", ""), "tasks", "", "lab.mask.solution()"),
    (LAB, put("check-mask", source="1"), "tasks", "", "no task"),
    (SOLUTION, put("progress", source="1"), "progress", "", "lab.progress()"),
    (SOLUTION, drop("reflection"), "reflection", "", "Reflection"),
    (LESSON, drop("plot-ages-says"), "image-sentence", "plot-ages", "finding in a sentence"),
    (LESSON, put("plot-ages-says", source="## Next"), "image-sentence", "plot-ages", "finding in a sentence"),
    (LESSON, put("why", source="![](a.png)"), "alt-text", "why", "no alternative text"),
    (LESSON, put("why", source="<img src='a.png' alt=''>"), "alt-text", "why", "no alternative text"),
    (LESSON, put("count-names", outputs=[html("<img src='a'>")]), "alt-text", "count-names", "HTML output"),
    (LESSON, put("plot-ages", execution_count=2), "execution-order", "plot-ages", "out of order"),
    (LESSON, put("quiz", execution_count=60), "execution-order", "quiz", "ran as number 60"),
    (LESSON, put("quiz", execution_count=None), "execution-order", "quiz", "was not run"),
    (LAB, put("parameters", execution_count=9), "execution-order", "check-mask", "out of order"),
    (LESSON, put("count-names", outputs=[printed("/home/ann/x")]), "machine-path", "count-names", "/home/"),
    (LESSON, put("why", source=r"See C:\Users\ann"), "machine-path", "why", "one machine"),
    (LESSON, put("count-names", outputs=[error_output()]), "stored-error", "count-names", "error is stored"),
    (LESSON, put("count-names", outputs=[printed("<A at 0x7fb2c0>")]), "memory-address", "count-names", ""),
    (LESSON, put("plot-ages", outputs=[printed("x" * 420_000)]), "size", "", "below 400"),
    (LESSON, put("why", id="3f2a9c1b"), "cell-ids", "3f2a9c1b", "small words"),
    (LESSON, put("why", id="deadbeef"), "cell-ids", "deadbeef", "looks random"),
    (LESSON, put("why", id="a9c1b2-4d5e-11ee"), "cell-ids", "a9c1b2-4d5e-11ee", "looks random"),
    (LESSON, put("why", id="The-Reason"), "cell-ids", "The-Reason", "small words"),
    (LESSON, metadata(kernelspec={"name": "ir", "display_name": "R"}), "kernel", "", "must be python3"),
    (LESSON, metadata(language_info={"name": "python", "version": "3"}), "kernel", "", "version of Python"),
    (LESSON, metadata(widgets={"state": {}}), "kernel", "", "widgets"),
    (SOLUTION, replace("mask", "    ### END SOLUTION", ""), "markers", "", "no '### END SOLUTION'"),
    (LAB, replace("mask", "return ...", "return 1"), "stale", "", "holds somebody's work (cell mask)"),
    (LAB, metadata(widgets={"state": {}}), "kernel", "", "widgets"),
    (LESSON, metadata(secure_ai={"built": "0"}), "kernel", "", "secure_ai"),
]  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    BROKEN,
    ids=[f"{row[2]}-{row[0]}-{row[4]}" for row in BROKEN],
)
def test_a_notebook_broken_on_purpose_is_found(kit, broken):
    folder, breaks, rule, cell_id, words = broken
    path = kit / folder / "03_sample.ipynb"
    node = read_notebook(path)
    breaks(node)
    write_notebook(node, path)
    found = [p for p in lint(path) if p.rule == rule]
    assert any(p.cell_id == cell_id and words in p.sentence for p in found), lint(path)


def test_every_rule_is_shown_to_fail_by_some_broken_notebook():
    assert set(RULES) == {row[2] for row in BROKEN}


def test_duplicate_cell_ids_are_found(kit):
    path = kit / LESSON / "03_sample.ipynb"
    path.write_text(path.read_text().replace('"id": "why"', '"id": "card"'))
    assert [(p.rule, p.cell_id, p.sentence) for p in lint(path)] == [
        ("cell-ids", "card", "another cell has the same id.")
    ]


def test_a_lab_without_a_solution_is_found(kit):
    (kit / SOLUTION / "03_sample.ipynb").unlink()
    assert [p.rule for p in lint(kit / LAB / "03_sample.ipynb")] == ["stale"]


def test_a_changed_solution_makes_its_lab_stale(kit):
    path = kit / SOLUTION / "03_sample.ipynb"
    node = read_notebook(path)
    cell(node, "task").source += " More."
    write_notebook(node, path)
    (problem,) = lint(kit / LAB / "03_sample.ipynb")
    assert problem.rule == "stale" and "run 'secure-ai lab build'" in problem.sentence
    assert lint(path) == []


@pytest.mark.parametrize(
    ("cell_id", "source", "tags"),
    [
        ("count-names", LONG, ["the-lesson"]),
        ("count-names", "def f():\n" + "    x = 1\n" * 11, []),
        ("why", "## Why\n\n```\n# no heading\n#### neither\n![](not-an-image)\n```\n", []),
        ("why", "## Why\n\n![a bar for each ward](a.png) and <img src='a' alt='two bars'>", []),
        ("why", "See https://example.org/home/page and docs/root/a.", []),
    ],
)
def test_what_is_allowed_is_not_found(kit, cell_id, source, tags):
    path = kit / LESSON / "03_sample.ipynb"
    node = read_notebook(path)
    target = cell(node, cell_id)
    target.source = source
    if tags:
        target.metadata["tags"] = tags
    write_notebook(node, path)
    assert lint(path) == []


def test_problems_are_lines_that_name_file_cell_and_rule(kit, capsys):
    path = kit / LESSON / "03_sample.ipynb"
    node = read_notebook(path)
    drop("monday")(node)
    put("why", source="## Why\n\n![](a.png)")(node)
    write_notebook(node, path)
    assert main([str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{path} monday: ")
    assert lines[1].startswith(f"{path} [why] alt-text: ")
    assert lines[2] == "1 notebooks, 2 problems"


@pytest.mark.parametrize("content", [b"", b"{", b"\x00\xff", b'{"cells": []}'])
def test_a_damaged_notebook_is_a_problem_and_not_a_traceback(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    assert lint(path)


def test_the_kind_of_notebook_follows_its_folder(kit):
    path = kit / LESSON / "03_sample.ipynb"
    assert {p.rule for p in lint(path, kind="lab")} >= {"scenario", "tasks", "stale"} - {"stale"}
    assert lint_module.FOLDERS[path.parent.name] == "lesson"
