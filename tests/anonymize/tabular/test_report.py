"""The report of a release: complete, escaped, without values, the same for the same table."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.tabular.anonymizer import anonymize
from secure_ai.anonymize.tabular.frontier import frontier
from secure_ai.anonymize.tabular.report import (
    check_report_folder,
    render_report,
    report_figures,
    shown_figure,
    write_report,
)
from secure_ai.core import UserError

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def done():
    rng = np.random.default_rng(6)
    table = pd.DataFrame(
        {
            HOSTILE: rng.integers(20, 90, 300),
            "town $x$": rng.choice(["Visby", "Kalmar", "Borås"], 300),
            "illness": rng.choice(["influenza", "angina"], 300),
        }
    )
    return anonymize(
        table, [HOSTILE, "town $x$"], sensitive=["illness"], k=10, l=2, method="full_domain", target="illness"
    ), table


def test_the_page_escapes_names_and_holds_no_value(done):
    page = render_report(done[0], frontier(done[1], done[0].plan, ks=(2, 10)))
    assert "<script" not in page and "&lt;script&gt;" in page
    for value in ("Visby", "Kalmar", "Borås", "influenza", "angina"):
        assert value not in page
    for heading in ("Risk of being traced", "What a class gives away", "What another k would cost",
                    "Levels of the hierarchies"):  # fmt: skip
        assert heading in page


def test_every_picture_has_its_finding_in_words(done):
    page = render_report(done[0])
    assert page.count("<img") == page.count('alt="') == 4
    assert 'alt=""' not in page


def test_headings_never_skip_a_level(done):
    page = render_report(done[0], frontier(done[1], done[0].plan, ks=(2, 10)))
    levels = [int(part[0]) for part in page.split("<h")[1:] if part[0].isdigit()]
    assert levels[0] == 1 and all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_json_is_strict_and_says_infinite_in_words(done):
    found = report_figures(done[0])
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again["parameters"]["required"] == "k=10, l=2 (distinct)"
    figures = {(row["measure"], row["attribute"]): row for row in again["figures"]}
    assert figures["k", ""]["after"] == done[0].risk_after.k
    assert figures["recursive_c_l2", "illness"]["before"] == "infinite"
    assert sum(row["records_after"] for row in again["records_by_risk"]) == 300


def test_an_earlier_report_is_replaced_and_nothing_else(done, tmp_path):
    write_report(done[0], tmp_path / "report")
    first = (tmp_path / "report" / "report.html").read_bytes()
    write_report(done[0], tmp_path / "report")
    assert (tmp_path / "report" / "report.html").read_bytes() == first
    (tmp_path / "report" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        write_report(done[0], tmp_path / "report")


def test_a_report_folder_that_would_hold_the_table_is_refused(tmp_path):
    with pytest.raises(UserError, match="would hold the table"):
        check_report_folder(tmp_path / "new", (tmp_path / "new" / "out.csv",))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12345.0, "12,345"), (0.0000334, "0.0000334"), (0.12345, "0.123"),
     (float("inf"), "infinite"),
     (1234.5678, "1,235"), (float("nan"), "not known")],
)  # fmt: skip
def test_figures_are_shown_as_people_read_them(value, text):
    assert shown_figure(value) == text
