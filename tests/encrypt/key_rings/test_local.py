"""Claims about the key ring on disk."""

from __future__ import annotations

import io
import os
import pickle
import stat
import struct
import subprocess
import sys
import traceback
import warnings
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import (
    DEFAULT_COST,
    UNSAFE_COST_FOR_TESTS,
    ForeignKeyError,
    KeyExistsError,
    KeyNameError,
    KeyNotFoundError,
    KeyRingError,
    KeyUseDeniedError,
    KeyVersionGoneError,
    LocalKeyRing,
    PassphraseError,
    RingBusyError,
    RingFileError,
    WrappedKey,
    WrappedKeyError,
    ring_file,
)

LONG = "x" * 20
CONTEXT = {"table": "patients", "column": "ssn"}


def reopened(ring, passphrase, **options) -> LocalKeyRing:
    return LocalKeyRing.open(ring.path, passphrase, **options)


def test_a_data_key_opens_again_after_the_ring_was_closed(ring, passphrase):
    made = ring.new_data_key("patients", CONTEXT)
    ring.close()
    assert reopened(ring, passphrase).unwrap(made.wrapped, CONTEXT) == made.secret
    with pytest.raises(KeyRingError, match="closed"):
        ring.unwrap(made.wrapped, CONTEXT)


def test_the_order_of_a_context_does_not_matter(ring):
    made = ring.new_data_key("patients", CONTEXT)
    assert ring.unwrap(made.wrapped, dict(reversed(CONTEXT.items()))) == made.secret


def test_older_versions_open_until_they_are_destroyed_and_stay_listed(ring):
    old = ring.new_data_key("patients", CONTEXT)
    assert ring.rotate("patients") == "2"
    assert ring.unwrap(old.wrapped, CONTEXT) == old.secret
    new = ring.rewrap(old.wrapped, CONTEXT)
    assert (new.version, ring.unwrap(new, CONTEXT)) == ("2", old.secret)
    ring.destroy("patients", "1")
    with pytest.raises(KeyVersionGoneError, match="Version 1 of the key patients was destroyed"):
        ring.unwrap(old.wrapped, CONTEXT)
    assert ring.unwrap(new, CONTEXT) == old.secret
    assert [v.state for v in ring.versions("patients")] == ["destroyed", "current"]
    assert ring.to_frame()["version"].tolist() == ["1", "2"]


def test_a_destroyed_key_wraps_again_only_once_it_is_rotated(ring):
    ring.destroy("patients")
    with pytest.raises(KeyVersionGoneError, match="rotate"):
        ring.new_data_key("patients", CONTEXT)
    assert ring.rotate("patients") == "2"
    assert ring.new_data_key("patients", CONTEXT).wrapped.version == "2"


def test_the_bytes_of_a_destroyed_version_are_overwritten_in_the_old_file(ring, tmp_path):
    link = tmp_path / "the same bytes"
    os.link(ring.path, link)
    ring.rotate("patients")
    link.unlink()
    os.link(ring.path, link)
    ring.destroy("patients", "1")
    assert set(link.read_bytes()) == {0}


def test_files_of_a_ring_are_for_their_owner_alone_and_nothing_else_is_left(ring, tmp_path):
    ring.rotate("patients")
    assert {path.name for path in tmp_path.iterdir()} == {"hospital.keys", ".hospital.keys.lock"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_others_who_may_read_the_ring_are_warned_of(ring, passphrase):
    ring.path.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        reopened(ring, passphrase)


def test_a_cheap_passphrase_cost_is_warned_of_and_the_default_is_not_weak(ring, passphrase):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="cheap to guess"):
            reopened(ring, passphrase)
    assert DEFAULT_COST.bearable
    assert not DEFAULT_COST.weak
    assert UNSAFE_COST_FOR_TESTS.weak


def test_what_another_process_destroys_is_gone_here_too(ring, passphrase):
    made = ring.new_data_key("patients", CONTEXT)
    other = reopened(ring, passphrase)
    other.rotate("patients")
    other.destroy("patients", "1")
    with pytest.raises(KeyVersionGoneError):
        ring.unwrap(made.wrapped, CONTEXT)
    assert ring.new_data_key("patients", CONTEXT).wrapped.version == "2"


