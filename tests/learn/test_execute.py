"""Running notebooks: parameters are checked first, failures are sentences, stored outputs are clean."""

from __future__ import annotations

import os

import nbformat
import pytest

from secure_ai.core import UserError
from secure_ai.learn.execute import (
    NotebookError,
    clean_outputs,
    main,
    own_progress,
    run_notebook,
    store_outputs,
    validate_parameters,
)
from secure_ai.learn.forkserver import KERNEL_NAME
from secure_ai.learn.notebook import canonical_text, machine_path_in, read_notebook, tags, write_notebook

KNOWN = {"sector": "healthcare", "seed": 7, "threshold": 0.2, "columns": ["a"], "data": None, "deep": False}


pytestmark = pytest.mark.usefixtures("warm_kernels")


@pytest.fixture
def notebook(tmp_path):
    """Writes a notebook with a parameters cell and the given code cells, named c0, c1 ..."""

    def write(*sources):
        cells = [nbformat.v4.new_code_cell("seed = 7", id="parameters", metadata={"tags": ["parameters"]})]
        cells += [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
        path = tmp_path / "05_x.ipynb"
        write_notebook(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return write


def run(path, **more):
    return run_notebook(path, kernel_name=KERNEL_NAME, **more)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"sector": "finance", "seed": 0},
        {"threshold": 1},
        {"threshold": 0.5},
        {"columns": []},
        {"columns": ("a",)},
        {"data": "a.csv"},
        {"data": 3},
        {"deep": True},
    ],
)
def test_known_parameters_of_the_right_type_pass(given):
    assert validate_parameters(KNOWN, given, "x.ipynb") == given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sectr": "finance"}, "no parameter 'sectr'"),
        ({"seed": "7"}, "'seed' of x.ipynb must be a whole number, not text"),
        ({"seed": 7.0}, "must be a whole number, not a number"),
        ({"seed": True}, "must be a whole number, not true or false"),
        ({"seed": None}, "must be a whole number, not nothing"),
        ({"deep": 1}, "must be true or false, not a whole number"),
        ({"sector": 3}, "must be text, not a whole number"),
        ({"columns": "a"}, "must be a list, not text"),
        ({"threshold": "0.1"}, "must be a number, not text"),
    ],
)
def test_other_parameters_are_an_error_that_lists_the_known_ones(given, says):
    with pytest.raises(UserError) as error:
        validate_parameters(KNOWN, given, "x.ipynb")
    assert says in str(error.value)
    assert "sector = 'healthcare', seed = 7, threshold = 0.2" in str(error.value)


def test_an_unknown_parameter_is_found_before_anything_runs(notebook, tmp_path):
    path = notebook("from pathlib import Path\nPath('ran').touch()")
    with pytest.raises(UserError, match="no parameter 'rows'"):
        run(path, parameters={"rows": 3})
    assert not (tmp_path / "ran").exists()


def test_parameters_reach_the_notebook_and_its_file_stays_as_it_was(notebook, tmp_path):
    path = notebook("print(seed)")
    before = path.read_bytes()
    executed = run(path, out=tmp_path / "out" / "done.ipynb", parameters={"seed": 11})
    assert executed.cells[-1].outputs[0].text == "11\n"
    assert path.read_bytes() == before
    stored = read_notebook(tmp_path / "out" / "done.ipynb")
    assert [cell.id for cell in stored.cells] == ["parameters", "injected-parameters", "c0"]


def test_a_failing_cell_is_named_without_the_message_that_may_hold_data(notebook, tmp_path):
    path = notebook("x = 1", "int('Jane Doe')")
    with pytest.raises(NotebookError) as error:
        run(path, out=tmp_path / "done.ipynb", parameters={"seed": 1})
    assert error.value.cell_id == "c1"
    assert "05_x.ipynb stopped in cell 'c1' with ValueError" in str(error.value)
    assert "Jane" not in str(error.value) and "Jane Doe" in error.value.detail
    assert not (tmp_path / "done.ipynb").exists()


@pytest.mark.parametrize("parameters", [{}, {"seed": 1}])
def test_the_cell_is_named_with_and_without_parameters(notebook, parameters):
    with pytest.raises(NotebookError) as error:
        run(notebook("1 / 0"), parameters=parameters)
    assert error.value.cell_id == "c0"


def test_an_error_that_is_a_sentence_for_the_user_is_passed_on_as_it_is(notebook):
    path = notebook("from secure_ai.core import UserError\nraise UserError('The file x has no column y.')")
    with pytest.raises(UserError) as error:
        run(path)
    assert str(error.value) == "The file x has no column y."
    assert not isinstance(error.value, NotebookError)


