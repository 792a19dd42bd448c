"""Endpoints are asked like models; one that fails, stalls, limits or lies is a reason and never a score."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from secure_ai.access.scoring import AnswerPolicy, ModelCard, RateLimit, ServiceAccount, run_model
from secure_ai.attack.targets import HttpEndpoint, ScoringEndpoint, TargetError, check_target, open_target
from secure_ai.attack.targets.errors import reason_instead
from secure_ai.core import Unassessed, UserError
from secure_ai.encrypt.transport import lesson_authority, serve
from secure_ai.encrypt.transport.gate import Admitted
from secure_ai.encrypt.transport.scoring_service import serve_gate

ROWS = np.random.default_rng(5).normal(size=(120, 3))
MODEL = LogisticRegression().fit(ROWS, ROWS[:, 0] > 0)
CANARY = "Zebulon-Quartermaine"


@contextmanager
def http(answer) -> Iterator[tuple[str, list[dict]]]:
    """A server whose ``answer(payload, number)`` gives (status, headers, body); the requests that it saw."""
    seen: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append({"payload": payload, "token": self.headers.get("Authorization")})
            status, headers, body = answer(payload, len(seen))
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": len(body), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/score", seen
        finally:
            server.shutdown()
            thread.join()


def quick(url, **more):
    return HttpEndpoint(url, **{"sleep": lambda seconds: None, "timeout": 2.0, **more})


def chances(rows):
    return MODEL.predict_proba(np.asarray(rows, dtype=float)).tolist()


@pytest.mark.parametrize(
    ("form", "rows_of", "response", "wrap"),
    [
        (
            "records",
            lambda p: [list(r.values()) for r in p["records"]],
            "predictions",
            lambda a: {"predictions": a},
        ),
        ("instances", lambda p: p["instances"], "outputs.0.data", lambda a: {"outputs": [{"data": a}]}),
        (
            "dataframe_split",
            lambda p: p["dataframe_split"]["data"],
            "predictions.*.probability",
            lambda a: {"predictions": [{"probability": one} for one in a]},
        ),
        (
            lambda frame: {"text": frame.to_csv(index=False)},
            lambda p: [line.split(",") for line in p["text"].split()[1:]],
            lambda value: [one[1] for one in value],
            lambda a: a,
        ),
    ],
    ids=["records", "instances", "mlflow", "own functions"],
)
def test_the_usual_ways_to_serve_a_model_are_understood(form, rows_of, response, wrap):
    with (
        http(lambda payload, _: (200, {}, wrap(chances(rows_of(payload))))) as (url, seen),
        quick(url, request=form, response=response, batch=50) as endpoint,
    ):
        target = open_target(endpoint)
        assert np.allclose(target.probabilities(ROWS), MODEL.predict_proba(ROWS), atol=1e-12)
        assert (len(seen), target.queries) == (3, 120)
        check_target(target, ROWS)


def test_labels_come_back_as_they_are():
    def answer(payload, _):
        return 200, {}, {"predictions": ["yes" if row["x0"] > 0 else "no" for row in payload["records"]]}

    with http(answer) as (url, _), quick(url, classes=["no", "yes"], answer="labels") as endpoint:
        target = open_target(endpoint)
        assert (target.labels(pd.DataFrame(ROWS, columns=["x0", "x1", "x2"])) == "yes").tolist() == (
            ROWS[:, 0] > 0
        ).tolist()


@pytest.mark.parametrize(
    ("status", "headers", "body", "says"),
    [
        (200, {}, b"<html>", "no JSON"),
        (200, {}, b"[" * 100_000, "no JSON"),
        (200, {}, {"other": []}, "response="),
        (200, {}, {"predictions": None}, "answered about none"),
        (200, {}, {"predictions": "0" * 120}, "answered about none"),
        (200, {}, {"predictions": [0.5]}, "answered about 1"),
        (200, {}, {"predictions": [0.5] * 121}, "answered about 121"),
        (200, {}, {"predictions": ["high"] * 120}, "no numbers"),
        (200, {}, {"predictions": [[0.5, 0.5]] * 119 + [[1]]}, "no numbers"),
        (200, {}, {"predictions": [float("nan")] * 120}, "not finite"),
        (200, {}, {"predictions": [1.5] * 120}, "above 1"),
        (200, {}, {"predictions": [[0.9, 0.9]] * 120}, "add up"),
        (200, {}, {"predictions": [[0.2, 0.3, 0.5]] * 120}, "shape"),
        (200, {}, {"predictions": [{"a": 1}] * 120}, "no numbers"),
        (302, {"Location": "http://127.0.0.1:1/"}, b"", "status 302"),
        (401, {}, {"error": CANARY}, "status 401"),
        (500, {}, CANARY.encode(), "status 500"),
        (429, {"Retry-After": "3600"}, b"", "3600 seconds"),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", "status 429"),
        (429, {"Retry-After": "nan"}, b"", "status 429"),
        (200, {}, b'{"predictions": [0.5' + b" " * 17_000_000 + b"]}", "more than"),
    ],
    ids=range(21),
)
def test_what_is_no_answer_is_a_reason_and_repeats_nothing(status, headers, body, says):
    @reason_instead
    def attack(model):
        return open_target(model).probabilities(ROWS)

    with http(lambda *_: (status, headers, body)) as (url, _), quick(url) as endpoint:
        found = attack(endpoint)
    assert isinstance(found, Unassessed) and says in found.reason
    assert CANARY not in found.reason


def test_an_endpoint_that_is_busy_is_asked_again_after_the_time_that_it_names():
    def answer(payload, number):
        if number < 3:
            return (429, {"Retry-After": "2"}, b"") if number == 1 else (503, {}, b"")
        return 200, {}, {"predictions": [0.5] * len(payload["records"])}

    waits = []
    with http(answer) as (url, seen), quick(url, sleep=waits.append) as endpoint:
        assert len(endpoint.ask(ROWS)) == 120
    assert len(seen) == 3 and waits[0] == 2.0 and endpoint.waited == sum(waits)


def test_an_endpoint_that_stalls_or_trickles_is_given_up_in_time():
    def slow(payload, _):
        time.sleep(1.0)
        return 200, {}, b""

    begin = time.perf_counter()
    with (
        http(slow) as (url, _),
        quick(url, timeout=0.2, retries=1) as endpoint,
        pytest.raises(TargetError, match=r"within 0\.2 seconds"),
    ):
        endpoint.ask(ROWS)
    with (
        pytest.raises(TargetError, match="cannot be reached"),
        quick("http://127.0.0.1:9/", retries=0) as dead,
    ):
        dead.ask(ROWS)
    assert time.perf_counter() - begin < 3


def test_a_token_is_sent_and_never_shown():
    with (
        http(lambda p, _: (401, {}, b"")) as (url, seen),
        quick(url, token=CANARY) as endpoint,
        pytest.raises(TargetError) as caught,
    ):
        endpoint.ask(ROWS)
    assert seen[0]["token"] == f"Bearer {CANARY}"
    assert CANARY not in str(caught.value) + repr(endpoint)


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "http://models.example.org/score"},
        {"url": "ftp://127.0.0.1/"},
        {"url": "file:///etc/passwd"},
        {"url": "http://user:secret@127.0.0.1/"},
        {"url": "no url"},
        {"url": None},
        {"answer": "everything"},
        {"request": "form"},
        {"timeout": 0},
        {"batch": 0},
        {"token": "a\nb"},
        {"verify": "/no/such/file"},
    ],
    ids=range(12),
)
def test_a_wrong_argument_is_refused_in_a_sentence(arguments):
    with pytest.raises(UserError):
        HttpEndpoint(**{"url": "http://127.0.0.1/", **arguments}).ask(ROWS)


@pytest.fixture(scope="module")
def authority():
    with lesson_authority("Lakeside Hospital") as made:
        yield made


@contextmanager
def service(authority, **more):
    """The kit's service with one account."""
    account = ServiceAccount(
        name="vendor", models="m@1", purposes="scoring", **{"limit": RateLimit(10_000, 10_000), **more}
    )
    with run_model(
        MODEL, ModelCard(id="m@1", purposes="scoring"), [account], ROWS, authority.server()
    ) as made:
        yield made


