"""Whole runs whose model, endpoint or disk misbehaves: a complete folder, or none and a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from secure_ai.assess.opening import models
from secure_ai.assess.run import engine
from secure_ai.core import Outcome
from tests.assess.malformed.case import good
from tests.assess.malformed.running import check_sentence
from tests.assess.malformed_assistants import ASSISTANTS
from tests.assess.malformed_endpoints import BEHAVIORS, SERVER, at
from tests.assess.malformed_models import TRUSTED, hostile, with_model
from tests.assess.model_inputs import QUICK
from tests.assess.test_malformed_runs import (  # noqa: F401 - a fixture
    assess,
    check_complete,
    nothing_runs_on,
    quick,
)

# What the kernel waits for is as short as what the test itself waits for; sections not under test are open.
BRIEFLY = f"""
from functools import partial as _partial
from secure_ai.attack.supply_chain.guards import Limits as _Limits
import secure_ai.assess.opening.models as _models
import secure_ai.assess.opening.assistants as _assistants
import secure_ai.assess.registry as _registry
_models.open_model = _partial(_models.open_model, limits={QUICK!r}, timeout=0.4)
_assistants.TIMEOUT = 0.3
_whole = _registry.Part.run
def _only(part, inputs, progress):
    if part.id.split(".")[0] == "data":
        return part.left_open(inputs.parameters, "not under test")
    return _whole(part, inputs, progress)
_registry.Part.run = _only
""".replace("=Limits(", "=_Limits(")
HANGS = hostile("time.sleep(1000)")
LIES = hostile("return half * 3")
CRASHES = hostile("if self.calls > 2: os._exit(3)\nreturn half")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with SERVER.running(BEHAVIORS | ASSISTANTS):
        yield


@pytest.fixture
def briefly(changed_notebook: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = changed_notebook(BRIEFLY)
    monkeypatch.setattr(engine, "notebook_path", lambda: path)
    monkeypatch.setattr(models, "open_model", partial(models.open_model, limits=QUICK, timeout=0.4))


MODELS = {
    "a model that hangs": with_model(HANGS, "m.pkl", **TRUSTED),
    "a model that lies": with_model(LIES, "m.pkl", **TRUSTED),
    "a model that crashes": with_model(CRASHES, "m.pkl", **TRUSTED),
    "an endpoint that hangs": at("hangs_everywhere"),
    "an endpoint that turns": at("turns_everywhere"),
}


@pytest.mark.usefixtures("briefly")
@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.slow] if i % 3 else []) for i, one in enumerate(MODELS)]
)
def test_a_hostile_model_leaves_a_complete_folder_that_says_nothing_was_measured(
    name: str,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    nothing_runs_on,  # noqa: F811
) -> None:
    inputs, out = tmp_path_factory.mktemp("inputs"), tmp_path / "out"
    sentence = assess(MODELS[name](inputs), out)
    if sentence:
        # An address that does not answer is refused before any work.
        assert name.startswith("an endpoint")
        check_sentence(sentence, inputs)
        assert not list(tmp_path.iterdir())
        return
    written = check_complete(out, inputs)
    asked = {one.id: one for one in written.findings if one.id.startswith("model.")}
    assert {one.outcome for id, one in asked.items() if id != "model.unsafe_file"} == {Outcome.UNASSESSED}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def small_disk(folder: Path, *options: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)], check=False
    )
    if done.returncode:
        pytest.skip("this user may not mount a small disk")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if not sys.platform.startswith("linux") or os.geteuid():
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


@pytest.mark.parametrize("size", ["16k", "150k"])
def test_a_disk_that_is_really_full_is_a_sentence_and_no_folder(
    size: str,
    quick: Callable[..., None],  # noqa: F811
    disk: Path,
    tmp_path: Path,
    nothing_runs_on,  # noqa: F811
) -> None:
    small_disk(disk, f"size={size}")
    (tmp_path / "good.csv").write_bytes(good("csv"))
    quick()
    sentence = assess({"data": str(tmp_path / "good.csv")}, disk / "out")
    check_sentence(sentence, tmp_path)
    assert not (disk / "out").exists()


def test_a_disk_that_may_not_be_written_is_a_sentence(disk: Path, tmp_path: Path) -> None:
    small_disk(disk, "ro")
    (tmp_path / "good.csv").write_bytes(good("csv"))
    check_sentence(assess({"data": str(tmp_path / "good.csv")}, disk / "out"), tmp_path)
    assert not list(disk.iterdir())
