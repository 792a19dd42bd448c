"""Key rings and encrypted files from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from secure_ai.cli import invoke
from secure_ai.core.audit import read_events

PASSPHRASE = "five words that nobody guesses"
CANARY = "CANARY-4711"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a key ring of one key, and a file with a planted value."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECURE_AI_PASSPHRASE", PASSPHRASE)
    (tmp_path / "notes.txt").write_text(f"{CANARY}\n", encoding="utf-8")
    assert invoke(["keyring", "create", "my.ring", "notes"]) == 0
    return tmp_path


def encrypt(*options):
    return invoke(["encrypt", "notes.txt", "notes.enc", "--keyring", "my.ring", "--key", "notes", *options])


def decrypt(*options):
    return invoke(["decrypt", "notes.enc", "back.txt", "--keyring", "my.ring", *options])


def test_a_file_comes_back_after_its_key_was_rotated_and_the_old_version_destroyed(folder, capsys):
    assert encrypt("--belongs-to", "table=notes") == 0
    assert invoke(["keyring", "rotate", "my.ring", "notes"]) == 0
    assert invoke(["rewrap", "notes.enc", "--keyring", "my.ring"]) == 0
    assert invoke(["keyring", "destroy", "my.ring", "notes", "--version", "1", "--yes"]) == 0
    assert decrypt("--belongs-to", "table=notes") == 0
    assert (folder / "back.txt").read_text() == (folder / "notes.txt").read_text()
    assert invoke(["keyring", "list", "my.ring"]) == 0
    said = capsys.readouterr()
    assert "version 1  destroyed" in said.out and "version 2  current" in said.out
    assert CANARY not in said.out + said.err


def test_every_use_of_a_key_is_in_the_trail_beside_the_ring(folder):
    encrypt()
    decrypt()
    events = read_events(folder / "my.ring.audit.jsonl")
    assert [event.action for event in events] == [
        *("create ring", "create", "open", "wrap", "open", "unwrap")
    ]
    assert {event.outcome for event in events} == {"allowed"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder, patch: patch.setenv("SECURE_AI_PASSPHRASE", "x" * 20), "passphrase is another one"),
        (lambda folder, patch: (folder / "my.ring").unlink(), "my.ring does not exist"),
        (lambda folder, patch: invoke(["keyring", "destroy", "my.ring", "notes", "--yes"]), "destroyed"),
        (lambda folder, patch: cut(folder / "notes.enc", 5), "notes.enc"),
        (lambda folder, patch: (folder / "notes.enc").write_bytes(b"plain"), "notes.enc"),
        (lambda folder, patch: (folder / "notes.enc").unlink(), "notes.enc"),
    ],
    ids=["passphrase", "no ring", "key gone", "cut short", "not encrypted", "no file"],
)
def test_what_does_not_open_is_told_in_a_sentence_and_leaves_nothing(
    folder, monkeypatch, capsys, change, message
):
    encrypt()
    change(folder, monkeypatch)
    capsys.readouterr()
    assert decrypt() == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and "Traceback" not in error
    assert not (folder / "back.txt").exists() and not list(folder.glob(".back*"))


def cut(path, count):
    path.write_bytes(path.read_bytes()[:-count])


def test_wrong_associated_data_is_refused(folder, capsys):
    encrypt("--belongs-to", "table=notes")
    assert decrypt("--belongs-to", "table=claims") == 2
    assert "belongs to something else" in capsys.readouterr().err
    assert encrypt("--belongs-to", "notes") == 2
    assert "NAME=VALUE" in capsys.readouterr().err


def test_an_existing_ring_is_never_overwritten(folder):
    before = (folder / "my.ring").read_bytes()
    assert invoke(["keyring", "create", "my.ring"]) == 2
    assert (folder / "my.ring").read_bytes() == before


def test_another_passphrase_opens_and_the_old_one_no_more(folder, monkeypatch):
    encrypt()
    monkeypatch.setenv("SECURE_AI_NEW_PASSPHRASE", "another five words for the ring")
    assert invoke(["keyring", "passphrase", "my.ring"]) == 0
    assert decrypt() == 2
    monkeypatch.setenv("SECURE_AI_PASSPHRASE", "another five words for the ring")
    assert decrypt() == 0


@pytest.mark.parametrize("ring", [".", "/dev/null", "pipe"])
def test_what_is_no_file_is_no_ring_and_no_trail_is_made_beside_it(folder, capsys, ring):
    os.mkfifo("pipe")
    before = sorted(folder.iterdir())
    assert invoke(["verify", "notes.txt", "--keyring", ring]) == 2
    assert "not a key ring" in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before
    assert not Path("/dev/null.audit.jsonl").exists()


def test_verify_says_what_it_did_not_check(folder, capsys):
    encrypt()
    assert invoke(["verify", "notes.enc"]) == 0
    assert "that takes the key" in capsys.readouterr().out
    assert invoke(["verify", "notes.enc", "--keyring", "my.ring"]) == 0
    assert "are authentic" in capsys.readouterr().out


def test_a_leaked_key_is_named_by_place_and_never_shown(folder, capsys):
    secret = "AKIA" + "QYLPMN5HFIQR7XYA"
    (folder / "settings.py").write_text(f'key = "{secret}"\n', encoding="utf-8")
    assert invoke(["secrets", "."]) == 1
    said = capsys.readouterr().out
    assert "settings.py" in said and secret not in said
    (folder / "settings.py").unlink()
    assert invoke(["secrets", "."]) == 0
