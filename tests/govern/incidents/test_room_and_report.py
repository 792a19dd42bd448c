"""Claims about the room, saved games, the chart and the after-action report."""

from __future__ import annotations

import json
import re

import pytest

from secure_ai.core import UserError
from secure_ai.govern.incidents import (
    Tabletop,
    TabletopRoom,
    after_action,
    parse_plan,
    play,
    plot_timeline,
    score,
    timeline_sentence,
    write_after_action,
)


@pytest.fixture(scope="module", autouse=True)
def small_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secure_ai.govern.incidents.tabletop.report.DPI", 30)
        yield


@pytest.fixture(scope="module")
def good():
    return play(Tabletop("exposed_store", "healthcare", seed=2))


@pytest.fixture(scope="module")
def report(good):
    return after_action(good)


@pytest.fixture
def room():
    room = TabletopRoom("insider", "healthcare", seed=2, teams=["night shift", "day shift"])
    room.decide("night shift", "confirm_alert", "security")
    room.decide("night shift", "disable_account", "security")
    room.advance(30)
    return room


def test_teams_play_the_same_incident_apart(room):
    night, day = room.team("night shift"), room.team("day shift")
    assert night.world.start == day.world.start and len(night.world.records) < len(day.world.records)
    table = room.facilitator_frame().set_index("team")
    assert table.loc["night shift", "contained"] and not table.loc["day shift", "contained"]


def test_scores_stand_side_by_side(room):
    table = room.scores()
    assert list(table.columns) == ["night shift", "day shift"]
    assert table.loc["total", "night shift"] > table.loc["total", "day shift"] == 0
    assert room.sentence().startswith("night shift leads")


def test_a_saved_room_goes_on_where_it_was(room, tmp_path):
    again = TabletopRoom.load(room.save(tmp_path / "room.json"))
    for name in room.teams:
        old, new = room.team(name), again.team(name)
        assert (old.minute, old.decisions, old.messages) == (new.minute, new.decisions, new.messages)
        assert old.facts == new.facts and score(old) == score(new)
    again.advance(5)


def test_a_saved_game_holds_decisions_and_nothing_of_the_log(room, tmp_path):
    text = room.save(tmp_path / "room.json").read_text()
    assert "staff-" not in text and "rec-" not in text and len(text) < 3_000


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.update(format="secure-ai tabletop 9"), "format is not as it should be"),
        (lambda c: c.update(seed="2"), "seed"),
        (lambda c: c.update(extra=1), "extra"),
        (lambda c: c.update(teams={}), "teams"),
        (lambda c: c["teams"].update({"<b>": []}), "teams"),
        (lambda c: c["teams"]["night shift"].append({"do": "cheat"}), "teams"),
        (lambda c: c["teams"]["night shift"].append({"do": "advance", "minutes": 1e9}), "teams"),
        (
            lambda c: c["teams"]["night shift"].append({"do": "decide", "action": "x", "by": "legal"}),
            "decision 4",
        ),
        (lambda c: c.update(plan="0" * 64), "another plan"),
        (lambda c: c.update(scenario="flood"), "no scenario 'flood'"),
    ],
)
def test_a_changed_game_is_refused(room, tmp_path, change, sentence):
    file = room.save(tmp_path / "room.json")
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=sentence):
        TabletopRoom.load(file)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00", "[]", "null"])
def test_what_is_no_game_is_said_to_be_none(tmp_path, text):
    file = tmp_path / "room.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"The game room\.json"):
        TabletopRoom.load(file)


def test_a_game_that_cannot_be_written_leaves_the_old_one(room, tmp_path):
    with pytest.raises(UserError, match=r"room\.json"):
        (tmp_path / "room.json").mkdir()
        room.save(tmp_path / "room.json")
    with pytest.raises(UserError, match="cannot be read"):
        TabletopRoom.load(tmp_path / "missing.json")


@pytest.mark.parametrize("teams", [[], ["a", "a"], ["x" * 40], ["a/b"], [""], [f"t{i}" for i in range(51)]])
def test_teams_need_plain_names(teams):
    with pytest.raises(UserError, match="team"):
        TabletopRoom("insider", teams=teams)
    with pytest.raises(UserError, match="no team"):
        TabletopRoom("insider", teams="one").team("two")


def test_the_report_is_the_same_for_the_same_decisions(report):
    again = play(Tabletop("exposed_store", "healthcare", seed=2))
    assert after_action(again) == report


def test_the_report_holds_the_score_the_timeline_the_drafts_and_no_outside_link(report):
    for part in ("What to take from it", "Legal clocks", "Timeline", "Notification to individuals", "[NAME]"):
        assert part in report.html and part in report.markdown
    assert not re.search(r"""(?:src|href)=["']https?:""", report.html) and "<script" not in report.html
    assert "rec-0" not in report.html and "rec-0" not in report.markdown


def test_the_report_says_what_a_bad_team_did():
    game = play(Tabletop("exposed_store", "healthcare", seed=2), "everything")
    report = after_action(game)
    assert "it was not true" in report.markdown and "nobody had to be told that" in report.markdown


def test_text_of_a_plan_cannot_become_markup():
    text = """
name: "<img src=x onerror=alert(1)> | x"
sector: healthcare
version: "1"
roles: {boss: decides}
steps:
  - {id: see, phase: detect, owner: boss, within_minutes: 5, what: "<b>look</b>",
     evidence: [n], actions: [debrief]}
"""
    game = play(Tabletop("insider", "healthcare", seed=2, plan=parse_plan(text)), "nothing")
    html = after_action(game).html
    assert "<img src=x" not in html and "<b>look" not in html


def test_the_report_is_written_whole(good, report, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "minutes.txt").write_text("of the meeting")
    files = write_after_action(good, tmp_path / "report")
    assert (tmp_path / "report" / "minutes.txt").exists()
    assert [file.name for file in files] == ["after_action.html", "after_action.md"]
    assert files[0].read_text() == report.html


@pytest.mark.parametrize("policy", ["by_plan", "nothing", "everything"])
def test_the_picture_states_its_finding(policy):
    game = play(Tabletop("insider", "finance", seed=2), policy)
    figure = plot_timeline(game)
    assert figure.get_suptitle() == timeline_sentence(game)
    assert str(len(game.world.records)) in timeline_sentence(game)
    assert all(axes.get_xlabel() for axes in figure.axes)


def test_a_picture_can_be_drawn_at_any_moment():
    game = Tabletop("exposed_store", "healthcare", seed=2)
    assert plot_timeline(game).axes
    game.decide("confirm_alert", by="security")
    assert "still goes on" in timeline_sentence(game)


@pytest.mark.parametrize("what", [None, 5, [[]], [1, 2], {"a": 1}.values()])
def test_teams_and_files_of_another_type_are_said(what):
    with pytest.raises(UserError):
        TabletopRoom("insider", teams=what)
    with pytest.raises(UserError):
        TabletopRoom.load(what)
