"""Slides on a projector: nothing is cut off, and a step shows what it holds back."""

from __future__ import annotations

import shutil

import pytest

from secure_ai.workshop.slides import chapters_with_slides, make_deck
from secure_ai.workshop.slides_page import Slide, deck_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TITLE = Slide("title", "Deck", steps=False)
SCREENS = ((1280, 720), (1024, 768))
# Of the slide that is shown: each part of its body that lies outside of it, in any direction.
OUTSIDE = """() => {
  const slide = document.querySelector('section.now .slide'), whole = slide.getBoundingClientRect();
  const body = slide.querySelector('.body'), room = body.getBoundingClientRect();
  return [...body.querySelectorAll('.words > *, .show > *')].filter(part => {
    const at = part.getBoundingClientRect();
    return at.top < room.top - 1 || at.bottom > whole.bottom || at.right > whole.right;
  }).map(part => part.className || part.tagName);
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def page():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        one = browser.new_page()
        one.complaints = []
        one.on("pageerror", lambda error: one.complaints.append(str(error)))
        yield one
        browser.close()


def open_deck(page, tmp_path, title, slides, screen=SCREENS[0]):
    file = tmp_path / "deck.html"
    file.write_text(deck_page(title, slides), encoding="utf-8")
    page.set_viewport_size({"width": screen[0], "height": screen[1]})
    page.goto(file.as_uri())


@pytest.mark.parametrize("key", chapters_with_slides())
def test_every_slide_holds_what_it_shows(page, tmp_path, key):
    deck = make_deck(key)
    for screen in SCREENS:
        open_deck(page, tmp_path, deck.title, deck.slides, screen)
        outside = {}
        for number in range(1, len(deck.slides) + 1):
            page.evaluate("number => { while (+location.hash.slice(1) < number) {"
                          " document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'})) } }",
                          number)  # fmt: skip
            if found := page.evaluate(OUTSIDE):
                outside[number] = found
        assert outside == {}, screen
    assert page.complaints == []


def test_a_slide_that_holds_too_much_shrinks_and_says_it_all(page, tmp_path):
    rows = "".join(f"<tr><td>{number}</td><td>{'word ' * 9}</td></tr>" for number in range(14))
    crowded = Slide(
        "x", "Much", lead="?", said="said " * 30, show=f"<table>{rows}</table>", finding="f " * 100
    )
    plain = Slide("y", "Little", lead="?", show="<pre>one</pre>")
    open_deck(page, tmp_path, "Deck", [TITLE, plain, crowded])
    sizes = page.evaluate("[...document.querySelectorAll('.body')].map(body => body.style.fontSize)")
    assert sizes[1] == "" and 0.5 < float(sizes[2].removesuffix("em")) < 1


def test_a_question_waits_for_its_answer_and_a_slide_without_one_does_not(page, tmp_path):
    asked = Slide("x", "Asked", lead="How many?", show="<pre>42</pre>", said="It says.", finding="Many.")
    shown = Slide("y", "Shown", show="<pre>43</pre>", steps=False)
    open_deck(page, tmp_path, "Deck", [TITLE, asked, shown])
    page.keyboard.press("ArrowRight")
    assert page.get_by_text("How many?").is_visible()
    assert not page.locator("pre >> nth=0").is_visible() and not page.get_by_text("It says.").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.locator("pre >> nth=0").is_visible() and page.get_by_text("Many.").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.locator("pre >> nth=1").is_visible()
