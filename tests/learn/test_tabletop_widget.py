"""Claims about the tabletop exercise and the facilitator's view: widget, text and terminal play one game."""

from __future__ import annotations

import re

import pytest

from secure_ai.core import UserError
from secure_ai.govern.incidents import Tabletop, TabletopRoom, play, score
from secure_ai.govern.incidents.tabletop.actions import ACTIONS, BY_ID, QUESTIONS
from secure_ai.govern.incidents.tabletop.engine import LENGTH
from secure_ai.govern.incidents.tabletop.world import Message
from secure_ai.learn import tabletop_exercise
from secure_ai.learn.facilitator import FacilitatorView
from secure_ai.learn.facilitator_widget import FacilitatorControls
from secure_ai.learn.tabletop_exercise import TabletopExercise
from secure_ai.learn.tabletop_widget import TabletopControls
from secure_ai.learn.terminal import play_in_terminal
from tests.learn.scripted import Script

HOSTILE = "<script>alert(1)</script><img src=x>"


@pytest.fixture
def exercise():
    return TabletopExercise(Tabletop("exposed_store", "healthcare", seed=1))


@pytest.fixture(scope="module")
def played():
    return TabletopExercise(play(Tabletop("insider", "finance", seed=2)))


def press(controls, name):
    button(controls.box, name).click()


def button(box, name):
    for child in getattr(box, "children", ()):
        found = child if getattr(child, "description", "") == name and hasattr(child, "click") else None
        found = found or button(child, name)
        if found is not None:
            return found
    return None


# ---------------------------------------------------------------- what is shown


@pytest.mark.parametrize("scenario", ["exposed_store", "insider"])
@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_the_situation_as_text_holds_all_that_a_team_needs_to_go_on(scenario, sector):
    exercise = TabletopExercise(Tabletop(scenario, sector, seed=3))
    said = exercise.look().text()
    for part in (
        "The incident:",
        "Now:",
        "What has arrived",
        "lines of the log",
        "Legal clocks",
        "How to go on",
    ):
        assert part in said
    assert all(action.id in said for action in ACTIONS) and all(one.id in said for one in QUESTIONS)
    assert all(role in said for role in exercise.tabletop.roles)
    assert max(len(line) for line in exercise.actions().text().splitlines()) <= 96


def test_the_code_that_the_text_proposes_runs(exercise):
    code = exercise.look().code
    assert code.count("\nexercise.") == 3
    exec(code.replace("exercise.finish()", "exercise.status()"), {"exercise": exercise})
    assert len(exercise.tabletop.decisions) == 1 and len(exercise.tabletop.answers) == 1


def test_an_action_is_listed_with_the_plans_owner_and_its_minutes(exercise):
    rows = {row[0]: row for row in exercise.actions().rows}
    game = exercise.tabletop
    assert all(rows[one.id][2:] == (game.owner_of(one), f"{one.minutes} min") for one in ACTIONS)


def test_harm_is_said_only_when_the_exercise_is_over(exercise):
    exercise.decide("rebuild_server", by="security")
    exercise.wait(150)
    why = BY_ID["rebuild_server"].why
    assert exercise.tabletop.decisions[0].harm and why not in exercise.look().text()
    exercise.finish()
    flat = re.sub(r"\s+", " ", exercise.look().text())
    assert why in flat


def test_waiting_stops_when_something_arrives_or_after_eight_hours(exercise):
    exercise.decide("confirm_alert", by="security")
    assert "It is an incident." in exercise.wait().text() and exercise.tabletop.minute <= 11
    late = TabletopExercise(Tabletop("insider", "healthcare", seed=1))
    late.tabletop.advance(4_000)
    start = late.tabletop.minute
    assert "Nothing has arrived" in late.wait().text() and late.tabletop.minute - start <= 485


def test_a_clock_says_whether_it_runs_and_what_is_left(played):
    rows = {row[0]: row[1:] for row in played.clocks().rows}
    states = {f"{c.name} ({c.reference})": c for c in played.tabletop.clocks()}
    for name, (status, when, _) in rows.items():
        assert status == ("runs" if states[name].status == "applies" else "undecided")
        assert (states[name].deadline is None) or "left" in when or "overdue" in when
    assert all(c.name in played.clocks().after for c in states.values() if c.status == "not_applicable")


def test_the_result_gives_every_step_its_points_and_the_timeline_its_words(played):
    found, result = score(played.tabletop), played.result()
    assert found.sentence() in result.text() and "Timeline:" in result.text()
    assert len(result.table.rows) == len(found.steps) + 2 + len(found.deductions)


