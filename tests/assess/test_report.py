"""The report is for a board member, a keyboard, a screen reader; nothing in it runs or loads."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from secure_ai.assess.assessment import Assessment
from secure_ai.assess.outputs import describe_run, render_report
from secure_ai.assess.outputs.first_page import first_page, risk_name
from secure_ai.assess.outputs.svg import safe_svg
from secure_ai.assess.outputs.words import AREA_NAMES, clause, figure, short
from secure_ai.assess.registry import AREAS, PARTS
from secure_ai.assess.risks import RULE
from secure_ai.assess.section import Drawing, Section, Table, Text
from secure_ai.core import Level, Measurement

from .samples import DATE, GIVEN, sample

HOSTILE = "<script>alert(1)</script></style><img src=x onerror=alert(1)>\"'&{{ 7*7 }}]]>--><svg onload=x>"
LONG = "word " * 400 + "x" * 3000
VOID = {"meta", "br", "img", "input", "link", "hr"}


@cache
def made(kind: str = "everything", words: str = "", **options: str) -> Assessment:
    return sample(kind, words=words, **options)  # type: ignore[arg-type]


@cache
def page_of(kind: str = "everything", words: str = "", **options: str) -> str:
    assessment = made(kind, words, **options)
    return render_report(assessment, describe_run(assessment.parameters))


@cache
def soup_of(kind: str = "everything", words: str = "", **options: str) -> BeautifulSoup:
    return BeautifulSoup(page_of(kind, words, **options), "lxml")


def text_of(found: object) -> str:
    return " ".join(found.get_text(" ").split())  # type: ignore[attr-defined]


class Balanced(HTMLParser):
    """Counts what is opened and not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


# ------------------------------------------------------------------------- structure


