"""Slides: 10 to 20 a lesson, one file without the network; words of the lesson, notes of the guide."""

from __future__ import annotations

import json
import re
from functools import cache
from html.parser import HTMLParser

import nbformat
import pytest

from secure_ai.core.errors import UserError
from secure_ai.learn.notebook import read_notebook
from secure_ai.project import project_root
from secure_ai.workshop.guide import load_guide
from secure_ai.workshop.slides import (
    FEWEST,
    MOST,
    _choose,
    _turns,
    chapters_with_slides,
    make_deck,
    slide_notebook,
    write_slides,
)
from secure_ai.workshop.slides_page import Slide, deck_page, inline

ROOT = project_root()
KEYS = chapters_with_slides()


@cache
def deck_of(key):
    return make_deck(key)


@cache
def page_of(key):
    return deck_page(deck_of(key).title, deck_of(key).slides)


class Outside(HTMLParser):
    """Collects what a page would load, and whether its tags fit."""

    def __init__(self):
        super().__init__()
        self.loads, self.open, self.wrong = [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in ("a", "meta"):
            self.loads += [given[name] for name in ("src", "href", "srcset", "data") if given.get(name)]
        if tag not in ("meta", "img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize("key", KEYS)
def test_a_lesson_has_ten_to_twenty_slides_with_notes_from_the_guide(key):
    deck = deck_of(key)
    assert FEWEST <= len(deck.slides) <= MOST
    assert [slide.key for slide in deck.slides[-4:]] == ["lab", "quiz", "monday", "takeaways"]
    assert all(slide.title and (slide.lead or slide.points or slide.show) for slide in deck.slides)
    assert all(slide.notes for slide in deck.slides[-4:])
    guide, notes = load_guide(key), " ".join(note for slide in deck.slides for note in slide.notes)
    assert sum(question.question in notes for question in guide.questions) >= 2
    assert sum(pitfall.text in notes for pitfall in guide.pitfalls) >= 1
    assert all(slip.message in notes for slip in guide.slips)


@pytest.mark.parametrize("key", KEYS)
def test_the_page_loads_nothing_and_is_well_formed(key):
    page = page_of(key)
    found = Outside()
    found.feed(page)
    assert not found.wrong and not found.open
    assert all(one.startswith("data:image/png;base64,") for one in found.loads)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttp|<link|<iframe", page)
    assert page.count("<section ") == len(deck_of(key).slides)
    assert page.count("<h1>") == 1


@pytest.mark.parametrize("key", KEYS)
def test_words_on_a_slide_stand_in_the_lesson(key):
    cells = json.loads((ROOT / "notebooks" / f"{key}.ipynb").read_text(encoding="utf-8"))["cells"]
    text = " ".join("".join(cell["source"]) for cell in cells)
    text = " ".join(re.sub(r"\[([^\]]+)\]\([^)]*\)|[*]", r"\1", text).split())
    for slide in deck_of(key).slides[2:-4]:
        for said in (slide.lead, slide.finding):
            start = said.removesuffix(" \u2026")[:60]
            # A question begins with a capital on its slide, also where the lesson has it after "Predict."
            assert start in text or start[:1].lower() + start[1:] in text, said


@pytest.mark.parametrize("key", KEYS)
def test_every_picture_has_a_text_and_no_slide_is_crowded(key):
    for slide in deck_of(key).slides[2:-4]:
        assert len(slide.lead) <= 245 and len(slide.finding) <= 245
        if slide.show.startswith("<img"):
            assert re.search(r'alt="[^"]{15,}"', slide.show)
        assert slide.show.count("<tr>") <= 8


def test_what_has_no_slide_is_said_in_the_notes_of_another():
    deck = deck_of("07_encryption")
    assert deck.left_out
    notes = " ".join(note for slide in deck.slides for note in slide.notes)
    assert notes.count("Without a slide:") == len(deck.left_out)


@pytest.mark.parametrize("key", ["05_anonymize_tables", "16_vendors_and_compliance"])
def test_questions_with_pictures_go_first_where_there_is_no_room_for_all(key):
    kept, left_out = _choose(_turns(read_notebook(ROOT / "notebooks" / f"{key}.ipynb")))
    least = min(turn.weight for turn in kept)
    assert left_out and all(turn.weight <= least for turns in left_out.values() for turn in turns)
    assert not any(turn.pictures and turn.question for turns in left_out.values() for turn in turns)


def test_the_file_is_written_whole_and_twice_the_same(tmp_path):
    first, second = tmp_path / "a.html", tmp_path / "deep" / "b.html"
    write_slides("00", first)
    write_slides("00", second)
    assert first.read_bytes() == second.read_bytes()


def test_a_bank_sees_the_banks_figures(tmp_path):
    deck = write_slides("00", tmp_path / "bank.html", sector="finance")
    bank, hospital = ([slide.show for slide in one.slides] for one in (deck, deck_of("00_start_here")))
    assert len(bank) == len(hospital) and bank != hospital
    assert "diagnosis" in str(hospital) and "diagnosis" not in str(bank)
    assert "annual_income" in str(bank) and "annual_income" not in str(hospital)
    assert [slide.finding for slide in deck.slides] == [
        slide.finding for slide in deck_of("00_start_here").slides
    ]
    with pytest.raises(UserError, match="healthcare or finance"):
        make_deck("00", sector="retail")


def test_hostile_words_stay_words():
    slide = Slide(
        "x", "<script>alert(1)</script>", lead="a **b** `<i>` [c](javascript:d)", points=["</section>"]
    )
    page = deck_page("</title><script>", [slide])
    assert page.count("<script>") == 1 and "javascript:" not in page and "</section></section>" not in page
    assert inline("a **b** `<i>` *c*") == "a <strong>b</strong> <code>&lt;i&gt;</code> <em>c</em>"


def test_the_notebook_has_slide_types_and_is_a_valid_notebook():
    node = nbformat.reads(slide_notebook("07"), as_version=4)
    nbformat.validate(node)
    types = {cell.id: cell.metadata["slideshow"]["slide_type"] for cell in node.cells}
    assert types["title"] == types["store-predict"] == "slide"
    assert types["parameters"] == types["setup"] == "skip" and types["stores"] == "fragment"
    assert "notes" in types.values()
    assert len(set(types)) == len(node.cells)


def test_chapters_that_are_none_and_lessons_that_are_not_there_are_told(tmp_path):
    for name in ("20", "RA", "", "lesson"):
        with pytest.raises(UserError, match="no such chapter"):
            make_deck(name)
    (tmp_path / "workshop" / "guide").mkdir(parents=True)
    text = (ROOT / "workshop" / "guide" / "00_start_here.md").read_text(encoding="utf-8")
    (tmp_path / "workshop" / "guide" / "00_start_here.md").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="no notebook"):
        make_deck("00", root=tmp_path)
    (tmp_path / "notebooks").mkdir()
    node, path = nbformat.v4.new_notebook(), tmp_path / "notebooks" / "00_start_here.ipynb"
    nbformat.write(node, path)
    with pytest.raises(UserError, match="0 cells tagged 'parameters'"):
        make_deck("00", root=tmp_path)
    node.cells.append(nbformat.v4.new_code_cell("seed = 7", metadata={"tags": ["parameters"]}))
    nbformat.write(node, path)
    with pytest.raises(UserError, match="no cell"):
        make_deck("00", root=tmp_path)
