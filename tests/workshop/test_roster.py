"""Rosters as people make them: each ends in names or in one sentence."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.workshop.hub.room import Seat
from secure_ai.workshop.roster import LONGEST_NAME, MOST_LEARNERS, clean, read_roster, seats_for


def read(folder, content: bytes):
    file = folder / "roster.csv"
    file.write_bytes(content)
    return read_roster(file)


GOOD = {
    "one name a line": (b"Ada Lovelace\nAlan Turing\n", ("Ada Lovelace", "Alan Turing")),
    "no line end": (b"Ada", ("Ada",)),
    "lines of Windows and old Macs": (b"Ada\r\nAlan\rGrace", ("Ada", "Alan", "Grace")),
    "header": (b"name\nAda\n", ("Ada",)),
    "columns": (b"email,Name\na@x.org,Ada\n", ("Ada",)),
    "semicolons": (b"Name;Mail\nAda;a@x.org\n", ("Ada",)),
    "tabs": (b"mail\tfull name\nm\tAda L\n", ("Ada L",)),
    "first and last": (b"Last Name,First Name\nLovelace,Ada\n", ("Ada Lovelace",)),
    "quoted comma": (b'name,x\n"Turing, Alan",1\n', ("Turing, Alan",)),
    "quoted line end": (b'name,x\n"Alan\nTuring",1\nAda,2\n', ("Alan Turing", "Ada")),
    "empty lines": (b"\n\nname,x\n\n,\nAda,1\n\n", ("Ada",)),
    "mark of UTF-8": ("\ufeffname\nNoël\n".encode(), ("Noël",)),
    "UTF-16": ("name\nNoël\n".encode("utf-16"), ("Noël",)),
    "Windows-1252": ("name\nNoël\n".encode("cp1252"), ("Noël",)),
    "formulas stay names": (b"name\n=cmd()\n@x\n-1\n", ("=cmd()", "@x", "-1")),
    "markup stays a name": (b"name\n<script>\n", ("<script>",)),
    "short row": (b"email,name\na@x.org\nb@x.org,Ada\n", ("Ada",)),
    "from right to left": ("نورا\n\u202eabc\u202c\n".encode(), ("نورا", "abc")),
    "decomposed": ("Noe\u0308l\n".encode(), ("Noël",)),
    "spaces of all kinds": ("Ada\u00a0\u2003 L\n".encode(), ("Ada L",)),
    "instructor": (b"instructor\nseat-01\n", ("instructor", "seat-01")),
    "a name twice with two addresses": (b"name,mail\nMaria,a\nMaria,b\n", ("Maria", "Maria")),
    "500 names": ("\n".join(f"L {n}" for n in range(500)).encode(), tuple(f"L {n}" for n in range(500))),
}
BAD = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\t\n\xef\xbb\xbf", "no names"),
    "header alone": (b"name,email\n", "no names below"),
    "columns without a header": (b"Ada,a@x.org\nAlan,t@x.org\n", "Line 1 of the roster has several columns"),
    "workbook": (b"PK\x03\x04" + b"x" * 50, "save the sheet as CSV"),
    "old workbook": (b"\xd0\xcf\x11\xe0" + b"x" * 50, "save the sheet as CSV"),
    "zeros": (b"Ada\0\nB", "is no text"),
    "odd UTF-16": (b"\xff\xfea", "is no text"),
    "a line of 1 MB": (b"x" * 1_000_000, f"more than {LONGEST_NAME} characters"),
    "a line of 1 MB below a header": (b"name,x\n" + b"x" * 1_000_000, "Line 2 of the roster"),
    "an open quotation mark": (b'name,x\n"' + b"x\n" * 100_000, "quotation mark is open"),
    "too large": (b"Ada\n" * 2_000_000, "larger than 4 MB"),
    "too many": ("\n".join(map(str, range(MOST_LEARNERS + 1))).encode(), "more than 2000 learners"),
    "invisible names": ("\u200b\n\u202e\n".encode(), "no names"),
}


@pytest.mark.parametrize(("content", "names"), GOOD.values(), ids=GOOD)
def test_rosters_that_people_make_are_read(tmp_path, content, names):
    assert read(tmp_path, content).names == names


@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD)
def test_what_is_no_roster_ends_in_a_sentence(tmp_path, content, sentence):
    with pytest.raises(UserError, match=sentence):
        read(tmp_path, content)


def test_what_is_no_file_ends_in_a_sentence_and_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(UserError, match="is no file"):
            read_roster(place)
    for place in (tmp_path / "none", "a\0b"):
        with pytest.raises(UserError, match="roster"):
            read_roster(place)


def test_repeated_mended_and_nameless_lines_are_told_by_number_without_a_name(tmp_path):
    roster = read(tmp_path, "name,mail\nAda,a\nAda,a\n\u202eAlan,b\n,c\nAda,a\n".encode())
    assert roster.names == ("Ada", "Alan")
    said = " ".join(roster.remarks)
    assert "lines 3, 6" in said and "Line 4" in said and "Line 5" in said
    assert "Ada" not in said and "Alan" not in said


@given(st.text())
def test_a_cleaned_name_is_one_visible_line_and_stays_so(name):
    cleaned = clean(name)
    assert cleaned == clean(cleaned)
    assert "\n" not in cleaned and "\x1b" not in cleaned and cleaned == cleaned.strip()


@given(st.binary(max_size=300))
def test_any_bytes_give_names_or_a_sentence(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    try:
        names = read(folder, content).names
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert names and all(name == clean(name) for name in names)


def test_a_seat_is_never_given_to_another_learner():
    first, left = seats_for(["Ada", "Alan", "Maria", "Maria"])
    assert [seat.name for seat in first] == ["seat-01", "seat-02", "seat-03", "seat-04"] and not left
    second, left = seats_for(["Grace", "Maria", "Ada"], first)
    assert [(seat.name, seat.learner) for seat in second] == [
        ("seat-05", "Grace"), ("seat-03", "Maria"), ("seat-01", "Ada"),
    ]  # fmt: skip
    assert {seat.name for seat in left} == {"seat-02", "seat-04"}


def test_numbers_of_new_seats_begin_where_no_other_room_has_users():
    seats, _ = seats_for(["Ada", "Alan"], first_number=200)
    assert [(seat.name, seat.uid) for seat in seats] == [("seat-01", 61_200), ("seat-02", 61_201)]
    more, _ = seats_for(["Ada", "Grace"], seats, first_number=7)
    assert more[1] == Seat("seat-03", "Grace", 202)