@pytest.mark.parametrize("kind", GIVEN)
def test_every_kind_of_report_is_well_formed_with_one_h1_and_headings_in_order(kind: str) -> None:
    parsed = Balanced(page_of(kind))
    assert not parsed.open and not parsed.wrong
    page = soup_of(kind)
    levels = [int(tag.name[1]) for tag in page.find_all(re.compile(r"^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.html["lang"] == "en" and page.title.text.strip()


@pytest.mark.parametrize("kind", GIVEN)
def test_landmarks_a_skip_link_and_every_reference_inside_the_page_resolves(kind: str) -> None:
    page = soup_of(kind)
    assert [len(page.find_all(name)) for name in ("main", "nav", "footer")] == [1, 1, 1]
    assert page.body.find("a")["href"] == "#summary" and page.find(id="summary")
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for tag in page.find_all(True):
        for name in ("aria-labelledby", "aria-describedby"):
            assert all(target in ids for target in tag.get(name, "").split()), tag
    for link in page.find_all("a"):
        assert link.get_text(strip=True), link
        # No address scrolls to a cell in JupyterLab: the words beside the link say where to look.
        assert link["href"] == "risk_assessment.ipynb" or link["href"][1:] in ids


@pytest.mark.parametrize("kind", GIVEN)
def test_every_table_has_a_caption_and_headers_with_scope(kind: str) -> None:
    for table in soup_of(kind).find_all("table"):
        assert table.caption and table.caption.get_text(strip=True)
        assert table.thead and table.thead.find_all("th")
        assert all(head.get("scope") in {"col", "row"} for head in table.find_all("th"))
        assert all(head.get_text(strip=True) for head in table.find_all("th"))


@pytest.mark.parametrize("kind", GIVEN)
def test_what_can_scroll_is_reached_by_the_keyboard_and_has_a_name(kind: str) -> None:
    for box in soup_of(kind).find_all(class_="scroll"):
        assert box["tabindex"] == "0" and box["role"] == "group" and box["aria-labelledby"]


def test_every_drawing_is_an_image_with_a_title_and_a_caption() -> None:
    drawings = soup_of().find_all("svg")
    assert len(drawings) >= len(PARTS)
    for svg in drawings:
        assert svg["role"] == "img"
        named = svg.find(id=svg["aria-labelledby"])
        assert named.name == "title" and named.get_text(strip=True)
        assert svg.find_parent("figure").figcaption.get_text(strip=True)


@pytest.mark.parametrize("kind", GIVEN)
def test_nothing_is_loaded_from_anywhere_and_nothing_runs(kind: str) -> None:
    page = soup_of(kind)
    assert not page.find_all(
        ["script", "iframe", "object", "embed", "link", "img", "form", "base", "foreignobject"]
    )
    for tag in page.find_all(True):
        for name, value in tag.attrs.items():
            assert not name.lower().startswith("on"), tag
            assert name not in {"src", "srcset", "action", "data"}, tag
            assert not re.match(r"\s*(https?:|//|javascript:|data:)", str(value)) or name == "xmlns"
    assert "@import" not in page.style.text and not re.search(r"url\((?!#)", page_of(kind))
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy


def test_folded_parts_are_open_so_that_paper_shows_them() -> None:
    folded = soup_of().find_all("details")
    assert folded and all(one.has_attr("open") and one.summary for one in folded)
    styles = soup_of().style.text
    assert "@media print" in styles and "table-header-group" in styles and "size: A4" in styles


def test_levels_are_legible_on_their_color() -> None:
    found = dict(
        re.findall(r"--(critical|high|medium|low|soft|ink|accent): (#[0-9a-f]{6})", soup_of().style.text)
    )
    assert len(found) == 7
    assert all(contrast(color, "#ffffff") >= 4.5 for color in found.values())


def contrast(one: str, other: str) -> float:
    """Contrast of two colors, WCAG 2.2, 1.4.3."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# ------------------------------------------------------------------------- the first page


@pytest.mark.parametrize("kind", GIVEN)
def test_the_first_page_says_subject_date_sector_verdict_and_the_worst_of_each_area(kind: str) -> None:
    assessment, page = made(kind), soup_of(kind)
    header, first = text_of(page.header), page.find(id="summary")
    assert assessment.subject in header and DATE in header and "healthcare" in header
    assert assessment.verdict() in text_of(first)
    rows = {text_of(row.th): text_of(row.td) for row in first.table.tbody.find_all("tr")}
    worst = assessment.worst_by_area()
    assert list(rows) == [AREA_NAMES[area] for area in AREAS]
    for area in AREAS:
        level = worst[area][0].value
        assert rows[AREA_NAMES[area]] == ("not assessed" if level == "unassessed" else level)


@pytest.mark.parametrize("kind", GIVEN)
def test_the_first_page_lists_each_risk_that_was_not_assessed(kind: str) -> None:
    assessment = made(kind)
    box = soup_of(kind).find(class_="open-box")
    assert box.h3.text == "WHAT WAS NOT ASSESSED"
    for finding in assessment.left_open():
        assert short(risk_name(finding), 110) in text_of(box)
    assert len(first_page(assessment).not_assessed) == len(
        {f.id.split(".")[0] for f in assessment.left_open()}
    )


def test_an_area_of_which_nothing_is_said_is_listed_as_not_assessed() -> None:
    whole = made("data only")
    kept = tuple(one for one in whole.findings if not one.id.startswith("vendor."))
    bare = Assessment(whole.parameters, whole.sections, kept, whole.treatment)
    listed = {group.area: group.lines for group in first_page(bare).not_assessed}
    assert listed["Vendor"] == ("all of it",)
    assert next(area for area in first_page(bare).areas if area.name == "Vendor").level == "unassessed"


def test_unassessed_is_never_shown_as_within_a_threshold_or_as_zero() -> None:
    page = soup_of("nothing measured")
    assert "Nothing was measured" in text_of(page.find(id="summary"))
    assert not page.find_all("article")
    assert "Within the threshold" not in text_of(page)
    table = page.find("caption", string=re.compile("What was not measured")).parent
    assert len(table.tbody.find_all("tr")) == len(made("nothing measured").findings)


def test_the_first_page_has_three_things_to_do_and_made_up_losses_are_said_to_be() -> None:
    first = soup_of().find(id="summary")
    assert len(first.find("ol", class_="todo").find_all("li")) == 3
    assert all("Because: " in text_of(item) for item in first.find("ol", class_="todo").find_all("li"))
    assert "Its amounts are made up, not yours." in text_of(first.find(class_="follows"))
    assert "After mitigation" in text_of(first.find(class_="follows"))


def test_what_has_to_be_supplied_is_no_mitigation() -> None:
    for action, _ in first_page(made("nothing measured")).todo:
        assert action.startswith("Have it measured; needed: ")


# ------------------------------------------------------------------------- detail


def test_each_finding_shows_everything_that_it_states() -> None:
    assessment, page = made(), soup_of()
    for finding in assessment.measured():
        article = text_of(page.find(id=f"finding-{finding.id}"))
        measured = finding.measurement
        assert isinstance(measured, Measurement)
        said = [
            finding.title, finding.threat, finding.asset, finding.attacker_knowledge,
            finding.threshold_source, finding.rule.removesuffix(RULE), finding.owner, finding.due,
            measured.method,
            measured.source,
            "not decided yet",
            figure(measured.value, measured.unit), figure(measured.baseline, measured.unit),
            figure(measured.control, measured.unit), figure(finding.threshold, measured.unit),
            f"likelihood {finding.likelihood.value} × severity {finding.severity.value}",
            *(step.action.rstrip(".") for step in finding.mitigations),
        ]  # fmt: skip
        for words in said:
            assert " ".join(words.split()).casefold() in article.casefold(), (finding.id, words)
        assert all(name.split()[0] in article for name in finding.mappings)
        if isinstance(finding.after, Measurement):
            assert "After mitigation" in article and figure(finding.after.value, measured.unit) in article


def test_each_finding_names_heading_and_cell_of_the_executed_notebook(repo_root) -> None:
    import nbformat

    notebook = nbformat.read(repo_root / "notebooks" / "assessments" / "risk_assessment.ipynb", as_version=4)
    # What stands above a cell, and what the cell runs: both can be seen and searched for in JupyterLab.
    headings = [cell.source.splitlines()[0].lstrip("# ") for cell in notebook.cells]
    places = {(headings[place - 1], cell.source) for place, cell in enumerate(notebook.cells) if place}
    for finding in made().measured():
        evidence = soup_of().find(id=f"finding-{finding.id}").find("dt", string="Evidence").find_next("dd")
        heading = re.search("heading “(.+)”", text_of(evidence))
        assert heading and (heading[1], evidence.code.text) in places
        assert evidence.a["href"] == "risk_assessment.ipynb"
    # Where an address does work, in the exported page, the cell is called as the report says.
    assert any(cell["id"] == "data-inventory" for cell in notebook.cells)


def test_what_to_expect_of_a_mitigation_is_told_once_and_pointed_to_from_everywhere_else() -> None:
    page, told, again = soup_of(), {}, 0
    for finding in made().measured():
        steps = page.find(id=f"finding-{finding.id}").find("ol", class_="steps")
        for step, item in zip(finding.mitigations, steps.find_all("li", recursive=False), strict=True):
            whole = all(" ".join(words.rstrip(".").split()).casefold() in text_of(item).casefold()
                        for words in (step.effect, step.source))  # fmt: skip
            if step not in told:
                assert whole
                told[step] = finding
            elif step.effect or step.source:
                again += 1
                assert item.a["href"] == f"#finding-{told[step].id}"
                assert not step.effect or step.effect not in text_of(item)
    assert again, "the sample has findings that share a mitigation"
    actions = page.find("h3", string="What to do, in which order").find_parent("section")
    assert not any(step.effect in text_of(actions) for step in told if step.effect)
    assert "is under “Not assessed”" in text_of(actions)


def test_the_rule_of_levels_is_told_once() -> None:
    assert text_of(soup_of()).count(RULE) == 1
    assert all(one.find("a", href="#method") for one in soup_of().find_all("article"))


def test_the_first_page_ends_its_lines_where_a_clause_ends() -> None:
    assert clause("98% before, 100% after; beyond the baseline of each", 45) == "98% before, 100% after…"
    assert clause("word " * 50, 40) == short("word " * 50, 40)
    assert clause("one (two, three four five six", 24) == "one (two, three four…"
    assert not re.search(r"\([a-z]+\.[a-z_]+\)", text_of(soup_of().find("ol", class_="todo")))


def test_frameworks_are_listed_both_ways() -> None:
    page = soup_of()
    entries = page.find(id="entries-caption").parent
    findings = page.find(id="touched-caption").parent
    touched = {name for one in made().findings for name in one.mappings}
    assert len(entries.tbody.find_all("tr")) == len(touched)
    assert len(findings.tbody.find_all("tr")) == len(made().findings)
    assert all(name in text_of(findings) for name in touched)


def test_blocks_of_sections_and_treatment_are_shown() -> None:
    page = text_of(soup_of())
    for section in (*made().sections, *made().treatment):
        assert section.title in page
        for block in section.blocks:
            words = block.text if isinstance(block, Text) else block.title
            if isinstance(block, Table) and block.columns == ("not assessed", "what to supply"):
                continue  # it stands under "Not assessed"
            assert " ".join(words.split()) in page
    assert "81%" in page and "under 0.1%" in page and "1,000" in page


def test_parameters_fingerprints_and_versions_are_there_without_any_name_of_a_file() -> None:
    page = page_of()
    assert "claims.csv" not in page and "triage.skops" not in page and "given/" not in page
    assert "csv given" in page and "skops given" in page and "duckdb" in page


def test_the_same_assessment_gives_the_same_page() -> None:
    assessment = made()
    assert render_report(assessment, describe_run(assessment.parameters)) == page_of()


# ------------------------------------------------------------------------- hostile and long


@pytest.mark.parametrize("words", [HOSTILE, LONG])
def test_hostile_and_long_texts_stay_text(words: str) -> None:
    plain, page = soup_of("everything"), soup_of("everything", words)
    parsed = Balanced(page_of("everything", words))
    assert not parsed.open and not parsed.wrong
    assert [tag.name for tag in plain.find_all(True)] == [tag.name for tag in page.find_all(True)]
    assert " ".join(words.split())[:60] in text_of(page)


def test_long_texts_are_cut_on_the_first_page_only() -> None:
    first = text_of(soup_of("everything", LONG).find(id="summary"))
    assert len(first) < 5_000
    assert "x" * 3000 in page_of("everything", LONG)


def one_section(text: str) -> Section:
    table = Table(
        title=f"t {text}", columns=("a", f"b {text}"), formats=("text", "figure"), rows=((text, 0.5),)
    )
    return Section(
        id="data.exposure",
        title=f"s {text}",
        summary=text,
        assessed=text,
        blocks=(Text(text=text), table, Drawing(title=f"d {text}", svg="<svg><text>words</text></svg>")),
    )


def page_with(text: str) -> list[str]:
    whole = made("nothing measured")
    assessment = Assessment(whole.parameters, (one_section(text),), whole.findings, ())
    html = render_report(assessment, {"parameters": {"subject": text}, "versions": {"part": text}})
    parsed = Balanced(html)
    assert not parsed.open and not parsed.wrong
    return [tag.name for tag in BeautifulSoup(html, "lxml").find_all(True)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(min_size=1))
@example(HOSTILE)
@example("</title></svg><script>")
@example("&lt;b&gt;")
def test_no_text_becomes_markup(text: str) -> None:
    assert page_with(text) == page_with("plain")


def test_a_report_without_a_date_or_findings_says_so() -> None:
    whole = made("nothing measured")
    parameters = whole.parameters.model_copy(update={"date": None})
    html = render_report(Assessment(parameters, (), (), ()), describe_run(parameters))
    assert "not stated" in html and "all of it" in html and not Balanced(html).wrong


# ------------------------------------------------------------------------- drawings


BAD_DRAWINGS = [
    "<svg><script>alert(1)</script><rect width='1' height='1'/></svg>",
    "<svg><foreignObject><body onload='x()'/></foreignObject><rect/></svg>",
    "<svg onload='alert(1)'><rect onclick='x()' width='1'/></svg>",
    "<svg xmlns:xlink='http://www.w3.org/1999/xlink'><a xlink:href='javascript:alert(1)'><rect/></a></svg>",
    "<svg xmlns:xlink='http://www.w3.org/1999/xlink'><image xlink:href='http://x.test/a.png'/></svg>",
    "<svg xmlns:xlink='http://www.w3.org/1999/xlink'><use xlink:href='http://x.test/#a'/></svg>",
    "<svg><use href='data:image/svg+xml,x'/></svg>",
    "<svg><rect fill='url(http://x.test/a)'/><rect style='fill:url(//x.test)'/></svg>",
    "<svg><style>@import 'http://x.test/a.css'; body{display:none}</style><rect/></svg>",
    "<svg style='position:fixed;top:0;left:0' class='skip'><rect style='fill:red;position:fixed'/></svg>",
    "<svg><animate attributeName='href' to='javascript:x'/><set attributeName='onload' to='x'/></svg>",
    "<svg><desc><title/><img src='x'/></desc><title><b>x</b></title><rect tabindex='0'/></svg>",
    "<svg xmlns:h='http://www.w3.org/1999/xhtml'><h:script>alert(1)</h:script><h:rect/></svg>",
    "<svg><text>&lt;/svg&gt;&lt;script&gt;x&lt;/script&gt;</text></svg>",
]


@pytest.mark.parametrize("svg", BAD_DRAWINGS)
def test_a_drawing_loses_whatever_does_not_draw(svg: str) -> None:
    safe = safe_svg(svg, "What it shows", "p")
    assert safe is not None
    for bad in ("<script", "foreign", "onload", "onclick", "javascript", "x.test", "data:", "@import", "<img",
                "position", "<a ", "<image", "animate", "tabindex", "<style"):  # fmt: skip
        assert bad not in safe.lower(), bad
    page = BeautifulSoup(f"<figure>{safe}</figure><p>after</p>", "lxml")
    assert page.p.text == "after" and page.svg.find("title").text == "What it shows"


@pytest.mark.parametrize(
    "svg",
    [
        "", "no xml", "<svg>", "<html><svg/></html>", "<svg><rect></svg>",
        "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>",
        "<!doctype svg SYSTEM 'file:///etc/passwd'><svg/>",
        "<svg>" + "<g>" * 5000 + "</g>" * 5000 + "</svg>",
        "<svg>\x00</svg>", "<svg>\ud800</svg>",
    ],
)  # fmt: skip
def test_what_is_no_drawing_is_refused(svg: str) -> None:
    assert safe_svg(svg, "title", "p") is None


def test_a_refused_drawing_is_said_to_be_missing() -> None:
    whole = made("nothing measured")
    section = one_section("x").model_copy(update={"blocks": (Drawing(title="Broken", svg="<svg>"),)})
    html = render_report(Assessment(whole.parameters, (section,), whole.findings, ()), {})
    assert "This drawing cannot be shown." in html and "Broken" in html


def test_a_drawing_of_matplotlib_keeps_its_words_marks_and_shapes() -> None:
    from matplotlib.figure import Figure

    figure_drawn = Figure(figsize=(4, 3))
    axes = figure_drawn.subplots()
    axes.plot([0, 1, 2], [0, 1, 4], "o-", label="risk")
    axes.set_xlabel("records < & >")
    axes.legend()
    drawing = Drawing.of("It grows", figure_drawn)
    safe = safe_svg(drawing.svg, drawing.title, "p")
    assert safe is not None and "records &lt; &amp; &gt;" in safe and "viewBox" in safe
    assert safe.count("<path") == drawing.svg.count("<path") and safe.count("<use") == drawing.svg.count(
        "<use"
    )
    used = set(re.findall(r'href="#([^"]+)"', safe)) | set(re.findall(r"url\(#([^)]+)\)", safe))
    assert used and all(f'id="{name}"' in safe for name in used)


def test_two_equal_drawings_share_no_identifier() -> None:
    svg = "<svg><defs><g id='a'/></defs><use href='#a'/></svg>"
    ids = [re.findall(r' id="([^"]+)"', safe_svg(svg, "t", prefix) or "") for prefix in ("p1", "p2")]
    assert ids[0] and not set(ids[0]) & set(ids[1])


def test_two_findings_of_one_id_have_an_anchor_each() -> None:
    whole = made("data only")
    first = whole.findings[0]
    twice = Assessment(whole.parameters, whole.sections, (first.model_copy(), *whole.findings), ())
    page = BeautifulSoup(render_report(twice, {}), "lxml")
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert first.level is not Level.UNASSESSED and len(ids) == len(set(ids))
    assert {f"finding-{first.id}", f"finding-{first.id}-2"} <= set(ids)