def test_a_kernel_that_dies_or_does_not_exist_is_a_sentence(notebook):
    with pytest.raises(UserError, match="ended before the notebook did"):
        run(notebook("import os\nos._exit(1)"))
    with pytest.raises(UserError, match="no kernel 'nonesuch'"):
        run_notebook(notebook("1"), kernel_name="nonesuch")


def test_the_kernel_works_in_the_notebooks_folder_unless_told_otherwise(notebook, tmp_path):
    path = notebook("import os\nprint(os.getcwd())")
    assert run(path).cells[-1].outputs[0].text.strip() == str(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    assert run(path, cwd=tmp_path / "elsewhere").cells[-1].outputs[0].text.strip() == str(
        tmp_path / "elsewhere"
    )


def test_stored_outputs_are_the_same_bytes_in_every_run(notebook):
    path = notebook(
        "import sys\nprint(1)\nprint('w', file=sys.stderr)\nprint(2)",
        "",
        "import ipywidgets\nipywidgets.IntSlider(value=3)",
        "import pandas as pd\npd.DataFrame({'a': [1]})",
    )
    assert store_outputs(path, kernel_name=KERNEL_NAME) is True
    first = path.read_bytes()
    assert store_outputs(path, kernel_name=KERNEL_NAME) is False
    assert path.read_bytes() == first
    node = read_notebook(path)
    assert [cell.execution_count for cell in node.cells] == [1, 2, None, 3, 4]
    assert [o.get("text") for o in node.cells[1].outputs] == ["1\n2\n", "w\n"]
    assert list(node.cells[3].outputs[0].data) == ["text/plain"]
    assert set(node.cells[4].outputs[0].data) == {"text/html", "text/plain"}
    assert (
        set(node.metadata) == {"kernelspec", "language_info"} and node.metadata.kernelspec.name == "python3"
    )
    assert all(set(cell.metadata) <= {"tags"} for cell in node.cells)


def test_outputs_stored_for_other_parameters_do_not_keep_the_injected_cell(notebook):
    path = notebook("print(seed)")
    store_outputs(path, {"seed": 3}, kernel_name=KERNEL_NAME)
    node = read_notebook(path)
    assert [cell.id for cell in node.cells] == ["parameters", "c0"]
    assert node.cells[1].outputs[0].text == "3\n" and node.cells[1].execution_count == 2


def test_a_path_of_this_machine_is_refused_and_nothing_is_stored(notebook, tmp_path):
    path = notebook("print('see /home/ann/data.csv')")
    before = path.read_bytes()
    with pytest.raises(UserError, match="cell 'c0' prints a path of this machine"):
        store_outputs(path, kernel_name=KERNEL_NAME)
    assert path.read_bytes() == before


def test_an_author_is_told_the_error_behind_a_failing_cell(notebook, capsys, monkeypatch):
    path = notebook("int('x')")
    node = read_notebook(path)
    node.metadata.kernelspec = {"name": KERNEL_NAME, "display_name": "warm", "language": "python"}
    write_notebook(node, path)
    assert main([str(path)]) == 2
    said = capsys.readouterr()
    assert "FAILED" in said.err and "invalid literal for int()" in said.err and said.out == ""
    assert main([]) == 2


def test_clean_outputs_leaves_the_notebook_that_it_is_given(notebook):
    executed = run(notebook("print(seed)"), parameters={"seed": 1})
    before = canonical_text(executed)
    clean = clean_outputs(executed)
    assert canonical_text(executed) == before
    assert "papermill" not in canonical_text(clean)
    assert not any("injected-parameters" in tags(cell) for cell in clean.cells)


def test_a_run_by_an_author_does_not_touch_the_learners_progress(monkeypatch):
    monkeypatch.setenv("SECURE_AI_PROGRESS", "mine")
    with own_progress() as file:
        assert os.environ["SECURE_AI_PROGRESS"] == str(file)
    assert os.environ["SECURE_AI_PROGRESS"] == "mine"
    monkeypatch.delenv("SECURE_AI_PROGRESS")
    with own_progress():
        pass
    assert "SECURE_AI_PROGRESS" not in os.environ


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in /home/ann/x.csv", "/home/ann"),
        ("File /tmp/ipykernel_1/2.py", "/tmp/ipykernel_1"),
        ("'/root/kit'", "/root/kit"),
        (r"C:\Users\ann", r"C:\Users\ann"),
        ("/work/main", "/work/main"),
        ("https://example.org/home/x", None),
        ("docs/home/x", None),
        ("../tmp/x", None),
        ("and/or, 3/4, /", None),
        ("GET /api/v1", None),
    ],
)
def test_machine_paths(text, found):
    assert machine_path_in(text) == found
