"""Parameters: an unknown or ill-typed one stops the notebook with a sentence that lists the known ones."""

from __future__ import annotations

import numpy as np
import papermill
import pytest
from nbformat import v4

from secure_ai.core import UserError
from secure_ai.learn import parameters
from secure_ai.learn.parameters import ParameterError, check_parameters, of_sector

GOOD = {"sector": "healthcare", "seed": 7, "rows": 5000}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"sector": "finance"},
        {"seed": 0},
        {"seed": np.int64(3)},
        {"rows": 100},
        {"rows": 1_000_000},
        {"epsilon": 1.0},
    ],
    ids=str,
)
def test_good_parameters_pass_in_silence(change, capsys):
    assert check_parameters(**{**GOOD, **change}) is None
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "change,sentence",
    [
        ({"sector": "hospital"}, "'sector' must be healthcare or finance"),
        ({"sector": None}, "'sector' must be healthcare or finance"),
        ({"sector": ["finance"]}, "'sector' must be healthcare or finance"),
        ({"seed": -1}, "'seed' must be a whole number from 0 to 4,294,967,295"),
        ({"seed": 2**32}, "'seed' must be a whole number"),
        ({"seed": 7.0}, "'seed' must be a whole number"),
        ({"seed": "7"}, "'seed' must be a whole number"),
        ({"seed": True}, "'seed' must be a whole number"),
        ({"rows": 99}, "'rows' must be a whole number from 100 to 1,000,000"),
        ({"rows": 1_000_001}, "'rows' must be a whole number"),
        ({"rows": None}, "'rows' must be a whole number"),
        ({"rows": float("nan")}, "'rows' must be a whole number"),
    ],
    ids=str,
)
def test_bad_parameter_is_a_sentence(change, sentence):
    with pytest.raises(ParameterError) as caught:
        check_parameters(**{**GOOD, **change})
    assert sentence in str(caught.value)
    assert isinstance(caught.value, UserError)
    assert caught.value._render_traceback_() == [str(caught.value)]


DEFAULTS = """sector = "healthcare"
seed: int = 7  # any
rows = 5000
epsilon = 1.0
label = None
fast = True
count = 3"""


def _run(injected):
    values = {}
    exec(f"{DEFAULTS}\n{injected}", values)
    return {name: values[name] for name in ("sector", "seed", "rows", "epsilon", "label", "fast", "count")}


def _inject(monkeypatch, injected, before=DEFAULTS):
    monkeypatch.setattr(parameters, "_history", lambda: ["", "import this", before, injected, "setup"])


@pytest.mark.parametrize(
    "injected",
    [
        '# Parameters\nsector = "finance"\nrows = 200',
        "# Parameters\nepsilon = 2",
        "# Parameters\nlabel = [1, 2]",
        "# Parameters\nfast = False\ncount = -4",
        "# Parameters\n",
        "# Parameters\nepsilon = float('inf')",
    ],
)
def test_known_injected_parameters_pass(monkeypatch, injected):
    _inject(monkeypatch, injected)
    check_parameters(**_run(injected))


@pytest.mark.parametrize(
    "injected,sentence",
    [
        (
            "# Parameters\nsede = 8",
            "Unknown parameter 'sede': this notebook knows sector, seed, rows, epsilon",
        ),
        ("# Parameters\nsede = 8\nrow = 1", "Unknown parameters 'row' and 'sede'"),
        ("# Parameters\nepsilon = 'much'", "'epsilon' must be a number, such as 1.0, but it is text"),
        ("# Parameters\nepsilon = True", "'epsilon' must be a number, such as 1.0, but it is True or False"),
        ("# Parameters\nfast = 1", "'fast' must be True or False"),
        ("# Parameters\ncount = 1.5", "'count' must be a whole number"),
        ("# Parameters\ncount = None", "'count' must be a whole number, such as 3, but it is nothing"),
    ],
)
def test_unknown_or_ill_typed_injected_parameter_is_told(monkeypatch, injected, sentence):
    _inject(monkeypatch, injected)
    with pytest.raises(ParameterError) as caught:
        check_parameters(**_run(injected))
    assert sentence in str(caught.value)


def test_name_defined_in_the_parameters_cell_is_known_although_not_checked(monkeypatch):
    _inject(monkeypatch, "# Parameters\ncount = 5")
    check_parameters(**GOOD)


def test_cell_before_that_does_other_things_defines_no_parameters(monkeypatch):
    _inject(monkeypatch, "# Parameters\nsede = 8", before="sede = 7\nprint(sede)")
    with pytest.raises(ParameterError, match="'sede'"):
        check_parameters(**GOOD)


def test_without_papermill_nothing_is_injected():
    assert parameters._papermill_cells([]) == ({}, {})
    assert parameters._papermill_cells(["", "x = 1", "broken ("]) == ({}, {})
    assert parameters._papermill_cells(["# Parameters\nbroken ("]) == ({}, {})


def _notebook(path):
    defaults = v4.new_code_cell('sector = "healthcare"\nseed = 7\nrows = 5000\nepsilon = 1.0')
    defaults.metadata["tags"] = ["parameters"]
    setup = v4.new_code_cell(
        "from secure_ai.learn import check_parameters\n"
        "check_parameters(sector=sector, seed=seed, rows=rows, epsilon=epsilon)"
    )
    notebook = v4.new_notebook(cells=[defaults, setup, v4.new_code_cell("(sector, rows)")])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(v4.writes(notebook), encoding="utf-8")
    return path


def test_papermill_runs_with_known_parameters(tmp_path):
    source = _notebook(tmp_path / "in.ipynb")
    done = papermill.execute_notebook(
        source, tmp_path / "out.ipynb", parameters={"sector": "finance", "epsilon": 2}, progress_bar=False
    )
    assert done.cells[-1].outputs[0].data["text/plain"] == "('finance', 5000)"


@pytest.mark.parametrize(
    "given,sentence",
    [
        ({"sede": 8}, "Unknown parameter 'sede': this notebook knows sector, seed, rows, epsilon."),
        ({"epsilon": "much"}, "The parameter 'epsilon' must be a number, such as 1.0, but it is text."),
    ],
    ids=["unknown", "ill-typed"],
)
def test_papermill_fails_with_the_sentence_and_no_traceback(tmp_path, given, sentence):
    source, target = _notebook(tmp_path / "in.ipynb"), tmp_path / "out.ipynb"
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        papermill.execute_notebook(source, target, parameters=given, progress_bar=False)
    assert (caught.value.ename, caught.value.evalue) == ("ParameterError", sentence)
    assert caught.value.traceback == [sentence]
    assert "Traceback" not in target.read_text(encoding="utf-8")


def test_an_unknown_sector_is_refused_with_the_known_ones():
    assert of_sector({"healthcare": 1, "finance": 2}, "finance") == 2
    with pytest.raises(UserError, match="choose from healthcare, finance"):
        of_sector({"healthcare": 1, "finance": 2}, "retail")
