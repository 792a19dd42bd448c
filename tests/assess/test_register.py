"""The register opens in a spreadsheet as a table, and no cell of it is calculated."""

from __future__ import annotations

import csv
import io
from functools import cache

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secure_ai.assess.assessment import Assessment
from secure_ai.assess.outputs.register import LONGEST_CELL, guarded, register_csv, rows_csv
from secure_ai.assess.outputs.results import write_results
from secure_ai.assess.treatment.register import COLUMNS
from secure_ai.core import Measurement

from .samples import GIVEN, sample

FORMULAS = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "   =1", " \t@x",
            "=", "\u00a0=1", "\u200b=1", "\ufeff=1", "＝1", "＋1", "－1", "＠x", "|calc", "%0A=1",
            "\x00=1"]  # fmt: skip
STARTERS = tuple("=+-@|%＝＋－＠")


@cache
def made(kind: str = "everything", words: str = "") -> Assessment:
    return sample(kind, words=words)  # type: ignore[arg-type]


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def safe(cell: str) -> bool:
    """Whether a spreadsheet takes a cell for text, whatever it skips before the first sign."""
    seen = cell.lstrip(" \t\r\n\x00\u00a0\u200b\ufeff\x1c\x1d\x1e\x1f\x85\u2028\u2029\u3000")
    return not seen.startswith(STARTERS) and not cell.startswith(("\t", "\r", "\n", "\x00"))


@pytest.mark.parametrize("kind", GIVEN)
def test_the_register_has_a_row_for_each_finding_and_the_columns_of_the_treatment(kind: str) -> None:
    rows = read(register_csv(made(kind).findings))
    assert [row["id"] for row in rows] == [finding.id for finding in made(kind).findings]
    assert all(tuple(row) == COLUMNS for row in rows)


def test_what_was_not_measured_has_no_figure_and_never_a_zero() -> None:
    for row, finding in zip(read(register_csv(made().findings)), made().findings, strict=True):
        if isinstance(finding.measurement, Measurement):
            assert float(row["figure"]) == finding.measurement.value
        else:
            assert row["figure"] == "" and row["outcome"] == "unassessed"
            assert finding.measurement.reason in row["title"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_becomes_text(formula: str) -> None:
    assert guarded(formula).startswith("'") or safe(guarded(formula))


def test_figures_stay_figures_and_words_stay_words() -> None:
    assert [guarded(value) for value in (-0.5, 3, True, None, "a-b", "x = 1")] == [
        "-0.5", "3", "yes", "", "a-b", "x = 1",
    ]  # fmt: skip


@given(st.text())
@example("\x1c=1")
@example("\u3000=1")
def test_no_text_begins_a_formula_or_breaks_a_row(text: str) -> None:
    written = rows_csv([{"a": text, "b": "end"}], ("a", "b"))
    assert safe(guarded(text))
    lines = list(csv.reader(io.StringIO(written, newline="")))
    assert len(lines) == 2 and lines[1][1] == "end" and written.count("\r\n") == 2


@pytest.mark.parametrize("words", ["=HYPERLINK(1)", '"quoted", and\nbroken', "x" * 100_000])
def test_hostile_and_long_words_leave_one_row_a_finding(words: str) -> None:
    rows = read(register_csv(made("model only", words).findings))
    assert len(rows) == len(made("model only", words).findings)
    assert all(
        safe(cell) or cell.lstrip("-").replace(".", "").isdigit() for row in rows for cell in row.values()
    )
    assert all(len(cell) <= LONGEST_CELL + 2 for row in rows for cell in row.values())


def test_the_file_has_a_mark_by_which_excel_knows_utf_8(tmp_path) -> None:
    write_results(made(), tmp_path)
    content = (tmp_path / "register.csv").read_bytes()
    assert content.startswith(b'\xef\xbb\xbf"id"') and content.endswith(b"\r\n")
    frame = pd.read_csv(tmp_path / "register.csv")
    assert list(frame.columns) == list(COLUMNS) and len(frame) == len(made().findings)
