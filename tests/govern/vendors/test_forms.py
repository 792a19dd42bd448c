"""Claims about forms: the same answers come back from every format, and what is no form is refused."""

from __future__ import annotations

import csv
import zipfile

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.core.sources import load_extension
from secure_ai.govern.vendors import (
    Answer,
    Answers,
    Evidence,
    check_answers,
    example_vendors,
    load_questionnaire,
    read_form,
    write_answers,
    write_form,
)

SUFFIXES = [".xlsx", ".csv", ".yaml"]


@pytest.fixture(params=SUFFIXES)
def suffix(request):
    return request.param


@pytest.fixture
def filled(tmp_path):
    """Return the rows of a filled CSV form, and a function that reads rows back."""
    path = write_answers(tmp_path / "form.csv", example_vendors("healthcare")[2])
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))

    def read(changed, encoding="utf-8-sig"):
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(changed)
        return read_form(path)

    return rows, read


def cell(rows, question, column):
    line = next(row for row in rows if row[0] == question)
    return line, rows[0].index(column)


def test_answers_come_back_as_they_were_written(sector, suffix, tmp_path):
    for form in example_vendors(sector):
        read = read_form(write_answers(tmp_path / f"form{suffix}", form))
        before, after = form.by_question(), read.by_question()
        assert (read.vendor, read.release, read.service) == (form.vendor, form.release, form.service)
        assert read.completed_on == form.completed_on
        for name, one in before.items():
            assert str(after[name].answer) == str(one.answer) and after[name].evidence == one.evidence


def test_an_empty_form_asks_everything_and_is_refused_until_it_is_filled(sector, suffix, tmp_path):
    path = write_form(tmp_path / f"form{suffix}", sector)
    with pytest.raises(UserError, match="does not say whose it is"):
        read_form(path)
    content = path.read_text(encoding="utf-8") if suffix != ".xlsx" else ""
    if content:
        assert all(question.id in content for question in load_questionnaire(sector).questions)


def test_a_form_without_any_answer_is_refused(filled):
    rows, read = filled
    answer = rows[0].index("answer")
    for row in rows[1:]:
        if not row[0].startswith("form."):
            row[answer] = ""
    with pytest.raises(UserError, match="is empty: no question has an answer"):
        read(rows)


SPOILED = [
    ("security.multi_factor", "answer", "=cmd|'/c calc'!A1", "formula in answer of security.multi_factor"),
    ("security.multi_factor", "comment", "@SUM(1+1)", "formula in comment"),
    ("security.multi_factor", "document", "+cmd|' /C calc'!A0", "formula in document"),
    ("security.multi_factor", "scope", "-2+3+cmd|' /C calc'!A0", "formula in scope"),
    ("security.multi_factor", "place", '\t=HYPERLINK("http://example.org")', "formula in place"),
    ("form.release", "answer", "2019.1", "is of release 2019.1"),
    ("form.sector", "answer", "finance", "unknown question|is of release|is for"),
    ("form.sector", "answer", "school", "does not say for which sector"),
    ("form.vendor", "answer", "", "does not say whose it is"),
    ("form.vendor", "answer", "v" * 200, "at most 120"),
    ("security.multi_factor", "question", "security.moat", "unknown question 'security.moat'"),
    ("security.multi_factor", "question", "security.audit_trail", "there twice"),
    ("security.multi_factor", "question", "", "id of the question is missing"),
    ("security.multi_factor", "comment", "x" * 3000, "at most 2000"),
]


@pytest.mark.parametrize(("question", "column", "value", "message"), SPOILED)
def test_a_spoiled_cell_is_refused_in_a_sentence(filled, question, column, value, message):
    rows, read = filled
    row, place = cell(rows, question, column)
    row[place] = value
    with pytest.raises(UserError, match=message):
        read(rows)


@pytest.mark.parametrize("value", ["-", "- encrypted since 2020", "+1 555 0100", "5 > 3", "a=b"])
def test_harmless_text_is_no_formula(filled, value):
    rows, read = filled
    row, place = cell(rows, "security.multi_factor", "comment")
    row[place] = value
    assert read(rows).by_question()["security.multi_factor"].comment == value


def test_a_column_too_many_too_few_or_twice_is_refused(filled):
    rows, read = filled
    for changed, message in (
        ([[*row, "x"] for row in rows], "the column 'x'"),
        ([row[:-1] for row in rows], "no column 'sha256'"),
        ([[*row, row[-1]] for row in rows], "a column twice"),
        ([rows[0], [*rows[1], "x"], *rows[2:]], "beyond the last column"),
        ([], "is empty"),
    ):
        with pytest.raises(UserError, match=message):
            read(changed)


