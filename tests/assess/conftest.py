"""Assessments that several tests look at: run once, in a warm kernel."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from secure_ai.assess import AssessmentResult, run_assessment
from secure_ai.assess.run.engine import notebook_path
from secure_ai.core.audit import AuditEvent
from secure_ai.learn.forkserver import KERNEL_NAME, install_kernelspec

DATE = "2026-03-31"
# Column names that try to be markup, a formula, a path, a quotation, two lines.
HOSTILE_COLUMNS = (
    "<script>alert(1)</script>",
    '=cmd|"/c calc"!A0',
    "../../etc/passwd",
    'it\'s "quoted"',
    "two\nlines",
    "{{ 7*7 }}",
    "</style><img src=x onerror=alert(1)>",
    "age",
    "sex",
)
CANARY = "canary-7f3a"


# For child processes: a grammar of addresses that papermill loads for more than a second and never uses.
WITHOUT_SLOW_PARTS = "import sys\nsys.modules['rfc3987_syntax'] = None\n"


@dataclass(frozen=True)
class Run:
    """One finished assessment, its input and what it reported on the way."""

    data: Path
    out: Path
    result: AssessmentResult
    progress: tuple[str, ...]

    def texts(self) -> dict[str, str]:
        """The content of every output file."""
        return {path.name: path.read_text(encoding="utf-8") for path in self.out.iterdir()}


@pytest.fixture(scope="session", autouse=True)
def warm_kernel(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("jupyter")
    install_kernelspec(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        yield


def run(data: Path, out: Path, sector: str, **options) -> Run:
    lines: list[str] = []
    parameters = {"data": str(data), "sector": sector, "date": DATE, **options}
    result = run_assessment(parameters, out, lines.append, kernel_name=KERNEL_NAME)
    return Run(data, out, result, tuple(lines))


# In place of the sections: quick ones, whose figures depend on the seed alone.
QUICK_SECTIONS = """
import time as _time
import secure_ai.assess.registry as _registry
from secure_ai.assess.risks import judge as _judge
from secure_ai.assess.section import Section as _Section, Table as _Table
from secure_ai.core import Measurement as _Measurement

def _quick(part, inputs, progress):
    if not part.given(inputs.parameters):
        return part.left_open(inputs.parameters, part.absent)
    for step in range(3):
        progress("counting", step / 3)
        _time.sleep(SECONDS / 3)
    share = (len(part.id) * 37 % 100) / 100 + inputs.parameters.seed / 3e6
    bounds = (share * 0.9, min(share * 1.1, 1.0))
    measured = _Measurement("share", share, "share", 100, 0.0, bounds, "counted", "none")
    found = [_judge(risk, "A share", measured, sector="finance") for risk in part.risks]
    table = _Table(
        title="Shares", columns=("what", "share", "n"), formats=("text", "share", "count"),
        rows=(("one", share, 3), ("two", None, 1), ("three", 1.0, 0)),
    )
    return _Section(
        id=part.id, title=part.title, summary=f"{share:.3f} of the records", findings=tuple(found),
        blocks=(table,), facts={"share": share, "whole": 2.0, "n": 3, "yes": True},
    )

_registry.Part.run = _quick
"""


@pytest.fixture
def changed_notebook(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the assessment's notebook with a cell before it that changes the kit in the kernel."""

    def change(code: str = QUICK_SECTIONS, seconds: float = 0.0) -> Path:
        notebook = nbformat.read(notebook_path(), as_version=4)
        source = code.replace("SECONDS", str(seconds))
        notebook.cells.insert(0, nbformat.v4.new_code_cell(source, id="changed"))
        path = tmp_path_factory.mktemp("changed") / "risk_assessment.ipynb"
        nbformat.write(notebook, path)
        return path

    return change


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, and beside it an audit log."""
    path = tmp_path_factory.mktemp("small") / "claims.csv"
    path.write_text("age,sex\n" + "".join(f"{20 + i % 7},{'fm'[i % 2]}\n" for i in range(30)))
    events = (
        AuditEvent(f"2026-03-01T08:{i:02}:00.000+00:00", "a", "view", "t", "allowed") for i in range(30)
    )
    path.with_name("log.jsonl").write_text("".join(one.to_json() + "\n" for one in events))
    return path


@pytest.fixture(scope="session")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("private-folder") / "<b>claims & co</b>.csv".replace("/", "")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")  # DuckDB reads one kind of line break per file
        writer.writerow(HOSTILE_COLUMNS)
        for i in range(40):
            values = [f"{CANARY}-{i % 5}-{j}" for j in range(len(HOSTILE_COLUMNS) - 2)]
            writer.writerow([*values, 30 + i % 9, "fm"[i % 2]])
    return path


@pytest.fixture(scope="session")
def hostile(hostile_file: Path, tmp_path_factory: pytest.TempPathFactory, warm_kernel) -> Run:
    return run(hostile_file, tmp_path_factory.mktemp("reports") / "hostile", "healthcare")


@pytest.fixture(scope="session")
def synthea(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, warm_kernel) -> Run:
    out = tmp_path_factory.mktemp("reports") / "synthea"
    return run(shared_data / "synthea_patients.csv", out, "healthcare")


@pytest.fixture(scope="session")
def adult(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, warm_kernel) -> Run:
    return run(shared_data / "adult.csv", tmp_path_factory.mktemp("reports") / "adult", "finance")
