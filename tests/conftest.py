"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

# The suite already uses every core: further threads of linear algebra and of boosting wait for each other.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = re.compile(r"(?P<file>.*/test_every_notebook\.py)::.*\[\w+/(?P<chapter>\d\d)_")


# Files whose tests share one open room, which takes a minute to open.
ROOM = re.compile(r"tests/workshop/test_(attack_script|lessons_in_seat|path_browser|room)\.py::")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first: started last, it would keep one core busy and the others waiting."""
    items.sort(key=lambda item: 0 if NOTEBOOK.match(item.nodeid) else 1 if ROOM.search(item.nodeid) else 2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Spread whole files over the cores (their tests share servers), notebooks chapter by chapter."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByChapter(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if notebook := NOTEBOOK.match(nodeid):
                return "{file} {chapter}".format(**notebook.groupdict())
            return "the open room" if ROOM.search(nodeid) else super()._split_scope(nodeid)

    return ByChapter(config, log)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The checkout that is being tested."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public files made by others, beside the checkout; the test is skipped where they are absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not on this machine")
    return folder


@pytest.fixture(scope="session")
def shared_taxonomy() -> Path:
    """The pinned names of framework entries; the test is skipped where they are absent."""
    folder = ROOT.parent / "shared" / "taxonomy"
    if not folder.is_dir():
        pytest.skip("../shared/taxonomy is not on this machine")
    return folder


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """An embedded PostgreSQL without tables; who makes some drops them."""
    from secure_ai.access.database.server import database

    with database(url="") as opened:
        yield opened


@pytest.fixture(scope="session")
def postgresql_address(postgresql_server) -> str:
    """The address of that server, as an organization would write it."""
    from psycopg.conninfo import conninfo_to_dict

    part = conninfo_to_dict(postgresql_server.dsn())
    host, password = quote(part["host"], safe=""), quote(part["password"], safe="")
    return f"postgresql://{part['user']}:{password}@/{part['dbname']}?host={host}&port={part['port']}"


@pytest.fixture
def stopped(tmp_path) -> Callable[[list[str], str, str], tuple[int, str]]:
    """Run ``secure-ai`` in ``tmp_path``, stop it once a file of a pattern is there; exit code and errors."""

    def run(arguments: list[str], once: str, name: str) -> tuple[int, str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "secure_ai.cli", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A suite that runs in the background hands on that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(once)) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(getattr(signal, name))
        _, error = process.communicate(timeout=60)
        return process.returncode, error

    return run
