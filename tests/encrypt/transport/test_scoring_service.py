"""The service answers whom it knows, refuses the rest, survives bad clients, and logs no payload."""

from __future__ import annotations

import math
import socket
import threading
import time
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.messages import BadMessage, record_from_json, record_to_json, score_from_json
from secure_ai.encrypt.transport.scoring_client import (
    CallRefused,
    HandshakeRefused,
    RequestRefused,
    ServiceFailed,
    request_score,
    request_score_without_tls,
)
from secure_ai.encrypt.transport.scoring_service import Limits, serve, serve_without_tls
from secure_ai.encrypt.transport.sockets import NotReachable
from secure_ai.encrypt.transport.tls import TlsFiles, client_context
from synthetic_data import load

from .conftest import CALLER

PLANTED = "Zebulon Quartermaine"


def raw(service, tls, payload: bytes, wait: float = 3.0) -> bytes:
    """What the service answers to bytes of one's own over TLS."""
    with (
        socket.create_connection(service.address, timeout=wait) as plain,
        client_context(tls).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(payload)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_an_allowed_service_account_gets_the_models_score(service, authority):
    assert request_score(service.address, {"age": 71}, authority.client(CALLER)) == 0.71
    assert [(event.actor, event.action, event.outcome) for event in service.audit.events] == [
        (CALLER, "score", "allowed")
    ]


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_rows_of_both_sectors_travel_as_they_are(authority, sector):
    tables = load(sector, rows=20, seed=1).tables
    seen = []

    def score(record):
        seen.append(record)
        return float(len(record))

    table = tables["readmissions" if sector == "healthcare" else "accounts"]
    with serve(score, authority.server(), allowed={CALLER}) as running:
        for record in table.head(3).to_dict("records"):
            assert request_score(running.address, record, authority.client(CALLER)) == len(table.columns)
    assert list(seen[0]) == list(table.columns)


def test_a_known_certificate_of_an_account_that_is_not_on_the_list_is_refused(service, authority):
    with pytest.raises(CallRefused, match="may not call"):
        request_score(service.address, {"age": 71}, authority.client("billing-export"))
    assert service.audit.events[0].actor == "billing-export"
    assert service.audit.events[0].outcome == "denied"


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("none", "client showed no certificate"),
        ("foreign", "does not trust the authority"),
        ("a server's", "another purpose"),
    ],
)
def test_a_client_without_a_good_certificate_is_refused_with_the_reason(
    service, authority, foreign, case, says
):
    tls = {
        "none": TlsFiles(None, None, authority.certificate),
        "foreign": replace(foreign.client(CALLER), authority=authority.certificate),
        "a server's": authority.server(),
    }[case]
    for _ in range(5):
        with pytest.raises(HandshakeRefused, match=says):
            request_score(service.address, {"age": 71}, tls)
    assert {event.outcome for event in service.audit.events} == {"denied"}


def test_a_client_refuses_a_server_of_another_name_or_authority(service, authority, foreign):
    with pytest.raises(HandshakeRefused, match="names another server"):
        request_score(service.address, {"age": 1}, authority.client(CALLER), server_name="scoring.example")
    with pytest.raises(HandshakeRefused, match="authority that is not trusted"):
        request_score(service.address, {"age": 1}, foreign.client(CALLER))


def test_a_server_s_name_counts_only_where_it_belongs(authority):
    # Without a subjectAltName, OpenSSL would take the common name for the server's.
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    named = authority._issue("common name", usage, "valid", "localhost", None)
    with (
        serve(lambda record: 1.0, named, allowed={CALLER}) as running,
        pytest.raises(HandshakeRefused, match="names another server"),
    ):
        request_score(running.address, {"age": 1}, authority.client(CALLER))


@pytest.mark.parametrize("name", ["", ".", "a" * 300, "a\0b", None])
def test_what_is_no_name_of_a_server_is_said_so(service, authority, name):
    with pytest.raises(UserError, match="no name of a server"):
        request_score(service.address, {"age": 1}, authority.client(CALLER), server_name=name)


