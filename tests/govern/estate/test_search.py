"""The search of every byte finds a person in whatever form a trace may take, and not in what is others'."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import sqlite3
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secure_ai.govern.estate import Subject
from secure_ai.govern.estate.search import search_files
from secure_ai.govern.estate.search.decoded import decoded_rows

PERSON = Subject(
    "P000004711",
    "p-00112233aabbccdd",
    {
        "name": ("Zoë Quiñones Álvarez",),
        "phone": ("(716) 555-0184",),
        "ssn": ("992-03-4286",),
        "mrn": ("ZZ86846425",),
        "email": ("zoe.quinones@example.org",),
        "iban": ("ES2600009502985150473403",),
        "pan": ("5555555541106887",),
        "address": ("533 Anderson Plaza",),
    },
    "1988-06-16",
)
NAME, PHONE, SSN, MRN = "Zoë Quiñones Álvarez", "(716) 555-0184", "992-03-4286", "ZZ86846425"
EMAIL, PAN = "zoe.quinones@example.org", "5555555541106887"


def _packed(raw: bytes) -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt.gz", gzip.compress(raw))
    return inner.getvalue()


def _tar(raw: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz") as archive:
        info = tarfile.TarInfo("dump")
        info.size = len(raw)
        archive.addfile(info, io.BytesIO(raw))
    return out.getvalue()


def _npz(text: str) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, ids=np.array(["other", text]))
    return out.getvalue()


FORMS: dict[str, bytes] = {
    "plain text": f"seen today: {NAME}.".encode(),
    "capitals": f"seen today: {NAME.upper()}.".encode(),
    "small letters": f"seen today: {NAME.lower()}.".encode(),
    "without accents": b"seen today: zoe quinones alvarez.",
    "decomposed accents": unicodedata.normalize("NFD", NAME).encode(),
    "last name first": "Quiñones Álvarez, Zoë".encode(),
    "UTF-16": NAME.encode("utf-16"),
    "UTF-16 big-endian": NAME.encode("utf-16-be"),
    "UTF-32": NAME.encode("utf-32"),
    "Latin-1": NAME.encode("latin-1"),
    "JSON-escaped": json.dumps({"name": NAME}).encode(),
    "URL-escaped": f"/find?name={quote(NAME)}&x=1".encode(),
    "URL-escaped with plus": f"/find?name={quote_plus(NAME)}&x=1".encode(),
    "XML-escaped": NAME.encode("ascii", "xmlcharrefreplace"),
    "phone by dots": b"call 716.555.0184 now",
    "phone international": b"call +1 716 555 0184 now",
    "phone bare": b"call 7165550184 now",
    "ssn by blanks": b"ssn 992 03 4286 on file",
    "ssn bare": b'"ssn":"992034286"',
    "card by blanks": b"card 5555 5555 4110 6887.",
    "iban by blanks": b"IBAN es26 0000 9502 9851 5047 3403",
    "base64": base64.b64encode(MRN.encode()),
    "base64 at offset 1": base64.b64encode(b"x" + EMAIL.encode() + b"yz"),
    "base64 at offset 2": base64.b64encode(b"xy" + EMAIL.encode() + b"z"),
    "base64 for URLs": base64.urlsafe_b64encode(b"??>" + NAME.encode() + b"~"),
    "hexadecimal": EMAIL.encode().hex().encode(),
    "hexadecimal capitals": EMAIL.encode().hex().upper().encode(),
    "MD5": hashlib.md5(EMAIL.encode(), usedforsecurity=False).hexdigest().encode(),
    "SHA-1": hashlib.sha1(b"992034286", usedforsecurity=False).hexdigest().encode(),
    "SHA-256": hashlib.sha256(EMAIL.encode()).hexdigest().upper().encode(),
    "SHA-256 raw": b"..." + hashlib.sha256(MRN.encode()).digest() + b"...",
    "SHA-256 in base64": base64.b64encode(hashlib.sha256(PERSON.key.encode()).digest()),
    "gzip": gzip.compress(EMAIL.encode()),
    "gzip in zip": _packed(EMAIL.encode()),
    "bzip2": bz2.compress(EMAIL.encode()),
    "xz": lzma.compress(EMAIL.encode()),
    "zlib": zlib.compress(EMAIL.encode()),
    "tar in xz": _tar(EMAIL.encode()),
    "numpy strings": _npz(MRN),
    "street": b"lives at 533 ANDERSON plaza",
    "pseudonym": b"p-00112233aabbccdd",
    "birth date beside name": b"zoe quinones alvarez 06/16/1988",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_trace_is_found_in_every_form(form: str, tmp_path: Path) -> None:
    place = tmp_path / "left.bin"
    around = (b"", b"") if form in WHOLE else (b"\x00 nothing here \x00" * 50, b"\x00 nor here")
    place.write_bytes(FORMS[form].join(around))
    assert search_files([place], PERSON)


WHOLE = {"gzip", "gzip in zip", "bzip2", "xz", "zlib", "tar in xz", "numpy strings", "UTF-16", "UTF-32"}


def test_a_trace_across_the_border_of_two_reads_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secure_ai.govern.estate.search.scanner.CHUNK", 100)
    for start in range(85, 102):
        place = tmp_path / "long.txt"
        place.write_bytes(b"." * start + EMAIL.encode() + b"." * 500)
        assert [one.count for one in search_files([place], PERSON).found if one.form == "text"] == [1]


def _free_pages(place: Path) -> None:
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(f"row {i} {EMAIL}",) for i in range(300)])
        connection.commit()
        connection.execute("DELETE FROM t")
        connection.commit()
    connection.close()


def _write_ahead_log(place: Path) -> None:
    connection = sqlite3.connect(place)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE t (a TEXT)")
    connection.execute("INSERT INTO t VALUES (?)", (EMAIL,))
    connection.commit()
    content = place.with_name(place.name + "-wal").read_bytes()
    connection.close()
    place.unlink()
    place.with_name(place.name + "-wal").write_bytes(content)


def _integer_column(place: Path) -> None:
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE t (ssn INTEGER)")
        connection.execute("INSERT INTO t VALUES (992034286)")
    connection.close()


def _overflow_pages(place: Path) -> None:
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.executemany(
            "INSERT INTO t VALUES (?)",
            [("." * (start + 8000) + EMAIL + "." * 9000,) for start in range(0, 400, 8)],
        )
    connection.close()


def _words_of_an_index(place: Path) -> None:
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(a, content='')")
        connection.executemany(
            "INSERT INTO t(rowid, a) VALUES (?, ?)",
            [(1, "zz86846424 seen"), (2, f"{MRN} seen"), (3, "zz868464")],
        )
    connection.close()


def _duckdb_blocks(place: Path) -> None:
    with duckdb.connect(str(place)) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT i, i || ' zoe.quinones@example.org' AS a FROM range(5000) r(i)"
        )


def _parquet_dictionary(place: Path) -> None:
    pd.DataFrame({"mrn": [MRN, "ZZ1"] * 500}).to_parquet(place, compression="zstd")


def _parquet_footer(place: Path) -> None:
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({"made for": EMAIL}), place)


def _workbook(place: Path) -> None:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<sst><si><t>{NAME}</t></si></sst>")


CONTAINERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "free pages of SQLite": ("a.sqlite", _free_pages),
    "write-ahead log of SQLite": ("a.sqlite", _write_ahead_log),
    "integers in SQLite": ("a.sqlite", _integer_column),
    "overflow pages of SQLite": ("a.sqlite", _overflow_pages),
    "words of a full-text index": ("a.sqlite", _words_of_an_index),
    "DuckDB": ("a.duckdb", _duckdb_blocks),
    "Parquet dictionary, compressed": ("a.parquet", _parquet_dictionary),
    "Parquet footer": ("a.parquet", _parquet_footer),
    "workbook": ("a.xlsx", _workbook),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_trace_in_a_database_or_columnar_file_is_found(container: str, tmp_path: Path) -> None:
    name, write = CONTAINERS[container]
    write(tmp_path / name)
    assert search_files(tmp_path.iterdir(), PERSON), container


def test_what_is_not_the_person_is_no_trace(tmp_path: Path) -> None:
    place = tmp_path / "others.txt"
    place.write_text(
        "Zoe Quin, P000004712, ZZ86846426, 992-03-4287, (716) 555-0185, 15555555541106887, born 1988-06-16, "
        "992 items for 0 of 342 on 86",
        encoding="utf-8",
    )
    found = search_files([place], PERSON)
    assert not found, found.found
    assert (found.files, found.size) == (1, place.stat().st_size)


def test_a_name_that_others_bear_is_a_trace_only_beside_another_value(tmp_path: Path) -> None:
    shared = Subject(
        PERSON.key, PERSON.pseudonym, PERSON.identifiers, PERSON.birth_date, frozenset({NAME, PHONE})
    )
    alone, beside = tmp_path / "alone.csv", tmp_path / "beside.csv"
    alone.write_text(f"9,{NAME},Boston\n8,somebody,{PHONE}\n", encoding="utf-8")
    beside.write_text(f"9,{NAME},{PHONE}\n", encoding="utf-8")
    found = search_files([alone, beside], shared)
    assert {one.file for one in found.found} == {"beside.csv"}
    assert {one.kind for one in found.shared if one.file == "alone.csv"} == {"name", "phone"}


def test_a_shared_value_in_a_free_page_is_not_explained_by_records(tmp_path: Path) -> None:
    shared = Subject("K1234567", "", {"name": (NAME,)}, "", frozenset({NAME}))
    place = tmp_path / "a.sqlite"
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(f"1 {NAME}",), (f"2 {NAME}",), ("3",)])
        connection.commit()
        assert not search_files([place], shared)
        connection.execute("DELETE FROM t WHERE a LIKE '2%'")
        connection.commit()
    connection.close()
    left = search_files([place], shared)
    assert [(one.where, one.kind) for one in left.found][:1] == [("bytes", "name")]


def test_encrypted_members_and_damaged_archives_are_told(tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(EMAIL.encode() * 100)[:40])
    found = search_files(tmp_path.iterdir(), PERSON)
    assert [one.file for one in found.unreadable] == ["cut.gz"]


def test_a_result_names_no_value(tmp_path: Path) -> None:
    place = tmp_path / "a.txt"
    place.write_text(f"{NAME} {PHONE} {EMAIL} {SSN} {MRN} {PAN}", encoding="utf-8")
    told = json.dumps(search_files([place], PERSON).to_dict()) + repr(PERSON)
    assert not any(value in told for value in (NAME, "Quiñones", PHONE, EMAIL, SSN, MRN, PAN, PERSON.key))


def test_readings_of_sqlite_files_keep_apart_and_see_what_changed(tmp_path: Path) -> None:
    path = tmp_path / "it's one.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(f"old {n}",) for n in range(150_000)])
        connection.commit()
    given_up = decoded_rows(path)
    assert b"old 0\x1f" in next(given_up).data
    assert sum(len(rows.starts) - 1 for rows in decoded_rows(path)) == 150_000
    given_up.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE t SET a = 'new'")
        connection.commit()
    assert set(b"".join(rows.data for rows in decoded_rows(path)).split(b"\x1f")) == {b"new", b""}
    path.write_bytes(b"SQLite format 3\0" + b"x" * 4000)
    with pytest.raises((duckdb.Error, sqlite3.Error)):
        list(decoded_rows(path))
