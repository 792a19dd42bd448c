"""What a killed run has finished is read again, byte for byte; nothing that rests on something else is."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier

from secure_ai.assess import run_assessment
from secure_ai.assess.notebook import Run
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.registry import Part
from secure_ai.assess.run import checkpoints, engine
from secure_ai.assess.run.live import status_of, words_for
from secure_ai.assess.run.told import Told, last_told, telling
from secure_ai.assess.run.work import WorkFolder
from secure_ai.assess.section import Section
from secure_ai.core import UserError
from secure_ai.learn.forkserver import KERNEL_NAME

from .conftest import DATE, WITHOUT_SLOW_PARTS
from .model_inputs import FEATURES, records, written

CHILD = (
    WITHOUT_SLOW_PARTS
    + """
import json, sys
from pathlib import Path
from secure_ai.assess.run import engine
notebook, parameters, out = sys.argv[1:]
if notebook:
    engine.notebook_path = lambda: Path(notebook)
engine.run_assessment(json.loads(parameters), out, lambda line: print(line, flush=True), resume=True)
"""
)


# ------------------------------------------------------------------------- checkpoints


class Counted:
    """Stands in for the sections and counts how often each was run."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def __call__(self, part: Part, inputs, progress) -> Section:
        self.runs.append(part.id)
        return Section(
            id=part.id, title=part.title, summary="done", facts={"f": 1.0, "n": 1, "b": True, "x": 0.1 + 0.2}
        )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted()

    def run(part: Part, inputs, progress) -> Section:
        return found(part, inputs, progress)

    monkeypatch.setattr(Part, "run", run)
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("age,sex\n1,f\n2,m\n")
    return path


def run_of(table: Path, **options) -> Run:
    work = str(table.parent / "work")
    values = {"data": str(table), "sector": "finance", "work": work, **options}
    return Run(AssessmentParameters.read(values))


def test_a_finished_section_is_read_again_and_is_the_same(table: Path, counted: Counted) -> None:
    first = run_of(table)("data.exposure")
    again = run_of(table)("data.exposure")
    assert counted.runs == ["data.exposure"]
    assert again == first and again.model_dump_json() == first.model_dump_json()
    assert [type(value) for value in again.facts.values()] == [float, int, bool, float]


def test_another_parameter_another_content_another_kit_run_again(
    table: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(table)("data.exposure")
    run_of(table, seed=8)("data.exposure")
    run_of(table)("data.exposure")
    assert len(counted.runs) == 3  # one file per section: the second took the place of the first
    table.write_text("age,sex\n1,f\n2,f\n")
    run_of(table)("data.exposure")
    assert len(counted.runs) == 4
    monkeypatch.setattr(checkpoints, "__version__", "0.0.0")
    run_of(table)("data.exposure")
    assert len(counted.runs) == 5


def test_out_and_work_do_not_matter(table: Path) -> None:
    plain = AssessmentParameters.read({"data": str(table), "sector": "finance"})
    placed = plain.model_copy(update={"out": "a", "work": "b"})
    assert checkpoints.run_digest(plain) == checkpoints.run_digest(placed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("done", "gone"),
        lambda text: "[]",
        lambda text: '{"key": 1}',
        lambda text: "[" * 100_000,
        lambda text: "\x00\xff",
    ],
    ids=["empty", "half", "changed", "a list", "without a section", "nested", "binary"],
)
def test_a_damaged_checkpoint_is_run_again(
    table: Path, counted: Counted, damage: Callable[[str], str]
) -> None:
    run_of(table)("data.exposure")
    (file,) = (table.parent / "work" / "sections").iterdir()
    file.write_text(damage(file.read_text()))
    assert run_of(table)("data.exposure").summary == "done"
    assert len(counted.runs) == 2
    run_of(table)("data.exposure")
    assert len(counted.runs) == 2  # and it was kept anew


