"""The board's page in a browser: thirty seats on a projector, by keyboard, live, without a name."""

from __future__ import annotations

import shutil
import time

import httpx
import pytest

from tests.workshop.board_class import Running, labs, script, settings_of

LAB = "05_anonymize_tables"
TASKS = [task.name for task in labs()[LAB].tasks]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PLAYED_SECONDS = 1_200

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]


def on_loop(running, call):
    """Do something in the board's own thread, and wait for it."""
    import asyncio

    async def do():
        return call()

    return asyncio.run_coroutine_threadsafe(do(), running.loop).result(20)


@pytest.fixture(scope="module")
def board():
    """Thirty seats, twenty minutes after the lab began, and the clock of the rest of the world."""
    running = Running(settings_of(30)).start()
    room, clock = running.classroom, [time.time() - PLAYED_SECONDS]
    began = clock[0]

    def play():
        room.clock = lambda: clock[0]
        for at, name, event in script(30):
            if at > PLAYED_SECONDS or name == "seat-29":
                continue
            clock[0] = began + at
            room.event(name, event["lab"], event["task"], event["status"],
                       message=event.get("message", ""), hints=event.get("hints_used", 0))  # fmt: skip
        room.clock = time.time
        for name in room.names:
            room.contact(name)

    on_loop(running, play)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture
def page(board, browser, request):
    width, height = getattr(request, "param", (1280, 720))
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.add_cookies([{"name": "who", "value": "instructor", "url": board.address}])
    one = context.new_page()
    complaints = []
    one.on("pageerror", lambda error: complaints.append(str(error)))
    one.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    one.on("request", lambda asked: complaints.append(asked.url) if board.address not in asked.url else None)
    one.goto(board.address)
    one.wait_for_selector("#rows tr:nth-child(30)")
    yield one
    context.close()
    assert complaints == []  # no error, and nothing asked of another place


def eventually(page, true, seconds=20):
    """Wait for an expression; the page's policy forbids Playwright's own way."""
    end = time.monotonic() + seconds
    while not page.evaluate(true):
        assert time.monotonic() < end, true
        time.sleep(0.02)


def order(page):
    return page.eval_on_selector_all("#rows tr", "rows => rows.map(row => row.dataset.seat)")


@pytest.mark.parametrize("page", [(1920, 1080), (1280, 720)], indirect=True)
@pytest.mark.parametrize("key", ["", "t", "b"])
def test_thirty_seats_need_no_scrolling(page, key):
    if key:
        page.keyboard.press(key)
    bottom, overflow, small = page.evaluate(
        """() => { const rows = [...document.querySelectorAll('#rows tr')];
        const main = document.querySelector('main');
        return [Math.max(...rows.map(row => row.getBoundingClientRect().bottom)),
          main.scrollHeight - main.clientHeight,
          Math.min(...rows.map(row => parseFloat(getComputedStyle(row.cells[0]).fontSize)))]; }"""
    )
    assert bottom <= page.viewport_size["height"]
    assert overflow <= 0
    assert small >= (30 if key == "b" else 11)


def test_what_a_seat_does_is_on_the_page(page, board):
    event = {"lab": LAB, "task": TASKS[0], "status": "incorrect", "message": "a column was left out."}
    began = time.monotonic()
    httpx.post(f"{board.address}api/event", json=event, headers={"Authorization": "token seat-29"},
               trust_env=False)  # fmt: skip
    eventually(page, "document.querySelector('[data-seat=seat-29]').innerText.includes('not yet')")
    print(f"on the page after {time.monotonic() - began:.2f} s")


def test_the_longest_stuck_comes_first_or_the_seats_in_order(page):
    stuck = page.eval_on_selector_all(
        "#rows tr", "rows => rows.map(row => Number(row.cells[7].innerText) || 0)"
    )
    assert stuck == sorted(stuck, reverse=True)
    assert stuck[0] >= 5
    assert page.inner_text("#rows tr:first-child .word") == "▲ stuck"
    page.keyboard.press("s")
    assert order(page) == sorted(order(page))


