"""Encrypted databases and Parquet files: nothing plain on disk, and each thing wrong is said by its class."""

from __future__ import annotations

import base64
import stat
import threading
import traceback
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.sources import load_extension
from secure_ai.encrypt.key_rings.errors import KeyUseDeniedError
from secure_ai.encrypt.key_rings.gate import Gate
from secure_ai.encrypt.stores import (
    StoreDamaged,
    StoreKeysMissing,
    StoreNotEncrypted,
    WrongStoreKey,
    encrypted_database,
    keys_path,
    measure_stores,
    read_encrypted_parquet,
    readable_columns,
    rewrap_store,
    write_encrypted_parquet,
)
from secure_ai.encrypt.stores.database import attach
from secure_ai.encrypt.wrapped_keys import WrappedKeys

CANARY = "CANARY-7731"


def _database(path: Path, ring, rows: int = 50_000) -> Path:
    with encrypted_database(path, ring, key_name="stores") as connection:
        connection.execute(
            f"CREATE TABLE notes AS SELECT i, '{CANARY}-' || i AS text FROM range({rows}) r(i)"
        )
    return path


def _frame(rows: int = 5_000) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "id": range(rows),
            "amount": rng.normal(size=rows),
            "diagnosis": [f"{CANARY}-{i}" for i in range(rows)],
        }
    )


def _said(failure: BaseException) -> str:
    return "".join(traceback.format_exception(failure))


# --- the database -------------------------------------------------------------------------------------------


