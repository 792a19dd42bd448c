"""A room of its own that is closed, opened again, and loses parts while it is open."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.workshop import processes
from secure_ai.workshop.closing import down
from secure_ai.workshop.doors import board_answers, knock
from secure_ai.workshop.hub.codes import INSTRUCTOR
from secure_ai.workshop.hub.room import VARIABLE
from secure_ai.workshop.latecomers import new_code
from secure_ai.workshop.opening import up
from secure_ai.workshop.status import as_text, status
from secure_ai.workshop.terms import Wish
from tests.workshop.conftest import free_port, impossible
from tests.workshop.learners import Learner, board_of

pytestmark = pytest.mark.slow
SECONDS = 120
CHECK = (
    "from secure_ai.learn.tasks import data_inventory as lab\n"
    "print(lab.routing_is_valid.check(lambda number: True))"
)


@pytest.fixture
def room(hub):
    """An open room of two, and its address."""
    folder = Path(tempfile.mkdtemp(prefix="again-"))
    folder.chmod(0o711)
    wish = Wish(names=("Ada", "Alan"), minutes=60, port=free_port(), host="127.0.0.1", anyway=True)
    try:
        opened = up(folder / "room", wish)
    except UserError as error:
        shutil.rmtree(folder, ignore_errors=True)
        impossible(f"No room can be opened here: {error}")
    yield opened, f"http://127.0.0.1:{wish.port}"
    down(opened.room.folder)
    shutil.rmtree(folder, ignore_errors=True)


def wait_until(said) -> None:
    """Wait until something is so."""
    until = time.monotonic() + SECONDS
    while not said():
        assert time.monotonic() < until
        time.sleep(0.2)


def board_process(folder: Path) -> int:
    """Return the number of the room's board; 0 for none."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        # Who ties it to the hub has the same words, before it becomes the board.
        if words[-3:-1] == [b"-m", b"secure_ai.workshop.hub.board"] and (
            f"{VARIABLE}={folder}".encode() in variables
        ):
            return int(entry.name)
    return 0


def test_a_room_that_is_kept_goes_on_as_it_was_and_one_that_is_not_has_new_codes(room):
    opened, address = room
    folder = opened.room.folder
    ada = Learner(address)
    assert ada.sign_in(opened.codes["seat-01"]).status_code == 200
    note = {"type": "file", "format": "text", "content": "saved"}
    assert ada.call("PUT", "contents/note.txt", json=note).status_code == 201
    kernel = ada.kernel()
    assert "Not yet" in ada.run(kernel, CHECK)
    wait_until(lambda: board_of(address, opened.codes[INSTRUCTOR])["seat-01"]["tries"] == 1)

    down(folder, keep=True)
    assert "NOT running: hub, server, kernel" in as_text(status(folder))
    again = up(folder, Wish(names=("Ada", "Alan", "Grace"), anyway=True))
    assert [seat.learner for seat in again.settings.seats] == ["Ada", "Alan", "Grace"]
    assert set(again.codes) == {"seat-03"}
    assert up(folder, Wish()).started == ()
    # The browser of before is signed in still, and a code of before that was not used is good.
    page = ada.client.get(f"{address}/hub/spawn")
    assert "login" not in str(page.url)
    # The seat starts anew, and its page lets in who is signed in at the hub.
    lab = f"{address}/user/seat-01/lab"
    wait_until(
        lambda: ada.client.get(lab).is_success and ada.call("GET", "contents/note.txt").status_code == 200
    )
    assert ada.call("GET", "contents/note.txt").json()["content"] == "saved"
    alan = Learner(address)
    assert alan.sign_in(opened.codes["seat-02"]).status_code == 200 and alan.seat == "seat-02"
    assert board_of(address, opened.codes[INSTRUCTOR])["seat-01"]["tries"] == 1
    assert "routing_is_valid" in ada.run(
        ada.kernel(), "from secure_ai.learn.tasks import data_inventory as lab\nprint(lab.lab.progress())"
    )

    down(folder)
    third = up(
        folder,
        Wish(names=("Alan", "Ada"), minutes=60, port=opened.settings.port, host="127.0.0.1", anyway=True),
    )
    assert {seat.name: seat.learner for seat in third.settings.seats} == {"seat-01": "Ada", "seat-02": "Alan"}
    assert set(third.codes) == {INSTRUCTOR, "seat-01", "seat-02"}
    assert "/hub/login" in str(ada.client.get(f"{address}/hub/spawn").url)
    late = Learner(address)
    assert late.sign_in(opened.codes["seat-02"]).status_code == 403
    assert late.sign_in(third.codes["seat-01"]).status_code == 200 and late.seat == "seat-01"
    assert late.call("GET", "contents/note.txt").json()["content"] == "saved"
    for learner in (ada, alan, late):
        learner.close()


def test_a_killed_proxy_or_board_comes_back_by_itself_and_cells_run_on(room):
    opened, address = room
    folder, settings = opened.room.folder, opened.settings
    ada = Learner(address)
    assert ada.sign_in(opened.codes["seat-01"]).status_code == 200
    kernel = ada.kernel()
    assert "Not yet" in ada.run(kernel, CHECK + "\nkept = 41")
    wait_until(lambda: board_of(address, opened.codes[INSTRUCTOR])["seat-01"]["tries"] == 1)

    os.kill(int((opened.room.private / "proxy.pid").read_text()), signal.SIGKILL)
    wait_until(lambda: knock(opened.room, settings) != 200)
    assert up(folder, Wish()).started == ()  # waits until the doors are open again
    assert ada.run(kernel, "print(kept + 1)") == "42"

    board = board_process(folder)
    os.kill(board, signal.SIGKILL)
    wait_until(lambda: not board_answers(settings) or board_process(folder) not in (0, board))
    wait_until(lambda: board_answers(settings))
    assert board_process(folder) not in (0, board)
    _, code = new_code(folder, INSTRUCTOR)
    assert board_of(address, code)["seat-01"]["tries"] == 1
    assert "does not answer" not in as_text(status(folder))
    assert ada.run(kernel, "print(kept + 2)") == "43"
    ada.close()


@pytest.mark.parametrize("kind", ["kernel", "server"])
def test_a_killed_warm_process_is_named_and_the_room_starts_anew_with_what_was_saved(room, kind):
    opened, address = room
    folder = opened.room.folder
    ada = Learner(address)
    assert ada.sign_in(new_code(folder, "seat-01")[1]).status_code == 200
    note = {"type": "file", "format": "text", "content": "saved"}
    assert ada.call("PUT", "contents/note.txt", json=note).status_code == 201
    warm = processes.alive(opened.room)[kind]
    os.kill(warm.pid, signal.SIGKILL)
    wait_until(lambda: not warm.is_alive)
    assert f"NOT running: {kind}" in as_text(status(folder))
    # Seats live by both, so one alone is of no use: all of the room starts anew, and a seat with it.
    assert set(up(folder, Wish()).started) == {"hub", "server", "kernel"}
    lab = f"{address}/user/seat-01/lab"
    wait_until(
        lambda: ada.client.get(lab).is_success and ada.call("GET", "contents/note.txt").status_code == 200
    )
    assert ada.call("GET", "contents/note.txt").json()["content"] == "saved"
    assert ada.run(ada.kernel(), "print(6 * 7)") == "42"
    ada.close()