def test_names_are_hidden_until_they_are_asked_for(page):
    assert "Learner" not in page.content()
    page.keyboard.press("m")
    eventually(page, "document.body.innerText.includes('Learner Name3')")
    page.keyboard.press("m")
    eventually(page, "!document.body.innerText.includes('Learner')")


def test_a_hint_is_sent_by_keyboard_alone(page, board):
    for key in ("ArrowDown", "Home", "Enter"):
        page.keyboard.press(key)
    chosen = page.get_attribute("#rows tr[aria-selected=true]", "data-seat")
    page.keyboard.press("2")
    task = labs()[LAB].task(board.classroom.seats[chosen]["task"])
    assert page.inner_text("#preview") == task.hints[1]
    page.keyboard.press("Enter")
    eventually(page, "document.querySelector('#outcome').innerText === 'Sent to 1 seat.'")
    assert board.classroom.inbox(chosen, 0)["messages"][-1]["text"] == task.hints[1]
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.keyboard.type("Break in five: p n t")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    eventually(page, "document.querySelector('#outcome').innerText === 'Sent to 30 seats.'")
    assert board.classroom.inbox("seat-30", 0)["messages"][-1]["text"] == "Break in five: p n t"


def test_the_timer_starts_pauses_and_goes_on_by_keyboard(page, board):
    page.keyboard.press("p")
    eventually(page, "document.querySelector('#run').innerText.startsWith('Pause')")
    page.keyboard.press("n")
    eventually(page, "document.querySelector('#step').innerText.startsWith('2/4')")
    page.keyboard.press("p")
    eventually(page, "document.querySelector('#step').innerText.includes('(paused)')")
    assert not board.classroom.agenda.shown(0)["running"]


def test_keys_are_listed_and_single_letters_can_be_switched_off(page):
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    page.uncheck("#single")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    assert "big" not in (page.get_attribute("body", "class") or "")


def test_the_focus_stays_where_it_is_while_the_picture_changes(page, board):
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    seat = page.evaluate("document.activeElement.dataset.seat")
    event = {"lab": LAB, "task": TASKS[1], "status": "error", "message": "it went wrong."}
    httpx.post(f"{board.address}api/event", json=event, headers={"Authorization": "token seat-29"},
               trust_env=False)  # fmt: skip
    eventually(page, "document.querySelector('[data-seat=seat-29]').innerText.includes('error')")
    assert page.evaluate("document.activeElement.dataset.seat") == seat


def test_no_isolation_is_said_in_capitals(page):
    assert "NOT ISOLATED" in page.inner_text("#isolation")


def test_text_has_contrast(page):
    """At least 4.5 to 1 for the words of every state."""
    worst = page.evaluate(
        """() => { const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g)
          .map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
          return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const back = (element) => { for (; element; element = element.parentElement) {
          const color = getComputedStyle(element).backgroundColor;
          if (!color.startsWith('rgba(0, 0, 0, 0')) return color; } return 'rgb(255, 255, 255)'; };
        let worst = 99;
        for (const element of document.querySelectorAll('td, th, p, li, a, button, h1, h2, label, b')) {
          const [one, other] = [light(getComputedStyle(element).color), light(back(element))];
          worst = Math.min(worst, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)); }
        return worst; }"""
    )
    assert worst >= 4.5


def test_a_board_that_is_gone_is_said_with_the_time_of_what_is_seen(browser):
    running = Running(settings_of(2)).start()
    context = browser.new_context()
    context.add_cookies([{"name": "who", "value": "instructor", "url": running.address}])
    page = context.new_page()
    page.goto(running.address)
    page.wait_for_selector("#rows tr:nth-child(2)")
    running.stop()
    page.wait_for_selector("#lost:visible")
    assert "What you see is from" in page.inner_text("#lost")
    running.start()
    page.wait_for_selector("#lost", state="hidden")
    context.close()
    running.stop()
