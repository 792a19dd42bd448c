"""Who may ask gets what its account foresees, everybody else a refusal; the trail says so without values."""

from __future__ import annotations

import socket
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from secure_ai.access.scoring import AnswerPolicy, ModelCard, QueryLog, RateLimit, ServiceAccount
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport import CallRefused, Limits, RequestRefused, ServiceFailed, TooMany
from secure_ai.encrypt.transport.batches import batch_from_json, batch_to_json
from secure_ai.encrypt.transport.messages import BadMessage
from secure_ai.encrypt.transport.tls import client_context

from .conftest import COLUMNS, account, many


def ask(connection, rows, purpose="treatment", columns=COLUMNS):
    return connection.scores(columns, np.asarray(rows).tolist(), purpose)


def test_a_registered_account_gets_the_models_own_probabilities(running, connected, model, rows):
    with running() as service, connected(service) as connection:
        given = ask(connection, rows[:50])
        assert np.array_equal(given["answers"], model.predict_proba(rows[:50]))
        assert connection.model()["classes"] == ["routine", "urgent"]
        event = service.audit.events[0]
        assert (event.actor, event.target, event.outcome) == ("ward-dashboard", "triage@3", "allowed")
        assert (event.purpose, event.details["rows"]) == ("treatment", 50)
        assert (event.reason, event.event_id) == ("account-scores-its-model", given["event"])


@pytest.mark.parametrize(
    "case",
    [
        ({"purposes": "operations"}, {}, "treatment", "no rule permits it"),
        ({"models": "other@1"}, {}, "treatment", "no rule permits it"),
        ({}, {}, "", "purpose-was-assessed"),
        ({"purposes": "marketing"}, {}, "marketing", "purpose-was-assessed"),
        ({"active": False}, {}, "treatment", "account-is-active"),
        ({}, {"assessed": False}, "treatment", "model-was-assessed"),
        ({}, {"withdrawn": True}, "treatment", "model-is-not-withdrawn"),
    ],
)
def test_what_the_policy_does_not_permit_is_refused_and_the_trail_has_the_rule(running, connected, case):
    changed, card, purpose, rule = case
    decided = ModelCard(**{"id": "triage@3", "purposes": ("treatment",), **card})
    with running(account(**changed), card=decided) as service, connected(service) as connection:
        with pytest.raises(CallRefused, match="may not score the model") as caught:
            ask(connection, np.zeros((1, 4)), purpose)
        assert "@" not in str(caught.value) and rule not in str(caught.value)
        event = service.audit.events[-1]
        assert event.outcome == "denied" and rule in event.reason


def test_an_account_without_registration_is_refused_although_its_certificate_is_good(
    running, connected, rows
):
    with running() as service, connected(service, "billing-export") as connection:
        with pytest.raises(CallRefused):
            ask(connection, rows[:1])
        assert service.audit.events[-1].actor == "billing-export"


def test_a_purpose_that_nobody_registered_is_not_written_to_the_trail(running, connected, rows):
    with running() as service, connected(service) as connection:
        with pytest.raises(CallRefused):
            ask(connection, rows[:1], "for Zebulon Quartermaine")
        assert "Zebulon" not in service.audit.events[-1].to_json()


@pytest.mark.parametrize(
    "case",
    [
        (AnswerPolicy("rounded", 1), lambda chances: np.round(chances, 1)),
        (AnswerPolicy("label"), lambda chances: np.array(["routine", "urgent"])[chances.argmax(axis=1)]),
    ],
)
def test_an_account_gets_no_more_of_an_answer_than_it_is_meant_to(running, connected, model, rows, case):
    policy, expected = case
    with running(account(answer=policy)) as service, connected(service) as connection:
        assert np.array_equal(ask(connection, rows[:30])["answers"], expected(model.predict_proba(rows[:30])))
        assert connection.model()["policy"] == policy.kind