def test_a_message_is_text_whatever_it_holds(exercise):
    exercise.tabletop.world.messages.append(Message(0, HOSTILE, HOSTILE))
    controls = TabletopControls(exercise)
    assert "<script" not in exercise.look().html() + controls.messages.value
    assert "&lt;script" in controls.messages.value


# ---------------------------------------------------------------- widget


def test_the_widget_decides_asks_and_waits_as_the_code_does():
    one, two = (TabletopExercise(Tabletop("insider", "healthcare", seed=4)) for _ in range(2))
    controls = TabletopControls(one)
    controls.role.value, controls.action.value = "security", "confirm_alert"
    press(controls, "Decide")
    assert two.decide("confirm_alert", by="security").html() in controls.said.value
    controls.question.value = "what_data"
    press(controls, "Ask")
    assert two.ask("what_data").html() in controls.said.value
    controls.wait.value = 60
    press(controls, "Wait")
    assert two.wait(60).html() in controls.said.value
    assert one.tabletop.commands == two.tabletop.commands
    assert two.log().html() in controls.views["Log"].value
    assert two.decisions().html() in controls.views["Decisions so far"].value
    controls.look_at.value = "Legal clocks"
    assert two.clocks().html() in controls.view.children[0].value
    assert 'role="status"' in controls.now.value and "minute 76" in controls.now.value
    assert "(decided) Look at" in {v: k for k, v in controls.action.options}["confirm_alert"]


def test_pressing_without_a_choice_or_twice_says_what_is_missing(exercise):
    controls = TabletopControls(exercise)
    press(controls, "Decide")
    assert "Choose a role and an action" in controls.said.value
    press(controls, "Ask")
    assert "Choose a question" in controls.said.value
    controls.role.value, controls.action.value = "security", "confirm_alert"
    press(controls, "Decide")
    press(controls, "Decide")
    assert "Not possible:" in controls.said.value and len(exercise.tabletop.decisions) == 1


def test_finishing_takes_two_presses_and_then_shows_the_result_and_the_report(exercise, tmp_path):
    controls = TabletopControls(exercise)
    press(controls, "Finish: let the rest pass")
    assert not exercise.tabletop.over and "once more" in controls.said.value
    press(controls, "Finish: let the rest pass")
    assert exercise.tabletop.over and exercise.result().table.html() in controls.result.value
    assert '<img alt="Timeline. ' in controls.result.value
    assert controls.choices not in controls.box.children
    controls.folder.value = str(tmp_path / "report")
    press(controls, "Write the after-action report")
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"after_action.html", "after_action.md"}
    assert "Written into" in controls.said.value
    controls.folder.value = "\x00"
    press(controls, "Write the after-action report")
    assert "Not written:" in controls.said.value


def test_another_button_takes_the_first_press_of_finish_back(exercise):
    controls = TabletopControls(exercise)
    press(controls, "Finish: let the rest pass")
    press(controls, "Wait")
    press(controls, "Finish: let the rest pass")
    assert not exercise.tabletop.over


def test_a_report_leaves_what_else_its_folder_holds(played, tmp_path):
    (tmp_path / "lesson.ipynb").write_text("mine")
    for folder in ("", " "):
        with pytest.raises(UserError, match="Name a folder"):
            played.write_report(folder)
    played.write_report(tmp_path)
    assert (tmp_path / "lesson.ipynb").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError):
        played.write_report(tmp_path / "file")


@pytest.mark.parametrize("kind", [TabletopExercise, FacilitatorView])
def test_without_widgets_only_the_text_is_shown(kind, monkeypatch):
    given = Tabletop() if kind is TabletopExercise else TabletopRoom()
    shown, view = [], kind(given)
    monkeypatch.setenv("SECURE_AI_WIDGETS", "off")
    monkeypatch.setattr("IPython.display.display", shown.append)
    view.show()
    assert [item.text() for item in shown] == [view.look().text()]
    monkeypatch.delenv("SECURE_AI_WIDGETS")
    view.show()
    assert len(shown) == 3 and shown[2].html().startswith("<details")
    with pytest.raises(UserError, match="needs a"):
        kind("game")


# ---------------------------------------------------------------- facilitator


@pytest.fixture
def view():
    return FacilitatorView(TabletopRoom("insider", "healthcare", seed=1, teams=["red", "blue"]))


