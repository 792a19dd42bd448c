"""Files, fields, stores and key rings leave no planted value on the disk, in logs, output or audit trails."""

from __future__ import annotations

import shutil

import duckdb
import pandas as pd
import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.encrypt import fields, files, stores
from secure_ai.encrypt.key_rings import UNSAFE_COST_FOR_TESTS, LocalKeyRing, PersonKeys
from secure_ai.encrypt.leaked_keys import find_leaked_keys
from secure_ai.encrypt.secret_keys import generate_key, load_key, random_key

from .planted import PERSONAL, SECRET
from .records import COLUMNS, record, table, text_file
from .watch import Watch

PERSONAL_NAMES = set(PERSONAL)
ROWS_THAT_SPILL, MEMORY = 150_000, "30MB"


@pytest.fixture
def ring(watch):
    """A ring in a file under the planted passphrase, its trail in a file; its own keys are canaries, too."""
    trail = AuditLog(watch.work / "my.ring.audit.jsonl")
    with LocalKeyRing.create(
        watch.work / "my.ring", SECRET["passphrase"], audit=trail, cost=UNSAFE_COST_FOR_TESTS
    ) as made:
        made.create_key("patients")
        keys = {f"key of the ring {name}": content["1"] for name, content in made._content.keys.items()}
        watch.canaries = watch.canaries.plus(**keys)
        yield made
        watch.say("ring", made, made.to_frame().to_string(), trail.to_frame().to_string())


def seen(watch: Watch) -> set[str]:
    return {found.canary for found in watch.found()}


def files_plain(watch):
    shutil.copy(text_file(watch.inputs), watch.work / "letters.enc")


def files_encrypted(watch, ring):
    source, target = text_file(watch.inputs), watch.work / "letters.enc"
    watch.say("file", files.encrypt_file(source, target, ring, "patients", chunk_size=1 << 16))
    ring.rotate("patients")
    watch.say("file", files.rewrap_file(target, ring), files.verify_file(target, ring))
    watch.say("file", files.inspect_file(target))
    files.decrypt_file(target, watch.inputs / "back.txt", ring)
    assert (watch.inputs / "back.txt").read_bytes() == source.read_bytes()


def streams_plain(watch):
    with (watch.work / "letters.enc").open("wb") as file:
        file.write(PERSONAL["note"].encode())


def streams_encrypted(watch, ring):
    with files.create_encrypted(watch.work / "letters.enc", ring, "patients", chunk_size=1 << 16) as writer:
        for _ in range(3):
            writer.write("\n".join(PERSONAL.values()).encode())
        watch.say("stream", writer)
    with files.open_encrypted(watch.work / "letters.enc", ring) as reader:
        assert PERSONAL["ssn"].encode() in reader.read()
        watch.say("stream", reader)
    with pytest.raises(RuntimeError):  # noqa: SIM117
        with files.create_encrypted(watch.work / "broken.enc", ring, "patients") as writer:
            writer.write(PERSONAL["note"].encode())
            raise RuntimeError
    assert not (watch.work / "broken.enc").exists()


def fields_plain(watch):
    table().to_csv(watch.work / "patients.csv", index=False)


def fields_encrypted(watch, ring):
    cipher = fields.FieldCipher(ring, "patients", table="patients")
    keys = watch.work / "patients.keys.json"
    for name in ("patients.csv", "patients.parquet"):
        written = fields.encrypt_table_file(
            table(), watch.work / name, COLUMNS, cipher, keys_file=keys, row_key="patient_id"
        )
        watch.say("fields", written, written.sentence())
    key = load_key(generate_key(watch.inputs / "search.key"))
    tokens = fields.SearchTokens(key, table="patients", column="ssn")
    found = fields.encrypt_columns(table(), COLUMNS, cipher, row_key="patient_id")
    found["ssn token"] = tokens.tokens(table()["ssn"])
    assert tokens.matches(found["ssn token"], PERSONAL["ssn"]).any()
    found.to_csv(watch.work / "searchable.csv")
    watch.say("fields", cipher, tokens, found.to_string(), cipher.rewrap())
    back = fields.decrypt_columns(found, COLUMNS, cipher, row_key="patient_id")
    assert set(back["ssn"]) == set(table()["ssn"])


def database_plain(watch):
    with duckdb.connect(str(watch.work / "patients.duckdb")) as connection:
        frame = table()  # noqa: F841
        connection.execute("CREATE TABLE patients AS SELECT * FROM frame")


def database_encrypted(watch, ring):
    path, frame = watch.work / "patients.duckdb", table()  # noqa: F841
    with stores.encrypted_database(path, ring, key_name="patients") as connection:
        connection.execute("CREATE TABLE patients AS SELECT * FROM frame")
        connection.execute("INSERT INTO patients SELECT * FROM frame")
        assert path.with_name(path.name + ".wal").exists()
        assert watch.found() == [], "while the database is open, its log included"
    watch.say("store", stores.rewrap_store(path, ring))
    with stores.encrypted_database(path, ring, read_only=True) as connection:
        query = "SELECT count(*) FROM patients WHERE ssn = ?"
        assert connection.execute(query, [PERSONAL["ssn"]]).fetchone() == (28,)


def parquet_plain(watch):
    table().to_parquet(watch.work / "patients.parquet")


