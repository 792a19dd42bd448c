"""The commands agenda, slides and test: what they print, what they write, and bad input in one sentence."""

from __future__ import annotations

import csv

import pytest

from secure_ai.cli import invoke
from secure_ai.workshop.knowledge_test import read_forms


def told(capsys):
    return capsys.readouterr().err


def test_agendas_are_listed_and_shown(capsys):
    assert invoke(["workshop", "agenda"]) == 0
    assert "half_day" in capsys.readouterr().out
    assert invoke(["workshop", "agenda", "three_days", "--sector", "finance"]) == 0
    out = capsys.readouterr().out
    assert "[19_capstone_bank]" in out and "18_capstone_hospital" not in out and "Day 3" in out


def test_a_fitted_path_says_what_is_dropped(capsys):
    assert invoke(["workshop", "agenda", "--path", "security", "--minutes", "180"]) == 0
    assert "Dropped: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["agenda", "none"],
        ["agenda", "half_day", "--path", "security"],
        ["agenda", "--path", "security"],
        ["agenda", "--minutes", "60"],
        ["agenda", "--path", "nobody", "--minutes", "60"],
        ["agenda", "--path", "security", "--minutes", "-1"],
        ["slides", "99"],
        ["test", "forms", "--path", "security", "--questions", "500", "--out", "never"],
        ["test", "score", "none.csv", "--forms", "none.yaml"],
    ],
)
def test_bad_input_is_one_sentence(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke(["workshop", *words]) == 2
    said = told(capsys)
    assert said.startswith("Error: ") and said.count("\n") == 1 and "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_slides_are_written_as_pages_or_notebooks(capsys, tmp_path):
    assert invoke(["workshop", "slides", "00", "--out", str(tmp_path)]) == 0
    assert invoke(["workshop", "slides", "00", "--sector", "retail", "--out", str(tmp_path)]) == 2
    assert invoke(["workshop", "slides", "00", "--notebook", "--out", str(tmp_path)]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"00_start_here.html", "00_start_here.ipynb"}
    assert "10 slides" in capsys.readouterr().out


def test_a_class_is_scored_from_the_sheet_that_was_written(capsys, tmp_path):
    folder = tmp_path / "test"
    assert (
        invoke(
            ["workshop", "test", "forms", "--path", "compliance", "--questions", "4", "--out", str(folder)]
        )
        == 0
    )
    forms = read_forms(folder / "forms.yaml")
    with (folder / "answers.csv").open("a", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        for number in range(6):
            before, after = ("A", "B") if number % 2 else ("B", "A")
            right = [item.answer for item in forms.form(after).items]
            sheet.writerow([f"seat-{number:02d}", "pre", before, "", "", "", ""])
            sheet.writerow([f"seat-{number:02d}", "post", after, *right])
    score = ["workshop", "test", "score", str(folder / "answers.csv"), "--forms", str(folder / "forms.yaml")]
    assert invoke(score) == 0
    out = capsys.readouterr().out
    assert "seat-03: 0% before, 100% after, gain +1.00" in out
    assert "6 learners had 0% right before and 100% after: a normalized gain of 1.00" in out
