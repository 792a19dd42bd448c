"""Whole runs on malformed inputs: a complete folder, or none at all and one sentence; nothing else stays."""

from __future__ import annotations

import csv
import errno
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import pytest

from secure_ai.assess import run_assessment
from secure_ai.assess.outputs import MANIFEST, OUTPUTS, FindingsFile
from secure_ai.assess.outputs.files import sha256
from secure_ai.assess.run import engine
from secure_ai.assess.run.work import WorkFolder
from secure_ai.core import UserError
from secure_ai.learn.forkserver import KERNEL_NAME
from tests.assess.malformed.case import CANARY, good
from tests.assess.malformed.running import bounded, check_sentence

from .conftest import DATE, QUICK_SECTIONS, WITHOUT_SLOW_PARTS

Given = dict[str, object]
SECONDS_TO_GO = 20


def check_complete(out: Path, inputs: Path) -> FindingsFile:
    """Every output is there, whole, valid, as the manifest says, without a value or a folder; return one."""
    assert sorted(path.name for path in out.iterdir()) == sorted(OUTPUTS)
    manifest = json.loads((out / MANIFEST).read_text())
    assert set(manifest["outputs"]) == set(OUTPUTS) - {MANIFEST}
    assert all(sha256(out / name) == digest for name, digest in manifest["outputs"].items())
    for path in out.iterdir():
        text = path.read_text(encoding="utf-8")
        assert CANARY not in text and str(inputs) not in text and "Traceback" not in text, path.name
    assert (out / "report.html").read_text().rstrip().endswith("</html>")
    assert "assessment-results" in json.loads((out / "oscal.json").read_text())
    nbformat.validate(nbformat.read(out / "risk_assessment.ipynb", as_version=4))
    assert len({len(row) for row in csv.reader((out / "register.csv").open(encoding="utf-8-sig"))}) == 1
    return FindingsFile.model_validate_json((out / "findings.json").read_text())


def processes() -> set[int]:
    return {one.pid for one in psutil.Process().children(recursive=True) if one.status() != "zombie"}


@pytest.fixture
def nothing_runs_on(warm_kernel, hostile):
    """No process that a run started outlives it; the server of warm kernels was there before."""
    before = processes()
    yield
    until = time.monotonic() + SECONDS_TO_GO
    while processes() - before and time.monotonic() < until:
        time.sleep(0.1)
    assert not processes() - before


@pytest.fixture
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "good.csv").write_bytes(good("csv"))
    return folder


def assess(given: Given, out: Path, **options) -> str:
    """Run it whole; return the sentence in which it ended, or nothing."""
    given = {"sector": "healthcare", "date": DATE, **given}
    try:
        with bounded():
            run_assessment(given, out, lambda _: None, kernel_name=KERNEL_NAME, **options)
    except UserError as error:
        return str(error)
    return ""


# ------------------------------------------------------------------------- ends in a sentence


def cut(folder: Path) -> Given:
    (folder / "cut.parquet").write_bytes(good("parquet")[:-40])
    return {"data": str(folder / "cut.parquet")}


def mistaken(folder: Path) -> Given:
    (folder / "book.csv").write_bytes(good("xlsx"))
    return {"data": str(folder / "book.csv")}


def file_of(parameter: str, name: str, content: str) -> Callable[[Path], Given]:
    def make(folder: Path) -> Given:
        (folder / name).write_text(content)
        return {"data": str(folder / "good.csv"), parameter: str(folder / name)}

    return make


class Crash:
    def __reduce__(self):
        return os._exit, (3,)


def model_that(content: bytes, ending: str, **options: object) -> Callable[[Path], Given]:
    def make(folder: Path) -> Given:
        (folder / f"model.{ending}").write_bytes(content)
        (folder / "records.csv").write_text(
            "age,sex,outcome\n" + "".join(f"{20 + i},{i % 2},{i % 3 % 2}\n" for i in range(60))
        )
        model = {"model": str(folder / f"model.{ending}"), "training": str(folder / "records.csv")}
        return {**model, "target": "outcome", "rows": 20, "queries": 100, **options}

    return make


def earlier(folder: Path) -> Given:
    (folder / "earlier").mkdir()
    (folder / "earlier" / "findings.json").write_text('{"format": "secure-ai findings 2"')
    return {"data": str(folder / "good.csv"), "previous": str(folder / "earlier")}


