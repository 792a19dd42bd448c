"""Stored outputs are those that the code gives today: nbval over every notebook, and a test of nbval."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from secure_ai.learn.forkserver import KERNEL_NAME
from secure_ai.learn.lint import lint_paths
from secure_ai.learn.notebook import IGNORE_OUTPUT, read_notebook, tags, write_notebook

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = [path.relative_to(ROOT) for path in lint_paths(ROOT)]
SOLUTIONS = [path for path in NOTEBOOKS if path.parts[0] == "solutions"]
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


def code_cells(node):
    return [cell for cell in node.cells if cell.cell_type == "code"]


def compared(node):
    return [cell for cell in code_cells(node) if IGNORE_OUTPUT not in tags(cell)]


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
    return nbval([*(under_test(path) for path in NOTEBOOKS), altered[0]], report)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=str)
def test_stored_outputs_are_what_the_code_gives(path, results, under_test):
    (ran, failed), path = results, under_test(path)
    assert ran[path] == len(code_cells(read_notebook(path)))
    assert path not in failed, "\n".join(failed[path])


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
