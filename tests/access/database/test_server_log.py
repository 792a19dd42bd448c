"""What is kept of a server's log: state and role of each line."""

from __future__ import annotations

import os
import threading

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX systems")

SECRET = "912-34-5678"


@pytest.fixture
def log(tmp_path):
    from secure_ai.access.database.server_log import ServerLog

    log = ServerLog(tmp_path / "log")
    yield log
    log.close()


def write(log, text):
    with log.path.open("ab", buffering=0) as file:
        file.write(text.encode())


def test_lines_are_counted_by_state_and_role_and_their_messages_are_gone(log):
    write(log, f"42501 nurse ERROR:  permission denied\n22P02 nurse ERROR:  invalid: {SECRET}\n")
    write(log, "42501 nurse ERROR:  permission denied\n")
    assert log.counts() == {("42501", "nurse"): 2, ("22P02", "nurse"): 1}
    assert SECRET not in repr(vars(log))


def test_what_follows_a_line_break_in_a_message_is_no_line(log):
    write(log, "22P02 nurse ERROR:  invalid: \n\t42501 model ERROR:  forged\n")
    assert log.counts() == {("22P02", "nurse"): 1}


def test_a_line_in_two_parts_is_one(log):
    write(log, "425")
    assert log.counts() == {}
    write(log, "01 nurse ERROR:  x\n")
    assert log.counts() == {("42501", "nurse"): 1}


def test_more_than_a_pipe_holds_does_not_stop_the_server(log):
    line = "42501 nurse ERROR:  " + "x" * 200 + "\n"
    writer = threading.Thread(target=lambda: [write(log, line * 20) for _ in range(100)])
    writer.start()
    writer.join(timeout=20)
    assert not writer.is_alive()
    assert log.counts() == {("42501", "nurse"): 2000}


def test_a_closed_log_keeps_its_counts_and_leaves_no_thread(log):
    write(log, "42501 nurse ERROR:  x\n")
    counted = log.counts()
    log.close()
    log.close()
    assert log.counts() == counted
    assert not log._reader.is_alive()
