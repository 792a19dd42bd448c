"""A newcomer's first lab, in a real browser: run it, solve it, answer the quiz."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from secure_ai.learn import load_quiz
from secure_ai.learn.notebook import read_notebook

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
REQUIRED = os.environ.get("SECURE_AI_REQUIRE_BROWSER") == "1"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120_000  # ms: a cold kernel on a busy machine
STATUS_BAR = "#jp-main-statusbar"
CELLS = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell"

pytestmark = pytest.mark.browser


def first_chapter():
    """Name of the first chapter that has a lab; the start page once it is there."""
    return sorted(path.stem for path in (ROOT / "labs").glob("*.ipynb"))[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab on copies of the notebooks, with settings and progress of its own; its address."""
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is not installed (apt-get install chromium)"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    home = tmp_path_factory.mktemp("jupyterlab")
    for folder in ("notebooks", "labs"):
        shutil.copytree(ROOT / folder, home / "kit" / folder, ignore=shutil.ignore_patterns(".*"))
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # All cells stay in the page, so that the test finds those below the fold.
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    environment = {
        **os.environ,
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_PATH": str(ROOT / "secure_ai" / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "SECURE_AI_PROGRESS": str(home / "progress.sqlite"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [
        f"--ServerApp.root_dir={home / 'kit'}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
    ]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api/status?token={token}", process, home / "log")
        yield address, token
    finally:
        process.send_signal(signal.SIGTERM)  # ends the kernels, too
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(address, process, log):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture
def page(server):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def open_notebook(page, server, path):
    address, token = server
    # A workspace of its own: without it, JupyterLab would bring back the notebook of the test before.
    page.goto(f"{address}/lab/workspaces/{secrets.token_hex(4)}/tree/{path}?token={token}")
    page.locator(CELLS).first.wait_for()
    wait_until_idle(page)


def wait_until_idle(page):
    page.locator(STATUS_BAR).get_by_text(re.compile(r"\bIdle\b")).first.wait_for()


def run_all(page):
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()


def run_until_shown(page, locator, times=3):
    """Run all cells until ``locator`` is there; a widget that comes before its manager is lost."""
    from playwright.sync_api import TimeoutError as Late

    for _ in range(times - 1):
        run_all(page)
        try:
            return locator.wait_for(timeout=PATIENCE / 3)
        except Late:
            wait_until_idle(page)
    run_all(page)
    return locator.wait_for()


def replace_cell(page, index, text):
    """Select what is in a cell and type over it."""
    page.locator(CELLS).nth(index).locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    for number, line in enumerate(text.splitlines()):
        if number:
            page.keyboard.press("Enter")
            page.keyboard.press("Shift+Home")  # over the indentation that the editor adds
        page.keyboard.insert_text(line) if line else page.keyboard.press("Delete")


def test_a_lab_goes_from_not_attempted_to_correct(page, server):
    from playwright.sync_api import expect

    chapter = first_chapter()
    cells = read_notebook(ROOT / "labs" / f"{chapter}.ipynb").cells
    check = next(
        i for i, cell in enumerate(cells) if re.search(r"^lab\.\w+\.check\(", cell.source, re.MULTILINE)
    )
    task = re.search(r"^lab\.(\w+)\.check\(", cells[check].source, re.MULTILINE)[1]
    solved = {cell.id: cell.source for cell in read_notebook(ROOT / "solutions" / f"{chapter}.ipynb").cells}
    starter = max(i for i in range(check + 1) if "BEGIN SOLUTION" in solved.get(cells[i].id, ""))

    open_notebook(page, server, f"labs/{chapter}.ipynb")
    said = page.locator(CELLS).nth(check).locator(".jp-OutputArea-output").last
    progress = (
        page.locator(CELLS).filter(has_text="lab.progress()").last.locator(".jp-OutputArea-output").last
    )
    run_all(page)
    expect(progress).to_contain_text("Not attempted yet", timeout=PATIENCE)
    expect(said).to_contain_text("Not attempted yet")
    wait_until_idle(page)

    lines = solved[cells[starter].id].splitlines()
    replace_cell(page, starter, "\n".join(line for line in lines if not line.strip().startswith("###")))
    run_all(page)
    expect(said).to_contain_text("Correct.", timeout=PATIENCE)
    expect(progress).to_contain_text(re.compile(rf"{task}\s*Correct"), timeout=PATIENCE)


def test_a_quiz_widget_answers_when_pressed(page, server):
    from playwright.sync_api import expect

    chapter = first_chapter()
    source = (ROOT / "notebooks" / f"{chapter}.ipynb").read_text(encoding="utf-8")
    question = load_quiz(re.search(r"load_quiz\(\W*(\w+)", source)[1]).content.questions[0]
    wrong = next(letter for letter in question.options if letter != question.answer)

    open_notebook(page, server, f"notebooks/{chapter}.ipynb")
    button = page.get_by_role("button", name="Check question 1")
    run_until_shown(page, button)
    wait_until_idle(page)
    quiz = page.locator(CELLS).filter(has=button)
    feedback = quiz.locator(".widget-html [role=status]").first
    for letter, words in ((wrong, "Not yet:"), (question.answer, "Correct.")):
        quiz.get_by_role("radio", name=f"{letter}. ").first.check()
        button.click()
        expect(feedback).to_contain_text(words, timeout=PATIENCE)
        expect(feedback).to_contain_text(question.why[letter].replace("`", "")[:30])
