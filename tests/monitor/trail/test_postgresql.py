"""The same trail in PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.errors import UserError
from secure_ai.monitor.trail import DuplicateEvent, export_jsonl, open_trail, verify_trail


@pytest.fixture
def address(postgresql_server, postgresql_address) -> Iterator[str]:
    yield postgresql_address
    with postgresql_server.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS audit_trail CASCADE")


def test_writers_keep_one_chain_and_an_edit_is_found_at_its_entry(
    postgresql_server, address, event, tmp_path
):
    key, witness = Ed25519PrivateKey.generate(), tmp_path / "witness.jsonl"

    def write(writer):
        with open_trail(address, signing_key=key, checkpoint_every=20, witness=witness) as trail:
            for number in range(25):
                trail.append(event(writer * 100 + number, details={"é": 0.5}, records=("N1",)))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verify_trail(address, key.public_key(), witness)
    assert found.intact, found.sentence()
    assert (found.entries, found.witnessed) == (100, 100)
    with open_trail(address, signing_key=key) as trail:
        assert len(trail.to_frame(actor="S0000003")) == len(
            [1 for n in trail.read() if n.event.actor == "S0000003"]
        )
        with pytest.raises(DuplicateEvent):
            trail.append(event(101, target="other"))
        assert "fsync" in trail.durability
        assert verify_trail(export_jsonl(trail, tmp_path / "out.jsonl"), key.public_key(), witness).intact
    with postgresql_server.connect() as connection:
        with pytest.raises(Exception, match="append-only"):
            connection.execute("DELETE FROM audit_trail.trail_entries")
        connection.execute("ALTER TABLE audit_trail.trail_entries DISABLE TRIGGER append_only")
        connection.execute("UPDATE audit_trail.trail_entries SET actor = 'x' WHERE sequence = 33")
        connection.execute("DELETE FROM audit_trail.trail_entries WHERE sequence IN (50, 51)")
    told = [
        (p.part, p.kind, p.number, p.last) for p in verify_trail(address, key.public_key(), witness).problems
    ]
    assert told == [
        ("entry", "edited", 33, 33), ("entry", "deleted", 50, 51), ("database", "damaged", 0, 0),
    ]  # fmt: skip


def test_a_place_without_trail_and_a_server_that_is_not_there_are_said(address):
    with pytest.raises(UserError, match="There is no audit trail"):
        open_trail(address)
    with pytest.raises(UserError, match="There is no audit trail"):
        verify_trail(address, Ed25519PrivateKey.generate().public_key())
    with pytest.raises(UserError, match="does not answer") as raised:
        open_trail("postgresql://user:secret@127.0.0.1:1/none")
    assert "secret" not in str(raised.value)
