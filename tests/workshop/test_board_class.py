"""The rules of the board: where a seat is, when it is stuck, what the class got wrong, the timer."""

from __future__ import annotations

import pytest

from secure_ai.workshop.hub.board.agenda import Agenda
from secure_ai.workshop.hub.board.classroom import (
    AWAY_SECONDS,
    MOST_WRONGS,
    OTHER,
    QUIET_MINUTES,
    STUCK_MINUTES,
    Classroom,
)
from secure_ai.workshop.hub.board.database import Database
from tests.workshop.board_class import AGENDA, labs, masker, script, settings_of

LAB = "05_anonymize_tables"
TASKS = [task.name for task in labs()[LAB].tasks]


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now

    def minutes(self, minutes):
        self.now += 60 * minutes


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def room(clock):
    return Classroom(settings_of(), labs(), masker(), Database(":memory:"), clock)


def seat(room, name="seat-01"):
    return next(one for one in room.shown()["seats"] if one["name"] == name)


def fail(room, clock, times, *, minutes=1.0, task=TASKS[0], name="seat-01"):
    for _ in range(times):
        clock.minutes(minutes)
        room.event(name, LAB, task, "incorrect", message="the column 'x1' is missing.")


def test_a_seat_nobody_took_is_not_here(room):
    assert seat(room)["word"] == "not here yet"
    room.contact("seat-01")
    assert seat(room)["word"] == "here"


def test_who_signed_in_and_opened_no_lab_yet_is_told_from_who_did_not(clock):
    taken = ["seat-02"]
    room = Classroom(
        settings_of(), labs(), masker(), Database(":memory:"), clock, signed_in=lambda: tuple(taken)
    )
    assert [one["word"] for one in room.shown()["seats"]] == ["not here yet", "signed in", "not here yet"]
    room.event("seat-02", LAB, "", "opened")
    assert seat(room, "seat-02")["word"] == "working"


def test_opening_a_lab_puts_a_seat_at_its_first_task(room):
    room.event("seat-01", LAB, "", "opened")
    assert (seat(room)["task"], seat(room)["word"]) == (TASKS[0], "working")


def test_stuck_counts_minutes_since_the_last_progress_while_tries_go_on(room, clock):
    room.event("seat-01", LAB, "", "opened")
    fail(room, clock, 1, minutes=6)
    assert (seat(room)["stuck"], seat(room)["word"]) == (0, "not yet")  # one try is no pattern
    fail(room, clock, 1)
    assert (seat(room)["stuck"], seat(room)["word"]) == (7, "stuck")
    clock.minutes(QUIET_MINUTES + 1)
    room.contact("seat-01")
    assert (seat(room)["stuck"], seat(room)["word"]) == (0, "quiet")  # tries do not go on


def test_two_quick_tries_are_not_stuck(room, clock):
    room.event("seat-01", LAB, "", "opened")
    fail(room, clock, 4, minutes=(STUCK_MINUTES - 1) / 4)
    assert seat(room)["word"] == "not yet"


def test_solving_a_task_is_progress_and_leads_to_the_next(room, clock):
    room.event("seat-01", LAB, "", "opened")
    fail(room, clock, 8)
    room.event("seat-01", LAB, TASKS[0], "correct", message="Yes.")
    now = seat(room)
    assert (now["task"], now["word"], now["stuck"], now["minutes"]) == (TASKS[1], "working", 0, 0)
    assert now["tasks"][TASKS[0]]["tries"] == 9


def test_the_first_try_at_another_task_is_progress_the_second_task_again_is_not(room, clock):
    room.event("seat-01", LAB, "", "opened")
    fail(room, clock, 6)
    room.event("seat-01", LAB, TASKS[2], "incorrect", message="no.")
    assert (seat(room)["task"], seat(room)["stuck"]) == (TASKS[2], 0)
    fail(room, clock, 8, task=TASKS[0])
    assert seat(room)["stuck"] == 8


def test_running_all_cells_again_moves_nobody_and_counts_no_try(room):
    room.event("seat-01", LAB, "", "opened")
    for task in TASKS[:2]:
        room.event("seat-01", LAB, task, "correct", message="Yes.")
    before = seat(room)
    for task in TASKS:
        room.event("seat-01", LAB, task, "correct" if task in TASKS[:2] else "not_attempted")
    assert seat(room) == before


