"""Claims about documents: nothing a value says becomes markup, every gap is seen, every format is whole."""

from __future__ import annotations

import html
import zipfile
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.govern.records import (
    Bullets,
    Checklist,
    ChecklistItem,
    Facts,
    Link,
    Paragraph,
    Picture,
    Record,
    Section,
    Table,
    ToBeFilled,
    files,
    find_pandoc,
    measurements_table,
    to_html,
    to_markdown,
    write_record,
)
from secure_ai.govern.records.words import clean, csv_cell, plain

RECALL = Measurement("recall", 0.7, "probability", 300, 0.1, (0.65, 0.75), "held-out rows", "own")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
NASTY = (
    "<script>alert(1)</script> | `x` *b* [l](javascript:alert(1)) ![i](https://e.example/p.png) $a$ & # \\"
)
needs_pandoc = pytest.mark.skipif(find_pandoc() is None, reason="pandoc is not installed")


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def outline(record: Record) -> Outline:
    parser = Outline()
    parser.feed(to_html(record))
    return parser


def everything(text: str) -> Record:
    return Record(
        text,
        (
            Section(
                text,
                (
                    Paragraph((text, ToBeFilled(text), Unassessed(text), Link(text, text))),
                    Bullets((text, text), ordered=True),
                    Facts(((text, text),)),
                    Table(text, (text, "n"), ((text, 3), (text, RECALL))),
                    Checklist(text, (ChecklistItem(text, text, text, text),)),
                    Picture(PNG, text, text or "x"),
                    Section(text, (Paragraph(text, note=True),)),
                ),
            ),
        ),
        kind=text,
        facts={text: text},
        summary=text,
        dated=date(2026, 11, 22),
    )


def markdown_tokens(text: str):
    return MarkdownIt("commonmark").enable("table").parse(text)


def test_nothing_that_a_value_says_becomes_markup_in_html():
    tags = {tag for tag, _ in outline(everything(NASTY)).tags}
    assert not tags & {"script", "iframe", "object", "form"}
    addresses = [attrs.get("href") or attrs.get("src") for _, attrs in outline(everything(NASTY)).tags]
    assert not [a for a in addresses if a and not a.startswith(("#", "data:image/png;base64,"))]


def test_nothing_that_a_value_says_becomes_markup_in_markdown():
    text = to_markdown(everything(NASTY))
    inline = [child.type for token in markdown_tokens(text) for child in token.children or ()]
    assert not {"html_inline", "image", "link_open", "code_inline"} & set(inline)
    assert not [token for token in markdown_tokens(text) if token.type == "html_block"]


@given(st.text(st.characters(codec="utf-8"), max_size=30).filter(lambda text: text.strip()))
@settings(max_examples=60, deadline=None)
def test_every_text_stays_a_text_in_every_format(text):
    record = everything(text)
    tokens = markdown_tokens(to_markdown(record))
    rows = [token for token in tokens if token.type == "tr_open"]
    assert len(rows) == 3 + 2
    assert not {"html_block", "fence", "code_block"} & {token.type for token in tokens}
    cells = [token for token in tokens if token.type in ("td_open", "th_open")]
    assert len(cells) == 2 * 3 + 4 * 2
    assert html.unescape(" ".join(outline(record).text)).count(clean(text).strip()) >= 5


@pytest.mark.parametrize(
    "text", ["1. a", "- a", "+ a", "# a", "> a", "| a", "=== ", "    a", "\ta", "~~~", "---"]
)
def test_the_beginning_of_a_line_makes_no_list_heading_or_code(text):
    tokens = markdown_tokens(to_markdown(Record("t", (Section("s", (Paragraph(text),)),))))
    kinds = [token.type for token in tokens if token.type.endswith(("_open", "_block", "fence", "hr"))]
    assert kinds == [
        "heading_open",
        "paragraph_open",
        "heading_open",
        "paragraph_open",
        "hr",
        "paragraph_open",
    ]


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", " https://a", "file:///etc", "//a"]
)
def test_only_web_and_mail_addresses_become_links(address):
    record = Record("t", (Section("s", (Paragraph(Link("words", address)),)),))
    assert not [attrs for tag, attrs in outline(record).tags if tag == "a" and "skip" not in str(attrs)]
    assert "](" not in to_markdown(record)


def test_characters_that_are_not_seen_do_not_pass():
    assert clean("a\u202eb\x00c\u200bd\ud800e\nf") == "a\ufffdb\ufffdc\ufffdd\ufffde f"


def test_gaps_and_unassessed_points_are_counted_once_and_said_in_words():
    gap = ToBeFilled("period")
    record = Record(
        "t", (Section("s", (Paragraph(("for ", gap)), Table("c", ("a",), ((gap,), (Unassessed("why"),))))),)
    )
    assert record.open_points() == ("period",) and record.unassessed() == ("why",)
    for text in (to_markdown(record), to_html(record)):
        assert "1 entry is still to be filled and 1 point was not assessed" in text
    assert "[to be filled: period]" in to_html(record) and not gap


