"""The progress page: next step first, escaped, without scripts or a network, narrow and printable."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from secure_ai.core import UserError
from secure_ai.learn.map import CHAPTERS, ROLES
from secure_ai.learn.path_progress import path_progress
from secure_ai.learn.progress_page import render_progress_page, write_progress_page
from tests.learn.learners import place_progress, solve

CHROMIUM = shutil.which("chromium")
KIT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path, monkeypatch):
    return place_progress(monkeypatch, tmp_path / "progress.sqlite")


def test_the_next_step_comes_before_the_chapters(place):
    solve("00", "01")
    page = render_progress_page(path_progress("compliance"), base="../")
    assert page.index("Read lesson 03, Data inventory (40 min)") < page.index("00 Start here")
    assert "2 of 7 chapters are complete, 6 of 32 tasks solved." in page
    assert 'href="../notebooks/03_data_inventory.ipynb"' in page


def test_what_cannot_be_known_is_said(place):
    page = render_progress_page(path_progress("compliance"))
    assert "Reading a lesson leaves no trace" in page and "nothing measures how long you take" in page
    assert re.search(r"RA Risk assessment.*?not counted", page, re.DOTALL)


def test_links_lead_from_the_page_to_the_notebooks(place, tmp_path):
    page = write_progress_page(path_progress("full"), tmp_path / "deep" / "er" / "p.html", root=KIT)
    links = re.findall(r'href="([^"#]+)"', page.read_text(encoding="utf-8"))
    assert len(links) == 1 + len(CHAPTERS) * 2 - 1
    assert all((page.parent / link).resolve().is_file() for link in links)


def test_with_jupyterlab_running_links_open_there(place, tmp_path):
    page = write_progress_page(
        path_progress("compliance"), tmp_path / "p.html", root=KIT, address="http://127.0.0.1:8888"
    ).read_text(encoding="utf-8")
    assert 'href="http://127.0.0.1:8888/lab/tree/labs/03_data_inventory.ipynb"' in page
    assert "token" not in page


def test_a_path_without_labs_has_no_column_for_them(place):
    page = render_progress_page(path_progress("executive"))
    assert ">Lab<" not in page and "0 of 4 questions" in page


@pytest.mark.parametrize("role", list(ROLES))
def test_the_headings_skip_no_level_and_nothing_is_loaded(place, role):
    page = render_progress_page(path_progress(role), base="../")
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1 and all(later - before <= 1 for before, later in pairwise(levels))
    assert "<script" not in page and not re.search(r"src=|@import|url\(", page)


def test_a_place_that_cannot_be_written_is_a_sentence(place, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="Cannot write"):
        write_progress_page(path_progress("full"), tmp_path / "file" / "p.html", root=KIT)
    with pytest.raises(UserError, match="is no file"):
        write_progress_page(path_progress("full"), tmp_path, root=KIT)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 1280])
def test_it_never_scrolls_sideways_and_asks_nobody(browser, place, tmp_path, width):
    path = write_progress_page(path_progress("full", sector="finance"), tmp_path / "p.html", root=KIT)
    tab = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(path.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert asked == [path.as_uri()] and not said
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#next")
    tab.close()