def test_what_an_endpoint_answered_is_read_again_by_the_same_run_only(table: Path, counted: Counted) -> None:
    options = {"data": None, "assistant": "http://127.0.0.1:9/v1"}
    run_of(table, **options)("assistant.redteam")
    going_on = run_of(table, **options)
    going_on("assistant.redteam")
    assert len(counted.runs) == 1
    going_on.work.close()  # as after the report was written
    run_of(table, **options)("assistant.redteam")
    assert len(counted.runs) == 2


def test_a_section_with_an_error_of_the_kit_is_left_open_and_not_kept(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(self, inputs, progress):
        print("value of Jane Doe")
        raise ValueError("Jane Doe")

    monkeypatch.setattr(Part, "run", failing)
    section = run_of(table)("data.reidentification")
    assert section.summary.startswith("not assessed") and "ValueError" in section.summary
    assert "Jane" not in section.model_dump_json() + capsys.readouterr().out
    assert len(section.findings) == 3
    assert not (table.parent / "work" / "sections").exists()
    with pytest.raises(ValueError, match="Jane"):
        run_of(table)("data.reidentification", raising=True)


def test_a_wrong_input_of_a_section_is_a_sentence_and_not_an_open_section(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(self, inputs, progress):
        raise UserError("The table is broken: export it again.")

    monkeypatch.setattr(Part, "run", refusing)
    with pytest.raises(UserError, match="broken"):
        run_of(table)("data.exposure")


@pytest.mark.parametrize("kind", ["file", "pattern", "folder"])
def test_a_fingerprint_sees_content_and_names(tmp_path: Path, kind: str) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(name)
    place = {"file": tmp_path / "a.csv", "pattern": tmp_path / "*.csv", "folder": tmp_path}[kind]
    before = checkpoints.fingerprint(str(place))
    assert before == checkpoints.fingerprint(str(place))
    (tmp_path / "a.csv").write_text("other")
    changed = checkpoints.fingerprint(str(place))
    assert changed not in {before, None}
    (tmp_path / "a.csv").write_text("b.csv")
    (tmp_path / "b.csv").write_text("other")  # the contents are swapped
    assert checkpoints.fingerprint(str(place)) not in {before, changed, None}


@pytest.mark.parametrize(
    "place", ["https://host/score", "postgresql://u:p@h/db", "hardened", "none.csv", "a\0b"]
)
def test_what_has_no_content_has_no_fingerprint(place: str) -> None:
    assert checkpoints.fingerprint(place) is None


# ------------------------------------------------------------------------- the work folder


def test_the_work_folder_is_private_and_two_runs_do_not_share_it(tmp_path: Path) -> None:
    work = WorkFolder.beside(tmp_path / "out")
    with work.locked():
        assert work.path.stat().st_mode & 0o777 == 0o700
        with pytest.raises(UserError, match="Another assessment"), WorkFolder(work.path).locked():
            pass
    with work.locked():
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    work = WorkFolder.beside(tmp_path / "out")
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom secure_ai.assess.run.work import WorkFolder\n"
        "with WorkFolder(Path(sys.argv[1])).locked():\n"
        "    print('locked', flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(work.path)], capture_output=True, text=True, check=False
    )
    assert ended.stdout == "locked\n" and ended.returncode == -signal.SIGKILL
    assert (work.path / "lock").exists()
    with work.locked():
        pass


def test_a_link_in_place_of_the_work_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    work = WorkFolder.beside(tmp_path / "out")
    work.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link"), work.locked():
        pass
    assert not list((tmp_path / "elsewhere").iterdir())


def test_an_earlier_report_that_a_killed_run_had_moved_away_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    work = WorkFolder.beside(out)
    work.make()
    (work.path / "old").mkdir()
    (work.path / "old" / "report.html").write_text("earlier")
    work.recover(out)
    assert (out / "report.html").read_text() == "earlier"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"token": 1}', "[" * 100_000])
def test_a_damaged_state_is_made_anew(tmp_path: Path, content: str) -> None:
    work = WorkFolder(tmp_path / "work")
    work.make()
    (work.path / "run.json").write_text(content)
    assert len(work.state()["token"]) == 32


# ------------------------------------------------------------------------- what is told


