"""The board's doors: who may do what, how much and how often, and how soon it is on the page."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.parse

import httpx
import pytest

from secure_ai.workshop.hub.board.web import EVENT_BYTES, Rate
from tests.workshop.board_class import XSRF, Running, labs, settings_of

LAB = "05_anonymize_tables"
TASK = labs()[LAB].tasks[0].name
EVENT = {
    "lab": LAB,
    "task": TASK,
    "status": "incorrect",
    "message": "a column was left out.",
    "hints_used": 0,
}
COOKIE = {"Cookie": "who=instructor", "X-XSRFToken": XSRF}


@pytest.fixture(scope="module")
def board():
    running = Running(settings_of(12)).start()
    yield running
    running.stop()


@pytest.fixture
def client(board):
    with httpx.Client(base_url=board.address, trust_env=False, timeout=20) as one:
        yield one


def as_seat(number):
    return {"Authorization": f"token seat-{number:02d}"}


INSTRUCTORS = [
    ("GET", "api/state"), ("GET", "api/names"), ("GET", "api/stream"), ("GET", "api/submission/1"),
    ("POST", "api/hint"), ("POST", "api/announce"), ("POST", "api/timer"),
]  # fmt: skip
SEATS = [("POST", "api/event"), ("POST", "api/submit"), ("GET", "api/inbox")]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), *INSTRUCTORS])
def test_no_learner_sees_the_board(client, method, path):
    answer = client.request(method, path, headers=as_seat(1), content=b"{}" if method == "POST" else None)
    assert answer.status_code == 403
    assert answer.json() == {"error": "Only the instructor may see the board."}


@pytest.mark.parametrize(("path", "who"), [("api/hint", as_seat(1)), ("api/submit", {})])
def test_a_refusal_arrives_though_the_body_comes_late(board, path, who):
    # Answered before the body was read, the connection was reset and no one read the sentence.
    address = urllib.parse.urlsplit(board.address + path)
    body = b"x" * 2_000
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in who.items())
    with socket.create_connection((address.hostname, address.port), timeout=20) as one:
        one.sendall(f"{head}\r\n".encode())
        time.sleep(0.2)
        one.sendall(body[:1_000])
        time.sleep(0.2)
        one.sendall(body[1_000:])
        answer = one.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403") and b"Only the instructor" in answer


@pytest.mark.parametrize(("method", "path"), INSTRUCTORS + SEATS)
@pytest.mark.parametrize("who", ["", "token stranger", "token seat-99", "Basic seat-01", "token ../seat-01"])
def test_strangers_are_refused(client, method, path, who):
    headers = {"Authorization": who} if who else {}
    assert client.request(method, path, headers=headers).status_code == 403


def test_a_stranger_who_opens_the_page_is_sent_to_sign_in(client):
    answer = client.get("")
    assert (answer.status_code, answer.headers["location"]) == (302, "/hub/login")


@pytest.mark.parametrize(("method", "path"), [one for one in INSTRUCTORS if one[0] == "POST"])
def test_an_order_without_the_xsrf_token_is_refused(client, method, path):
    assert client.request(method, path, headers={"Cookie": "who=instructor"}).status_code == 403


@pytest.mark.parametrize("path", ["", "api/state", "board.js", "board.css", "api/none", "../hub"])
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path, headers=COOKIE).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


def test_the_page_has_no_script_or_style_inline_and_nothing_from_the_network(client):
    page = client.get("", headers=COOKIE).text
    texts = [page, *(client.get(name).text for name in ("board.js", "view.js", "board.css"))]
    assert XSRF.replace("'", "&#x27;") in page or XSRF.replace("'", "&#39;") in page
    assert "<style" not in page
    assert " style=" not in page
    assert "onclick" not in page
    assert not any("innerHTML" in text for text in texts)
    assert not any(word in text for text in texts for word in ("http://", "https://", "//cdn"))


def test_a_seat_speaks_for_itself_alone(board, client):
    body = EVENT | {"seat": "seat-02", "name": "seat-02"}
    assert client.post("api/event", json=body, headers=as_seat(1)).status_code == 200
    assert board.classroom.seats["seat-01"]["tasks"]
    assert not board.classroom.seats["seat-02"]["tasks"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"\xff\xfe", b"null", b"[" * 4_000, json.dumps(EVENT | {"lab": "x"}).encode(),
        json.dumps(EVENT | {"task": 7}).encode(), json.dumps(EVENT | {"status": "%s"}).encode(),
        json.dumps(EVENT | {"hints_used": True}).encode(), json.dumps(EVENT | {"hints_used": 1e99}).encode(),
        json.dumps(EVENT | {"message": "a" * 5_000}).encode(), json.dumps(EVENT | {"lab": "\ud800"}).encode(),
    ],
)  # fmt: skip
def test_bad_events_are_one_sentence(client, body):
    answer = client.post("api/event", content=body, headers=as_seat(3))
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert "Traceback" not in answer.text


def test_what_is_too_large_is_not_read(client):
    answer = client.post("api/event", content=b"x" * (EVENT_BYTES + 1), headers=as_seat(3))
    assert answer.status_code in (400, 413)
    answer = client.post("api/submit", content=b" " * (13 * 2**20), headers=as_seat(3))
    assert answer.status_code in (400, 413)


def test_who_asks_too_often_waits_and_the_others_do_not(board, client, monkeypatch):
    # The clock stands: on a slow machine a second passes sooner than four requests.
    monkeypatch.setattr(board.application.settings["rates"]["event"], "clock", lambda: 0.0)
    codes = [client.post("api/event", json=EVENT, headers=as_seat(4)).status_code for _ in range(62)]
    assert codes == [200] * 60 + [429] * 2
    assert client.post("api/event", json=EVENT, headers=as_seat(5)).status_code == 200


def test_a_rate_lets_through_what_it_says():
    now = [0.0]
    rate = Rate(3, 0.5, lambda: now[0])
    assert [rate.wait("a") for _ in range(4)] == [0, 0, 0, 2]
    now[0] = 2.0
    assert [rate.wait("a"), rate.wait("b")] == [0, 0]
    assert rate.wait("a") > 0


def test_a_hint_wakes_the_seat_that_waits(board, client):
    got = []
    since = client.get("api/inbox", headers=as_seat(6)).json()["last"]

    def wait():
        with httpx.Client(base_url=board.address, trust_env=False, timeout=30) as other:
            got.append(other.get("api/inbox", params={"since": since, "wait": 20}, headers=as_seat(6)).json())

    thread = threading.Thread(target=wait)
    thread.start()
    while not board.application_polls():
        time.sleep(0.01)
    body = {"seats": ["seat-06"], "lab": LAB, "task": TASK, "number": 1}
    assert client.post("api/hint", json=body, headers=COOKIE).json()["seats"] == 1
    thread.join(15)  # without the hint it would wait for longer
    assert [one["text"] for one in got[0]["messages"]] == [labs()[LAB].tasks[0].hints[0]]
    assert got[0]["timer"]["title"] == "Welcome"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("api/hint", {"seats": "all", "lab": LAB, "task": TASK, "number": 9}),
        ("api/hint", {"seats": "all", "lab": LAB, "task": TASK, "number": 0}),
        ("api/hint", {"seats": "all", "number": 1}),
        ("api/hint", {"seats": "all", "lab": LAB, "task": "none", "text": "x"}),
        ("api/hint", {"seats": [], "text": "x"}),
        ("api/hint", {"seats": ["seat-01", "root"], "text": "x"}),
        ("api/hint", {"seats": {"a": 1}, "text": "x"}),
        ("api/hint", {"seats": [["seat-01"]], "text": "x"}),
        ("api/hint", {"seats": "all", "text": "  "}),
        ("api/hint", {"seats": "all", "text": "x" * 3_000}),
        ("api/hint", {"seats": "stuck", "lab": LAB, "task": labs()[LAB].tasks[4].name, "text": "x"}),
        ("api/announce", {"text": ""}),
        ("api/timer", {"action": "explode"}),
        ("api/timer", {"action": "add", "minutes": "5"}),
        ("api/timer", {}),
    ],
)
def test_bad_orders_are_one_sentence_and_do_nothing(board, client, path, body):
    last = board.classroom.last
    answer = client.post(path, json=body, headers=COOKIE)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
    assert board.classroom.last == last


def test_the_timer_reaches_the_seats(client):
    client.post("api/timer", json={"action": "next"}, headers=COOKIE)
    assert client.get("api/inbox", headers=as_seat(7)).json()["timer"]["title"] == "Anonymize tables"
    assert not client.post("api/timer", json={"action": "pause"}, headers=COOKIE).json()["running"]


def test_a_submission_is_a_file_for_the_instructor_alone(client):
    notebook = {"cells": [{"cell_type": "code", "source": "<script>alert(1)</script>"}]}
    answer = client.post("api/submit", json={"lab": LAB, "notebook": notebook}, headers=as_seat(8))
    number = answer.json()["submission"]
    assert client.get(f"api/submission/{number}", headers=as_seat(8)).status_code == 403
    found = client.get(f"api/submission/{number}", headers=COOKIE)
    assert found.json() == notebook
    assert found.headers["content-disposition"] == f'attachment; filename="seat-08-{LAB}.ipynb"'
    assert found.headers["content-type"] == "application/octet-stream"
    assert client.get("api/submission/999999999999999999999", headers=COOKIE).status_code == 404
    assert "alert" not in client.get("api/state", headers=COOKIE).text


@pytest.mark.parametrize(
    "body", [{}, {"lab": LAB}, {"lab": LAB, "notebook": []}, {"lab": "x", "notebook": {"cells": []}}]
)
def test_what_is_no_notebook_is_not_taken(client, body):
    assert client.post("api/submit", json=body, headers=as_seat(9)).status_code == 400


@pytest.mark.parametrize("query", ["since=x", "since=1&wait=nan", "since=1&wait=-5", "wait=1e400"])
def test_odd_questions_of_a_seat_are_answered_at_once_or_refused(client, query):
    assert client.get(f"api/inbox?{query}", headers=as_seat(10)).status_code in (200, 400)


def test_names_are_told_when_asked_for(client):
    assert client.get("api/names", headers=COOKIE).json()["seat-03"] == "Learner Name3"
    assert "Learner" not in client.get("api/state", headers=COOKIE).text


def test_an_event_is_on_the_stream(client, board):
    """The picture changes by itself once a seat speaks: the next state in the stream has it."""
    with client.stream("GET", "api/stream", headers=COOKIE) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        first = json.loads(next(lines)[6:])
        assert not next(one for one in first["seats"] if one["name"] == "seat-11")["lab"]
        httpx.post(f"{board.address}api/event", json=EVENT, headers=as_seat(11), trust_env=False)
        second = json.loads(next(lines)[6:])
    seat = next(one for one in second["seats"] if one["name"] == "seat-11")
    assert (seat["task"], seat["word"], seat["tries"]) == (TASK, "not yet", 1)
