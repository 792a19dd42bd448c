"""Files that act when they are opened, watched in a process that is closed in."""

from __future__ import annotations

import io
import os
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.supply_chain import (
    ContainedError,
    ContainedProcess,
    Guards,
    Limits,
    honest_files,
    payload_files,
    payloads,
    watch_load,
)
from secure_ai.attack.supply_chain.channel import BrokenChannel, receive, send
from secure_ai.attack.supply_chain.child import needs_joblib
from secure_ai.core import UserError

pytestmark = pytest.mark.skipif(os.uname().sysname != "Linux", reason="the guards are Linux's")
BY_NAME = {payload.name: payload for payload in payloads()}

# Each attempt leaves a file whose name says how it went: the only thing that comes out of the process.
ATTEMPTS = """
import os, resource, socket, threading
def attempt(name, action):
    try:
        action()
    except BaseException as error:
        open(f"{name}-{type(error).__name__}", "w")
    else:
        open(f"{name}-succeeded", "w")
def connect():
    socket.create_connection(("127.0.0.1", PORT), 1)
def datagram():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT))
def thread():
    worker = threading.Thread(target=int); worker.start(); worker.join()
attempt("connect", connect)
attempt("datagram", datagram)
attempt("read", lambda: open(SECRET).read())
attempt("project", lambda: os.listdir(PROJECT))
attempt("write", lambda: open(OUTSIDE, "w"))
attempt("rights", lambda: os.chmod(SECRET, 0o777))
attempt("program", lambda: os.posix_spawn("/bin/true", ["true"], {}))
attempt("fork", lambda: os._exit(0) if os.fork() == 0 else None)
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("session", os.setsid)
attempt("limits", lambda: resource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6)))
attempt("huge", lambda: open("huge", "wb").truncate(1 << 30))
attempt("thread", thread)
attempt("environment", lambda: os.environ["SECURE_AI_SECRET"])
"""


class _Call:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def _watched(tmp_path, script: str, **settings):
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps(_Call(exec, script, {})))
    return watch_load(file, **settings)


def test_a_contained_file_reaches_nothing_outside_its_folder(tmp_path, monkeypatch, repo_root):
    import socket

    monkeypatch.setenv("SECURE_AI_SECRET", "1")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = (
            f"PORT = {server.getsockname()[1]}; SECRET = {str(secret)!r}; OUTSIDE = {str(tmp_path / 'o')!r}; "
            f"PROJECT = {str(repo_root)!r}"
        )
        found = _watched(tmp_path, names + ATTEMPTS)
    assert found.guards == Guards("closed", "closed", "closed", "closed")
    went = dict(name.split("-") for name in found.left_behind if "-" in name)
    assert went.pop("thread") == "succeeded"
    assert (went.pop("environment"), went.pop("huge"), went.pop("limits")) == (
        "KeyError",
        "OSError",
        "ValueError",
    )
    assert went == dict.fromkeys(went, "PermissionError") and len(went) == 10
    assert secret.read_text() == "secret" and not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("name", "kind"), [("exec", "write"), ("compressed", "program"), ("connection", "connection")]
)
def test_what_a_file_does_when_it_is_opened_is_reported(tmp_path, name, kind):
    payload = BY_NAME[name]
    found = watch_load(payload.write(tmp_path), processes=payload.needs_processes)
    assert found.ran_code() and kind in set(found.acts()["kind"])
    assert ("canary.txt" in found.left_behind) == (payload.effect == "file")
    assert not (tmp_path / "canary.txt").exists()


def test_plain_numbers_do_nothing_but_load(tmp_path):
    file = tmp_path / "weights.pkl"
    file.write_bytes(pickle.dumps({"coef": [0.1, 0.2]}))
    found = watch_load(file)
    assert not found.ran_code() and found.outcome == "loaded"
    assert (
        found.sentence() == "weights.pkl, when opened: puts objects together and does nothing else; it loads."
    )


def test_a_program_that_is_not_allowed_is_reported_and_not_started(tmp_path):
    found = watch_load(BY_NAME["program"].write(tmp_path))
    assert found.outcome == "failed" and not found.left_behind
    assert found.to_frame().iloc[0].tolist() == ["starts a program", "touch canary.txt"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import time; time.sleep(99)", "within 1 seconds"),
        ("while True: pass", "within 1 seconds"),
        ("import os; os._exit(3)", "ended by itself"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        (
            "import os\nfor fd in range(3, 20):\n  try: os.write(fd, b'x' * 64)\n  except OSError: pass",
            "ended",
        ),
    ],
    ids=["sleeps", "computes", "leaves", "crashes", "forges"],
)
def test_a_file_that_hangs_crashes_or_forges_is_ended_with_a_sentence(tmp_path, script, reason):
    found = _watched(tmp_path, script, limits=Limits(seconds=1, cpu_seconds=20, file_mib=1))
    assert found.outcome == "ended" and reason in found.reason
    assert found.sentence().endswith(".")


def test_the_same_file_is_reported_in_the_same_words(tmp_path):
    path = BY_NAME["log file"].write(tmp_path)
    first, second = watch_load(path), watch_load(path)
    assert (
        first.to_frame().equals(second.to_frame())
        and "<folder>/canary.txt" in first.to_frame()["what"].tolist()
    )


@pytest.mark.parametrize("bad", ["absent.pkl", "", "empty.pkl"])
def test_a_file_that_cannot_be_read_is_said_in_a_sentence(tmp_path, bad):
    (tmp_path / "empty.pkl").touch()
    with pytest.raises(UserError, match=r"\.$"):
        watch_load(tmp_path / bad)


def test_a_closed_process_answers_no_more():
    process = ContainedProcess("secure_ai.attack.supply_chain.hook:watch")
    process.close()
    assert not process.folder.exists()
    with pytest.raises(ContainedError, match="has ended"):
        process.ask({}, most=0)


def test_guards_that_are_not_reported_count_as_open():
    found = Guards.from_report({"network": "closed"})
    assert set(found.open()) == {"files", "processes", "resources"}


@given(st.binary(max_size=64))
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_a_message_or_a_broken_channel(content):
    try:
        header, payload = receive(io.BytesIO(content), most=16)
    except BrokenChannel:
        return
    assert isinstance(header, dict) and len(payload) <= 16


@given(st.dictionaries(st.text(max_size=5), st.integers()), st.binary(max_size=64))
@settings(max_examples=50, deadline=None)
def test_a_message_arrives_as_it_was_sent(header, payload):
    stream = io.BytesIO()
    send(stream, header, payload)
    stream.seek(0)
    assert receive(stream, most=len(payload)) == (header, payload)


def test_files_of_joblib_are_told_from_plain_pickles():
    assert needs_joblib(BY_NAME["compressed"].content())
    assert not needs_joblib(BY_NAME["exec"].content())


@pytest.mark.slow
def test_every_payload_acts_and_no_honest_file_does(tmp_path):
    for name, path in payload_files(tmp_path).items():
        if name == "object array":
            continue  # numpy opens it, not pickle.
        limits = Limits(seconds=3 if BY_NAME[name].effect == "hang" else 60, cpu_seconds=20, file_mib=1)
        found = watch_load(path, processes=BY_NAME[name].needs_processes, limits=limits)
        assert found.ran_code() or found.outcome == "ended", name
    for name, path in honest_files(tmp_path).items():
        if path.suffix in (".pkl", ".joblib"):
            assert not watch_load(path).ran_code(), name
