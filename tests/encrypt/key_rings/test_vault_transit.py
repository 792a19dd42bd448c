"""Claims about the key ring in Vault: against a stand-in, and against Vault where VAULT_ADDR names one."""

from __future__ import annotations

import base64
import importlib.util
import os
import secrets
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from secure_ai.encrypt.key_rings import (
    ForeignKeyError,
    KeyExistsError,
    KeyNameError,
    KeyNotFoundError,
    KeyRingError,
    KeyUseDeniedError,
    KeyVersionGoneError,
    PersonKeys,
    ServiceDeniedError,
    ServiceError,
    ServiceThrottledError,
    ServiceUnreachableError,
    WrappedKey,
    WrappedKeyError,
    rewrap_all,
    vault_transit,
)
from secure_ai.encrypt.key_rings.vault_transit import VaultTransitRing

_SPEC = importlib.util.spec_from_file_location(
    "vault_stand_in", Path(__file__).with_name("vault_stand_in.py")
)
stand_in = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(stand_in)
CONTEXT = {"table": "patients"}


@pytest.fixture(scope="module")
def server():
    """The stand-in, for all tests of this file."""
    with stand_in.served() as found:
        yield found


@pytest.fixture
def engine(server):
    """The stand-in's engine, emptied."""
    server[1].keys.clear()
    server[1].requests.clear()
    server[1].next_refusal = server[1].raw_answer = None
    return server[1]


@pytest.fixture
def vault(server, engine, audit):
    """A ring in the stand-in, with one key."""
    with VaultTransitRing(server[0], stand_in.TOKEN, actor="service-1", audit=audit) as ring:
        ring.create_key("patients")
        yield ring


@pytest.fixture
def real_vault():
    """A ring in a real Vault or OpenBao with a Transit engine, and a name that nobody uses."""
    if not os.environ.get("VAULT_ADDR") or not os.environ.get("VAULT_TOKEN"):
        pytest.skip("VAULT_ADDR and VAULT_TOKEN name no Vault")
    name = f"secure-ai-test-{secrets.token_hex(6)}"
    with VaultTransitRing() as ring:
        yield ring, name
        if name in ring.key_names():
            ring.destroy(name)


def life_of_a_key(ring: VaultTransitRing, name: str) -> None:
    """Wrap, open, rotate, re-wrap and destroy, and check what must open and what must not."""
    if name not in ring.key_names():
        ring.create_key(name)
    old = ring.new_data_key(name, CONTEXT)
    assert len(old.secret) == 32
    assert ring.unwrap(old.wrapped, CONTEXT) == old.secret
    with pytest.raises(WrappedKeyError):
        ring.unwrap(old.wrapped, {"table": "claims"})
    assert ring.rotate(name) == "2"
    report = rewrap_all([(old.wrapped, CONTEXT)], ring)
    assert report.destroyable == ((name, "1"),)
    assert ring.unwrap(old.wrapped, CONTEXT) == old.secret
    ring.destroy(name, "1")
    assert [v.state for v in ring.versions(name)] == ["destroyed", "current"]
    with pytest.raises(KeyVersionGoneError):
        ring.unwrap(old.wrapped, CONTEXT)
    assert ring.unwrap(report.keys[0], CONTEXT) == old.secret
    ring.destroy(name)
    with pytest.raises(KeyNotFoundError):
        ring.unwrap(report.keys[0], CONTEXT)


def test_the_life_of_a_key(vault):
    life_of_a_key(vault, "patients")


def test_the_life_of_a_key_in_a_real_vault(real_vault):
    life_of_a_key(*real_vault)


def test_requests_are_those_that_vault_documents(vault, engine):
    engine.requests.clear()
    made = vault.new_data_key("patients", CONTEXT)
    vault.unwrap(made.wrapped, CONTEXT)
    vault.rewrap(made.wrapped, CONTEXT)
    context = base64.b64encode(b'{"table":"patients"}').decode()
    ciphertext = made.wrapped.ciphertext.decode()
    assert engine.requests == [
        ("POST", "/v1/transit/datakey/plaintext/patients", {"context": context, "bits": 256}),
        ("POST", "/v1/transit/decrypt/patients", {"context": context, "ciphertext": ciphertext}),
        ("POST", "/v1/transit/rewrap/patients", {"context": context, "ciphertext": ciphertext}),
    ]


def test_a_version_is_switched_off_and_then_trimmed(vault, engine):
    vault.rotate("patients")
    engine.requests.clear()
    vault.destroy("patients", "1")
    limits = {"min_decryption_version": 2, "min_encryption_version": 2}
    assert engine.requests[-2:] == [
        ("POST", "/v1/transit/keys/patients/config", limits),
        ("POST", "/v1/transit/keys/patients/trim", {"min_available_version": 2}),
    ]  # fmt: skip