def test_the_facilitator_lets_time_pass_for_all_and_sees_the_teams_side_by_side(view):
    controls = FacilitatorControls(view)
    controls.team.value, controls.role.value, controls.action.value = "blue", "security", "confirm_alert"
    press(controls, "Decide for this team")
    controls.question.value = "what_data"
    press(controls, "Ask for this team")
    controls.wait.value = 30
    press(controls, "Advance all teams")
    assert view.room.team("red").minute == 30 and view.room.team("blue").minute == 46
    assert view.teams().html() in controls.table.value
    assert controls.side.value.count('role="group"') == 2
    said = view.look().text()
    assert "red\n" in said and "blue\n" in said and "facilitator.advance(15)" in said
    controls.team.value = "red"
    assert "(decided)" not in str(controls.action.options)


def test_a_saved_room_is_resumed_where_it_was(view, tmp_path):
    view.decide("red", "confirm_alert", by="security")
    view.advance(60)
    file = view.save(tmp_path / "room.json")
    other = FacilitatorView(TabletopRoom("exposed_store", "finance", teams=["a"]))
    controls = FacilitatorControls(other)
    controls.file.value = str(file)
    press(controls, "Resume a room")
    assert other.teams().text() == view.teams().text() and controls.team.options[0][1] == "red"
    assert "clinical_owner" in dict(controls.role.options).values()
    press(controls, "Save the room")
    assert "Saved" in controls.said.value


def test_saving_never_replaces_another_file_and_a_bad_file_leaves_the_room(view, tmp_path):
    lesson = tmp_path / "lesson.ipynb"
    lesson.write_text("mine")
    for path in (lesson, tmp_path, "", "\x00", "x" * 5_000):
        with pytest.raises(UserError):
            view.save(path)
    assert lesson.read_text() == "mine"
    room = view.room
    for path in (lesson, tmp_path / "none.json", "\x00", ""):
        with pytest.raises(UserError):
            view.resume(path)
    assert view.room is room


def test_a_room_that_is_over_says_so(view):
    view.advance(LENGTH)
    assert "over for every team" in view.advance(5).text()
    with pytest.raises(UserError, match="no team"):
        view.team("green")


# ---------------------------------------------------------------- in a terminal


def test_a_terminal_game_is_played_by_numbers_and_names(monkeypatch):
    written = []
    # The report itself, with its picture, is written in the claim about the widget.
    monkeypatch.setattr(
        tabletop_exercise, "write_after_action", lambda _, folder: written.append(folder) or written
    )
    game = Tabletop("insider", "healthcare", seed=1)
    script = Script(
        [
            "decide", "1", "2", "decide preserve_logs security", "wait 20", "ask 2", "ask", "is it over",
            "wait", "decide 4 2", "log 3", "actions", "questions", "roles", "messages", "clocks", "decisions",
            "plan", "help", "report my report", "finish",
        ]
    )  # fmt: skip
    ending = play_in_terminal(game, script.ask, script.say)
    assert [one.action for one in game.decisions] == ["confirm_alert", "preserve_logs", "disable_account"]
    assert [one.question for one in game.answers] == ["what_data", "is_it_over"]
    assert game.over and score(game).sentence() in ending and script.said[-1] == ending
    assert [path.name for path in written] == ["my report"]


@pytest.mark.parametrize("leaving", ["quit", "EXIT", EOFError, KeyboardInterrupt])
@pytest.mark.parametrize("before", [[], ["decide"], ["ask"], ["decide", "1"]])
def test_a_terminal_game_ends_cleanly_however_it_is_left(leaving, before):
    script = Script([*before, leaving])
    game = Tabletop("exposed_store", "finance", seed=1)
    assert "The exercise still goes on" in play_in_terminal(game, script.ask, script.say)
    assert "You left the exercise." in script.said and not game.decisions


def test_nonsense_in_a_terminal_changes_nothing_and_is_answered():
    nonsense = [
        "", "  ", "\x00\x1b[2J", "decide 99 2", "decide x y z", "decide 1 nobody", "ask 0", "ask ²",
        "wait -5", "wait 0", "wait 99999999", "wait " + "9" * 6_000, "wait soon", "log 0", "log many",
        "report",
        "dance", "❤" * 500,
    ]  # fmt: skip
    script, game = Script(nonsense), Tabletop("exposed_store", "finance", seed=1)
    play_in_terminal(game, script.ask, script.say)
    assert not game.commands and "is no command" in script.text() and "\x1b" not in script.text()


def test_two_terminal_games_with_the_same_lines_say_the_same():
    lines = ["decide 1 2", "wait", "ask 3", "finish"]
    said = []
    for _ in range(2):
        script = Script(lines)
        play_in_terminal(Tabletop("exposed_store", "healthcare", seed=5), script.ask, script.say)
        said.append(script.text())
    assert said[0] == said[1]