ROTATE = """
import sys, warnings
warnings.simplefilter("ignore")
from secure_ai.encrypt.key_rings import LocalKeyRing
ring = LocalKeyRing.open(sys.argv[1], sys.argv[2])
for _ in range(10):
    made = ring.new_data_key("patients", {})
    ring.rotate("patients")
    ring.unwrap(made.wrapped, {})
"""


def test_two_processes_that_rotate_at_once_lose_no_version(ring, passphrase):
    command = [sys.executable, "-c", ROTATE, str(ring.path), passphrase]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert [v.version for v in ring.versions("patients")] == [str(n) for n in range(1, 22)]


def test_a_ring_that_another_process_is_changing_is_said_to_be_busy(ring, monkeypatch):
    monkeypatch.setattr(ring_file, "LOCK_SECONDS", 0.1)
    with ring_file.one_writer(ring.path), pytest.raises(RingBusyError, match="try again"):
        ring.rotate("patients")
    assert len(ring.versions("patients")) == 1


def test_an_older_copy_put_in_the_place_of_an_open_ring_is_noticed(ring):
    before = ring.path.read_bytes()
    ring.rotate("patients")
    ring.path.write_bytes(before)
    with pytest.raises(RingFileError, match="older copy"):
        ring.new_data_key("patients", CONTEXT)


def test_the_passphrase_is_changed_and_the_keys_stay(ring, passphrase):
    made, other = ring.new_data_key("patients", CONTEXT), reopened(ring, passphrase)
    ring.change_passphrase("another of five long words", cost=UNSAFE_COST_FOR_TESTS)
    assert ring.unwrap(made.wrapped, CONTEXT) == made.secret
    assert reopened(ring, "another of five long words").unwrap(made.wrapped, CONTEXT) == made.secret
    with pytest.raises(PassphraseError):
        reopened(ring, passphrase)
    with pytest.raises(PassphraseError, match="changed since"):
        other.key_names()


def test_a_passphrase_that_cannot_be_written_changes_nothing(ring, passphrase, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ring_file.os, "fsync", full)
    with pytest.raises(RingFileError, match="no space left"):
        ring.change_passphrase("another of five long words", cost=UNSAFE_COST_FOR_TESTS)
    monkeypatch.undo()
    assert ring.rotate("patients") == "2"
    assert len(reopened(ring, passphrase).versions("patients")) == 2


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [("", "too short"), ("short", "too short"), (" " * 20, "too short"), ("x" * 2000, "too long")],
    ids=["empty", "short", "blank", "endless"],
)
def test_a_bad_passphrase_is_refused_and_no_file_is_made(tmp_path, passphrase, said):
    with pytest.raises(PassphraseError, match=said):
        LocalKeyRing.create(tmp_path / "r.keys", passphrase)
    assert not list(tmp_path.iterdir())


def test_the_passphrase_comes_from_the_environment_and_is_normalized(tmp_path, monkeypatch):
    monkeypatch.setenv("SECURE_AI_PASSPHRASE", "fünf lange Wörter hier")
    LocalKeyRing.create(tmp_path / "r.keys", cost=UNSAFE_COST_FOR_TESTS)
    LocalKeyRing.open(tmp_path / "r.keys", "fu\u0308nf lange Wo\u0308rter hier")


def test_without_a_terminal_the_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SECURE_AI_PASSPHRASE", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(PassphraseError, match="SECURE_AI_PASSPHRASE"):
        LocalKeyRing.create(tmp_path / "r.keys")


def hostile(raw: bytes, **numbers: int) -> bytes:
    """Return a ring's bytes that ask for other costs, with the checksum put right."""
    fields = (
        dict(zip(("memory", "passes", "lanes"), struct.unpack_from(">III", raw, 16), strict=True)) | numbers
    )
    body = raw[:16] + struct.pack(">III", *fields.values()) + raw[28:-32]
    return body + sha256(body).digest()