def test_a_document_without_gaps_says_so():
    assert "No entry of this document is left open." in to_html(Record("t", ()))


def test_a_figure_carries_its_interval_and_what_it_rests_on():
    assert plain(RECALL) == "70% (95 % interval 65% to 75%; n = 300)"
    exact = Measurement("rows", 3, "records", 3, 0, (3, 3), "count", "own")
    assert plain(exact) == "3 records (exact count; n = 3)"
    table = measurements_table("c", [("a", RECALL), ("b", Unassessed("no data"))])
    assert table.rows[0][2:] == ("10%", None, "held-out rows", "own")
    assert table.rows[1][1] == Unassessed("no data")


def test_the_page_is_accessible():
    found = outline(everything("text"))
    levels = [int(tag[1]) for tag, _ in found.tags if tag[0] == "h" and tag[1:].isdigit()]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert ("html", {"lang": "en"}) in found.tags
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in found.tags if tag == "th")
    assert all(attrs.get("alt") for tag, attrs in found.tags if tag == "img")
    assert sum(tag == "table" for tag, _ in found.tags) == sum(tag == "caption" for tag, _ in found.tags)


def test_the_page_needs_nothing_from_outside():
    page = to_html(everything("text"))
    assert (
        "default-src 'none'" in page
        and "<script" not in page
        and "http" not in page.replace("http-equiv", "")
    )


def test_a_table_from_a_frame_keeps_missing_values_empty():
    frame = pd.DataFrame(
        {"a": ["x", None], "b": [1.0, float("nan")], "c": pd.to_datetime(["2026-01-02", None])}
    )
    assert Table.from_frame("t", frame).rows == (("x", 1.0, date(2026, 1, 2)), (None, None, None))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Table("t", ("a", "b"), (("x",),)), "Row 1 of the table 't' has 1 cells"),
        (lambda: Table("t", (), ()), "no columns"),
        (lambda: Section("s", ("text",)), "The section 's' holds a str"),
        (lambda: Picture(b"GIF8", "c", "w"), "no PNG"),
        (lambda: Picture(PNG, "c", " "), "nothing in words"),
    ],
)
def test_a_part_that_would_break_the_document_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a b", "x" * 200])
def test_a_file_name_that_leaves_the_folder_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="does not fit"):
        write_record(Record("t", (), file_name=name), tmp_path, ("md",))
    assert not list(tmp_path.iterdir())


def test_an_unknown_format_and_a_file_in_place_of_a_folder_are_refused(tmp_path):
    with pytest.raises(UserError, match="'pdf' is no format"):
        write_record(Record("t", ()), tmp_path, ("md", "pdf"))
    (tmp_path / "f").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        write_record(Record("t", ()), tmp_path / "f", ("md",))


def test_without_pandoc_the_other_formats_are_written_and_one_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "find_pandoc", lambda: None)
    written = write_record(everything("text"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["record.html", "record.md"]
    assert "pandoc is not installed" in written.sentence()


def test_a_failing_pandoc_leaves_the_old_documents(tmp_path, monkeypatch):
    write_record(Record("old", ()), tmp_path, ("md",))
    monkeypatch.setattr(files, "find_pandoc", lambda: "/bin/false")
    with pytest.raises(UserError, match="pandoc could not make the DOCX"):
        write_record(Record("new", ()), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["record.md"]
    assert "# old" in (tmp_path / "record.md").read_text()


@needs_pandoc
def test_the_docx_holds_the_text_and_is_the_same_for_the_same_record(tmp_path):
    record = everything(f"{NASTY} é 患者")
    first, second = (write_record(record, tmp_path / name, ["docx"]).files["docx"] for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        words = "".join(ElementTree.fromstring(archive.read("word/document.xml")).itertext())
        ElementTree.fromstring(archive.read("word/styles.xml"))
        links = archive.read("word/_rels/document.xml.rels").decode()
    assert "<script>alert(1)</script> | `x`" in words and "患者" in words and "[to be filled:" in words
    assert "javascript" not in links and "e.example" not in links


@needs_pandoc
def test_a_docx_has_a_page_size_and_turns_it_for_a_wide_table(tmp_path):
    wide = Table("t", tuple("abcdefgh"), (tuple("12345678"),))
    narrow = Record("t", (Section("s", (Table("t", ("a",), (("1",),)),)),), file_name="narrow")
    for record, turned in ((Record("t", (Section("s", (wide,)),)), True), (narrow, False)):
        path = write_record(record, tmp_path, ["docx"]).files["docx"]
        content = zipfile.ZipFile(path).read("word/document.xml").decode()
        assert "w:pgSz" in content and ("landscape" in content) == turned


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_no_cell_of_a_csv_is_a_formula(text):
    assert csv_cell(text).startswith("'")
