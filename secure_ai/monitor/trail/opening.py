"""Open an audit trail: a new one, one to go on with, or one to read."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.audit import utc_now
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail.committing import new_header
from secure_ai.monitor.trail.signatures import (
    VERSION,
    Header,
    as_signing_key,
    is_signed,
    public_key_line,
)
from secure_ai.monitor.trail.sqlite_store import SqliteStore
from secure_ai.monitor.trail.store import NoTrail, Store
from secure_ai.monitor.trail.trail import Trail
from secure_ai.monitor.trail.witness import Witness

DATABASE_ADDRESSES = ("postgresql://", "postgres://")


def open_trail(
    where: str | Path,
    *,
    signing_key: str | Path | Ed25519PrivateKey | None = None,
    checkpoint_every: int = 1_000,
    witness: str | Path | None = None,
    clock: Callable[[], datetime] = utc_now,
    timeout: float = 10,
) -> Trail:
    """Open an audit trail, or make one; hand it to ``AuditLog(store=...)`` and every room records in it.

    Several processes and threads may have the same trail open and write; each entry is chained to the one
    before, whoever wrote that. The signing key must not lie where the trail lies: who has both can write
    another past from the last checkpoint that the witness has seen.

    Args:
        where: a SQLite file (made with mode 0600), or the address of a PostgreSQL database
            (``postgresql://...``; the trail is in its schema ``audit_trail``).
        signing_key: an Ed25519 key or its file (``generate_signing_key``); without one it is only read.
        checkpoint_every: how many entries between two signed checkpoints.
        witness: the file, kept elsewhere, that checkpoints are copied to.
        clock: gives the time of checkpoints; events bring their own.
        timeout: how many seconds to wait for another writer.

    Raises:
        UserError: if it cannot be opened or made, is no trail or one of another version, was signed with
            another key, or ends before what the witness has seen.
    """
    if type(checkpoint_every) is not int or checkpoint_every < 1:
        raise UserError("checkpoint_every must be a whole number of entries, 1 or more.")
    key = None if signing_key is None else as_signing_key(signing_key)
    store = _store(where, timeout)
    if witness is not None and _same_file(where, witness):
        raise UserError(
            "The witness is the file of the audit trail itself: name a file that is kept elsewhere."
        )
    try:
        header = _header(store, key, clock)
        _check_header(store.name, header, key)
        trail = Trail(
            store, header, signing_key=key, checkpoint_every=checkpoint_every,
            witness=None if witness is None else Path(witness), clock=clock, where=where,
        )  # fmt: skip
        if key is not None and witness is not None:
            _check_witness(store, Witness(Path(witness), header.log_id))
    except BaseException:
        store.close()
        raise
    return trail


def _same_file(where: str | Path, witness: str | Path) -> bool:
    try:
        return Path(where).resolve() == Path(witness).resolve() or Path(where).samefile(witness)
    except (OSError, ValueError, RuntimeError):
        return False


def _store(where: str | Path, timeout: float) -> Store:
    if isinstance(where, str) and where.startswith(DATABASE_ADDRESSES):
        from secure_ai.monitor.trail.postgresql_store import PostgresqlStore

        return PostgresqlStore(where, timeout=timeout)
    if isinstance(where, str) and "://" in where:
        raise UserError("An audit trail is in a SQLite file or at postgresql://...: name one of these.")
    if not isinstance(where, str | Path) or not str(where):
        raise UserError("An audit trail needs a place: name a SQLite file or postgresql://...")
    return SqliteStore(Path(where), timeout=timeout)


def _header(store: Store, key: Ed25519PrivateKey | None, clock: Callable[[], datetime]) -> Header:
    # Looked at first: a database of somebody else must stay as it is.
    try:
        return store.header()
    except NoTrail:
        if key is None:
            raise
    store.create(*new_header(key, secrets.token_hex(16), clock))
    return store.header()


def _check_header(name: str, header: Header, key: Ed25519PrivateKey | None) -> None:
    if header.version != VERSION:
        raise UserError(
            f"The audit trail {name} has version {header.version}, this program writes {VERSION}: use the "
            "release that wrote it, or start a new trail."
        )
    if key is None:
        return
    if header.public_key != public_key_line(key):
        raise UserError(
            f"The audit trail {name} was signed with another key than this one: name the key that it was "
            "begun with, or start a new trail."
        )
    if not is_signed(key.public_key(), header.message(), header.signature):
        raise UserError(f"The header of the audit trail {name} was changed: run verify_trail on it.")


def _check_witness(store: Store, witness: Witness) -> None:
    witness.check_writable()
    seen = witness.last()
    head = store.head()
    if seen is not None and head is not None and head.sequence < seen.sequence:
        raise UserError(
            f"The audit trail {store.name} ends at entry {head.sequence}, and the witness has seen "
            f"{seen.sequence}: entries were cut off or an older copy was put back; run verify_trail with the "
            "witness, and start a new trail."
        )