def test_rows_beyond_the_limit_are_refused_until_time_has_passed(running, connected, rows, clock):
    with running(account(limit=RateLimit(10, 25))) as service, connected(service) as connection:
        ask(connection, rows[:8])
        with pytest.raises(TooMany, match="minute") as caught:
            ask(connection, rows[:3])
        assert 0 < caught.value.retry_after <= 60.1
        ask(connection, rows[:2])
        clock.now += 60.1
        ask(connection, rows[:10])
        clock.now += 60.1
        with pytest.raises(TooMany, match="day"):
            ask(connection, rows[:6])
        with pytest.raises(RequestRefused, match="send fewer"):
            ask(connection, rows[:11])
        usage = service.usage().set_index("account").loc["ward-dashboard"]
        assert (usage["rows answered"], usage["rows refused"]) == (20, 20)


def test_a_limit_can_be_lowered_while_the_service_runs_and_the_trail_says_so(running, connected, rows):
    with running(account(limit=many())) as service, connected(service) as connection:
        ask(connection, rows[:100])
        service.lower_limit("ward-dashboard", rows_per_minute=5)
        with pytest.raises(TooMany):
            ask(connection, rows[:1])
        assert service.audit.events[1].action == "lower limit"


def test_five_thousand_questions_take_seconds_over_one_connection(running, connected, rows):
    with running(account(limit=many())) as service, connected(service) as connection:
        begin = time.perf_counter()
        for _ in range(50):
            ask(connection, rows[:100])
        assert time.perf_counter() - begin < 5
        assert len(service.audit.events) == 50


def test_a_connection_that_the_service_has_closed_is_opened_again(running, connected, rows):
    limits = Limits(kept_requests=2, seconds=0.5)
    with running(account(limit=many()), limits=limits) as service, connected(service) as connection:
        for _ in range(5):
            ask(connection, rows[:1])
        time.sleep(0.7)
        ask(connection, rows[:1])
        assert [event.outcome for event in service.audit.events] == ["allowed"] * 6


def test_frames_with_categories_arrive_as_the_model_was_trained(running, connected):
    frame = pd.DataFrame({"age": [30, 71, 45, 66] * 20, "unit": ["icu", "er", "er", "icu"] * 20})
    encoded = make_column_transformer((OneHotEncoder(), ["unit"]), remainder="passthrough")
    forest = RandomForestClassifier(5, random_state=0)
    model = make_pipeline(encoded, forest).fit(frame, frame["age"] > 50)
    log = QueryLog()
    with running(model=model, reference=frame, on_query=log) as service, connected(service) as connection:
        given = connection.scores(["unit", "age"], [["er", 71], ["icu", 30]], "treatment")
    assert np.array_equal(given["answers"], model.predict_proba(frame.iloc[[1, 0]]))
    told = log.to_frame()
    assert list(told["event_id"]) == ["query-000001-0", "query-000001-1"]
    assert list(told.filter(regex="^x").columns) == ["x0", "x1"]
    assert told["score"].tolist() == [row[1] for row in given["answers"]]


def test_a_watch_that_fails_stops_no_answer_and_is_not_silent(running, connected, rows):
    def broken(query):
        raise RuntimeError("Zebulon Quartermaine")

    with running(on_query=broken) as service, connected(service) as connection:
        assert ask(connection, rows[:2])["answers"]
        event = service.audit.events[-1]
        assert (event.action, event.outcome, event.alert) == ("watch", "error", True)
        assert "Zebulon" not in event.to_json()


def test_a_model_that_fails_says_so_without_a_value(running, connected, rows, model):
    class Broken:
        classes_ = model.classes_

        def predict_proba(self, rows):
            raise ValueError("Zebulon Quartermaine")

    with running(model=Broken()) as service, connected(service) as connection:
        with pytest.raises(ServiceFailed, match="model failed") as caught:
            ask(connection, rows[:1])
        assert "Zebulon" not in str(caught.value) + service.audit.events[-1].to_json()