def test_person_keys_work_with_vault(vault, tmp_path):
    with PersonKeys.create(tmp_path / "p.db", vault, groups=4) as keys:
        keys.add(f"P{n}" for n in range(12))
        old = keys.backup(tmp_path / "old.db")
        note = keys.seal("P1", b"note")
        assert keys.shred("P2").versions_destroyed == 1
        assert keys.unseal("P1", note) == b"note"
        with PersonKeys.open(old, vault, read_only=True) as copy, pytest.raises(KeyVersionGoneError):
            copy.unseal("P1", note)


BAD = {
    "no such key": (lambda r, w: r.new_data_key("claims", {}), KeyNotFoundError),
    "rotate no such key": (lambda r, w: r.rotate("claims"), KeyNotFoundError),
    "key exists": (lambda r, w: r.create_key("patients"), KeyExistsError),
    "bad name": (lambda r, w: r.create_key("../sys/seal"), KeyNameError),
    "bad name in a wrapped key": (
        lambda r, w: r.unwrap(replace(w, key_name="../sys"), CONTEXT),
        KeyNameError,
    ),
    "unknown version": (lambda r, w: r.destroy("patients", "9"), KeyNotFoundError),
    "the newest version": (lambda r, w: r.destroy("patients", "1"), KeyRingError),
    "local key": (
        lambda r, w: r.unwrap(WrappedKey("local", "patients", "1", b"x" * 68), {}),
        ForeignKeyError,
    ),
    "no ciphertext": (lambda r, w: r.unwrap(replace(w, ciphertext=b"\xff"), CONTEXT), WrappedKeyError),
    "another version": (lambda r, w: r.unwrap(replace(w, version="2"), CONTEXT), WrappedKeyError),
    "too new": (
        lambda r, w: r.unwrap(replace(w, version="9", ciphertext=b"vault:v9:AAAA"), CONTEXT),
        KeyVersionGoneError,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_its_own_error(vault, name):
    call, kind = BAD[name]
    made = vault.new_data_key("patients", CONTEXT)
    with pytest.raises(kind) as caught:
        call(vault, made.wrapped)
    assert caught.value.__cause__ is None
    assert vault.gate.audit.events[-1].outcome == "error"


ANSWERS = {
    403: ServiceDeniedError,
    404: KeyNotFoundError,
    429: ServiceThrottledError,
    500: ServiceError,
    503: ServiceUnreachableError,
    307: ServiceError,
}


@pytest.mark.parametrize("status", ANSWERS)
def test_what_vault_answers_is_a_sentence_without_its_own_words(vault, engine, status):
    engine.next_refusal = stand_in.Refusal(status, "canary in an answer")
    with pytest.raises(ANSWERS[status]) as caught:
        vault.new_data_key("patients", CONTEXT)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [b"<html>", b"[]", b'{"data": {}}', b'{"data": {"plaintext": "eA==", "ciphertext": "x"}}'],
    ids=range(4),
)
def test_an_answer_that_is_not_vaults_is_said_to_be_none(vault, engine, raw):
    engine.raw_answer = raw
    with pytest.raises(ServiceError, match="not one of Vault"):
        vault.new_data_key("patients", CONTEXT)


def test_a_wrong_token_is_refused_and_not_shown(server, engine):
    with VaultTransitRing(server[0], "another-canary") as ring:
        with pytest.raises(ServiceDeniedError) as caught:
            ring.key_names()
        assert "canary" not in f"{caught.value}{ring!r}"


def test_nothing_hangs_where_vault_is_silent_or_away(monkeypatch):
    monkeypatch.setattr(vault_transit, "TIMEOUT_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for port in (silent.getsockname()[1], 9):
            ring = VaultTransitRing(f"http://127.0.0.1:{port}", "token")
            with ring, pytest.raises(ServiceUnreachableError, match="cannot be reached"):
                ring.key_names()


@pytest.mark.parametrize(
    ("address", "token", "kind"),
    [
        ("", "t", ServiceError),
        ("vault:8200", "t", ServiceError),
        ("http://vault.example.org:8200", "t", ServiceError),
        ("https://vault.example.org:8200", "", ServiceDeniedError),
        ("https://vault.example.org:8200", "t\n", ServiceDeniedError),
    ],
    ids=["no address", "no scheme", "in the clear", "no token", "a line break"],
)
def test_a_bad_address_or_token_is_refused_before_anything_is_sent(monkeypatch, address, token, kind):
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    with pytest.raises(kind):
        VaultTransitRing(address, token)


def test_the_policy_is_asked_before_vault_is(server, engine):
    ring = VaultTransitRing(server[0], stand_in.TOKEN, allowed=lambda *_: False)
    with ring, pytest.raises(KeyUseDeniedError):
        ring.new_data_key("patients", {})
    assert engine.requests == []
