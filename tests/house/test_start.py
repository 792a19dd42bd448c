"""`secure-ai start` serves the start page on this machine only, and asks nobody for anything."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from secure_ai.core import UserError
from secure_ai.start import choose_port


@contextmanager
def running_kit(repo_root: Path, home: Path):
    """Run `secure-ai start` with a home of its own; gives (origin, token, process)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "secure_ai.cli", "start", "--no-browser", "--port", str(choose_port(None))],
        cwd=repo_root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Progress of its own too: in a checkout where somebody learns, a plain start would resume there.
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "SECURE_AI_PROGRESS": str(home / "progress.sqlite"),
        },
    )
    try:
        for line in process.stdout:
            found = re.search(
                r"(http://127\.0\.0\.1:\d+)(/lab/tree/notebooks/00_start_here\.ipynb)\?token=(\S+)", line
            )
            if found:
                break
        else:
            pytest.fail("no address was printed")
        origin, _, token = found.groups()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{origin}/api", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        yield origin, token, process
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.fixture(scope="module")
def server(repo_root, tmp_path_factory):
    """A running kit; gives (origin, token, home)."""
    home = tmp_path_factory.mktemp("home")
    with running_kit(repo_root, home) as (origin, token, _):
        yield origin, token, home


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_the_start_page_is_served_with_the_printed_token(server):
    origin, token, _ = server
    status, page = get(f"{origin}/lab/tree/notebooks/00_start_here.ipynb?token={token}")
    assert status == 200
    assert "jupyter-config-data" in page
    status, listing = get(f"{origin}/api/contents/notebooks/00_start_here.ipynb?content=0&token={token}")
    assert (status, "00_start_here.ipynb" in listing) == (200, True)


def test_without_the_token_nothing_is_served(server):
    origin, *_ = server
    assert get(f"{origin}/api/contents")[0] == 403


def test_news_and_the_extension_store_are_off(server):
    origin, token, _ = server
    _, page = get(f"{origin}/lab?token={token}")
    assert "@jupyterlab/apputils-extension:announcements" in page.split("disabledExtensions")[1][:400]


def test_what_is_typed_reaches_the_kernel_encrypted(server):
    origin, token, home = server
    request = urllib.request.Request(f"{origin}/api/kernels?token={token}", data=b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        kernel = json.load(answer)["id"]
    connection = json.loads(next(home.rglob(f"kernel-{kernel}.json")).read_text(encoding="utf-8"))
    assert connection["curve_publickey"]


def test_stopping_the_kit_stops_its_kernels(repo_root, tmp_path):
    with running_kit(repo_root, tmp_path) as (origin, token, process):
        request = urllib.request.Request(f"{origin}/api/kernels?token={token}", data=b"{}", method="POST")
        urllib.request.urlopen(request, timeout=30).close()
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
    assert not psutil.wait_procs(children, timeout=20)[1]


def test_a_port_in_use_is_refused_in_a_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="in use"):
            choose_port(taken.getsockname()[1])