def test_nothing_is_answered_when_the_trail_cannot_be_written(running, connected, rows, tmp_path):
    audit, told = AuditLog(tmp_path / "audit.jsonl"), []
    (tmp_path / "audit.jsonl").unlink()
    (tmp_path / "audit.jsonl").mkdir()
    with (
        running(audit=audit, on_query=told.append) as service,
        connected(service) as connection,
        pytest.raises(ServiceFailed, match="audit log"),
    ):
        ask(connection, rows[:1])
    assert told == []


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (COLUMNS[:3], [1, 2, 3]),
        ([*COLUMNS, "name"], [1, 2, 3, 4, 5]),
        (["a", "b", "c", "d"], [1, 2, 3, 4]),
    ],
)
def test_other_columns_than_the_models_are_refused_and_cost_nothing(running, connected, columns, row):
    with running() as service, connected(service) as connection:
        with pytest.raises(RequestRefused, match="column"):
            connection.scores(columns, [row], "treatment")
        assert service.gate.limiter.used("ward-dashboard") == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"columns": [], "rows": [[]]}',
        b'{"columns": ["a"], "rows": []}',
        b'{"columns": ["a"], "rows": [1]}',
        b'{"columns": ["a"], "rows": [[1, 2]]}',
        b'{"columns": ["a"], "rows": [[[1]]]}',
        b'{"columns": ["a"], "rows": [[1e999]]}',
        b'{"columns": ["a"], "rows": [[NaN]]}',
        b'{"columns": ["a", "a"], "rows": [[1, 2]]}',
        b'{"columns": ["a"], "rows": [[1]], "purpose": 3}',
        b'{"columns": ["a"], "rows": [[1]], "debug": true}',
        b'{"columns": ["a"], "rows": [[1], [1], [1], [1]]}',
    ],
    ids=range(13),
)
def test_what_is_no_batch_is_refused(body):
    with pytest.raises(BadMessage):
        batch_from_json(body, most_rows=3)


def test_a_batch_arrives_as_it_was_sent():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.1, np.nan], "c": ["é", None], "d": pd.Timestamp("2026-01-02")})
    batch = batch_from_json(batch_to_json(list(frame), frame.astype(object).to_numpy(), "treatment"), 10)
    assert batch.columns == ("a", "b", "c", "d") and batch.purpose == "treatment"
    assert batch.rows == [[1, 0.1, "é", "2026-01-02T00:00:00"], [2, None, None, "2026-01-02T00:00:00"]]
    assert "é" not in repr(batch)
    with pytest.raises(BadMessage, match="Row 1"):
        batch_to_json(["a"], [[object()]])


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /score HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"404"),
        (b"POST /scores HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (
            b"POST /scores HTTP/1.1\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"413",
        ),
        (
            b"POST /scores HTTP/1.1\r\nConnection: keep-alive\r\n" + 2 * b"Content-Length: 1\r\n" + b"\r\nx",
            b"413",
        ),
        (b"GET /model HTTP/1.1\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nGET /", b"200"),
    ],
    ids=range(5),
)
def test_a_request_of_unclear_length_ends_the_connection(running, authority, head, status):
    with running() as service:
        context = client_context(authority.client("ward-dashboard"))
        with (
            socket.create_connection(service.address, timeout=3) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(head)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
    assert answer.split()[1] == status and answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a", "models": (), "purposes": "p"},
        {"name": "", "models": "m", "purposes": "p"},
        {"name": "a", "models": "m", "purposes": "p", "extra": 1},
        {"name": "a\n", "models": "m", "purposes": "p"},
    ],
    ids=range(4),
)
def test_an_account_that_cannot_be_read_is_refused_in_a_sentence(fields):
    with pytest.raises(UserError, match="ServiceAccount"):
        ServiceAccount(**fields)
