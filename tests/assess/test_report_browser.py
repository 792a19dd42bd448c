"""The report in a real browser: the summary fits one A4 page, no width makes the page scroll sideways."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secure_ai.assess.outputs import describe_run, render_report

from .samples import sample

CHROMIUM = shutil.which("chromium")
LONG = "and the longest name of a column in a table of a hospital or of a bank anywhere in the world " * 3
SUBJECT = ("The longest subject that is allowed for the emergency room and the intensive care unit " * 2)[
    :120
]
# A4 less the margins of the style sheet, in CSS pixels of 1/96 inch.
WIDTH, HEIGHT = (210 - 28) / 25.4 * 96, (297 - 24) / 25.4 * 96

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module", params=["everything", "everything, long", "nothing measured"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind, _, long = request.param.partition(", ")
    made = sample(kind, words=LONG, subject=SUBJECT) if long else sample(kind)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report(made, describe_run(made.parameters)), encoding="utf-8")
    return path


def test_the_summary_fits_one_page_of_paper(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": round(WIDTH), "height": round(HEIGHT)})
    page.emulate_media(media="print")
    page.goto(report.as_uri())
    bottom = page.evaluate("document.getElementById('summary').getBoundingClientRect().bottom")
    assert 300 < bottom <= HEIGHT


# 320 px is a page of 1280 px at 400 %: WCAG 2.2, 1.4.10.
@pytest.mark.parametrize("width", [320, 400, 1280])
def test_the_page_never_scrolls_sideways(browser: Any, report: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_first_stop_of_the_keyboard_leads_past_the_header(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_url("**#summary")  # the browser goes there after the key, not with it


def test_nothing_is_asked_of_a_network_and_nothing_is_said_to_be_wrong(browser: Any, report: Path) -> None:
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    assert asked == [report.as_uri()] and not said