@contextmanager
def asked(authority, arguments=None, **more):
    """The kit's service and its one account's endpoint."""
    with (
        service(authority, **more) as made,
        ScoringEndpoint(
            made.address, authority.client("vendor"), purpose="scoring", **(arguments or {})
        ) as end,
    ):
        yield made, end


def test_the_kits_service_is_a_target_like_a_model(authority):
    with asked(authority, {"batch": 50}) as (made, endpoint):
        target = open_target(endpoint)
        assert np.array_equal(target.probabilities(ROWS), MODEL.predict_proba(ROWS))
        assert target.classes.tolist() == [False, True]
        assert [event.details["rows"] for event in made.audit.events[1:]] == [50, 50, 20]


def test_labels_of_the_kits_service_are_what_the_model_says(authority):
    with asked(authority, answer=AnswerPolicy("label")) as (_, endpoint):
        target = open_target(endpoint)
        assert target.answer == "labels"
        assert np.array_equal(target.labels(ROWS), MODEL.predict(ROWS))


def test_a_limit_ends_an_attack_with_a_reason(authority):
    waits = []
    with (
        asked(authority, {"batch": 20, "sleep": waits.append}, limit=RateLimit(60, 100)) as (_, endpoint),
        pytest.raises(TargetError, match="60 rows a minute is reached"),
    ):
        endpoint.ask(ROWS)
    assert waits == []