BAD_FILES = {
    "empty": (lambda raw: b"", "not a key ring"),
    "another file": (lambda raw: b"%PDF-1.7 and so on" * 20, "not a key ring"),
    "half": (lambda raw: raw[: len(raw) // 2], "damaged or cut short"),
    "without its end": (lambda raw: raw[:-1], "damaged or cut short"),
    "longer": (lambda raw: raw + b"x", "damaged or cut short"),
    "asks for 100 GB": (lambda raw: hostile(raw, memory=100 << 20), "more memory"),
    "asks for a million passes": (lambda raw: hostile(raw, passes=1 << 20), "more memory"),
    "no lanes": (lambda raw: hostile(raw, lanes=0), "more memory"),
    "other costs": (lambda raw: hostile(raw, passes=2), "passphrase is another one"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_of_a_ring_has_its_own_sentence(ring, passphrase, name):
    change, said = BAD_FILES[name]
    ring.path.write_bytes(change(ring.path.read_bytes()))
    with pytest.raises(KeyRingError, match=said) as caught:
        reopened(ring, passphrase)
    assert passphrase not in "".join(traceback.format_exception(caught.value))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_ring_damaged_at_any_byte_does_not_open_and_is_not_changed(ring, passphrase, data):
    good = ring.path.read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    path = ring.path.with_name("damaged.keys")
    path.write_bytes(bad)
    with pytest.raises(RingFileError):
        LocalKeyRing.open(path, passphrase)
    assert path.read_bytes() == bad


def flipped(raw: bytes) -> bytes:
    """Return bytes of which the last bit is another."""
    return raw[:-1] + bytes([raw[-1] ^ 1])


BAD_WRAPPED = {
    "another context": (lambda w: (w, {"table": "patients"}), WrappedKeyError),
    "no context": (lambda w: (w, {}), WrappedKeyError),
    "a context that is no text": (lambda w: (w, {"row": 5}), UserError),
    "cut short": (lambda w: (replace(w, ciphertext=w.ciphertext[:-1]), CONTEXT), WrappedKeyError),
    "empty": (lambda w: (replace(w, ciphertext=b""), CONTEXT), WrappedKeyError),
    "a bit flipped": (lambda w: (replace(w, ciphertext=flipped(w.ciphertext)), CONTEXT), WrappedKeyError),
    "another kind of ring": (lambda w: (replace(w, ring="aws-kms"), CONTEXT), ForeignKeyError),
    "a version to come": (lambda w: (replace(w, version="9"), CONTEXT), KeyNotFoundError),
    "a version that is no number": (lambda w: (replace(w, version="../1"), CONTEXT), KeyNotFoundError),
    "another key": (lambda w: (replace(w, key_name="claims"), CONTEXT), KeyNotFoundError),
    "a name that is none": (lambda w: (replace(w, key_name="a b\n"), CONTEXT), KeyNameError),
}


@pytest.mark.parametrize("name", BAD_WRAPPED)
def test_a_bad_wrapped_key_has_its_own_error_and_leaves_one_event(ring, audit, name):
    change, kind = BAD_WRAPPED[name]
    made = ring.new_data_key("patients", CONTEXT)
    wrapped, context = change(made.wrapped)
    before = len(audit.events)
    for use in (ring.unwrap, ring.rewrap):
        with pytest.raises(kind) as caught:
            use(wrapped, context)
        shown = "".join(traceback.format_exception(caught.value))
        assert made.secret.hex() not in shown
        assert repr(made.secret)[2:-1] not in shown
        assert caught.value.__cause__ is None
    assert [event.outcome for event in audit.events[before:]] == ["error", "error"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 67), mask=st.integers(1, 255))
def test_a_wrapped_key_changed_at_any_byte_does_not_open(ring, at, mask):
    wrapped = ring.new_data_key("patients", CONTEXT).wrapped
    raw = bytearray(wrapped.ciphertext)
    raw[at] ^= mask
    with pytest.raises((WrappedKeyError, ForeignKeyError)):
        ring.unwrap(replace(wrapped, ciphertext=bytes(raw)), CONTEXT)


@given(line=st.binary(max_size=200))
def test_bytes_that_are_no_wrapped_key_are_refused(line):
    with pytest.raises(WrappedKeyError):
        WrappedKey.from_bytes(line)


def test_a_wrapped_key_survives_its_line(ring):
    wrapped = ring.new_data_key("patients", CONTEXT).wrapped
    assert WrappedKey.from_bytes(wrapped.to_bytes()) == wrapped


def test_another_ring_with_the_same_names_says_that_it_is_another(ring):
    made = ring.new_data_key("patients", CONTEXT)
    with pytest.raises(ForeignKeyError, match="belongs to"):
        LocalKeyRing.in_memory("patients").unwrap(made.wrapped, CONTEXT)


BAD_CALLS = {
    "missing ring": (lambda r, p: LocalKeyRing.open(p / "none.keys", LONG), RingFileError, "create it first"),
    "a folder": (lambda r, p: LocalKeyRing.open(p, LONG), RingFileError, "not a key ring"),
    "wrong passphrase": (lambda r, p: LocalKeyRing.open(r.path, LONG), PassphraseError, "another one"),
    "ring exists": (lambda r, p: LocalKeyRing.create(r.path, LONG), RingFileError, "exists"),
    "folder is a file": (lambda r, p: LocalKeyRing.create(r.path / "r.keys", LONG), RingFileError, "folder"),
    "key exists": (lambda r, p: r.create_key("patients"), KeyExistsError, "exists"),
    "key missing": (lambda r, p: r.new_data_key("claims", {}), KeyNotFoundError, "no key claims"),
    "rotate a missing key": (lambda r, p: r.rotate("claims"), KeyNotFoundError, "no key claims"),
    "destroy a missing version": (lambda r, p: r.destroy("patients", "7"), KeyNotFoundError, "no version 7"),
    "bad name": (lambda r, p: r.create_key("../etc"), KeyNameError, "letters, digits"),
    "in memory": (
        lambda r, p: LocalKeyRing.in_memory().change_passphrase("x" * 20),
        KeyRingError,
        "in memory",
    ),
    "copied": (lambda r, p: pickle.dumps(r), KeyRingError, "neither copied nor sent"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_has_its_own_sentence_and_changes_nothing(ring, tmp_path, name):
    call, kind, said = BAD_CALLS[name]
    before = ring.path.read_bytes()
    with pytest.raises(kind, match=said):
        call(ring, tmp_path)
    assert ring.path.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_keeps_the_ring_as_it_was(ring, passphrase, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match=r"[Cc]annot be|[Cc]annot write"):
            ring.rotate("patients")
        assert len(reopened(ring, passphrase).versions("patients")) == 1
    finally:
        tmp_path.chmod(0o700)


def test_a_disk_that_refuses_keeps_the_ring_as_it_was_and_the_failure_is_recorded(
    ring, passphrase, audit, monkeypatch
):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("secure_ai.core.outputs.tempfile.mkdtemp", read_only)
    with pytest.raises(UserError, match="read-only file system"):
        ring.rotate("patients")
    monkeypatch.undo()
    assert [event.outcome for event in audit.events[-2:]] == ["allowed", "error"]
    assert len(reopened(ring, passphrase).versions("patients")) == 1


def test_every_use_is_one_event_with_actor_key_version_and_context(ring, audit):
    made = ring.new_data_key("patients", CONTEXT)
    ring.unwrap(made.wrapped, CONTEXT)
    ring.rotate("patients")
    ring.rewrap(made.wrapped, CONTEXT)
    ring.destroy("patients", "1")
    assert [(e.action, e.target, e.outcome, e.details.get("version")) for e in audit.events] == [
        ("create ring", "hospital.keys", "allowed", None),
        ("create", "patients", "allowed", "1"),
        ("wrap", "patients", "allowed", "1"),
        ("unwrap", "patients", "allowed", "1"),
        ("rotate", "patients", "allowed", "2"),
        ("rewrap", "patients", "allowed", "2"),
        ("destroy", "patients", "allowed", "1"),
    ]
    assert {event.actor for event in audit.events} == {"service-1"}
    assert audit.events[2].details["context"] == '{"column":"ssn","table":"patients"}'


def test_no_key_is_handed_out_and_none_is_destroyed_if_the_trail_cannot_be_written(
    ring, passphrase, tmp_path
):
    trail = AuditLog(tmp_path / "trail.jsonl")
    other = reopened(ring, passphrase, audit=trail)
    made = other.new_data_key("patients", CONTEXT)
    trail.path.unlink()
    trail.path.mkdir()
    for act in (
        lambda: other.new_data_key("patients", CONTEXT),
        lambda: other.unwrap(made.wrapped, CONTEXT),
        lambda: other.destroy("patients"),
        lambda: other.rotate("patients"),
    ):
        with pytest.raises(UserError, match="audit log"):
            act()
    assert [v.state for v in ring.versions("patients")] == ["current"]


def test_the_access_policy_decides_about_every_use_and_its_refusal_is_an_alert(ring, passphrase):
    asked = []

    def allowed(actor, action, key_name, context):
        asked.append((actor, action, key_name, dict(context)))
        return action != "unwrap"

    made = ring.new_data_key("patients", CONTEXT)
    other = reopened(ring, passphrase, actor="analyst-7", allowed=allowed)
    other.rewrap(made.wrapped, CONTEXT)
    with pytest.raises(KeyUseDeniedError, match="analyst-7 to unwrap with the key patients"):
        other.unwrap(made.wrapped, CONTEXT)
    assert asked[-1] == ("analyst-7", "unwrap", "patients", CONTEXT)
    event = other.gate.audit.events[-1]
    assert (event.outcome, event.alert, event.reason) == ("denied", True, "not allowed")
    assert len(other.gate.audit.events) == 3


@pytest.mark.parametrize("answer", [None, 0, "yes", 1], ids=str)
def test_only_true_allows(ring, passphrase, answer):
    other = reopened(ring, passphrase, allowed=lambda *_: answer)
    with pytest.raises(KeyUseDeniedError):
        other.rotate("patients")


def test_a_policy_that_fails_refuses_and_shows_nothing(ring, passphrase):
    def allowed(*_):
        raise RuntimeError("canary in a policy")

    other = reopened(ring, passphrase, allowed=allowed)
    with pytest.raises(KeyUseDeniedError) as caught:
        other.rotate("patients")
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert other.gate.audit.events[-1].outcome == "denied"


def test_a_ring_that_needs_more_memory_than_there_is_says_so(ring, passphrase, monkeypatch):
    from argon2.exceptions import HashingError

    def none_left(*_, **__):
        raise HashingError("Memory allocation error")

    monkeypatch.setattr("argon2.low_level.hash_secret_raw", none_left)
    with pytest.raises(RingFileError, match="free memory"):
        reopened(ring, passphrase)


def test_no_secret_stands_in_repr_audit_or_file(ring, passphrase, audit):
    made = ring.new_data_key("patients", CONTEXT)
    keys = [key for versions in ring._content.keys.values() for key in versions.values()]
    secrets = [made.secret, *keys, passphrase.encode(), ring._seal.key]
    text = repr([ring, made, ring._seal, ring._content, ring.gate, audit.events, ring.versions("patients")])
    raw = ring.path.read_bytes()
    for secret in secrets:
        assert secret not in raw
        assert repr(secret)[2:-1] not in text
        assert secret.hex() not in text


def test_a_backup_opens_with_the_same_passphrase_and_holds_what_is_destroyed_later(tmp_path):
    with LocalKeyRing.create(tmp_path / "keys.ring", LONG, cost=UNSAFE_COST_FOR_TESTS) as ring:
        ring.create_key("data")
        key = ring.new_data_key("data", {})
        copy = ring.backup(tmp_path / "copy.ring")
        ring.destroy("data")
        with pytest.raises(KeyVersionGoneError):
            ring.unwrap(key.wrapped, {})
    assert os.name != "posix" or copy.stat().st_mode & 0o077 == 0
    with pytest.warns(UserWarning, match="cheap"), LocalKeyRing.open(copy, LONG) as old:
        assert old.unwrap(key.wrapped, {}) == key.secret


def test_a_ring_in_memory_has_no_backup(tmp_path):
    with pytest.raises(KeyRingError, match="no file to copy"):
        LocalKeyRing.in_memory("data").backup(tmp_path / "copy.ring")
    assert list(tmp_path.iterdir()) == []
