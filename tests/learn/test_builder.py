"""What the lab builder promises to authors and learners."""

from __future__ import annotations

import ast
import keyword
from types import SimpleNamespace

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.learn.builder import BuilderError, build_lab
from secure_ai.learn.engine import Lab, attempt, correct, fresh, incorrect, not_attempted
from secure_ai.learn.notebook import (
    IGNORE_OUTPUT,
    canonical_text,
    known_parameters,
    minimal_metadata,
    read_notebook,
    tags,
    write_notebook,
)

LAB = Lab("03_x", title="A lab for tests")


@LAB.task(prompt="Hide every character.", hints=("a", "b"))
def mask(value):
    text = "".join(chr(97 + int(n)) for n in fresh().integers(0, 26, 5))
    return correct("It is hidden.") if attempt(value, text) == "*" * len(text) else incorrect("It shows.")


@LAB.task(prompt="Count.", hints=("a", "b"))
def count(value):
    return incorrect("Not that.")


TASKS = SimpleNamespace(mask=mask, count=count)

BLOCK = "def mask(text):\n    ### BEGIN SOLUTION\n    return '*' * len(text)\n    ### END SOLUTION"
CHECK = "lab.mask.check(mask)\n# lab.mask.hint()\n# lab.mask.solution()"


def notebook(*sources, markdown=()):
    """A notebook of code cells c0, c1 ...; the sources whose index is in ``markdown`` become text."""
    node = nbformat.v4.new_notebook()
    for index, source in enumerate(sources):
        make = nbformat.v4.new_markdown_cell if index in markdown else nbformat.v4.new_code_cell
        node.cells.append(make(source, id=f"c{index}"))
    return node


def starter_of(source):
    lab, _ = build_lab(notebook(source, "lab.mask.check(...)"), "03_x", TASKS)
    return lab.cells[0].source


def test_solution_text_is_removed_and_kept_for_its_task():
    lab, texts = build_lab(notebook(BLOCK, CHECK), "03_x", TASKS)
    assert lab.cells[0].source == "def mask(text):\n    return ..."
    assert texts == {"mask": "def mask(text):\n    return '*' * len(text)"}
    assert "'*'" not in canonical_text(lab)


def test_the_check_stores_what_an_unsolved_task_is_told_and_has_a_count_so_that_nbval_compares_it():
    lab, _ = build_lab(notebook("x = 1", BLOCK, CHECK), "03_x", TASKS)
    check = lab.cells[2]
    assert check.outputs[0].data["text/plain"].startswith("Not attempted yet.")
    assert "<strong>Not attempted yet.</strong>" in check.outputs[0].data["text/html"]
    assert check.execution_count == 3
    assert IGNORE_OUTPUT not in tags(check)
    for other in lab.cells[:2]:
        assert other.outputs == [] and other.execution_count is None and IGNORE_OUTPUT in tags(other)


def test_the_solution_notebook_is_not_changed():
    solution = notebook(BLOCK, CHECK)
    before = canonical_text(solution)
    build_lab(solution, "03_x", TASKS)
    assert canonical_text(solution) == before


@pytest.mark.parametrize(
    ("source", "starter"),
    [
        ("### BEGIN SOLUTION\nanswer = 3\n### END SOLUTION", "answer = ..."),
        (
            "### BEGIN SOLUTION\na, b = 1, 2\nfor c in []:\n    d = c\n### END SOLUTION",
            "a = ...\nb = ...\nc = ...\nd = ...",
        ),
        ("### BEGIN SOLUTION\nprint(1)\n### END SOLUTION", "..."),
        (
            "### BEGIN SOLUTION\ndef mask(text):\n    '''Hide it.'''\n    return 1\n### END SOLUTION",
            "def mask(text):\n    '''Hide it.'''\n    return ...",
        ),
        ("### BEGIN SOLUTION\ndef mask(text): return 1\n### END SOLUTION", "def mask(text):\n    return ..."),
        (
            "if True:\n    ### BEGIN SOLUTION\n    def mask(\n        text,\n    ):\n"
            "        # secret\n        return 1\n    ### END SOLUTION",
            "if True:\n    def mask(\n        text,\n    ):\n        return ...",
        ),
        (
            "def mask(text):\n    for c in text:\n"
            "        ### BEGIN SOLUTION\n        yield c\n        ### END SOLUTION",
            "def mask(text):\n    for c in text:\n        return ...",
        ),
        (
            "### STARTER: found = ...\n### BEGIN SOLUTION\nfound = 4\n### END SOLUTION\nfound",
            "found = ...\nfound",
        ),
        (
            "def f():\n    ### BEGIN SOLUTION\n    ### STARTER: if True:\n"
            "    ### STARTER:     return ...\n    return 1\n    ### END SOLUTION",
            "def f():\n    if True:\n        return ...",
        ),
        (
            "### STARTER: class A: ...\n### BEGIN SOLUTION\nclass A:\n    x = 1\n### END SOLUTION",
            "class A: ...",
        ),
        (
            "x = [i for i in range(3)]\n### BEGIN SOLUTION\ny = x\n### END SOLUTION\nz = 1",
            "x = [i for i in range(3)]\ny = ...\nz = 1",
        ),
    ],
)
def test_starter(source, starter):
    assert starter_of(source) == starter


