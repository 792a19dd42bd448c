"""The map: every path names real chapters, and links only to what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from secure_ai.core import UserError
from secure_ai.learn import progress
from secure_ai.learn.map import CHAPTERS, ROLES, duration, next_steps, path_minutes, show_map

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def kit(tmp_path, monkeypatch):
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(tmp_path / "progress.sqlite"))
    for folder, key in [("notebooks", "00"), ("labs", "00"), ("notebooks", "01"), ("notebooks", "03")]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{CHAPTERS[key].key}.ipynb").write_text("{}")
    return tmp_path


def test_paths_are_those_of_the_curriculum():
    assert list(ROLES) == [
        "executive",
        "analyst",
        "ml_engineer",
        "security",
        "compliance",
        "assessor",
        "instructor",
        "full",
    ]
    assert ROLES["security"].chapters == ("00", "03", "07", "08", "09", "10", "11", "12", "15", "17")
    for role in ROLES.values():
        assert set(role.chapters) <= set(CHAPTERS)
    assert set(ROLES["full"].chapters) == set(CHAPTERS)
    assert path_minutes("executive") == 60


def test_map_links_what_exists_and_says_so_of_the_rest(kit):
    table = show_map("analyst", root=kit)
    assert table.rows[0][1] == ("open lesson 00", "../notebooks/00_start_here.ipynb")
    assert table.rows[0][3] == ("open lab 00", "../labs/00_start_here.ipynb")
    assert table.rows[1][1:4] == (
        ("open lesson 01", "../notebooks/01_why_security.ipynb"),
        "25 min",
        "in preparation",
    )
    assert table.rows[2][1] == "in preparation"
    assert 'href="../notebooks/00_start_here.ipynb"' in table.html() and "in preparation" in table.text()


def test_overview_counts_what_is_ready(kit):
    rows = {row[0]: row for row in show_map(root=kit).rows}
    assert rows["executive"][2:4] == ("1 h", "2 of 3") and rows["security"][3] == "2 of 10"


def test_durations_read_as_people_say_them():
    assert [duration(minutes) for minutes in (0, 45, 60, 470)] == ["0 min", "45 min", "1 h", "7 h 50 min"]


def test_executive_path_has_no_labs(kit):
    assert show_map("executive", root=kit).columns == ("Chapter", "Lesson", "Time")


def test_next_steps_leave_out_what_is_solved_or_not_there(kit):
    assert [row[0][:2] for row in next_steps("analyst", root=kit).rows] == ["00", "01", "03"]
    progress.record("00_start_here", "safer", "correct")
    progress.record("01_why_security", "one", "correct")
    progress.record("01_why_security", "two", "incorrect")
    assert [row[0][:2] for row in next_steps("analyst", root=kit).rows] == ["01", "03"]


def test_nothing_left_is_said(tmp_path, kit):
    assert "Nothing is left" in next_steps("analyst", root=tmp_path / "elsewhere").text()


@pytest.mark.parametrize("role", ["nurse", "", 3, ["full"]])
def test_unknown_role_lists_the_known_ones(role):
    for call in (show_map, next_steps):
        with pytest.raises(UserError, match="choose from executive, analyst"):
            call(role)


@pytest.mark.parametrize("key", [key for key in CHAPTERS if key != "RA"])
def test_the_minutes_of_a_chapter_are_those_of_its_cards(key):
    chapter = CHAPTERS[key]
    for folder, minutes in (("notebooks", chapter.lesson_minutes), ("labs", chapter.lab_minutes)):
        card = (CHECKOUT / folder / f"{chapter.key}.ipynb").read_text(encoding="utf-8")
        [stated] = re.findall(r"\*\*Minutes:\*\* (.+?)(?:<br>|\\n)", card)
        assert str(minutes) in re.findall(r"\d+", stated), (folder, stated)
