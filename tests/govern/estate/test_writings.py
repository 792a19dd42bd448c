"""The search sees a person in every ordinary writing, and never less than the masker masks."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from secure_ai.govern.estate import Subject
from secure_ai.govern.estate.mentions import MASK, Mentions
from secure_ai.govern.estate.search import search_files

PERSON = Subject(
    "P000004711",
    "p-00112233aabbccdd",
    {
        "name": ("Dorothea Wallace",),
        "phone": ("(413) 555-0114",),
        "ssn": ("992-03-4286",),
        "mrn": ("ZZ86846425",),
        "drivers_license": ("D4412-9087",),
    },
)
TEXTS = {
    "line break": "seen Dorothea\nWallace today",
    "indented line break": "seen Dorothea\r\n    Wallace today",
    "two blanks": "Dorothea  Wallace",
    "tab": "Dorothea\tWallace",
    "no-break space": "Dorothea\u00a0Wallace",
    "zero-width": "Dorothea\u200b Wallace",
    "middle initial": "Dorothea A. Wallace",
    "middle name": "Dorothea Adam Wallace",
    "nickname": 'Dorothea "Dot" Wallace',
    "slash": "Wallace/Dorothea",
    "semicolon": "Wallace; Dorothea",
    "title": "Wallace, Mrs. Dorothea",
    "comma and blanks": "Dorothea  ,  Wallace",
    "hyphenated line break": "Dorothea Wal-\nlace came",
    "tags": "<b>Dorothea</b> <b>Wallace</b>",
    "record number by blank": "MRN ZZ 868 46425",
    "record number by hyphen": "MRN ZZ-86846425",
    "key by blank": "patient P 000004711",
    "license by blank": "D4412 9087",
    "phone": "call (413) - 555-0114",
    "phone over a line": "call 413\n555-0114",
    "phone by no-break spaces": "413\u00a0555\u00a00114",
}
ELSEWHERE = {
    "fields of CSV": b"x,Dorothea,Wallace,y",
    "quoted fields of CSV": b'"x","Dorothea","Wallace"',
    "fields of JSON": json.dumps({"first": "Dorothea", "last": "Wallace"}).encode(),
    "SHA-512": hashlib.sha512(b"992-03-4286").hexdigest().encode(),
    "escaped ASCII": "".join(f"\\u{ord(one):04x}" for one in "Dorothea Wallace").encode(),
}
OTHERS = (
    "Dorothea Walsh, Wallace and Gromit; Dorothea. The Wallace collection, P 000004712, "
    "MRN ZZ 868 46426, (413) - 555-0115, Dorothea and Wallace came. Dorothea met John, then Wallace."
)


@pytest.mark.parametrize("writing", TEXTS)
def test_an_ordinary_writing_is_masked_and_found(writing: str, tmp_path: Path) -> None:
    place = tmp_path / "note.txt"
    place.write_bytes(b"At first. " + TEXTS[writing].encode() + b" And then.")
    assert search_files([place], PERSON).found, "the search must see it"
    masked, count = Mentions([PERSON]).mask(TEXTS[writing])
    assert count, masked
    assert MASK in masked
    place.write_text(masked, encoding="utf-8")
    assert not search_files([place], PERSON).found


@pytest.mark.parametrize("writing", ELSEWHERE)
def test_what_stands_in_files_of_programs_is_found(writing: str, tmp_path: Path) -> None:
    (tmp_path / "left.bin").write_bytes(b"\n" + ELSEWHERE[writing] + b"\n")
    assert search_files([tmp_path / "left.bin"], PERSON).found


def test_what_is_packed_in_a_field_of_a_database_is_found(tmp_path: Path) -> None:
    place = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("CREATE TABLE t (a, b BLOB)")
        connection.execute("INSERT INTO t VALUES (1, ?)", (zlib.compress(b"Dorothea Wallace" * 9),))
        connection.commit()
    assert search_files([place], PERSON).found


def test_what_names_others_is_neither_masked_nor_found(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(OTHERS, encoding="utf-8")
    assert Mentions([PERSON]).mask(OTHERS) == (OTHERS, 0)
    found = search_files([tmp_path / "a.txt"], PERSON)
    assert not found, found.found
