"""Claims about several processes: the same results in the same order, and no hang when something fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from secure_ai.core.errors import UserError
from secure_ai.discover import detect, workers
from secure_ai.discover.detector import detect_stream


@pytest.fixture(autouse=True)
def patterns_only(monkeypatch):
    """Patterns alone: the names model has tests of its own."""
    monkeypatch.setenv("SECURE_AI_NLP", "blank")


TEXTS = [f"Visit {i}: SSN 9{i % 90:02d}-34-5678, call (212) 555-{i % 9000 + 1000}" for i in range(300)]


@pytest.fixture
def always(monkeypatch):
    """Start processes for the smallest input."""
    monkeypatch.setattr(workers, "SMALL", 0)


def test_two_processes_give_what_one_gives_in_order(always):
    texts = [*TEXTS, "x y " * 6_000 + "SSN 912-34-5678", "", *TEXTS[:20]]
    options = {"deny": {"PERSON": ["Visit"]}, "allow": ["(212) 555-1000"], "threshold": 0.5}
    assert detect(texts, processes=2, **options) == detect(texts, **options)


def test_a_small_input_stays_in_this_process(monkeypatch):
    monkeypatch.setattr(workers, "pool", lambda _: pytest.fail("processes were started"))
    assert len(detect(TEXTS[:5], processes=8)) == 5


def die(_settings, _pieces):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_is_an_error_and_no_hang(always, monkeypatch):
    monkeypatch.setattr(workers, "analyze", die)
    with pytest.raises(UserError, match="worker processes ended early"):
        detect(TEXTS, processes=2)


def fail(_settings, _pieces):
    raise UserError("The model is not installed.")


def test_an_error_in_a_worker_keeps_its_sentence(always, monkeypatch):
    monkeypatch.setattr(workers, "analyze", fail)
    with pytest.raises(UserError, match=r"The model is not installed\."):
        detect(TEXTS, processes=2)


def test_a_stream_that_is_left_early_leaves_no_process(always):
    import multiprocessing

    before = set(multiprocessing.active_children())
    stream = detect_stream(TEXTS, processes=2)
    next(stream)
    stream.close()
    assert set(multiprocessing.active_children()) <= before


def ends(group: int, seconds: float = 15) -> bool:
    """Whether no process of the group is left; multiprocessing's tracker ends a moment after the run."""
    for _ in range(int(seconds * 10)):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_interrupted_the_run_ends_at_once_with_its_workers(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import signal, sys
            from secure_ai.discover import workers
            from secure_ai.discover.detector import detect_stream

            if __name__ == "__main__":
                signal.signal(signal.SIGINT, signal.default_int_handler)
                workers.SMALL = 0
                endless = (f"SSN 912-34-{n % 9000 + 1000} and {n}" for n in iter(int, 1))
                texts = (f"{text} {i}" for i, text in enumerate(endless))
                for number, _ in enumerate(detect_stream(texts, processes=2)):
                    if number == 0:
                        print("started", flush=True)
            """
        )
    )
    run = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert run.stdout.readline().strip() == "started"
        os.killpg(run.pid, signal.SIGINT)  # what a terminal does: every process of the group gets it
        start = time.monotonic()
        _, errors = run.communicate(timeout=30)
        assert time.monotonic() - start < 20
        assert run.returncode != 0 and "KeyboardInterrupt" in errors
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert ends(run.pid), "a process of the run is left"


def test_a_script_without_its_guard_gets_a_sentence(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        textwrap.dedent(
            """
            from secure_ai.core.errors import UserError
            from secure_ai.discover import detect, workers
            workers.SMALL = 0
            try:
                detect(["SSN 912-34-5678"], processes=2)
            except UserError as error:
                print("said:", error)
            """
        )
    )
    run = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert "said: One of the 2 worker processes ended early" in run.stdout
    assert run.returncode == 0