@pytest.mark.parametrize(
    ("cells", "markdown", "says"),
    [
        (["### BEGIN SOLUTION\nx = 1", CHECK], (), "no '### END SOLUTION'"),
        (["x = 1\n### END SOLUTION", CHECK], (), "no '### BEGIN SOLUTION' before it"),
        (["### END SOLUTION\nx = 1\n### BEGIN SOLUTION", CHECK], (), "no '### BEGIN SOLUTION' before it"),
        (["### BEGIN SOLUTION\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION", CHECK], (), "do not nest"),
        (["x = 1 ### BEGIN SOLUTION", CHECK], (), "line of its own"),
        (["### BEGIN SOLUTION\ntext\n### END SOLUTION", CHECK], (0,), "not in text"),
        ([BLOCK, "x = 1"], (), "no 'lab.NAME.check(...)' follows"),
        ([BLOCK, "lab.masc.check(mask)"], (), "no task 'masc'; the known tasks are count, mask"),
        ([BLOCK, "lab.mask.check(mask)\nprint(1)"], (), "the cell's last statement"),
        ([BLOCK, "lab.mask.check(mask)\nlab.count.check(mask)"], (), "the only one in its cell"),
        (["lab.mask.check(mask)"], (), "before any solution block"),
        (["### BEGIN SOLUTION\nclass A:\n    x = 1\n### END SOLUTION", CHECK], (), "STARTER"),
        (["### BEGIN SOLUTION\n# nothing\n### END SOLUTION", CHECK], (), "holds no code"),
        (["### BEGIN SOLUTION\nx = = 1\n### END SOLUTION", CHECK], (), "is not Python"),
        (["### STARTER: if\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION", CHECK], (), "no longer Python"),
    ],
)
def test_a_broken_solution_is_an_error_that_names_notebook_and_cell(cells, markdown, says):
    with pytest.raises(BuilderError) as error:
        build_lab(notebook(*cells, markdown=markdown), "03_x", TASKS)
    assert says in str(error.value)
    assert "03_x, cell 'c" in str(error.value)


def test_the_check_is_shown_the_starter_itself():
    @LAB.task(prompt="p", hints=("a", "b"), name="special")
    def special(value):
        return not_attempted("Replace the two dots.") if attempt(value) == [...] else incorrect("no")

    source = (
        "import math\ndef f():\n    ### STARTER: return [...]\n"
        "    ### BEGIN SOLUTION\n    return [1]\n    ### END SOLUTION"
    )
    lab, _ = build_lab(notebook(source, "lab.mask.check(f)"), "03_x", SimpleNamespace(mask=special))
    assert lab.cells[1].outputs[0].data["text/plain"] == "Not attempted yet. Replace the two dots."


def test_a_starter_that_needs_the_whole_notebook_counts_as_no_answer():
    source = "### STARTER: x = load_something()\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION"
    lab, _ = build_lab(notebook(source, "lab.count.check(x)"), "03_x", TASKS)
    assert lab.cells[1].outputs[0].data["text/plain"].startswith("Not attempted yet.")


def test_a_starter_that_is_already_judged_is_an_error():
    source = "### STARTER: x = 1\n### BEGIN SOLUTION\nx = 2\n### END SOLUTION"
    with pytest.raises(BuilderError, match="cell 'c1': the unsolved starter is judged 'incorrect'"):
        build_lab(notebook(source, "lab.count.check(x)"), "03_x", TASKS)


def test_building_a_lab_is_nobodys_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(tmp_path / "mine.sqlite"))
    build_lab(notebook(BLOCK, CHECK), "03_x", TASKS)
    assert list(tmp_path.iterdir()) == []


def test_two_blocks_before_one_check_are_one_solution():
    first = "### BEGIN SOLUTION\na = 1\n### END SOLUTION"
    second = "### BEGIN SOLUTION\nb = 2\n### END SOLUTION"
    _, texts = build_lab(notebook(first, second, CHECK), "03_x", TASKS)
    assert texts == {"mask": "a = 1\n\nb = 2"}


def test_each_block_belongs_to_the_next_check():
    first = "### BEGIN SOLUTION\na = 1\n### END SOLUTION\nlab.mask.check(a)"
    second = "### BEGIN SOLUTION\nb = 2\n### END SOLUTION"
    _, texts = build_lab(notebook(first, second, "lab.count.check(b)"), "03_x", TASKS)
    assert texts == {"mask": "a = 1", "count": "b = 2"}