def test_a_solved_task_stays_solved(room):
    room.event("seat-01", LAB, TASKS[0], "correct", message="Yes.")
    room.event("seat-01", LAB, TASKS[0], "incorrect", message="no.")
    assert seat(room)["tasks"][TASKS[0]]["status"] == "correct"


def test_all_solved_is_done(room):
    for task in reversed(TASKS):
        room.event("seat-01", LAB, task, "correct", message="Yes.")
    assert (seat(room)["task"], seat(room)["word"], seat(room)["minutes"]) == ("", "done", None)


def test_a_seat_that_falls_silent_is_away(room, clock):
    room.event("seat-01", LAB, "", "opened")
    clock.now += AWAY_SECONDS + 1
    assert seat(room)["word"] == "away"


def test_hints_are_counted_by_the_highest(room):
    room.event("seat-01", LAB, TASKS[0], "incorrect", message="no.")
    room.event("seat-01", LAB, TASKS[0], "hint", hints=2)
    room.event("seat-01", LAB, TASKS[0], "incorrect", message="no.", hints=1)
    assert seat(room)["hints"] == 2


@pytest.mark.parametrize(
    ("lab", "task", "status"),
    [
        ("nowhere", "", "opened"),
        (LAB, "no_such", "correct"),
        (LAB, TASKS[0], "excellent"),
        (LAB, "", "correct"),
        (LAB, TASKS[0], "opened"),
    ],
)
def test_what_there_is_not_is_refused_and_changes_nothing(room, lab, task, status):
    before = room.shown()["seats"]
    with pytest.raises(ValueError, match="There is no such"):
        room.event("seat-01", lab, task, status)
    assert room.shown()["seats"] == before


def test_wrong_answers_are_counted_by_message_and_show_no_value(room):
    for name, value in (("seat-01", "Huber"), ("seat-02", "Meier")):
        room.event(name, LAB, TASKS[0], "incorrect", message=f"the column '{value}' is missing: 17 rows.")
    room.event("seat-02", LAB, TASKS[0], "incorrect", message="the column 'Z' is missing: 4 rows.")
    room.event("seat-01", LAB, TASKS[0], "correct", message="Yes.")
    (found,) = room.shown()["wrongs"]
    assert found["messages"] == [
        {"message": "the column … is missing: … rows.", "seats": 2, "tries": 3, "now": 1}
    ]
    assert not any(value in str(room.shown()) for value in ("Huber", "Meier", "17"))


def test_a_seat_that_sends_ever_new_messages_fills_nothing(room):
    words = sorted(room.mask.vocabulary)
    for word in words[: MOST_WRONGS + 50]:
        room.event("seat-01", LAB, TASKS[0], "incorrect", message=f"the {word} is missing.")
    assert len(room.wrongs[LAB, TASKS[0]]) <= MOST_WRONGS + 1
    assert OTHER in room.wrongs[LAB, TASKS[0]]


def test_the_page_has_no_name_of_a_learner(room):
    fail(room, room.clock, 2)
    assert "Learner Name" not in str(room.shown())


def test_messages_reach_those_they_are_for_once(room):
    room.say("hint", "Look at the ages.", ["seat-01"], LAB, TASKS[0])
    room.say("announcement", "Coffee!")
    one, two = room.inbox("seat-01", 0), room.inbox("seat-02", 0)
    assert [item["text"] for item in one["messages"]] == ["Look at the ages.", "Coffee!"]
    assert [item["text"] for item in two["messages"]] == ["Coffee!"]
    assert room.inbox("seat-01", one["last"])["messages"] == []
    assert "seats" not in one["messages"][0]  # who else got it is nobody's business


def test_a_number_of_another_board_brings_no_old_messages(room):
    room.say("announcement", "Coffee!")
    assert room.inbox("seat-01", 99)["messages"] == []
    assert room.inbox("seat-01", 99)["last"] == 1


def test_those_who_try_a_task_are_found(room, clock):
    fail(room, clock, 1)
    room.event("seat-02", LAB, "", "opened")
    room.event("seat-03", LAB, TASKS[0], "correct", message="Yes.")
    assert room.stuck_on(LAB, TASKS[0]) == ["seat-01"]


