"""The whole path in browsers: code, wrong, message, right, the instructor sees it, hint, certificate, reset.

A learner's browser and the instructor's are open at the same time, on the room of the session.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from secure_ai.cli import invoke
from secure_ai.encrypt.transport.public_keys import generate_signing_key
from secure_ai.learn.tasks import start_here
from secure_ai.workshop.hub.codes import INSTRUCTOR
from secure_ai.workshop.latecomers import new_code
from secure_ai.workshop.opening import Opened

CHROMIUM = Path("/usr/bin/chromium")
REQUIRED = os.environ.get("SECURE_AI_REQUIRE_BROWSER") == "1"
PATIENCE = 120_000  # ms: a busy machine
SEAT = "seat-03"
LAB = "00_start_here"
# What a learner thinks is enough: the month of birth stays.
WRONG = 'table["zip"] = table["zip"].str[:3]', 'table["birth_date"] = table["birth_date"].str[:7]'
RIGHT = 'table["zip"] = table["zip"].str[:1]', 'table["birth_date"] = table["birth_date"].str[:3]'
HINT = "Look at the date again <b>please</b>"
CELLS = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell"


def ours(text: str) -> bool:
    """Whether an error of the console is more than the status of an answer, which is looked at by itself."""
    return "Failed to load resource" not in text


pytestmark = pytest.mark.browser


@dataclass
class Story:
    """What the two browsers showed, by step.

    Attributes:
        shown: texts of the learner's and the instructor's pages.
        seconds: from the message under the cell until the board showed it.
        complaints: errors of scripts, and requests to another place.
        folder: with the certificate.
    """

    shown: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    folder: Path = Path()


def safer(lines: tuple[str, str]) -> str:
    """The learner's cell, with two lines in it."""
    return "\n    ".join(["def safer(table):", *lines, "return table"]) + "\n\n\nlab.safer.check(safer)"


def person(browser: Any, address: str, story: Story, **more: Any) -> Any:
    """A browser of one person: it remembers errors, and what was asked of another place."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", **more)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    # JupyterLab asks before a page with an unsaved notebook is left.
    page.on("dialog", lambda dialog: dialog.accept())
    page.on(
        "response",
        lambda answer: (
            story.complaints.append(f"{answer.status} {answer.url}")
            if answer.status >= 400 and not (answer.status == 403 and "/hub/login" in answer.url)
            else None
        ),
    )
    page.on(
        "console",
        lambda said: story.complaints.append(said.text) if said.type == "error" and ours(said.text) else None,
    )
    page.on("pageerror", lambda error: story.complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((address, "data:", "blob:")) else story.complaints.append(asked.url)
        ),
    )
    return page


def sign_in(page: Any, address: str, code: str) -> None:
    """Type a code as somebody does."""
    page.goto(address)
    page.fill("#code", code)
    page.keyboard.press("Enter")


def until(page: Any, true: str) -> float:
    """Wait for an expression, whatever the page's policy is; return when it was true."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(true):
        assert time.monotonic() < end, true
        page.wait_for_timeout(20)
    return time.monotonic()


def open_lab(page: Any, address: str, workspace: str) -> None:
    """Open the lab, in a workspace of its own: nothing that was open before comes back."""
    page.goto(f"{address}/user/{SEAT}/lab/workspaces/{workspace}/tree/labs/{LAB}.ipynb")
    page.locator(CELLS).filter(has_text="def safer(table)").first.wait_for()


def idle(page: Any) -> None:
    """Wait until the kernel has nothing to do."""
    page.locator("#jp-main-statusbar").get_by_text(re.compile(r"\bIdle\b")).first.wait_for()


def type_and_run(page: Any, text: str) -> Any:
    """Type over the cell with the task, run it, and return what stands below it."""
    cell = (
        page.locator(CELLS).filter(has_text="def safer(table)").filter(has=page.locator(".cm-content")).first
    )
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Shift+Enter")
    return cell.locator(".jp-OutputArea-output").last


