"""nbval itself over the first chapter, and in the long run over every notebook; and that a change is found.

The suite compares the stored outputs of every notebook by nbval's function with the runs that other tests
make anyway (test_every_notebook.py); to run them all once more would cost it minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from nbformat.v4 import new_code_cell

from secure_ai.learn.forkserver import KERNEL_NAME
from secure_ai.learn.lint import lint_paths
from secure_ai.learn.notebook import read_notebook, write_notebook

from .stored_outputs import code_cells, compared, differences

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = [path.relative_to(ROOT) for path in lint_paths(ROOT)]
SOLUTIONS = [path for path in NOTEBOOKS if path.parts[0] == "solutions"]
FIRST = [path for path in NOTEBOOKS if path.stem.startswith("00_")]
LEAST_COMPARED = 3


def nbval(paths, report):
    """Run nbval over notebooks in one process: how many cells ran in each, and what failed in each."""
    command = [
        *(sys.executable, "-m", "pytest", "--nbval", "--nbval-kernel-name", KERNEL_NAME, "-q", "--color=no"),
        *("-p", "no:cacheprovider", "-o", "addopts=", "-o", "junit_family=xunit1", "--rootdir", "."),
        *(f"--junitxml={report}", *map(str, paths)),
    ]
    # The text of a quiz is stored, and not its widget, whose ids are random.
    env = {**os.environ, "SECURE_AI_WIDGETS": "off"}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert report.is_file(), run.stdout + run.stderr
    ran, failed = Counter(), {}
    for case in ElementTree.parse(report).iter("testcase"):
        path = (ROOT / case.get("file")).resolve()
        ran[path] += 1
        for trouble in (*case.iter("failure"), *case.iter("error")):
            failed.setdefault(path, []).append(f"{case.get('name')}: {trouble.text}")
    return ran, failed


@pytest.fixture(scope="session")
def altered(tmp_path_factory):
    """A copy of the first solution with one output changed, and the number of the changed cell."""
    node = read_notebook(ROOT / SOLUTIONS[0])
    cell = next(cell for cell in reversed(compared(node)) if cell.outputs)
    output = cell.outputs[0]
    if "text" in output:
        output.text += "!"
    else:
        output.data["text/plain"] += "!"
    path = tmp_path_factory.mktemp("altered") / SOLUTIONS[0].name
    write_notebook(node, path)
    return path.resolve(), code_cells(node).index(cell)


@pytest.fixture(scope="session")
def results(tmp_path_factory, kernels, altered, under_test):
    report = tmp_path_factory.mktemp("nbval") / "report.xml"
    return nbval([*(under_test(path) for path in FIRST), altered[0]], report)


@pytest.mark.parametrize("path", FIRST, ids=str)
def test_nbval_passes_the_first_chapter(path, results, under_test):
    (ran, failed), path = results, under_test(path)
    assert ran[path] == len(code_cells(read_notebook(path)))
    assert path not in failed, "\n".join(failed[path])


@pytest.mark.slow
def test_nbval_passes_every_notebook(tmp_path, kernels, under_test):
    paths = [under_test(path) for path in NOTEBOOKS]
    ran, failed = nbval(paths, tmp_path / "report.xml")
    assert ran == {path: len(code_cells(read_notebook(path))) for path in paths}
    assert failed == {}


def test_an_output_that_was_altered_left_out_or_never_stored_is_found(altered, executed):
    fresh = executed(ROOT / SOLUTIONS[0], "healthcare")
    stored = read_notebook(ROOT / SOLUTIONS[0])
    assert differences(stored, fresh) == {}
    path, number = altered
    cell = code_cells(stored)[number]
    assert set(differences(read_notebook(path), fresh)) == {cell.id}
    cell.outputs.pop()
    assert set(differences(stored, fresh)) == {cell.id}
    stored.cells.append(new_code_cell("1 + 1", id="never-run"))
    assert set(differences(stored, fresh)) == {cell.id, "never-run"}


@pytest.mark.skipif(not SOLUTIONS, reason="there are no solutions yet")
def test_one_altered_output_fails_and_nothing_else(results, altered):
    path, number = altered
    unaltered = {line.partition(":")[0] for line in results[1].get(ROOT / SOLUTIONS[0], [])}
    found = {line.partition(":")[0]: line for line in results[1][path]}
    assert set(found) - unaltered == {f"Cell {number}"}
    assert "Cell outputs differ" in found[f"Cell {number}"]


@pytest.mark.parametrize("path", SOLUTIONS, ids=str)
def test_solution_stores_enough_that_is_compared(path):
    stored = [cell.id for cell in compared(read_notebook(ROOT / path)) if cell.outputs]
    assert len(stored) >= LEAST_COMPARED, f"only {stored} store outputs that nbval compares"
