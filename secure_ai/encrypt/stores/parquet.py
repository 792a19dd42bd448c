"""Parquet files whose every column has a key of its own: who gets one key reads one column."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import Source, TableLike, as_source, shown
from secure_ai.encrypt.key_rings.errors import ONE_KEY_ERRORS
from secure_ai.encrypt.key_rings.interface import KeyRing
from secure_ai.encrypt.private_files import open_private
from secure_ai.encrypt.stores.errors import StoreDamaged, StoreNotEncrypted, WrongStoreKey
from secure_ai.encrypt.stores.sidecar import keys_path, load_keys
from secure_ai.encrypt.wrapped_keys import WrappedKeys

BATCH_ROWS = 131_072
ENCRYPTED, PLAIN = b"PARE", b"PAR1"
FOOTER = ""
"""The footer (schema, statistics) is encrypted, too; its key stands under no column's name."""


class _Keys(pe.KmsClient):
    """Gives pyarrow the keys of columns: each wraps (RFC 3394) the keys that pyarrow makes."""

    def __init__(self, secrets_by_id: dict[str, bytes], ring: KeyRing | None, stored: WrappedKeys) -> None:
        super().__init__()
        self._secrets, self._ring, self._stored = secrets_by_id, ring, stored
        self.failure: UserError | None = None

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return aes_key_wrap(self._secrets[master_key_identifier], key_bytes).hex().encode()

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        # Arrow turns an exception into text; the sentence is kept here instead.
        try:
            if master_key_identifier not in self._secrets:
                stored = self._stored.get(master_key_identifier)
                self._secrets[master_key_identifier] = self._ring.unwrap(stored.wrapped, stored.context)
            return aes_key_unwrap(self._secrets[master_key_identifier], bytes.fromhex(_ascii(wrapped_key)))
        except UserError as error:
            self.failure = error
        except (InvalidUnwrap, ValueError):
            self.failure = WrongStoreKey(
                "The keys given do not open the columns' keys: fetch the file of keys written with the data."
            )
        raise ValueError("no key")


def _ascii(text: bytes | str) -> str:
    return text if isinstance(text, str) else bytes(text).decode("ascii")