def row(words: str) -> str:
    """An expression: the learner's row on the board has these words."""
    return f"document.querySelector('[data-seat={SEAT}]').innerText.includes({json.dumps(words)})"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium."""
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is not installed (apt-get install chromium)"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        one = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield one
        one.close()


@pytest.fixture(scope="module")
def run(opened_room: Opened) -> Callable[..., int]:
    """Run a command of the kit on the room; return its exit code."""
    return lambda *words: invoke([*words, "--room", str(opened_room.room.folder)])


@pytest.fixture(scope="module")
def story(
    opened_room: Opened,
    room_address: str,
    browser: Any,
    run: Callable[..., int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Story:
    """Walk the whole path once."""
    from playwright.sync_api import expect

    told = Story(folder=tmp_path_factory.mktemp("certificate"))
    assert run("workshop", "reset", SEAT, LAB) == 0
    learner = person(browser, room_address, told)
    instructor = person(browser, room_address, told)

    sign_in(instructor, room_address, new_code(opened_room.room.folder, INSTRUCTOR)[1])
    instructor.wait_for_selector(f"[data-seat={SEAT}]")
    sign_in(learner, room_address, "aaaa-aaaa")
    learner.wait_for_selector("#bad")
    told.shown["wrong code"] = learner.inner_text("#bad")
    learner.fill("#code", new_code(opened_room.room.folder, SEAT)[1])
    learner.keyboard.press("Enter")
    learner.locator(CELLS).first.wait_for()
    idle(learner)
    told.shown["landing"] = learner.url

    open_lab(learner, room_address, "first")
    idle(learner)
    learner.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    learner.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    expect(learner.locator(CELLS).filter(has_text="def safer(table)").first).to_contain_text(
        "Not attempted yet", timeout=PATIENCE
    )
    idle(learner)

    for step, lines, words, on_board in (
        ("wrong", WRONG, "Not yet", "not yet"), ("right", RIGHT, "Correct.", "done"),
    ):  # fmt: skip
        below = type_and_run(learner, safer(lines))
        expect(below).to_contain_text(words, timeout=PATIENCE)
        answered = time.monotonic()
        told.seconds[step] = until(instructor, row(on_board)) - answered
        told.shown[step] = below.inner_text()
        told.shown[f"{step} on the board"] = instructor.inner_text(f"[data-seat={SEAT}]")
        told.shown[f"{step} among the answers"] = instructor.inner_text("#wrongs")
    idle(learner)

    instructor.keyboard.press("h")
    instructor.select_option("#to", SEAT)
    instructor.fill("#text", HINT)
    instructor.keyboard.press("Tab")
    instructor.keyboard.press("Enter")
    until(instructor, "document.querySelector('#outcome').innerText === 'Sent to 1 seat.'")
    learner.keyboard.press("Control+Home")
    bar = learner.locator(CELLS).filter(has_text="from your instructor").first
    expect(bar).to_contain_text(HINT, timeout=PATIENCE)
    told.shown["hint"] = bar.inner_text()

    learner.keyboard.press("Control+S")
    file = opened_room.room.home(SEAT) / "labs" / f"{LAB}.ipynb"
    end = time.monotonic() + PATIENCE / 1000
    while RIGHT[0] not in _saved_text(file):
        assert time.monotonic() < end, "the lab was not saved"
        learner.wait_for_timeout(100)
    key = told.folder / "key.pem"
    told.shown["public key"] = generate_signing_key(key).public
    certificate = ["certificate", "--path", "instructor", "--name", "Nura Invented", "--seat", SEAT]
    signed = [
        "--key",
        str(key),
        "--issuer",
        "General Hospital",
        "--out",
        str(told.folder / "certificate.html"),
    ]
    assert run(*certificate, *signed) == 0
    assert run("workshop", "reset", SEAT, LAB) == 0
    open_lab(learner, room_address, "again")
    fresh = learner.locator(CELLS).filter(has_text="def safer(table)").first
    expect(fresh).to_contain_text('table["zip"] = ...', timeout=PATIENCE)
    told.shown["after the reset"] = fresh.inner_text()
    learner.context.close()
    instructor.context.close()
    return told


def _saved_text(file: Path) -> str:
    """Return all cells of a notebook, "" while JupyterLab writes it."""
    try:
        return "\n".join("".join(cell["source"]) for cell in json.loads(file.read_text("utf-8"))["cells"])
    except (OSError, ValueError):
        return ""


def test_a_wrong_code_is_refused_and_a_right_one_leads_to_the_seat(story: Story) -> None:
    assert story.shown["wrong code"].startswith("Not signed in.")
    assert f"/user/{SEAT}/lab" in story.shown["landing"]


def test_a_wrong_answer_gets_its_message_and_a_right_one_is_correct(story: Story) -> None:
    def wrong(table):
        table["zip"] = table["zip"].str[:3]
        table["birth_date"] = table["birth_date"].str[:7]
        return table

    message = start_here.safer.check(wrong).message
    assert _plain(message)[:60] in _plain(story.shown["wrong"])
    assert "Correct." in story.shown["right"]


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().casefold()


def test_the_instructor_sees_both_answers_at_once(story: Story) -> None:
    print({step: f"{seconds:.2f} s until the board showed it" for step, seconds in story.seconds.items()})
    assert "not yet" in story.shown["wrong on the board"]
    assert "done" in story.shown["right on the board"]
    assert len(story.shown["wrong among the answers"].strip()) > 20
    # Of the learner's code nothing: what a check said, and no more.
    assert not any("str[" in text for name, text in story.shown.items() if "board" in name or "among" in name)


def test_a_hint_arrives_in_the_lab_as_text(story: Story) -> None:
    assert HINT in story.shown["hint"]


def test_no_script_failed_and_nothing_was_asked_of_another_place(story: Story) -> None:
    assert story.complaints == []


def test_a_reset_gives_the_lab_afresh_and_keeps_what_was_there(story: Story, opened_room: Opened) -> None:
    assert 'table["zip"] = ...' in story.shown["after the reset"]
    home = opened_room.room.home(SEAT)
    kept = [file for file in home.rglob(f"{LAB}*.ipynb") if RIGHT[0] in _saved_text(file)]
    assert [file.parent for file in kept if file != home / "labs" / f"{LAB}.ipynb"]
    assert RIGHT[0] not in _saved_text(home / "labs" / f"{LAB}.ipynb")


def test_the_certificate_opens_and_verifies_offline_and_a_changed_one_does_not(
    story: Story, browser: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = story.folder / "certificate.html"
    changed = story.folder / "changed.html"
    changed.write_text(file.read_text("utf-8").replace("Nura Invented", "Nora Invented"), encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    for one, verdict in ((file, "This page has checked itself"), (changed, "Do not accept this page")):
        page.goto(one.as_uri())
        page.wait_for_function("document.documentElement.dataset.intact !== undefined")
        assert page.inner_text("#verdict").startswith(verdict)
    context.close()
    key = ["--public-key", story.shown["public key"]]
    assert invoke(["certificate", "verify", str(file), *key]) == 0
    assert invoke(["certificate", "verify", str(changed), *key]) == 1
    assert "Traceback" not in capsys.readouterr().err
