"""A DuckDB database in one file, encrypted with AES-256-GCM, temporary files and log included."""

from __future__ import annotations

import base64
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from secure_ai.core.errors import UserError
from secure_ai.core.sources import load_extension, shown
from secure_ai.encrypt.key_rings.interface import KeyRing
from secure_ai.encrypt.stores.errors import StoreDamaged, StoreNotEncrypted, WrongStoreKey
from secure_ai.encrypt.stores.sidecar import keys_path, load_keys
from secure_ai.encrypt.wrapped_keys import WrappedKeys

NAME = "store"
"""What the database is called inside the connection."""
_DAMAGE = (
    "aes tag", "checksum", "corrupt", "not a valid duckdb", "could not read enough bytes", "storage version",
)  # fmt: skip


@contextmanager
def encrypted_database(
    path: str | Path,
    ring: KeyRing,
    *,
    key_name: str | None = None,
    read_only: bool = False,
    memory_limit: str | None = None,
    spill: bool = True,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an encrypted database, or make one, and close it at the end; tables are used by their names.

    The key goes to DuckDB as a parameter, never as text of a statement. What does not fit into memory is
    laid aside encrypted, in a folder of this user's own. The settings cannot be changed by a query. A new
    database whose first filling fails is not left behind.

    Args:
        path: the database; its wrapped key lies beside it in ``<path>.keys.json``.
        ring: opens the data key.
        key_name: the key-encryption key for a new database; without it, the database must exist.
        read_only: whether writing is refused.
        memory_limit: as DuckDB writes it, such as ``"500MB"``.
        spill: whether what does not fit into memory may go to (encrypted) temporary files at all.

    Raises:
        WrongStoreKey, StoreDamaged, StoreNotEncrypted, StoreKeysMissing: what they say.
        UserError: if the database does not exist and no ``key_name`` is given, it is in use, or the ring
            does not open the key.
    """
    file = Path(path)
    new = not file.exists()
    key = _new_key(file, ring, key_name, read_only) if new else _key(file, ring)
    done = False
    try:
        with tempfile.TemporaryDirectory(prefix="secure-ai-") as folder:
            connection = duckdb.connect()
            try:
                _configure(connection, folder if spill else "", memory_limit)
                attach(connection, file, key, read_only)
                if new:
                    file.chmod(0o600)
                yield connection
                done = True
            except duckdb.Error as error:
                if _is_damage(error):
                    raise _damaged(file) from None
                raise
            finally:
                connection.close()
    finally:
        if new and not done:
            for leftover in (file, file.with_name(file.name + ".wal"), keys_path(file)):
                leftover.unlink(missing_ok=True)


def attach(connection: duckdb.DuckDBPyConnection, file: Path, key: bytes, read_only: bool = False) -> None:
    """Attach ``file`` as the current database of ``connection``, encrypted with ``key``.

    Raises:
        StoreError: see :func:`encrypted_database`; DuckDB's own message never comes along.
    """
    name = shown(file.name)
    where = "'" + str(file).replace("'", "''") + "'"
    options = "ENCRYPTION_KEY $key, ENCRYPTION_CIPHER 'GCM'" + (", READ_ONLY" if read_only else "")
    try:
        connection.execute(f"ATTACH {where} AS {NAME} ({options})", {"key": base64.b64encode(key).decode()})
        connection.execute(f"USE {NAME}")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        message = str(error).lower()
        if "wrong encryption key" in message:
            failure: UserError = WrongStoreKey(
                f"{name} does not open with its file of keys, which belongs to another store: "
                "fetch the one that was written with it."
            )
        elif "is not encrypted" in message:
            failure = StoreNotEncrypted(
                f"{name} is not encrypted, whoever has the file reads it: copy its tables into a new one."
            )
        elif "conflict" in message or "already attached" in message:
            failure = UserError(f"{name} is open already, here or in another program: close it there first.")
        elif "permission denied" in message or "read-only file system" in message:
            failure = UserError(
                f"{name} cannot be opened with these rights: get the right to write it, or open it read-only."
            )
        elif _is_damage(error) or file.exists():
            failure = _damaged(file)
        else:
            failure = UserError(f"{name} cannot be written: choose another place.")
        raise failure from None


def _configure(connection: duckdb.DuckDBPyConnection, folder: str, memory_limit: str | None) -> None:
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    # Without the OpenSSL of this extension DuckDB reads encrypted databases and refuses to write them.
    load_extension(connection, "httpfs")
    connection.execute("SET temp_file_encryption = true")
    connection.execute(
        "SET temp_directory = $folder".replace("$folder", "'" + folder.replace("'", "''") + "'")
    )
    if memory_limit is not None:
        try:
            connection.execute("SET memory_limit = '" + memory_limit.replace("'", "''") + "'")
        except duckdb.Error:
            raise UserError(
                f"'{shown(memory_limit)}' is no amount of memory: write it like '500MB'."
            ) from None


def _key(file: Path, ring: KeyRing) -> bytes:
    if not file.is_file() or file.stat().st_size == 0:
        raise StoreDamaged(f"{shown(file.name)} is empty or no file: take it from a backup.")
    if not keys_path(file).exists() and not _looks_encrypted(file):
        raise StoreNotEncrypted(
            f"{shown(file.name)} is not an encrypted database: copy its tables into a new one."
        )
    stored = [key for key in load_keys(file).stored.values() if key.context.get("use") == "database"]
    if not stored:
        raise WrongStoreKey(
            f"The file of keys of {shown(file.name)} holds no key of a database: fetch its own."
        )
    return ring.unwrap(stored[-1].wrapped, stored[-1].context)


def _new_key(file: Path, ring: KeyRing, key_name: str | None, read_only: bool) -> bytes:
    name = shown(file.name)
    if key_name is None or read_only:
        raise UserError(f"The database {name} does not exist: check the path, or give a key name to make it.")
    if keys_path(file).exists():
        raise UserError(
            f"{shown(keys_path(file).name)} lies here without its database: move it away, it may be needed."
        )
    # Not the file's name: the store may be renamed, together with its keys.
    context = {"use": "database", "store": secrets.token_hex(8)}
    data_key = ring.new_data_key(key_name, context)
    keys = WrappedKeys()
    keys.add(data_key.wrapped, context)
    # The key first: a database without its key is lost, a key without its database is no harm.
    keys.save(keys_path(file))
    return data_key.secret


def _looks_encrypted(file: Path) -> bool:
    """Tell whether DuckDB itself says that a key is needed."""
    try:
        with duckdb.connect(str(file), read_only=True):
            return False
    except duckdb.Error as error:
        return "encrypted" in str(error).lower()


def _is_damage(error: duckdb.Error) -> bool:
    text = str(error).lower()
    return any(mark in text for mark in _DAMAGE)


def _damaged(file: Path) -> StoreDamaged:
    return StoreDamaged(f"{shown(file.name)} was changed or cut, or is no database: take it from a backup.")
