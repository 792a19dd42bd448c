"""A seat in a workshop: what is sent and what never is, a board that is away, hints that arrive."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from secure_ai.core import UserError
from secure_ai.learn import parameters, seat, seat_bar
from secure_ai.learn.engine import KnownWrong, Lab, correct, incorrect

SECRET = "patient Huber 4711"


class Board:
    """A board that only notes what it is sent."""

    def __init__(self, port=0):
        self.events, self.submissions, self.tokens = [], [], []
        self.name, self.status, self.messages, self.last = "first", 200, [], 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, body):
                data = json.dumps(body).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.tokens.append(self.headers["Authorization"])
                if outer.status == 200:
                    (outer.events if self.path.endswith("event") else outer.submissions).append(body)
                self.answer({"inbox": outer.last, "board": outer.name})

            def do_GET(self):
                timer = {
                    "step": 1,
                    "of": 2,
                    "title": "Encryption",
                    "next": "Break",
                    "left": 725,
                    "running": True,
                }
                if "since=0" not in self.path and not outer.messages:
                    time.sleep(0.2)
                self.answer(
                    {"board": outer.name, "last": outer.last, "messages": outer.messages, "timer": timer}
                )

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def board():
    one = Board()
    yield one
    one.close()


@pytest.fixture
def workshop(board, monkeypatch, tmp_path):
    monkeypatch.setenv("SECURE_AI_BOARD", f"http://127.0.0.1:{board.port}/services/board/")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "its-token")
    monkeypatch.setenv("SECURE_AI_PROGRESS", "off")
    monkeypatch.setattr(seat, "PAUSES", (0.05,))
    monkeypatch.setattr(seat_bar, "PAUSES", (0.05,))
    seat._seats.clear()
    yield board
    for one in seat._seats.values():
        one.close()
    for bar in seat_bar._bars.values():
        bar.close()
    seat._seats.clear()
    seat_bar._bars.clear()


def make_lab():
    lab = Lab("05_test", title="Test")

    @lab.task(prompt="Say yes.", hints=("a", "b"), known_wrong=(KnownWrong("no", "no."),), solution="yes")
    def answer(value):
        return correct("Yes.") if value == "yes" else incorrect("this is not yes.", "Try again.")

    return lab, answer


def test_nothing_happens_without_a_workshop(monkeypatch):
    monkeypatch.delenv("SECURE_AI_BOARD", raising=False)
    monkeypatch.setenv("SECURE_AI_PROGRESS", "off")
    monkeypatch.setattr(seat.Seat, "put", lambda *_: pytest.fail("something was sent"))
    threads = threading.active_count()
    lab, answer = make_lab()
    assert not answer.check("no").accepted
    answer.hint()
    parameters.check_parameters(sector="healthcare", seed=7, rows=1_000)
    assert threading.active_count() == threads
    assert seat_bar.bar() is None
    with pytest.raises(UserError, match="no workshop"):
        seat.submit(lab)


def test_every_check_is_one_event_in_order(workshop):
    _, answer = make_lab()
    answer.check(SECRET)
    answer.hint(2)
    answer.check(...)
    answer.check("yes")
    assert seat.here().flush(10)
    told = [(one["task"], one["status"], one["message"], one["hints_used"]) for one in workshop.events]
    assert told[0] == ("", "opened", "", 0)
    assert told[1] == ("answer", "incorrect", "this is not yes.", 0)
    assert told[2] == ("answer", "hint", "", 2)
    assert [one[1] for one in told[3:]] == ["not_attempted", "correct"]
    assert {one["lab"] for one in workshop.events} == {"05_test"}
    assert set(workshop.tokens) == {"token its-token"}


def test_no_value_of_a_learner_is_sent_by_a_check(workshop):
    _, answer = make_lab()
    answer.check(SECRET)
    assert seat.here().flush(10)
    assert SECRET not in json.dumps(workshop.events)


def test_a_check_waits_for_no_board(workshop, monkeypatch):
    """The board takes connections and never answers: the check is done while the event still waits."""
    silent = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("SECURE_AI_BOARD", f"http://127.0.0.1:{silent.getsockname()[1]}/")
    _, answer = make_lab()
    assert answer.check("yes").accepted
    assert len(seat.here().waiting) == 2
    silent.close()


@pytest.mark.parametrize(
    "address",
    ["nonsense", "ftp://x/", "http://", "http://[::bad/", "http://127.0.0.1:1/", "http://\x00/", " "],
)
def test_an_odd_address_breaks_no_check(workshop, monkeypatch, address):
    monkeypatch.setitem(__import__("os").environ, "SECURE_AI_BOARD", address.replace("\x00", "%00"))
    _, answer = make_lab()
    assert answer.check("yes").accepted
    assert not answer.check("no").accepted


def test_a_broken_seat_breaks_no_check(workshop, monkeypatch):
    monkeypatch.setattr(seat, "here", lambda: 1 / 0)
    _, answer = make_lab()
    assert answer.check("yes").accepted


def test_what_happened_while_the_board_was_away_is_sent_when_it_is_back(workshop):
    _, answer = make_lab()
    assert seat.here().flush(10)
    workshop.status = 503
    answer.check("no")
    answer.check("yes")
    assert not seat.here().flush(0.3)
    workshop.status = 200
    assert seat.here().flush(10)
    assert [one["status"] for one in workshop.events] == ["opened", "incorrect", "correct"]


def test_a_board_that_begins_anew_is_told_how_things_stand(workshop):
    _, answer = make_lab()
    answer.check("yes")
    assert seat.here().flush(10)
    workshop.name, workshop.events = "second", []
    answer.check("no")
    assert seat.here().flush(10)
    assert [one["status"] for one in workshop.events] == ["incorrect", "opened", "correct"]


def test_a_board_that_is_long_away_costs_no_memory(workshop):
    workshop.status = 503
    here = seat.here()
    for number in range(3 * seat.MOST_WAITING):
        here.put({"lab": "05_test", "task": f"task{number % 7}", "status": "incorrect", "number": number})
    assert len(here.waiting) <= seat.MOST_WAITING
    newest = {one["task"]: one["number"] for one in here.waiting}
    assert sorted(newest.values()) == list(range(3 * seat.MOST_WAITING - 7, 3 * seat.MOST_WAITING))


def test_what_the_board_refuses_does_not_hold_up_the_rest(workshop):
    workshop.status = 400
    _, answer = make_lab()
    assert seat.here().flush(10)
    workshop.status = 200
    answer.check("yes")
    assert seat.here().flush(10)
    assert [one["status"] for one in workshop.events] == ["correct"]


def test_submit_sends_the_notebook_and_says_what_was_sent(workshop, tmp_path, monkeypatch):
    lab, _ = make_lab()
    node = {"cells": [{"source": SECRET}], "metadata": {}}
    (tmp_path / "05_test.ipynb").write_text(json.dumps(node))
    (tmp_path / "other.ipynb").write_text(json.dumps({"cells": []}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "other.ipynb"))
    note = seat.submit(lab)
    assert workshop.submissions == [{"lab": "05_test", "notebook": node}]
    assert "05_test.ipynb" in note.text()
    assert "your code" in note.text()
    assert str(tmp_path) not in note.text()


@pytest.mark.parametrize(
    ("content", "sentence"), [("{", "no notebook"), ("[]", "no notebook"), ('{"cells": 1}', "no notebook")]
)
def test_what_is_no_notebook_is_not_handed_in(workshop, tmp_path, content, sentence):
    file = tmp_path / "05_test.ipynb"
    file.write_text(content)
    with pytest.raises(UserError, match=sentence) as caught:
        seat.submit("05_test", file)
    assert str(tmp_path) not in str(caught.value)
    assert not workshop.submissions


@pytest.mark.parametrize(("status", "sentence"), [(429, "wait a minute"), (400, "did not take it")])
def test_a_submission_that_is_not_taken_is_said(workshop, tmp_path, status, sentence):
    file = tmp_path / "05_test.ipynb"
    file.write_text('{"cells": []}')
    workshop.status = status
    with pytest.raises(UserError, match=sentence):
        seat.submit("05_test", file)


def test_a_missing_or_huge_notebook_is_said(workshop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="was not found"):
        seat.submit("no_such_lab")
    with pytest.raises(UserError, match="cannot be read"):
        seat.submit("05_test", tmp_path / "none.ipynb")
    monkeypatch.setattr(seat, "MOST_BYTES", 10)
    (tmp_path / "05_test.ipynb").write_text('{"cells": [      ]}')
    with pytest.raises(UserError, match="clear its outputs"):
        seat.submit("05_test", tmp_path / "05_test.ipynb")


def test_solutions_are_those_released(monkeypatch, tmp_path):
    monkeypatch.setenv("SECURE_AI_PROGRESS", "off")
    monkeypatch.setenv("SECURE_AI_SOLUTIONS", str(tmp_path))
    _, answer = make_lab()
    assert "Your instructor has not released the solution yet." in answer.solution().text()
    (tmp_path / "solutions.json").write_text(json.dumps({"05_test": {"answer": "answer = 'yes'"}}))
    assert "answer = 'yes'" in answer.solution().text()
    (tmp_path / "solutions.json").write_text("{")
    assert "has not released" in answer.solution().text()


def eventually(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_hints_arrive_in_the_bar_and_in_its_text(workshop):
    bar = seat_bar.bar()
    bar.widget()
    eventually(lambda: "13 minutes left" in bar.line.value)
    assert "Step 1 of 2: Encryption" in bar.state()
    assert bar.said() == []
    workshop.last = 1
    workshop.messages = [{"id": 1, "kind": "hint", "text": "Look <b>here</b>.", "lab": "x", "task": "answer"}]
    eventually(lambda: "Look" in bar.news.value)
    assert "Look &lt;b&gt;here" in bar.news.value  # text, not HTML
    assert "Hint from your instructor on `answer`: Look <b>here</b>." in bar.note().text()
    bar._put_away(None)
    assert "Look" not in bar.news.value


def test_a_board_that_is_away_is_said_and_listened_for(workshop):
    bar = seat_bar.bar()
    eventually(lambda: bar.timer)
    workshop.status = 503
    eventually(lambda: bar.away)
    assert seat_bar.AWAY in bar.state()
    workshop.status = 200
    eventually(lambda: not bar.away)


def test_the_time_goes_on_between_two_answers(workshop):
    now = [0.0]
    bar = seat_bar.Bar(seat.here(), lambda: now[0])
    timer = {"step": 2, "of": 2, "title": "Lab", "next": "", "left": 120, "running": True}
    bar.take({"board": "b", "last": 3, "messages": [], "timer": timer})
    assert bar.state().startswith("2 minutes left · Step 2 of 2: Lab")
    now[0] = 61
    assert bar.state().startswith("1 minute left")
    now[0] = 200
    assert bar.state().startswith("2 minutes over time")
    bar.take({"board": "b", "last": 3, "messages": [], "timer": timer | {"running": False}})
    now[0] = 999
    assert bar.state().startswith("2 minutes left (the timer stands)")


def test_the_bar_is_at_the_top_of_a_lab_and_only_in_a_kernel(workshop, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(seat_bar, "show_with_text", lambda *args, **_: shown.append(args))
    parameters.check_parameters(sector="healthcare", seed=7, rows=1_000)
    assert not shown

    class Shell:
        history_manager = None

    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", Shell, raising=False)
    seat_bar.show_bar()
    assert len(shown) == 1