REFUSED = {
    "data that were cut": cut,
    "data of another format": mistaken,
    "data with a ragged row": file_of("population", "p.csv", "a,b\n1,2\n1,2,3\n"),
    "controls that are no YAML": file_of("controls", "c.yaml", f"answers: [{CANARY}"),
    "a plan that is a list": file_of("plan", "p.yaml", f"- {CANARY}\n"),
    "losses of words": file_of("losses", "l.yaml", f"losses: {CANARY}\n"),
    "rules that are a number": file_of("rules", "r.yaml", "7\n"),
    "a log of noise": file_of("log", "log.jsonl", f"{CANARY}\n" * 9),
    "an earlier report that was cut": earlier,
    "a parameter that is none": lambda folder: {"data": str(folder / "good.csv"), "qusi": "age"},
    "a threshold beyond reason": lambda folder: {"data": str(folder / "good.csv"), "threshold": float("nan")},
    "a pickle that crashes": model_that(pickle.dumps(Crash()), "pkl", trust_pickle=True),
    "a model of noise": model_that(b"\x00\xff" * 900, "skops"),
    "an address without a server": lambda _: {"model": "ftp://127.0.0.1/score"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_a_sentence_and_no_folder(name: str, inputs: Path, tmp_path: Path) -> None:
    sentence = assess(REFUSED[name](inputs), tmp_path / "new" / "out")
    check_sentence(sentence, inputs)
    assert not list(tmp_path.iterdir())


def test_an_earlier_report_stays_as_it_was_when_a_later_input_is_broken(
    hostile, inputs: Path, tmp_path: Path
) -> None:
    before = hostile.texts()
    check_sentence(assess(cut(inputs), hostile.out), inputs)
    assert hostile.texts() == before and not WorkFolder.beside(hostile.out).path.exists()


@pytest.mark.parametrize("name", ["n" * 300, "a\0b", "good.csv/out", "/proc/none/out"])
def test_a_folder_that_nobody_can_make_is_a_sentence(name: str, inputs: Path) -> None:
    sentence = assess({"data": str(inputs / "good.csv")}, inputs / name)
    assert sentence.endswith(".") and "\n" not in sentence and "Traceback" not in sentence
    assert [path.name for path in inputs.iterdir()] == ["good.csv"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_a_sentence(inputs: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        check_sentence(assess({"data": str(inputs / "good.csv")}, tmp_path / "out"), inputs)
        assert not list(tmp_path.iterdir())
    finally:
        tmp_path.chmod(0o700)


# ------------------------------------------------------------------------- ends in a report


def probabilities(folder: Path) -> Given:
    """Of a model that says the same of everybody."""
    rows = "".join(f"0.5,0.5,{i % 2},{i % 3 % 2}\n" for i in range(60))
    (folder / "p.csv").write_text("p_0,p_1,label,member\n" + rows)
    return {"probabilities": str(folder / "p.csv"), "target": "label"}


REPORTED: dict[str, tuple[Callable[[Path], Given], str, bool]] = {
    "hostile columns": (
        file_of("data", "d.csv", "<script>x</script>,=1+1,../../x\n" + f"{CANARY},30,f\n" * 30),
        "data.inventory",
        True,
    ),
    "a pickle that nobody trusts": (model_that(pickle.dumps(Crash()), "pkl"), "model.file", True),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", REPORTED)
def test_what_can_be_judged_ends_in_a_complete_folder(
    name: str, inputs: Path, tmp_path: Path, nothing_runs_on
) -> None:
    make, section, assessed = REPORTED[name]
    out = tmp_path / "<b>a & 'b'</b>".replace("/", "")
    assert assess(make(inputs), out) == ""
    written = check_complete(out, inputs)
    assert {one.id: one.assessed for one in written.sections}[section] is assessed
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_answers_that_say_nothing_end_in_a_complete_folder_or_a_sentence(
    inputs: Path, tmp_path: Path, nothing_runs_on
) -> None:
    sentence = assess(probabilities(inputs), tmp_path / "out")
    if sentence:
        check_sentence(sentence, inputs)
        assert not list(tmp_path.iterdir())
    else:
        check_complete(tmp_path / "out", inputs)


# ------------------------------------------------------------------------- trouble on the way


@pytest.fixture
def quick(changed_notebook: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put quick sections in the place of those that count, and more code behind them."""

    def put(code: str = "", seconds: float = 0.0) -> None:
        path = changed_notebook(QUICK_SECTIONS + code, seconds=seconds)
        monkeypatch.setattr(engine, "notebook_path", lambda: path)

    return put


STOP_AT = """
def _stopping(part, inputs, progress):
    if part.id == "data.reidentification":
        ACTION
    return _quick(part, inputs, progress)
_registry.Part.run = _stopping
"""


def stopped_run(quick, inputs: Path, out: Path) -> Given:
    given = {"data": str(inputs / "good.csv"), "seed": 5}
    quick(STOP_AT.replace("ACTION", "import os; os.kill(os.getpid(), 9)"))
    check_sentence(assess(given, out), inputs)
    assert not out.exists()
    return given


DAMAGES: dict[str, Callable[[Path], object]] = {
    "checkpoint empty": lambda work: (work / "sections" / "data.exposure.json").write_text(""),
    "checkpoint cut": lambda work: (work / "sections" / "data.exposure.json").write_text('{"key": "'),
    "checkpoint is a folder": lambda work: (
        (work / "sections" / "data.exposure.json").unlink(),
        (work / "sections" / "data.exposure.json").mkdir(),
    ),
    "state deep": lambda work: (work / "run.json").write_text("[" * 100_000),
    "state of another day": lambda work: (work / "run.json").write_text('{"token": "x", "date": 7}'),
    "state is a folder": lambda work: ((work / "run.json").unlink(), (work / "run.json").mkdir()),
    "progress of noise": lambda work: (work / "progress.json").write_bytes(b"\xff\x00"),
    "input changed": lambda work: None,
}


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.slow] if i % 3 else []) for i, one in enumerate(DAMAGES)]
)
def test_going_on_from_what_is_damaged_ends_as_an_undisturbed_run(
    name: str, quick, inputs: Path, tmp_path: Path, nothing_runs_on
) -> None:
    out = tmp_path / "out"
    given = stopped_run(quick, inputs, out)
    DAMAGES[name](WorkFolder.beside(out).path)
    if name == "input changed":
        (inputs / "good.csv").write_text("age,sex\n1,f\n2,m\n")
    quick()
    assert assess(given, out, resume=True) == ""
    check_complete(out, inputs)
    assert assess(given, tmp_path / "undisturbed") == ""
    for path in out.iterdir():
        assert path.read_bytes() == (tmp_path / "undisturbed" / path.name).read_bytes(), path.name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "undisturbed"]


def test_two_runs_into_one_folder_at_once_leave_one_report_and_one_sentence(
    quick, inputs: Path, tmp_path: Path, nothing_runs_on
) -> None:
    quick(seconds=0.3)
    out, second = tmp_path / "out", ""
    ended: list[str] = []
    given = {"data": str(inputs / "good.csv"), "sector": "healthcare", "date": DATE}
    thread = threading.Thread(
        target=lambda: run_assessment(given, out, ended.append, kernel_name=KERNEL_NAME)
    )
    thread.start()
    until = time.monotonic() + 60
    while not (WorkFolder.beside(out).path / "lock").exists() and time.monotonic() < until:
        time.sleep(0.01)
    second = assess(given, out)
    thread.join()
    assert second.startswith("Another assessment is writing")
    check_complete(out, inputs)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("moment", ["draft", "manifest"])
@pytest.mark.usefixtures("nothing_runs_on")
def test_a_disk_that_fills_up_is_a_sentence_and_no_folder(
    moment: str, quick, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(inputs))

    quick(
        "import secure_ai.assess.outputs.report as _r\n"
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        if moment == "draft"
        else ""
    )
    if moment == "manifest":
        monkeypatch.setattr(engine, "write_manifest", full)
    sentence = assess({"data": str(inputs / "good.csv")}, tmp_path / "out")
    assert sentence.count("Traceback") == 0 and CANARY not in sentence and sentence.endswith(".")
    assert not (tmp_path / "out").exists()
    WorkFolder.beside(tmp_path / "out").remove()
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------- the command line


def command(folder: Path, temporary: Path, *arguments: str, limit: int = 0) -> subprocess.Popen:
    """Start ``secure-ai assess`` with a temporary folder of its own."""

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    temporary.mkdir()
    code = WITHOUT_SLOW_PARTS + "from secure_ai.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "assess", "--out", "out", "--date", DATE, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
        preexec_fn=prepare,  # noqa: PLW1509
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_command_that_is_stopped_leaves_no_report_no_process_and_no_temporary_file(
    name: str, inputs: Path, tmp_path: Path
) -> None:
    process = command(tmp_path, tmp_path / "t", "--sector", "finance", "--data", str(inputs / "good.csv"))
    until = time.monotonic() + 120
    while not (tmp_path / ".out.work" / "progress.json").exists() and time.monotonic() < until:
        time.sleep(0.02)
    kernels = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(getattr(signal, name))
    _, error = process.communicate(timeout=120)
    assert process.returncode == 128 + getattr(signal, name) and "Traceback" not in error
    gone, alive = psutil.wait_procs(kernels, timeout=SECONDS_TO_GO)
    assert gone and not alive
    assert not (tmp_path / "out").exists() and not list((tmp_path / "t").iterdir())


@pytest.mark.slow
def test_a_command_whose_kernel_is_killed_ends_with_two_and_a_sentence(inputs: Path, tmp_path: Path) -> None:
    process = command(tmp_path, tmp_path / "t", "--sector", "finance", "--data", str(inputs / "good.csv"))
    told = tmp_path / ".out.work" / "progress.json"
    until = time.monotonic() + 120
    while not told.exists() and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(json.loads(told.read_text())["process"], signal.SIGKILL)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2 and "ended by itself" in error and "Traceback" not in error
    assert not (tmp_path / "out").exists() and not list((tmp_path / "t").iterdir())


def test_a_command_with_bad_input_ends_with_two_and_leaves_nothing(inputs: Path, tmp_path: Path) -> None:
    process = command(tmp_path, tmp_path / "t", "--sector", "finance", "--data", str(cut(inputs)["data"]))
    said, error = process.communicate(timeout=120)
    assert process.returncode == 2 and said == "" and error.startswith("Error: ") and error.count("\n") == 1
    assert CANARY not in error and str(inputs) not in error
    assert [path.name for path in tmp_path.iterdir()] == ["t"] and not list((tmp_path / "t").iterdir())