def test_what_a_section_tells_arrives_within_bounds(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    work.make()
    assert last_told(work) is None
    progress = telling(work, "Extraction", 2, 3)
    assert last_told(work) == Told(os.getpid(), "Extraction", 2, 3)
    progress("asking", 1)
    assert last_told(work).done == 1 and last_told(work).what == "asking"
    telling(work, "Evasion", 3, 3)("now", float("nan"))
    (work.path / "progress.json").write_text("{}")
    assert last_told(work) is None


def test_a_status_says_place_share_and_what_is_left() -> None:
    told = Told(1, "Extraction", 2, 3, "asking\nthe model", 0.25)
    assert status_of(told, 30) == "2 of 3, Extraction: asking the model, 25% done, about 2 min left"
    assert status_of(told, 1) == "2 of 3, Extraction: asking the model, 25% done"
    assert status_of(Told(1, "Report", 0, 0), 100) == "Report"
    assert [words_for(s) for s in (0.2, 59, 61, 7800)] == ["1 s", "59 s", "1 min", "2 h 10 min"]


# ------------------------------------------------------------------------- killed


def child(notebook: Path | str, out: Path, parameters: dict) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(notebook), json.dumps(parameters), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def kill_and_resume(notebook: Path | str, parameters: dict, folder: Path, kills: int, seed: int) -> list[str]:
    """Kill a run ``kills`` times, resume it to its end; return what was said when it went on."""
    parameters = {"sector": "finance", "seed": 11, "date": DATE, **parameters}
    since = time.monotonic()
    undisturbed = child(notebook, folder / "undisturbed", parameters)
    said, _ = undisturbed.communicate()
    assert undisturbed.returncode == 0, said
    lasted = time.monotonic() - since
    expected = contents(folder / "undisturbed")
    rng = random.Random(seed)
    out = folder / "out"
    began = []
    for number in range(kills + 1):
        process = child(notebook, out, parameters)
        if number < kills:
            try:
                process.wait(rng.uniform(0.2, 1.0) * lasted)
            except subprocess.TimeoutExpired:
                process.kill()
        said, _ = process.communicate()
        assert process.returncode in ({0, -signal.SIGKILL} if number < kills else {0}), said
        assert not out.exists() or contents(out) == expected
        began += said.splitlines()[:1]
    assert contents(out) == expected
    assert sorted(path.name for path in folder.iterdir()) == ["out", "undisturbed"]
    return began


def asked_of(table: Path) -> dict:
    return {"data": str(table), "log": str(table)}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_at_random_moments_and_resumed_the_outputs_are_the_same_bytes(
    small_file: Path, tmp_path: Path, changed_notebook: Callable[..., Path]
) -> None:
    kill_and_resume(changed_notebook(seconds=0.1), asked_of(small_file), tmp_path, kills=2, seed=5)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("seed", range(4))
def test_killed_twenty_times_and_resumed_the_outputs_are_the_same_bytes(
    small_file: Path, tmp_path: Path, changed_notebook: Callable[..., Path], seed: int
) -> None:
    kill_and_resume(changed_notebook(seconds=0.3), asked_of(small_file), tmp_path, kills=5, seed=seed)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_killed_while_a_real_model_is_attacked_and_resumed_the_outputs_are_the_same_bytes(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inputs = tmp_path_factory.mktemp("inputs")
    trained, other = records(300, 1, noise=0.5), records(300, 2, noise=0.5)
    model = RandomForestClassifier(5, max_depth=4, random_state=0).fit(trained[FEATURES], trained["outcome"])
    skops.io.dump(model, inputs / "model.skops")
    parameters = {
        "data": written(trained, inputs, "data.csv"),
        "model": str(inputs / "model.skops"),
        "target": "outcome",
        "held_out": written(other, inputs, "held_out.csv"),
        "drop": ["ward"],
        "groups": ["ward"],
        "attributes": ["smoker"],
        "rows": 20,
        "queries": 200,
    }
    began = kill_and_resume("", parameters, tmp_path, kills=4, seed=3)
    assert any(line.startswith("Going on") for line in began)  # some section had been kept


def interrupted(notebook: Path, table: Path, out: Path, monkeypatch, **options) -> str:
    monkeypatch.setattr(engine, "notebook_path", lambda: notebook)
    parameters = {"data": str(table), "sector": "finance", "log": str(table)}
    with pytest.raises(UserError) as caught:
        run_assessment(parameters, out, lambda _: None, kernel_name=KERNEL_NAME, **options)
    return str(caught.value)


def stopping_at(section: str, code: str) -> str:
    from .conftest import QUICK_SECTIONS

    return QUICK_SECTIONS + (
        f"\ndef _stopping(part, inputs, progress):\n    if part.id == {section!r}:\n        {code}\n"
        "    return _quick(part, inputs, progress)\n_registry.Part.run = _stopping\n"
    )


def test_a_kernel_that_dies_is_a_sentence_and_what_was_finished_is_kept(
    small_file: Path, tmp_path: Path, changed_notebook: Callable[..., Path], monkeypatch
) -> None:
    out = tmp_path / "out"
    dying = changed_notebook(stopping_at("data.reidentification", "import os; os.kill(os.getpid(), 9)"))
    sentence = interrupted(dying, small_file, out, monkeypatch)
    assert "ended by itself in the section 'Re-identification risk'" in sentence
    assert sentence.endswith("--resume goes on from there.") and str(tmp_path) not in sentence
    assert [path.name for path in tmp_path.iterdir()] == [".out.work"]
    kept = tmp_path / ".out.work"
    assert sorted(path.name for path in kept.iterdir()) == ["lock", "run.json", "sections"]
    assert sorted(path.stem for path in (kept / "sections").iterdir()) == ["data.exposure", "data.inventory"]
    # The run goes on with the date of its beginning, and does not run again what is there.
    work = WorkFolder(kept)
    work.update(date="2026-01-02")
    going_on = changed_notebook(stopping_at("data.exposure", "raise UserError('run twice')"))
    monkeypatch.setattr(engine, "notebook_path", lambda: going_on)
    lines: list[str] = []
    parameters = {"data": str(small_file), "sector": "finance", "log": str(small_file), "date": "2026-01-02"}
    run_assessment(parameters, out, lines.append, kernel_name=KERNEL_NAME, resume=True)
    assert lines[0].startswith("Going on: 2 finished sections")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_kernel_that_hangs_is_stopped_with_a_sentence(
    small_file: Path, tmp_path: Path, changed_notebook: Callable[..., Path], monkeypatch
) -> None:
    hanging = changed_notebook(stopping_at("data.exposure", "_time.sleep(600)"))
    sentence = interrupted(hanging, small_file, tmp_path / "out", monkeypatch, patience=2)
    assert "The section 'Exposure by tier' told nothing for 2 s and was stopped" in sentence
    assert [path.name for path in tmp_path.iterdir()] == [".out.work"]


def test_without_resume_what_is_left_over_is_discarded_with_a_line(
    small_file: Path, tmp_path: Path, changed_notebook: Callable[..., Path], monkeypatch
) -> None:
    work = WorkFolder.beside(tmp_path / "out")
    work.keep("sections/data.exposure.json", "{}")
    monkeypatch.setattr(engine, "notebook_path", changed_notebook)
    lines: list[str] = []
    run_assessment(
        {"data": str(small_file), "sector": "finance"},
        tmp_path / "out",
        lines.append,
        kernel_name=KERNEL_NAME,
    )
    assert lines[0].startswith("Discarded") and "--resume" in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_second_run_on_the_same_folder_is_refused_before_any_work(small_file: Path, tmp_path: Path) -> None:
    work = WorkFolder.beside(tmp_path / "out")
    work.make()
    with (
        filelock.FileLock(work.path / "lock"),
        pytest.raises(UserError, match="Another assessment"),
    ):
        run_assessment(
            {"data": str(small_file), "sector": "finance"}, tmp_path / "out", kernel_name=KERNEL_NAME
        )
    assert not (tmp_path / "out").exists()