def test_the_board_is_as_it_was_after_a_restart(tmp_path, clock):
    file = tmp_path / "private" / "board.sqlite"
    first = Classroom(settings_of(), labs(), masker(), Database(file), clock)
    first.event("seat-01", LAB, "", "opened")
    fail(first, clock, 7)
    first.do("next")
    first.do("start")
    first.say("hint", "Look.", ["seat-01"], LAB, TASKS[0])
    first.submit("seat-02", LAB, b'{"cells": []}')
    before, inbox, number = first.shown(), first.inbox("seat-01", 0), first.board
    first.database.close()
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    second = Classroom(settings_of(), labs(), masker(), Database(file), clock)
    for name in ("seat-01", "seat-02"):
        second.contact(name)
    after = second.shown()
    assert {**after, "seats": None} == {**before, "seats": None}
    assert [one["word"] for one in after["seats"]] == [one["word"] for one in before["seats"]]
    assert second.inbox("seat-01", 0) == inbox
    assert second.board == number


def test_submissions_keep_the_newest_and_what_there_is_room_for(room, monkeypatch):
    monkeypatch.setattr("secure_ai.workshop.hub.board.database.MOST_SUBMITTED_BYTES", 40)
    numbers = [room.submit("seat-01", LAB, f'{{"cells": [{n}]}}'.encode()) for n in range(5)]
    assert room.shown()["submissions"][0]["id"] == numbers[-1]
    assert room.database.submission(numbers[0]) is None
    assert room.database.submission(numbers[-1]) == ("seat-01", LAB, b'{"cells": [4]}')
    with pytest.raises(ValueError, match="no such lab"):
        room.submit("seat-01", "nowhere", b"{}")


def test_the_timer_runs_stands_and_goes_on():
    agenda = Agenda(AGENDA)
    assert agenda.shown(0)["left"] == 600
    assert not agenda.shown(50)["running"]
    agenda.do("start", 100)
    assert agenda.shown(160)["left"] == 540
    agenda.do("pause", 160)
    assert agenda.shown(999)["left"] == 540
    agenda.do("start", 1_000)
    agenda.do("next", 1_010)
    assert agenda.shown(1_010) == {
        "step": 2, "of": 4, "title": "Anonymize tables", "lab": LAB, "minutes": 45, "next": "Break",
        "left": 2_700, "running": True,
    }  # fmt: skip
    agenda.do("add", 1_010, 5)
    assert agenda.shown(1_010)["left"] == 3_000
    assert agenda.shown(1_010 + 3_060)["left"] == -60
    for _ in range(9):
        agenda.do("next", 2_000)
    assert (agenda.shown(2_000)["step"], agenda.shown(2_000)["next"]) == (4, "")
    for _ in range(9):
        agenda.do("back", 2_000)
    assert agenda.shown(2_000)["step"] == 1
    with pytest.raises(ValueError, match="explode"):
        agenda.do("explode", 0)


def test_a_room_without_an_agenda_has_one_step(clock):
    room = Classroom(settings_of(agenda=()), labs(), masker(), Database(":memory:"), clock)
    assert room.shown()["timer"]["left"] == 180 * 60


def test_a_whole_class_ends_with_every_task_solved(clock):
    """The scripted class works through a lab: nobody is left stuck, and every try is counted."""
    room = Classroom(settings_of(30), labs(), masker(), Database(":memory:"), clock)
    events, most = script(30), 0
    start = clock.now
    for at, name, event in events:
        clock.now = start + at
        room.event(name, event["lab"], event["task"], event["status"], message=event.get("message", ""),
                   hints=event.get("hints_used", 0))  # fmt: skip
        most = max(most, sum(one["word"] == "stuck" for one in room.shown()["seats"]))
    assert 1 <= most <= 6  # the slow ones
    assert {one["word"] for one in room.shown()["seats"]} <= {"done", "away"}
    wrong = sum(row["tries"] for one in room.shown()["wrongs"] for row in one["messages"])
    assert wrong == sum(event["status"] in ("incorrect", "error") for _, _, event in events)