def test_help_that_an_author_left_running_is_commented_out_in_the_lab():
    lab, _ = build_lab(
        notebook(BLOCK, "lab.mask.check(mask)", "lab.mask.hint()\nlab.mask.solution()"), "03_x", TASKS
    )
    assert lab.cells[2].source == "# lab.mask.hint()\n# lab.mask.solution()"


def test_a_cell_for_the_answer_key_only_is_left_out():
    solution = notebook("note", BLOCK, CHECK)
    solution.cells[0].metadata["tags"] = ["solution-only"]
    lab, _ = build_lab(solution, "03_x", TASKS)
    assert [cell.id for cell in lab.cells] == ["c1", "c2"]


def test_tasks_must_be_imported_by_the_notebook():
    with pytest.raises(BuilderError, match="no cell imports its tasks"):
        build_lab(notebook(BLOCK, CHECK), "03_x")
    with pytest.raises(BuilderError, match="no module"):
        build_lab(notebook("from secure_ai.learn.tasks import no_such as lab"), "03_x")


names = st.from_regex(r"[a-z]{2,6}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))


@settings(deadline=None)
@given(name=names, values=st.lists(st.integers(10**12, 10**13), min_size=1, max_size=4), wrap=st.booleans())
def test_an_unsolved_lab_always_runs_and_never_holds_the_solution(name, values, wrap):
    body = "\n".join(f"{name}{i} = {value}" for i, value in enumerate(values))
    if wrap:
        lines = "\n".join("    " + line for line in body.splitlines())
        source = f"def {name}():\n    ### BEGIN SOLUTION\n{lines}\n    return {name}0\n    ### END SOLUTION"
        use = f"assert {name}() is ..."
    else:
        source = f"### BEGIN SOLUTION\n{body}\n### END SOLUTION"
        use = "\n".join(f"assert {name}{i} is ..." for i in range(len(values)))
    lab, texts = build_lab(notebook(source, use, "lab.mask.check(...)"), "03_x", TASKS)
    namespace = {"lab": TASKS}
    for cell in lab.cells:
        exec(cell.source, namespace)
    assert not any(str(value) in canonical_text(lab) for value in values)
    ast.parse(texts["mask"])
    assert all(str(value) in texts["mask"] for value in values)


# ------------------------------------------------------------------------------ the canonical writer


def test_equal_notebooks_are_equal_bytes_whatever_the_order_of_keys(tmp_path):
    node = notebook("x = 'ü'")
    shuffled = nbformat.from_dict(dict(reversed(list(node.items()))))
    assert canonical_text(node) == canonical_text(shuffled)
    assert "ü" in canonical_text(node) and canonical_text(node).endswith("}\n")
    assert write_notebook(node, tmp_path / "a.ipynb") is True
    assert write_notebook(node, tmp_path / "a.ipynb") is False
    assert canonical_text(read_notebook(tmp_path / "a.ipynb")) == canonical_text(node)


def test_only_kernel_language_and_tags_are_kept_of_metadata():
    node = notebook("x = 1")
    node.metadata["widgets"] = {"state": 1}
    node.cells[0].metadata.update({"tags": ["parameters"], "papermill": {"duration": 1}})
    bare = minimal_metadata(node)
    assert bare.cells[0].metadata == {"tags": ["parameters"]}
    assert (
        set(bare.metadata) == {"kernelspec", "language_info"} and "version" not in bare.metadata.language_info
    )


def test_a_damaged_or_missing_notebook_is_a_sentence(tmp_path):
    broken = tmp_path / "broken.ipynb"
    for content in (b"{", b"[]", b"\xff\xfe\x00", b'{"cells": 3}', b""):
        broken.write_bytes(content)
        with pytest.raises(UserError):
            read_notebook(broken)
    with pytest.raises(UserError, match="no notebook"):
        read_notebook(tmp_path / "absent.ipynb")


def test_parameters_are_read_with_their_defaults():
    node = notebook("sector = 'finance'\nseed: int = 7\nrows = -1")
    node.cells[0].metadata["tags"] = ["parameters"]
    assert known_parameters(node) == {"sector": "finance", "seed": 7, "rows": -1}


@pytest.mark.parametrize("source", ["seed = f()", "import os", "a.b = 1", "seed ="])
def test_a_parameters_cell_holds_plain_assignments_only(source):
    node = notebook(source)
    node.cells[0].metadata["tags"] = ["parameters"]
    with pytest.raises(UserError, match="may hold only lines"):
        known_parameters(node)


def test_exactly_one_parameters_cell_is_needed():
    with pytest.raises(UserError, match="0 cells tagged"):
        known_parameters(notebook("x = 1"))