def test_nothing_of_a_record_is_in_the_audit_trail_the_errors_or_the_output(authority, tmp_path, capfd):
    def score(record):
        raise ValueError(f"cannot score {record}")

    path = tmp_path / "audit.jsonl"
    with serve(score, authority.server(), allowed={CALLER}, audit=AuditLog(path)) as running:
        with pytest.raises(ServiceFailed) as caught:
            request_score(running.address, {"name": PLANTED}, authority.client(CALLER))
        with pytest.raises(RequestRefused):
            body = b'{"name": {"nested": "%b"}}' % PLANTED.encode()
            head = b"POST /score HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
            assert PLANTED.encode() not in raw(running, authority.client(CALLER), head + body)
            raise RequestRefused
        raw(running, authority.client(CALLER), f"POST /{PLANTED} HTTP/1.1\r\n\r\n".encode())
    output = "".join(capfd.readouterr())
    for text in (path.read_text(), str(caught.value), output):
        assert PLANTED not in text
        assert "Quartermaine" not in text


def request(body: bytes, head: bytes = b"POST /score HTTP/1.1\r\n", length: object = None) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (request(b"[1]"), 400),
        (request(b"not json"), 400),
        (request(b'{"age": NaN}'), 400),
        (request(b'{"age": 1e999}'), 400),
        (request(b'{"age": 1, "age": 2}'), 400),
        (request(b'{"age": [1]}'), 400),
        (request(b"[" * 60_000), 400),
        (request(b'{"age": ' + b"9" * 5000 + b"}"), 400),
        (request(b"\xff\xfe"), 400),
        (request(b"{}", length=70_000), 413),
        (b"POST /score HTTP/1.1\r\n\r\n", 413),
        (b"POST /score HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 413),
        (b"POST /score HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 413),
        (b"POST /score HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 413),
        (b"POST /score HTTP/1.1\r\nContent-Length : 2\r\n\r\n{}", 413),
        (request(b'{"age": 1}', head=b"POST /other HTTP/1.1\r\n"), 404),
        (b"GET /score HTTP/1.1\r\n\r\n", 404),
        (b"DELETE /score HTTP/1.1\r\n\r\n", 501),
        (b"no http at all\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /health HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /health HTTP/1.1\r\n\r\n", 200),
    ],
    ids=range(22),
)
def test_every_malformed_request_gets_a_short_json_answer(service, authority, payload, status):
    answer = raw(service, authority.client(CALLER), payload)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode()
    assert body.startswith(b"{") and b"Python" not in answer and b"Traceback" not in answer


def test_no_error_about_a_message_carries_the_record_along():
    with pytest.raises(BadMessage) as told:
        record_from_json(b'{"name": "CANARY", }')
    error = told.value
    while error is not None:
        assert "CANARY" not in repr(error) + repr(getattr(error, "doc", ""))
        error = error.__cause__ or error.__context__


def test_a_request_that_ends_early_is_no_record(service, authority):
    with (
        socket.create_connection(service.address, timeout=3) as plain,
        client_context(authority.client(CALLER)).wrap_socket(
            plain, server_hostname="localhost"
        ) as connection,
    ):
        connection.sendall(request(b'{"age":', length=100))
        connection.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + 3
    while not service.audit.events and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [event.outcome for event in service.audit.events] == ["denied"]


@pytest.mark.parametrize("how", ["silent before the handshake", "silent after it", "one byte at a time"])
def test_a_slow_or_silent_client_is_cut_and_holds_up_nobody(authority, how):
    limits = Limits(seconds=0.6)
    tls = authority.client(CALLER)
    with serve(lambda record: 1.0, authority.server(), allowed={CALLER}, limits=limits) as running:
        slow = socket.create_connection(running.address, timeout=5)
        if how != "silent before the handshake":
            slow = client_context(tls).wrap_socket(slow, server_hostname="localhost")
        start = time.monotonic()
        assert request_score(running.address, {"age": 1}, tls) == 1.0
        assert time.monotonic() - start < 0.5
        ended = False
        while not ended and time.monotonic() - start < 5:
            try:
                if how == "one byte at a time":
                    slow.sendall(b"P")
                    time.sleep(0.05)
                else:
                    ended = slow.recv(1) == b""
            except OSError:
                ended = True
        assert ended and time.monotonic() - start < 3
        slow.close()
        wanted = time.monotonic() + 2
        while len(running.audit.events) < 2 and time.monotonic() < wanted:
            time.sleep(0.01)
        assert [event.outcome for event in running.audit.events] == ["allowed", "denied"]


def test_a_connection_too_many_is_closed_at_once(authority):
    with serve(
        lambda record: 1.0, authority.server(), allowed={CALLER}, limits=Limits(connections=2)
    ) as running:
        held = [socket.create_connection(running.address, timeout=3) for _ in range(2)]
        time.sleep(0.1)
        with pytest.raises(UserError):
            request_score(running.address, {"age": 1}, authority.client(CALLER))
        for connection in held:
            connection.close()
        time.sleep(0.2)
        assert request_score(running.address, {"age": 1}, authority.client(CALLER)) == 1.0


def test_many_clients_are_served_at_the_same_time(authority):
    tls, found = authority.client(CALLER), []
    with serve(lambda record: record["n"], authority.server(), allowed={CALLER}) as running:
        threads = [
            threading.Thread(target=lambda n=n: found.append(request_score(running.address, {"n": n}, tls)))
            for n in range(12)
        ]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len(running.audit.events) == 12
    assert sorted(found) == list(range(12))


@pytest.mark.parametrize("value", [math.nan, math.inf, "high", None])
def test_a_model_that_returns_no_number_is_an_error_of_the_service(authority, value):
    with serve(lambda record: value, authority.server(), allowed={CALLER}) as running:
        with pytest.raises(ServiceFailed, match="model failed"):
            request_score(running.address, {"age": 1}, authority.client(CALLER))
        assert running.audit.events[-1].outcome == "error"


def test_nothing_is_scored_when_the_audit_trail_cannot_be_written(authority, tmp_path):
    calls = []
    audit = AuditLog(tmp_path / "audit.jsonl")
    (tmp_path / "audit.jsonl").unlink()
    (tmp_path / "audit.jsonl").mkdir()
    with (
        serve(
            lambda record: calls.append(1) or 1.0, authority.server(), allowed={CALLER}, audit=audit
        ) as running,
        pytest.raises(ServiceFailed, match="audit log"),
    ):
        request_score(running.address, {"age": 1}, authority.client(CALLER))
    assert calls == []


def test_the_port_is_closed_when_the_block_ends_also_with_a_model_that_hangs(authority):
    started = threading.Event()
    release = threading.Event()

    def hang(record):
        started.set()
        release.wait(10)
        return 1.0

    tls = authority.client(CALLER)
    with serve(hang, authority.server(), allowed={CALLER}) as running:
        with pytest.raises(NotReachable, match="in time"):
            request_score(running.address, {"age": 1}, tls, timeout=0.3)
        assert started.wait(1)
    with pytest.raises(NotReachable, match="connection refused"):
        request_score(running.address, {"age": 1}, tls)
    release.set()


def test_a_server_that_never_answers_is_given_up_in_time(authority):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(NotReachable, match="in time"):
            request_score(silent.getsockname(), {"age": 1}, authority.client(CALLER), timeout=0.3)
        assert time.monotonic() - start < 2


def test_plain_http_at_a_tls_client_and_the_other_way_round(service, authority):
    with (
        serve_without_tls(lambda record: 1.0) as plain,
        pytest.raises(HandshakeRefused, match="does not speak TLS"),
    ):
        request_score(plain.address, {"age": 1}, authority.client(CALLER))
    with pytest.raises(UserError):
        request_score_without_tls(service.address, {"age": 1})


def test_a_service_needs_someone_who_may_call(authority):
    for allowed in ((), "ward-dashboard"):
        with (
            pytest.raises(UserError, match="may call"),
            serve(lambda record: 1.0, authority.server(), allowed=allowed),
        ):
            pass


def test_the_service_resumes_no_session(service, authority):
    context = client_context(authority.client(CALLER))
    with (
        socket.create_connection(service.address) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert connection.recv(65536)
        assert connection.version() == "TLSv1.3"
        assert connection.session is None or not connection.session.has_ticket


def test_values_of_frames_become_json_and_come_back():
    record = {
        "a": np.int64(3),
        "b": np.float64("nan"),
        "c": pd.NaT,
        "d": pd.Timestamp("2026-01-02"),
        "e": date(2026, 1, 2),
        "f": np.bool_(True),
        "g": pd.NA,
        "h": "é",
    }
    back = record_from_json(record_to_json(record))
    assert back == {
        "a": 3,
        "b": None,
        "c": None,
        "d": "2026-01-02T00:00:00",
        "e": "2026-01-02",
        "f": True,
        "g": None,
        "h": "é",
    }


@pytest.mark.parametrize("record", [[1], "text", {"a": [1]}, {1: 2}, {"a": object()}, {"a": {"b": PLANTED}}])
def test_what_is_no_record_is_refused_without_its_value(record):
    with pytest.raises(BadMessage) as caught:
        record_to_json(record)
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"score": true}', b'{"score": "1"}', b'{"score": NaN}']
)
def test_an_answer_without_a_score_is_refused(body):
    with pytest.raises(BadMessage):
        score_from_json(body)
