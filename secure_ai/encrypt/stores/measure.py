"""What encryption costs a database and a Parquet file: throughput beside the same store in plain."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from secure_ai.core.sources import open_source
from secure_ai.encrypt.key_rings.interface import KeyRing
from secure_ai.encrypt.stores.database import encrypted_database
from secure_ai.encrypt.stores.parquet import BATCH_ROWS, read_encrypted_parquet, write_encrypted_parquet

CREATE = "CREATE TABLE records AS SELECT * FROM given"
SCAN = "SELECT sum(hash(id)), sum(amount), sum(hash(code)), sum(hash(note)) FROM records"


def measure_stores(
    ring: KeyRing, key_name: str, *, rows: int = 500_000, repeats: int = 4, seed: int = 0
) -> pd.DataFrame:
    """Write and read the same table plain and encrypted, on this machine's temporary disk.

    A database's time is that of the statement (and, for writing, of closing); opening one is not counted.
    What was just written is read from the operating system's cache, so that the disk hides nothing.

    Args:
        ring: gives the data keys.
        key_name: a key-encryption key of it.
        rows: how many rows; each has some 60 bytes.
        repeats: of which the quickest counts.
        seed: for the values.

    Returns:
        One row for each store ("DuckDB", "Parquet") and operation ("write", "read"): ``rows``,
        ``plain_rows_per_second``, ``encrypted_rows_per_second``, ``plain_mb_per_second``,
        ``encrypted_mb_per_second`` (of the table in memory), and ``ratio`` (encrypted to plain).
    """
    table = _records(rows, seed)
    megabytes = table.nbytes / 1e6
    found = []
    with tempfile.TemporaryDirectory(prefix="secure-ai-") as folder:
        here = Path(folder)
        for store, operation, plain, encrypted in _operations(here, table, ring, key_name):
            fast, slow = _quickest(plain, encrypted, repeats)
            found.append(
                {
                    "store": store,
                    "operation": operation,
                    "rows": rows,
                    "plain_rows_per_second": rows / fast,
                    "encrypted_rows_per_second": rows / slow,
                    "plain_mb_per_second": megabytes / fast,
                    "encrypted_mb_per_second": megabytes / slow,
                    "ratio": fast / slow,
                }
            )
    return pd.DataFrame(found)


def _operations(
    here: Path, table: pa.Table, ring: KeyRing, key_name: str
) -> list[tuple[str, str, Callable[[], float], Callable[[], float]]]:
    plain_db, sealed_db = here / "plain.duckdb", here / "sealed.duckdb"
    plain_file, sealed_file = here / "plain.parquet", here / "sealed.parquet"

    def write_plain_database() -> float:
        plain_db.unlink(missing_ok=True)
        with _plain_database(plain_db) as connection:
            connection.register("given", table)
            start = time.perf_counter()
            connection.execute(CREATE)
        return time.perf_counter() - start

    def write_sealed_database() -> float:
        for path in here.glob("sealed.duckdb*"):
            path.unlink()
        with encrypted_database(sealed_db, ring, key_name=key_name) as connection:
            connection.register("given", table)
            start = time.perf_counter()
            connection.execute(CREATE)
        return time.perf_counter() - start

    def read_plain_database() -> float:
        with _plain_database(plain_db) as connection:
            return _seconds(lambda: connection.execute(SCAN).fetchall())

    def read_sealed_database() -> float:
        with encrypted_database(sealed_db, ring, read_only=True) as connection:
            return _seconds(lambda: connection.execute(SCAN).fetchall())

    def write_plain_file() -> float:
        return _seconds(lambda: _write_plain_parquet(table, plain_file))

    def write_sealed_file() -> float:
        return _seconds(lambda: write_encrypted_parquet(table, sealed_file, ring, key_name))

    def read_plain_file() -> float:
        return _seconds(lambda: pq.read_table(plain_file))

    def read_sealed_file() -> float:
        return _seconds(lambda: read_encrypted_parquet(sealed_file, ring))

    return [
        ("DuckDB", "write", write_plain_database, write_sealed_database),
        ("DuckDB", "read", read_plain_database, read_sealed_database),
        ("Parquet", "write", write_plain_file, write_sealed_file),
        ("Parquet", "read", read_plain_file, read_sealed_file),
    ]


def _plain_database(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    # Encrypted databases have the newest format; the usual one of plain ones is older and compresses less.
    place = "'" + str(path).replace("'", "''") + "'"
    connection.execute(f"ATTACH {place} AS plain (STORAGE_VERSION 'latest'); USE plain")
    return connection


def _write_plain_parquet(table: pa.Table, path: Path) -> None:
    # By the same steps as the encrypted file, so that the difference is the encryption.
    batches = open_source(table).batches(rows=BATCH_ROWS)
    first = next(batches)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _records(rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    notes = rng.integers(0, 2**62, (rows, 2))
    return pa.table(
        {
            "id": np.arange(rows),
            "amount": rng.normal(100, 30, rows).round(2),
            "code": [f"C{number:03d}" for number in rng.integers(0, 400, rows)],
            "note": [f"{first:x} {second:x}" for first, second in notes.tolist()],
        }
    )


def _quickest(
    plain: Callable[[], float], encrypted: Callable[[], float], repeats: int
) -> tuple[float, float]:
    """Return the least seconds of each, after one run that is not counted.

    In turn and in changing order, so that a slow moment of the machine, or warm memory, favors neither.
    """
    plain(), encrypted()
    times = []
    for i in range(repeats):
        pair = (plain(), encrypted()) if i % 2 == 0 else (encrypted(), plain())[::-1]
        times.append(pair)
    return min(fast for fast, _ in times), min(slow for _, slow in times)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
