"""What stands against opening a room ends in one sentence, before anything is started."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secure_ai.cli import invoke
from secure_ai.core.errors import UserError
from secure_ai.workshop import folder, opening, terms
from secure_ai.workshop.agenda import read_agenda
from secure_ai.workshop.closing import close_room
from secure_ai.workshop.environment import HubEnvironment
from secure_ai.workshop.folder import prepare_folder
from secure_ai.workshop.handout import table, write_slips
from secure_ai.workshop.hub.room import Room, Seat, Settings
from secure_ai.workshop.machine import Machine
from secure_ai.workshop.terms import Wish, isolation, plan_time

LARGE = Machine(memory_mib=64_000, cpus=16, is_root=False, can_mount=False)
SMALL = Machine(memory_mib=2_000, cpus=2, is_root=False, can_mount=False)


@pytest.fixture
def up(tmp_path, monkeypatch, capsys):
    """Run ``secure-ai workshop up`` on a large machine where no environment can be made; exit code, error."""

    def environment(root):
        raise UserError("The environment was reached.")

    monkeypatch.setattr(opening, "this_machine", lambda: LARGE)
    monkeypatch.setattr(opening, "hub_environment", environment)
    (tmp_path / "roster.csv").write_text("name\nAda\nAlan\n", encoding="utf-8")

    def run(*options: str, roster: str = str(tmp_path / "roster.csv"), room: str = str(tmp_path / "room")):
        code = invoke(["workshop", "up", "--roster", roster, "--room", room, *options])
        error = capsys.readouterr().err
        assert "Traceback" not in error and error.count("\n") == 1
        return code, error

    return run


BAD = {
    "path": (["--path", "wizardry"], "no such path: choose from"),
    "no minutes": (["--minutes", "0"], "minutes"),
    "negative minutes": (["--minutes", "-5"], "minutes"),
    "days of minutes": (["--minutes", "100000"], "minutes"),
    "minutes in words": (["--minutes", "three"], "minutes"),
    "agenda": (["--agenda", "no_such"], "agenda"),
    "agenda file": (["--agenda", "no_such.yaml"], "agenda"),
    "day": (["--agenda", "half_day", "--day", "7"], "days 1 to 1"),
    "sector": (["--sector", "mining"], "sector"),
    "no port": (["--port", "0"], "is not a port"),
    "large port": (["--port", "70000"], "is not a port"),
    "host of another": (["--host", "192.0.2.77"], "no address of this machine"),
    "host as a name": (["--host", "my host"], "no address of this machine"),
    "little memory": (["--memory", "100"], "A seat needs 256 MiB"),
    "negative memory": (["--memory", "-1"], "A seat needs 256 MiB"),
    "no processors": (["--cpus", "0"], "from 0.1 to 64"),
    "not a number": (["--cpus", "nan"], "from 0.1 to 64"),
    "idle": (["--idle", "-1"], "--idle"),
    "isolation": (["--isolation", "perhaps"], "isolation"),
    "users without rights": (["--isolation", "users"], "need root"),
    "certificate alone": (["--certificate", "c.pem"], "needs both"),
    "no certificate there": (["--certificate", "c.pem", "--key", "k.pem"], "cannot be used"),
}


@pytest.mark.parametrize(("options", "words"), BAD.values(), ids=BAD)
def test_what_cannot_be_meant_ends_in_a_sentence(up, options, words):
    code, error = up(*options)
    assert code == 2 and words in error and "was reached" not in error


def test_good_input_reaches_the_environment(up):
    assert "was reached" in up("--minutes", "180", "--isolation", "none")[1]


def test_a_port_in_use_is_told_with_a_free_one(up):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        code, error = up("--host", "127.0.0.1", "--port", str(port))
    assert code == 2 and f"Port {port} is in use" in error
    free = int(error.split("take --port ")[1].rstrip(".\n"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free))


def test_a_small_machine_says_how_many_seats_fit(up, monkeypatch, tmp_path):
    monkeypatch.setattr(opening, "this_machine", lambda: SMALL)
    (tmp_path / "500.csv").write_text("\n".join(f"L {n}" for n in range(500)), encoding="utf-8")
    code, error = up(roster=str(tmp_path / "500.csv"))
    assert code == 2 and error.startswith(f"Error: {SMALL.fits()} seats fit") and "wants 500" in error
    assert "was reached" in up("--anyway", roster=str(tmp_path / "500.csv"))[1]


def test_a_room_without_a_roster_is_refused(up, tmp_path, capsys):
    assert invoke(["workshop", "up", "--room", str(tmp_path / "other")]) == 2
    assert "--roster" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["status"], ["down"], ["code", "seat-01"], ["seats"], ["seats", "add", "A"]]
)
def test_commands_on_no_room_end_in_a_sentence(command, tmp_path, capsys):
    options = ["--room", str(tmp_path / "none")]
    arguments = ["workshop", *command, *options] if command[0] != "seats" else [
        "workshop", "seats", *options, *command[1:]
    ]  # fmt: skip
    assert invoke(arguments) == 2
    assert "No room is open here" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_a_room_is_refused(tmp_path, repo_root):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").touch()
    (tmp_path / "file").touch()
    for place, words in (
        (repo_root / "rooms", "must not lie in each other"),
        (repo_root.parent, "must not lie in each other"),
        (tmp_path / "full", "holds something else"),
        (tmp_path / "file", "cannot be made"),
        (tmp_path / ("x" * 120), "too long"),
    ):
        with pytest.raises(UserError, match=words):
            prepare_folder(place, repo_root)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.doc"]
    assert not (repo_root / "rooms").exists()


def test_a_disk_that_is_nearly_full_is_told_before_anything_is_written(up, monkeypatch, tmp_path):
    usage = folder.shutil.disk_usage(tmp_path)._replace(free=50 << 20)
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _: usage)
    code, error = up()
    assert code == 2 and "has 50 MiB free" in error and "2 seats need" in error
    assert not (tmp_path / "room" / "private" / "room.json").exists()


@pytest.mark.parametrize(
    "reason", [OSError(errno.ENOSPC, "full"), sqlite3.OperationalError("full")], ids=["file", "database"]
)
@pytest.mark.parametrize("closes", [True, False], ids=["closed", "not even that"])
def test_a_disk_that_fills_up_while_the_room_opens_ends_in_a_sentence(
    up, monkeypatch, tmp_path, reason, closes
):
    def full(*_):
        raise reason

    monkeypatch.setattr(opening, "hub_environment", lambda _: HubEnvironment(Path("p"), Path("n"), Path("c")))
    monkeypatch.setattr(opening, "furnish", full)
    if not closes:
        monkeypatch.setattr(opening, "close_room", lambda *_: full() if isinstance(reason, OSError) else None)
    code, error = up()
    assert code == 2 and "cannot be written" in error
    file = tmp_path / "room" / "private" / "room.json"
    if closes:
        assert Room(tmp_path / "room").settings().more["closed"] is True
    elif isinstance(reason, OSError):
        assert not file.exists()


def test_another_users_room_is_told_as_such(up, monkeypatch, tmp_path):
    (tmp_path / "room" / "private").mkdir(parents=True)
    monkeypatch.setattr(folder.os, "geteuid", lambda: os.getuid() + 1)
    code, error = up()
    assert code == 2 and "Another user opened this room" in error


def test_damaged_settings_are_told_and_nothing_is_overwritten(up, tmp_path):
    private = tmp_path / "room" / "private"
    private.mkdir(parents=True)
    for content in ("{", "[]", '{"version": 99}', "\x00"):
        (private / "room.json").write_text(content, encoding="utf-8")
        code, error = up()
        assert code == 2 and "room" in error
        assert (private / "room.json").read_text(encoding="utf-8") == content


def test_isolation_is_what_the_machine_allows_and_is_said():
    root = Machine(1, 1, is_root=True, can_mount=True)
    held = Machine(1, 1, is_root=True, can_mount=False)
    assert isolation("", root)[:2] == (True, True)
    own_users, own_view, said = isolation("", held)
    assert (own_users, own_view) == (True, False) and "CAN be read" in said
    own_users, own_view, said = isolation("none", LARGE)
    assert not own_users and not own_view and "NOT isolated" in said
    with pytest.raises(UserError, match="would be root"):
        isolation("none", root)


def test_the_agenda_counts_and_says_so_where_minutes_differ():
    path, steps, remarks = plan_time(Wish(agenda="half_day", minutes=60, path="full"))
    minutes = sum(step.minutes for step in steps)
    assert minutes != 60 and path == read_agenda("half_day").path
    assert "the agenda counts" in remarks[0]
    path, steps, _ = plan_time(Wish(path="security", minutes=90))
    assert path == "security" and sum(step.minutes for step in steps) == 90


def test_a_certificate_is_kept_for_the_room_and_its_key_is_nobody_elses(tmp_path):
    import trustme

    made = trustme.CA().issue_cert("room.example.org")
    pair = tmp_path / "c.pem", tmp_path / "k.pem"
    made.cert_chain_pems[0].write_to_path(pair[0])
    made.private_key_pem.write_to_path(pair[1])
    room = Room(tmp_path)
    room.private.mkdir()
    kept = terms.keep_certificate(room, Wish(certificate=pair[0], key=pair[1]))
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(kept["certificate"], kept["key"])
    assert all(Path(path).stat().st_mode & 0o077 == 0 for path in kept.values())
    with pytest.raises(UserError, match="belong together"):
        terms.keep_certificate(room, Wish(certificate=pair[1], key=pair[0]))


@pytest.mark.parametrize(
    ("begin", "days", "words"),
    [(-400, 365, "The certificate ended on"), (30, 365, "The certificate begins on")],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_that_is_not_valid_today_opens_no_room(up, tmp_path, begin, days, words):
    pair = certificate(tmp_path, datetime.now(UTC) + timedelta(days=begin), days)
    code, error = up("--certificate", str(pair[0]), "--key", str(pair[1]))
    assert code == 2 and words in error and "was reached" not in error
    assert not list((tmp_path / "room").rglob("public.*"))


def test_the_key_of_another_certificate_opens_no_room(up, tmp_path):
    now = datetime.now(UTC)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one = certificate(tmp_path / "one", now - timedelta(days=1), 30)
    other = certificate(tmp_path / "other", now - timedelta(days=1), 30)
    code, error = up("--certificate", str(one[0]), "--key", str(other[1]))
    assert code == 2 and "belong together" in error
    assert not list((tmp_path / "room").rglob("public.*"))
    assert "was reached" in up("--certificate", str(one[0]), "--key", str(one[1]))[1]


def test_the_key_for_https_goes_when_the_room_is_closed(tmp_path):
    room = Room(tmp_path)
    pair = certificate(tmp_path, datetime.now(UTC) - timedelta(days=1), 30)
    room.private.mkdir()
    kept = terms.keep_certificate(room, Wish(certificate=pair[0], key=pair[1]))
    settings = Settings(
        name="r", port=1, inner_ports=(2, 3, 4), path="security", sector="finance", minutes=1, seats=(),
        kit="", kit_python="", hub_python="", node="", proxy="", more=kept,
    )  # fmt: skip
    close_room(room, settings)
    assert not (room.private / "public.key").exists()
    assert pair[1].exists()


def certificate(folder, begin, days):
    """Write a certificate with its key; return both files."""
    import trustme

    made = trustme.CA().issue_cert(
        "room.example.org", not_before=begin, not_after=begin + timedelta(days=days)
    )
    made.cert_chain_pems[0].write_to_path(folder / "c.pem")
    made.private_key_pem.write_to_path(folder / "k.pem")
    return folder / "c.pem", folder / "k.pem"


def test_slips_and_table_show_names_as_text(tmp_path):
    room = Room(tmp_path)
    room.private.mkdir()
    seats = (Seat("seat-01", "<img src=x>", 1), Seat("seat-02", "Ada", 2))
    page = write_slips(room, "A & B", "http://x/", seats, {"seat-01": "abcd-efgh"}).read_text("utf-8")
    assert "<img" not in page and "A &amp; B" in page and "Ada" not in page
    assert table(seats, {"seat-01": "abcd-efgh"}).splitlines()[1].split() == [
        "seat-02",
        "as",
        "before",
        "Ada",
    ]
