"""Fixtures of the notebook suite: one warm kernel server, executed notebooks shared by tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from secure_ai.learn.builder import build_in_memory
from secure_ai.learn.execute import NotebookError, environment, run_notebook
from secure_ai.learn.forkserver import KERNEL_NAME, ForkServer, can_fork, install_kernelspec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def kernels(tmp_path_factory):
    """Warm kernels, and nobody's progress touched, in this process and in those that it starts."""
    folder = tmp_path_factory.mktemp("jupyter")
    install_kernelspec(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("SECURE_AI_PROGRESS", str(tmp_path_factory.mktemp("progress") / "progress.sqlite"))
        if can_fork():
            assert ForkServer.get().ready["missing"] == []
        yield


@pytest.fixture(scope="session")
def under_test(tmp_path_factory):
    """``under_test(path)``: the file to test for a path of the kit.

    A lab is tested as its solution gives it, so that a learner's answers do not fail a test of the kit.
    One test compares the labs that lie there with those.
    """
    folder = tmp_path_factory.mktemp("built")
    built = build_in_memory(ROOT)[0]
    for path, text in built.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(text.encode("utf-8"))
    return lambda path: ((folder if path in built else ROOT) / path).resolve()


@pytest.fixture(scope="session")
def executed(kernels):
    """``executed(path, sector, seed)``: the notebook after a run; each run happens only once.

    The hospital runs with the text of quizzes and explorers, which is what is stored, the bank with widgets.
    """
    done = {}

    def run(path: Path, sector: str, seed: int = 7):
        if (path, sector, seed) not in done:
            try:
                parameters = {"sector": sector, "seed": seed}
                with environment({"SECURE_AI_WIDGETS": "off" if sector == "healthcare" else "on"}):
                    node = run_notebook(path, parameters=parameters, kernel_name=KERNEL_NAME)
                done[path, sector, seed] = node
            except NotebookError as error:
                pytest.fail(f"{error}\n{error.detail}", pytrace=False)
        return done[path, sector, seed]

    return run