@pytest.mark.parametrize(
    ("purpose", "name", "says"),
    [("marketing", "vendor", "may not score"), ("scoring", "stranger", "may not call")],
)
def test_an_account_that_may_not_ask_gets_a_reason(authority, purpose, name, says):
    with service(authority) as made, pytest.raises(TargetError, match=says):
        ScoringEndpoint(made.address, authority.client(name), purpose=purpose).ask(ROWS)


def test_a_service_that_is_gone_or_of_another_kind_is_a_reason(authority):
    with service(authority) as made:
        endpoint = ScoringEndpoint(made.address, authority.client("vendor"), purpose="scoring")
    with pytest.raises(TargetError, match="does not answer"):
        endpoint.ask(ROWS)
    with (
        serve(lambda record: 1.0, authority.server(), allowed={"vendor"}) as other,
        pytest.raises(TargetError, match="only POST /score"),
    ):
        ScoringEndpoint(other.address, authority.client("vendor"), purpose="scoring")


@pytest.mark.parametrize(
    "told",
    [{}, {"classes": "ab"}, {"classes": [[1]], "columns": [], "answer": "labels"}, {"classes": [1, 2]}],
)
@pytest.mark.parametrize("answers", [None, [], [[0.5, 0.5]], "text"])
def test_a_service_that_lies_is_a_reason(authority, told, answers):
    class Liar:
        def describe(self, caller):
            good = {"classes": [0, 1], "columns": ["x0", "x1", "x2"], "answer": "probabilities"}
            return told or good

        def admit(self, caller, batch):
            return Admitted()

        def answer(self, caller, batch, event):
            return {"answers": answers}

    with serve_gate(Liar(), authority.server(), allowed={"vendor"}) as made, pytest.raises(TargetError):
        ScoringEndpoint(made.address, authority.client("vendor"), purpose="scoring").ask(ROWS)


def test_rows_of_another_width_are_refused_before_they_are_sent(authority):
    with asked(authority) as (made, endpoint):
        with pytest.raises(TargetError, match="takes 3 columns"):
            endpoint.ask(ROWS[:, :2])
        assert len(made.audit.events) == 1
