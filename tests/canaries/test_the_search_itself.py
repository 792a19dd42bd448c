"""The search finds planted values in each encoding and container, and nothing where nothing is."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import os
import sqlite3
import tarfile
import zipfile
import zlib
from urllib.parse import quote

import pandas as pd
import pytest

from .planted import PERSONAL, SECRET, Canaries

ALL = Canaries.of(PERSONAL, SECRET)
TEXTS = {name: value for name, value in (PERSONAL | SECRET).items() if isinstance(value, str)}
PAD = os.urandom(3000)


def archive(data: bytes, kind: str) -> bytes:
    made = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("inner", data)
    else:
        with tarfile.open(fileobj=made, mode="w:gz") as file:
            member = tarfile.TarInfo("inner")
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return made.getvalue()


ENCODINGS = {
    "as it is": lambda value: value,
    "after one byte, base64": lambda value: base64.b64encode(b"x" + value + b"yz"),
    "after two bytes, base64": lambda value: base64.b64encode(b"xx" + value + b"y"),
    "at the start, base64 of URLs": base64.urlsafe_b64encode,
    "base64 in lines": lambda value: base64.encodebytes(PAD[:50] + value + PAD[:50]),
    "hex": lambda value: value.hex().encode(),
    "capital hex with colons": lambda value: value.hex(":").upper().encode(),
    "base32": base64.b32encode,
    "URL": lambda value: quote(value, safe="").encode(),
    "URL, small letters": lambda value: quote(value, safe="").lower().encode(),
    "repr": lambda value: repr(value).encode(),
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zlib": zlib.compress,
    "zip": lambda value: archive(value, "zip"),
    "tar in gzip": lambda value: archive(value, "tar.gz"),
    "gzip in zip": lambda value: archive(gzip.compress(value), "zip"),
}
TEXT_ENCODINGS = {
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, most significant first": lambda text: text.encode("utf-16-be"),
    "Latin-1": lambda text: text.encode("latin-1"),
    "JSON": lambda text: json.dumps({"x": text}).encode(),
    "HTML": lambda text: html.escape(f"<{text}>").encode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_value_is_found_in_each_encoding_and_no_other_one(encoding):
    for name, value in ALL.values.items():
        assert {found.canary for found in ALL.in_bytes(ENCODINGS[encoding](value))} == {name}


@pytest.mark.parametrize("encoding", TEXT_ENCODINGS)
def test_each_text_is_found_in_each_encoding_of_text(encoding):
    for name, text in TEXTS.items():
        assert {found.canary for found in ALL.in_bytes(TEXT_ENCODINGS[encoding](text))} == {name}


@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_it_is_found_wherever_it_stands(place):
    value = ALL.values["ssn"]
    data = {"start": value + PAD, "middle": PAD + value + PAD, "end": PAD + value}[place]
    assert ALL.in_bytes(data)


def test_what_was_not_planted_is_not_found():
    assert ALL.in_bytes(os.urandom(2_000_000)) == []
    assert ALL.in_text("The quick brown fox; 912-47-3562; canary; a password.") == []


def test_files_of_any_kind_and_place_and_their_names_are_searched(tmp_path):
    ssn = PERSONAL["ssn"]
    (tmp_path / "a" / ".hidden").mkdir(parents=True)
    (tmp_path / "a" / ".hidden" / "deep").write_text(f"x {ssn} y")
    (tmp_path / "a" / f"{ssn}.txt").write_text("")
    (tmp_path / "link").symlink_to(f"/nowhere/{ssn}")
    with sqlite3.connect(tmp_path / "rows.sqlite") as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (?)", (ssn,))
    pd.DataFrame({"x": [ssn] * 5}).to_parquet(tmp_path / "table.parquet", compression="zstd")
    places = {found.where.split(" > ")[0] for found in ALL.in_folder(tmp_path)}
    assert places == {"a name", "a/.hidden/deep", "link", "rows.sqlite", "table.parquet"}
    assert {found.canary for found in ALL.in_folder(tmp_path)} == {"ssn"}
    left = [tmp_path / "a", tmp_path / "link", tmp_path / "rows.sqlite", tmp_path / "table.parquet"]
    assert ALL.in_folder(tmp_path, left) == []


def test_what_is_found_is_named_and_never_shown():
    shown = repr(ALL.in_text(f"x {PERSONAL['name']} {SECRET['password']}"))
    assert "name" in shown and "password" in shown and ALL.in_text(shown) == []


def test_a_value_that_chance_could_give_is_no_canary():
    with pytest.raises(ValueError, match="chance"):
        Canaries.of({"x": "12345"})