def test_semicolons_and_further_documents_are_read(filled, tmp_path):
    rows, _ = filled
    path = tmp_path / "semicolons.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    assert len(read_form(path).by_question()["security.independent_audit"].evidence) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_form_that_is_not_utf_8_is_refused(filled, encoding):
    rows, read = filled
    row, place = cell(rows, "security.multi_factor", "comment")
    row[place] = "geprüft"
    with pytest.raises(UserError, match="not UTF-8"):
        read(rows, encoding)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("form.csv", b"", "is empty"),
        ("form.csv", b'question,"answer\n', "no column|do not close"),
        ("form.csv", b"\n\n", "no column"),
        ("form.csv", b"a\0b", "not text"),
        ("form.xlsx", b"no workbook", "no workbook"),
        ("form.docx", b"x", "A form is"),
        ("form.yaml", b"- 1", "parts 'form' and 'answers'"),
        ("form.yaml", b"{", "not valid YAML"),
        ("form.yaml", b"form: {a: 1, a: 2}\nanswers: []", "a key stands twice"),
        ("form.yaml", b"form: &x {vendor: v}\nanswers: [*x]", "references"),
        ("form.yaml", b"form: {vendor: v}\nanswers: [1]", "entry 1"),
        ("form.yaml", b"form: {vendor: v, boss: x}\nanswers: []", "'boss'"),
        ("form.yaml", b"form: !!python/object:os.system {}\nanswers: []", "not valid YAML"),
        ("form.yaml", b"[" * 100_000, "not valid YAML"),
        ("form.yaml", b"form: []\nanswers: {}", "another shape"),
        ("form.yaml", b"form: {vendor: [v]}\nanswers: []", "vendor"),
        (
            "form.yaml",
            b"form: {vendor: v, sector: healthcare, release: '2026.1'}\n"
            b"answers: [{question: security.multi_factor, answer: [yes]}]",
            "security.multi_factor",
        ),
        (
            "form.yaml",
            b"form: {vendor: v, sector: healthcare, release: '2026.1'}\n"
            b"answers: [{question: security.multi_factor, answer: yes, evidence: [{kind: 7, date: {}}]}]",
            "not text",
        ),
        (
            "form.yaml",
            b"form: {vendor: v, sector: healthcare, release: '2026.1'}\n"
            b"answers: [{question: security.multi_factor, answer: yes, evidence: 5}]",
            "security.multi_factor",
        ),
    ],
)
def test_what_is_no_form_is_refused_in_a_sentence(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_form(path)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_a_missing_form_and_a_folder_are_refused(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name in ("nothing.csv", "folder.csv"):
        with pytest.raises(UserError):
            read_form(tmp_path / name)


def rezip(path, change):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def sheet_of(parts):
    return next(name for name in parts if name.startswith("xl/worksheets/"))


def test_a_formula_a_second_sheet_and_macros_in_a_workbook_are_refused(tmp_path):
    def formula(parts):
        name = sheet_of(parts)
        parts[name] = parts[name].replace(b"</row>", b'<c r="Z1"><f>1+1</f><v>2</v></c></row>', 1)

    def second(parts):
        book = parts["xl/workbook.xml"]
        start, end = book.index(b"<sheet "), book.index(b"/>", book.index(b"<sheet ")) + 2
        parts["xl/workbook.xml"] = book[:end] + book[start:end] + book[end:]

    def macros(parts):
        parts["xl/vbaProject.bin"] = b"x"

    def broken(parts):
        parts[sheet_of(parts)] = b"<worksheet"

    for change, message in (
        (formula, "formula in cell Z1"),
        (second, "2 sheets"),
        (macros, "macros"),
        (broken, "no workbook"),
    ):
        path = write_answers(tmp_path / "form.xlsx", example_vendors("healthcare")[0])
        with pytest.raises(UserError, match=message):
            read_form(rezip(path, change))


def test_dates_that_excel_stores_as_counts_of_days_are_read(tmp_path):
    path = write_answers(tmp_path / "form.csv", example_vendors("healthcare")[0])
    target = tmp_path / "form.xlsx"
    with duckdb.connect() as connection:
        load_extension(connection, "excel")
        connection.execute(
            f"COPY (SELECT * REPLACE (coalesce(try_cast(date AS DATE), NULL) AS date) FROM "
            f"read_csv('{path}', all_varchar=true, header=true)) TO '{target}' "
            "(FORMAT xlsx, HEADER true, SHEET 'answers')"
        )
    read = read_form(target).by_question()["security.multi_factor"]
    assert read.evidence[0].date == "2026-06-30"


def test_a_failed_write_leaves_the_old_form(tmp_path):
    path = write_form(tmp_path / "form.csv", "healthcare")
    before = path.read_bytes()
    with pytest.raises(UserError):
        write_form(path, "school")
    with pytest.raises(UserError, match="A form is"):
        write_form(tmp_path / "form.pdf", "healthcare")
    assert path.read_bytes() == before and [one.name for one in tmp_path.iterdir()] == ["form.csv"]


def test_answers_given_twice_in_code_are_refused():
    form = example_vendors("healthcare")[0]
    twice = form.model_copy(update={"answers": (form.answers[0], form.answers[0])})
    with pytest.raises(UserError, match="twice"):
        check_answers(twice, load_questionnaire("healthcare"))


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30).map(str.strip)


@settings(max_examples=20, deadline=None)
@given(comment=TEXT, document=TEXT, place=TEXT, answer=st.sampled_from(["yes", "no", "partly", "maybe"]))
def test_any_text_comes_back_or_is_refused_in_a_sentence(tmp_path_factory, comment, document, place, answer):
    folder = tmp_path_factory.mktemp("form")
    one = Answer(
        question="security.multi_factor",
        answer=answer,
        comment=comment,
        evidence=(Evidence(document=document, kind="policy", place=place),),
    )
    release = load_questionnaire("healthcare").release
    form = Answers(vendor="Example", sector="healthcare", release=release, answers=(one,))
    for suffix in (".csv", ".yaml"):
        try:
            path = write_answers(folder / f"form{suffix}", form)
        except UserError:
            continue
        assert read_form(path).by_question()["security.multi_factor"] == one


@pytest.mark.parametrize("path", [None, 5, b"form.csv"])
def test_a_form_that_is_no_path_is_refused(path):
    for use in (read_form, lambda place: write_form(place, "healthcare")):
        with pytest.raises(UserError, match="path of a form"):
            use(path)
