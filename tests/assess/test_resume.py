"""What a killed run has finished is read again, byte for byte; nothing is lost and nothing done twice."""

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
from secure_ai.assess.run import engine
from secure_ai.assess.run.work import WorkFolder
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
    return {"data": str(table), "log": str(table.with_name("log.jsonl"))}


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
    parameters = {"sector": "finance", **asked_of(table)}
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
    parameters = {"sector": "finance", "date": "2026-01-02", **asked_of(small_file)}
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