def test_a_database_holds_nothing_plain_and_opens_again(ring, tmp_path):
    path = tmp_path / "ward.duckdb"
    with encrypted_database(path, ring, key_name="stores") as connection:
        connection.execute(f"CREATE TABLE notes AS SELECT '{CANARY}' AS text FROM range(1000)")
        connection.execute("CHECKPOINT")
        connection.execute(f"INSERT INTO notes VALUES ('{CANARY}')")
        files = list(tmp_path.iterdir())
        assert any(file.name.endswith(".wal") for file in files), "the log is on disk, too"
        assert not any(CANARY.encode() in file.read_bytes() for file in files)
    assert not any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with encrypted_database(path, ring, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM notes WHERE text = ?", [CANARY]).fetchone() == (1001,)
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DELETE FROM notes")


def test_the_key_is_in_no_error_log_or_catalog(ring, tmp_path):
    path = _database(tmp_path / "a.duckdb", ring, 10)
    stored = next(iter(WrappedKeys.load(keys_path(path)).stored.values()))
    key = ring.unwrap(stored.wrapped, stored.context)
    spellings = [key.hex(), base64.b64encode(key).decode()]
    connection = duckdb.connect()
    load_extension(connection, "httpfs")
    connection.execute("CALL enable_logging(level = 'trace')")
    attach(connection, path, key)
    seen = [str(connection.execute("SELECT type, message FROM duckdb_logs").fetchall())]
    for query in ("FROM duckdb_databases()", "FROM duckdb_settings()", "SELECT broken FROM nowhere"):
        try:
            seen.append(str(connection.execute(query).fetchall()))
        except duckdb.Error as error:
            seen.append(_said(error))
    with pytest.raises(UserError, match="is open already") as caught:
        attach(duckdb.connect(), path, bytes(32))
    seen.append(_said(caught.value))
    connection.close()
    with pytest.raises(WrongStoreKey) as caught:
        attach(duckdb.connect(), path, bytes(32), read_only=True)
    seen.append(_said(caught.value) + keys_path(path).read_text())
    assert "ATTACH" in seen[0], "the statement itself is logged"
    assert not any(spelling in text for spelling in spellings for text in seen)


def test_what_does_not_fit_into_memory_is_laid_aside_encrypted(ring, tmp_path):
    query = "CREATE TEMP TABLE q AS SELECT * FROM (SELECT i, text, hash(i) h FROM notes) ORDER BY h"
    path = _database(tmp_path / "a.duckdb", ring, 500_000)

    def spilled(connection, folder):
        stop, files, plain = threading.Event(), set(), []

        def watch():
            while not stop.wait(0.01):
                for file in Path(folder).glob("*"):
                    try:
                        data = file.read_bytes()
                    except OSError:
                        continue
                    files.add(file.name)
                    if CANARY.encode() in data:
                        plain.append(file.name)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            connection.execute(query)
        finally:
            stop.set()
            thread.join()
        return files, plain

    with duckdb.connect() as control:
        control.execute(f"CREATE TABLE notes AS SELECT i, '{CANARY}-' || i AS text FROM range(500000) r(i)")
        folder = tmp_path / "plain"
        control.execute(f"SET temp_directory = '{folder}'; SET memory_limit = '35MB'; SET threads = 1")
        files, plain = spilled(control, folder)
        assert files and plain, "without encryption, the values are on disk"
    with encrypted_database(path, ring, read_only=True, memory_limit="35MB") as connection:
        folder = connection.execute("SELECT current_setting('temp_directory')").fetchone()[0]
        files, plain = spilled(connection, folder)
        assert files and not plain
        with pytest.raises(duckdb.Error, match="lock"):
            connection.execute("SET temp_file_encryption = false")
    assert not Path(folder).exists()
    with (
        pytest.raises(duckdb.OutOfMemoryException),
        encrypted_database(path, ring, read_only=True, memory_limit="35MB", spill=False) as connection,
    ):
        connection.execute(query)


def test_a_key_of_another_store_is_wrong(ring, tmp_path):
    one, two = (_database(tmp_path / f"{name}.duckdb", ring, 10) for name in "ab")
    keys_path(two).replace(keys_path(one))
    with pytest.raises(WrongStoreKey) as caught, encrypted_database(one, ring):
        pass
    assert CANARY not in _said(caught.value) and "duckdb.duckdb" not in _said(caught.value)


@pytest.mark.parametrize("change", ["head", "blocks", "cut", "empty", "other"])
def test_a_changed_or_cut_database_is_damaged(ring, tmp_path, change):
    path = _database(tmp_path / "a.duckdb", ring)
    data = bytearray(path.read_bytes())
    # One bit in each 64 KB: some blocks of the file are free, and nobody reads these.
    for place in {"head": [100], "blocks": range(20_000, len(data), 65_536)}.get(change, []):
        data[place] ^= 1
    path.write_bytes({"cut": data[: len(data) // 3], "empty": b"", "other": b"no database"}.get(change, data))
    with pytest.raises(StoreDamaged) as caught, encrypted_database(path, ring, read_only=True) as connection:
        connection.execute("SELECT count(DISTINCT text) FROM notes").fetchall()
    assert CANARY not in _said(caught.value)


def test_a_database_that_may_not_be_written_is_not_called_damaged(tmp_path):
    class Refused:
        def execute(self, *_: object) -> None:
            raise duckdb.IOException("IO Error: Cannot open file: Permission denied")

    (tmp_path / "a.duckdb").touch()
    with pytest.raises(UserError, match="read-only") as told:
        attach(Refused(), tmp_path / "a.duckdb", bytes(32))
    assert not isinstance(told.value, StoreDamaged)


def test_a_plain_database_and_missing_keys_are_told_apart(ring, tmp_path):
    plain = tmp_path / "plain.duckdb"
    duckdb.connect(str(plain)).close()
    with pytest.raises(StoreNotEncrypted), encrypted_database(plain, ring):
        pass
    path = _database(tmp_path / "a.duckdb", ring, 10)
    keys = keys_path(path).read_bytes()
    keys_path(plain).write_bytes(keys)
    with pytest.raises(StoreNotEncrypted), encrypted_database(plain, ring):
        pass
    keys_path(path).unlink()
    with pytest.raises(StoreKeysMissing), encrypted_database(path, ring):
        pass
    keys_path(path).write_text("{}")
    with pytest.raises(UserError, match="damaged"), encrypted_database(path, ring):
        pass
    keys_path(path).write_bytes(keys)
    ring.destroy("stores")
    with pytest.raises(UserError, match=r"destroyed|gone"), encrypted_database(path, ring):
        pass


def test_a_new_database_that_fails_is_not_left_behind(ring, tmp_path):
    with (
        pytest.raises(duckdb.Error),
        encrypted_database(tmp_path / "a.duckdb", ring, key_name="stores") as connection,
    ):
        connection.execute("SELECT * FROM nothing")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="does not exist"), encrypted_database(tmp_path / "a.duckdb", ring):
        pass
    with (
        pytest.raises(UserError, match="amount of memory"),
        encrypted_database(tmp_path / "a.duckdb", ring, key_name="stores", memory_limit="much"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
    keys_path(tmp_path / "a.duckdb").write_text("precious")
    with (
        pytest.raises(UserError, match="without its database"),
        encrypted_database(tmp_path / "a.duckdb", ring, key_name="stores"),
    ):
        pass
    assert keys_path(tmp_path / "a.duckdb").read_text() == "precious"


def test_rotation_changes_the_keys_and_not_the_data(ring, tmp_path):
    database = _database(tmp_path / "a.duckdb", ring, 10)
    file = write_encrypted_parquet(_frame(10), tmp_path / "a.parquet", ring, "stores")
    before = [path.read_bytes() for path in (database, file)]
    ring.rotate("stores")
    assert [rewrap_store(path, ring).rewrapped for path in (database, file)] == [1, 4]
    assert [path.read_bytes() for path in (database, file)] == before
    with encrypted_database(database, ring) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (10,)
    assert read_encrypted_parquet(file, ring).num_rows == 10


# --- Parquet ------------------------------------------------------------------------------------------------


def test_a_parquet_file_holds_nothing_plain_not_even_names(ring, tmp_path):
    frame = _frame()
    path = write_encrypted_parquet(frame, tmp_path / "a.parquet", ring, "stores")
    data = path.read_bytes()
    assert not any(word in data for word in (CANARY.encode(), b"diagnosis", b"amount"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert_frame_equal(read_encrypted_parquet(path, ring).to_pandas(), frame)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.parquet", "a.parquet.keys.json"]
    with pytest.raises(OSError):
        pq.read_table(path)


def test_an_analyst_reads_only_the_columns_whose_keys_they_have(ring, tmp_path):
    frame = _frame()
    path = write_encrypted_parquet(
        frame, tmp_path / "a.parquet", ring, "analytics", column_keys={"diagnosis": "clinical"}
    )
    audit = AuditLog()
    # The same keys behind the analyst's gate, which lets one of them through.
    ring.gate = Gate("local", "analyst", audit, lambda actor, action, key, context: key == "analytics")
    analyst = ring
    assert readable_columns(path, analyst) == {"id": True, "amount": True, "diagnosis": False}
    read = read_encrypted_parquet(path, analyst, ["id", "amount"])
    assert_frame_equal(read.to_pandas(), frame[["id", "amount"]])
    for columns in (["diagnosis"], None):
        with pytest.raises(KeyUseDeniedError) as caught:
            read_encrypted_parquet(path, analyst, columns)
        assert CANARY not in _said(caught.value) and "no key" not in _said(caught.value)
    assert {event.outcome for event in audit.events if event.target == "clinical"} == {"denied"}


def test_errors_of_parquet_are_told_apart(ring, tmp_path):
    one, two = (write_encrypted_parquet(_frame(), tmp_path / f"{n}.parquet", ring, "stores") for n in "ab")
    with pytest.raises(UserError, match="no column 'age'"):
        read_encrypted_parquet(one, ring, ["age"])
    plain = tmp_path / "plain.parquet"
    _frame().to_parquet(plain)
    with pytest.raises(StoreNotEncrypted):
        read_encrypted_parquet(plain, ring)
    with pytest.raises(UserError, match="does not exist"):
        read_encrypted_parquet(tmp_path / "none.parquet", ring)
    keys = keys_path(one).read_bytes()
    keys_path(one).unlink()
    with pytest.raises(StoreKeysMissing):
        read_encrypted_parquet(one, ring)
    keys_path(one).write_bytes(keys_path(two).read_bytes())
    with pytest.raises(UserError, match="not among"):
        read_encrypted_parquet(one, ring)
    keys_path(one).write_bytes(keys)
    data = one.read_bytes()
    for place in (8, 200, len(data) // 2, len(data) - 40):
        changed = bytearray(data)
        changed[place] ^= 1
        one.write_bytes(changed)
        with pytest.raises((StoreDamaged, WrongStoreKey, UserError)) as caught:
            read_encrypted_parquet(one, ring)
        assert CANARY not in _said(caught.value)
    one.write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreDamaged):
        read_encrypted_parquet(one, ring)


def test_a_column_that_is_put_in_another_s_file_does_not_open(ring, tmp_path):
    path = write_encrypted_parquet(_frame(), tmp_path / "a.parquet", ring, "stores")
    old = path.read_bytes()
    write_encrypted_parquet(_frame(), path, ring, "stores")
    path.write_bytes(old)
    with pytest.raises(UserError, match="not among"):
        read_encrypted_parquet(path, ring)


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_its_keys(ring, tmp_path):
    path = write_encrypted_parquet(_frame(10), tmp_path / "a.parquet", ring, "stores")
    nested = pa.table({"id": [1], "list": [[1, 2]]})
    with pytest.raises(UserError, match="nested"):
        write_encrypted_parquet(nested, path, ring, "stores")
    with pytest.raises(UserError, match="no column 'age'"):
        write_encrypted_parquet(_frame(10), path, ring, "stores", column_keys={"age": "k"})
    with pytest.raises(UserError, match=r"ending in \.parquet"):
        write_encrypted_parquet(_frame(10), tmp_path / "a.csv", ring, "stores")
    assert read_encrypted_parquet(path, ring).num_rows == 10
    assert len(list(tmp_path.iterdir())) == 2


def test_the_cost_of_encryption_is_measured(ring):
    table = measure_stores(ring, "stores", rows=5_000, repeats=1)
    assert table[["store", "operation"]].to_numpy().tolist() == [
        ["DuckDB", "write"], ["DuckDB", "read"], ["Parquet", "write"], ["Parquet", "read"],
    ]  # fmt: skip
    assert (table["ratio"] > 0).all() and (table["encrypted_rows_per_second"] > 0).all()