def parquet_encrypted(watch, ring):
    path = watch.work / "patients.parquet"
    stores.write_encrypted_parquet(table(), path, ring, "patients")
    stores.write_encrypted_parquet(table(), path, ring, "patients")
    assert set(stores.read_encrypted_parquet(path, ring, ["ssn"])["ssn"].to_pylist()) == set(table()["ssn"])
    watch.say("store", stores.readable_columns(path, ring), stores.rewrap_store(path, ring))


def persons_plain(watch):
    (watch.work / "record").write_text(str(record()))


def persons_encrypted(watch, ring):
    with PersonKeys.create(watch.work / "persons.sqlite", ring, groups=4) as keys:
        keys.add(["P000001", "P000002"])
        planted = "\n".join(PERSONAL.values()).encode()
        sealed = {person: keys.seal(person, planted) for person in ("P000001", "P000002")}
        for person, content in sealed.items():
            (watch.work / person).write_bytes(content)
        keys.backup(watch.work / "persons.backup")
        watch.say("persons", keys, keys.shred("P000001"))
        assert keys.unseal("P000002", sealed["P000002"]) == planted


FLOWS = {
    "files": (files_plain, files_encrypted),
    "streams": (streams_plain, streams_encrypted),
    "fields": (fields_plain, fields_encrypted),
    "database": (database_plain, database_encrypted),
    "parquet": (parquet_plain, parquet_encrypted),
    "persons": (persons_plain, persons_encrypted),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_before_the_defence_the_values_are_on_the_disk(watch, flow):
    FLOWS[flow][0](watch)
    assert seen(watch) & PERSONAL_NAMES >= ({"note"} if flow == "streams" else PERSONAL_NAMES)


@pytest.mark.parametrize("flow", FLOWS)
def test_with_the_defence_no_value_is_anywhere(watch, ring, flow):
    FLOWS[flow][1](watch, ring)
    assert watch.found() == []


def spilled(connection):
    """Make a temporary table that the memory does not take."""
    # Noise, because DuckDB compresses what it lays aside if that pays.
    noise = "||".join(f"md5((range * {factor})::varchar)" for factor in range(3, 19))
    note = PERSONAL["note"].replace("'", "''")
    connection.execute(
        f"CREATE TEMP TABLE big AS SELECT '{note}' || range AS note, unhex({noise}) AS noise "
        f"FROM range({ROWS_THAT_SPILL})"
    )


def temporary_files(watch):
    return [path for path in watch.here.rglob("duckdb_temp*") if path.is_file() and path.stat().st_size]


def test_what_a_plain_database_lays_aside_holds_the_values(watch):
    folder = watch.here / "tmp" / "aside"
    with duckdb.connect(str(watch.work / "plain.duckdb")) as connection:
        connection.execute(f"SET temp_directory = '{folder}'; SET memory_limit = '{MEMORY}'")
        spilled(connection)
        aside = temporary_files(watch)
        assert aside
        assert any(watch.canaries.in_bytes(path.read_bytes()) for path in aside)


def test_what_an_encrypted_database_lays_aside_for_want_of_memory_holds_no_value(watch, ring):
    path = watch.work / "big.duckdb"
    with stores.encrypted_database(path, ring, key_name="patients", memory_limit=MEMORY) as connection:
        spilled(connection)
        assert temporary_files(watch), "nothing was laid aside: the claim was not tested"
        assert watch.found() == []
    assert temporary_files(watch) == []
    assert watch.found() == []


def test_a_ring_that_is_rotated_sealed_anew_and_destroyed_leaves_neither_key_nor_passphrase(watch, ring):
    data_key = ring.new_data_key("patients", {"table": "patients"})
    (watch.work / "wrapped").write_bytes(data_key.wrapped.to_bytes())
    watch.canaries = watch.canaries.plus(
        data_key=data_key.secret, new_passphrase="eleven grey rocks at El Golfo"
    )
    watch.say("ring", data_key)
    ring.rotate("patients")
    watch.canaries = watch.canaries.plus(second=ring._content.keys["patients"]["2"])
    ring.change_passphrase("eleven grey rocks at El Golfo", cost=UNSAFE_COST_FOR_TESTS)
    ring.destroy("patients", "1")
    assert watch.found() == []
    (watch.work / "careless").write_text(data_key.secret.hex() + SECRET["passphrase"])
    assert seen(watch) == {"data_key", "passphrase"}


def test_what_is_made_of_a_secret_key_does_not_show_it(watch):
    key = random_key()
    watch.canaries = watch.canaries.plus(key=key.secret)
    watch.say("key", key, key.mac("x"), pd.DataFrame({"key": [key]}).to_string())
    assert watch.found() == []


def test_a_scanner_that_finds_a_secret_does_not_repeat_it(watch):
    secret = "AKIA" + "QYLPMN5HFIQR7XYA"
    (watch.inputs / "settings.py").write_text(f'key = "{secret}"\n', encoding="utf-8")
    watch.canaries = watch.canaries.plus(leaked=secret)
    result = find_leaked_keys(watch.inputs)
    assert len(result.found) == 1
    watch.say("scanner", result, result.sentence(), result.to_frame().to_string(), *result.found)
    assert watch.found() == []