def write_encrypted_parquet(
    source: TableLike | Source,
    path: str | Path,
    ring: KeyRing,
    key_name: str,
    *,
    column_keys: Mapping[str, str] | None = None,
) -> Path:
    """Write a table as Parquet, every column and the footer encrypted with AES-256-GCM.

    Args:
        source: whatever :func:`secure_ai.core.sources.open_source` opens; read in batches.
        path: the file, ending in .parquet; the wrapped keys go to ``<path>.keys.json`` beside it.
        ring: wraps the keys, one for the footer and one for each column.
        key_name: the key-encryption key of the footer and of columns without one of their own. Whoever
            reads any column needs the footer's.
        column_keys: column → key-encryption key, for columns that fewer people may read.

    Raises:
        UserError: if the table or place is not usable, a named column is missing, or a column is nested.

    Source: Apache Parquet Modular Encryption.
    """
    table, out = as_source(source), Path(path)
    own = dict(column_keys or {})
    table.require(own)
    if out.suffix.lower() != ".parquet" or out.is_dir():
        raise UserError(f"The output {shown(out.name)} must be a file ending in .parquet: rename it.")
    # Keys of a file that is replaced stay until it is.
    both = load_keys(out) if out.exists() and keys_path(out).exists() else WrappedKeys()
    new = WrappedKeys()
    store = secrets.token_hex(8)
    opened: dict[str, bytes] = {}
    ids: dict[str, str] = {}
    for column in [FOOTER, *table.columns]:
        context = {"use": "parquet", "store": store, "column": column}
        data_key = ring.new_data_key(own.get(column, key_name), context)
        ids[column] = name = new.add(data_key.wrapped, context)
        both.stored[name] = new.stored[name]
        opened[name] = data_key.secret
    configuration = pe.EncryptionConfiguration(
        footer_key=ids[FOOTER],
        column_keys={ids[column]: [column] for column in table.columns},
        plaintext_footer=False,
        double_wrapping=False,
        data_key_length_bits=256,
    )
    factory = pe.CryptoFactory(lambda _: _Keys(opened, None, new))
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), configuration)
    try:
        with atomic_file(out) as draft:
            open_private(draft).close()
            batches = table.batches(rows=BATCH_ROWS)
            first = next(batches)
            nested = next((f.name for f in first.schema if pa.types.is_nested(f.type)), None)
            if nested is not None:
                raise UserError(f"Column '{shown(nested)}' is nested: flatten it, or encrypt it as text.")
            with pq.ParquetWriter(draft, first.schema, encryption_properties=properties) as writer:
                writer.write_batch(first)
                for batch in batches:
                    writer.write_batch(batch)
            both.save(keys_path(out))
    except (pa.ArrowException, OSError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else "unknown reason"
        raise UserError(f"{shown(out.name)} cannot be written ({reason}): choose another place.") from None
    new.save(keys_path(out), replace=True)
    return out


def read_encrypted_parquet(path: str | Path, ring: KeyRing, columns: Sequence[str] | None = None) -> pa.Table:
    """Read ``columns`` (all by default) of an encrypted Parquet file; only their keys are asked for.

    Raises:
        WrongStoreKey, StoreDamaged, StoreNotEncrypted, StoreKeysMissing: what they say.
        UserError: if a column is missing, or the ring does not open the key of one that is asked for.
    """
    with _opened(Path(path), ring) as file:
        names = file.schema_arrow.names
        missing = next((name for name in columns or () if name not in names), None)
        if missing is not None:
            raise UserError(
                f"{shown(Path(path).name)} has no column '{shown(missing)}': "
                f"choose from {', '.join(map(shown, names[:20]))}."
            )
        return file.read(columns=None if columns is None else list(columns))


def readable_columns(path: str | Path, ring: KeyRing) -> dict[str, bool]:
    """Return column → whether ``ring`` opens its key; each attempt is one use of the ring.

    Raises:
        StoreKeysMissing: if the file of keys is not there.
        UserError: if it is damaged, or the ring itself cannot be used.
    """
    result = {}
    for key in load_keys(Path(path)).stored.values():
        column = key.context.get("column", FOOTER)
        if column != FOOTER:
            try:
                ring.unwrap(key.wrapped, key.context)
                result[column] = True
            except ONE_KEY_ERRORS:
                result[column] = False
    return result


@contextmanager
def _opened(path: Path, ring: KeyRing) -> Iterator[pq.ParquetFile]:
    name = shown(path.name)
    _check_marks(path, name)
    keys = load_keys(path)
    client = _Keys({}, ring, keys)
    factory = pe.CryptoFactory(lambda _: client)
    properties = factory.file_decryption_properties(pe.KmsConnectionConfig(), pe.DecryptionConfiguration())
    try:
        with pq.ParquetFile(path, decryption_properties=properties) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError):
        if client.failure is not None:
            raise client.failure from None
        raise StoreDamaged(f"{name} was changed or cut: take it from a backup.") from None


def _check_marks(path: Path, name: str) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(-min(4, path.stat().st_size), os.SEEK_END)
            end = file.read(4)
    except FileNotFoundError:
        raise UserError(f"The file {name} does not exist: check the path.") from None
    except OSError as error:
        raise UserError(f"The file {name} cannot be read ({system_reason(error)}): check it.") from None
    if start == PLAIN and end == PLAIN:
        raise StoreNotEncrypted(f"{name} is not encrypted, whoever has the file reads it: encrypt it.")
    if start != ENCRYPTED or end != ENCRYPTED:
        raise StoreDamaged(f"{name} was cut, or is no encrypted Parquet file: take it from a backup.")
