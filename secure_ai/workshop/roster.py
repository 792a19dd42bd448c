"""Who comes: a roster read from a file as people make them, and a seat for each."""

from __future__ import annotations

import csv
import io
import re
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.errors import UserError, system_reason
from secure_ai.workshop.hub.room import Seat

LARGEST_FILE = 4 * 2**20
LONGEST_NAME = 80
MOST_LEARNERS = 2_000
DELIMITERS = ",;\t|"
# What a column with whole names is called, and the two that make one; in lower case, letters only.
WHOLE = ("name", "fullname", "learner", "participant", "student", "attendee", "displayname", "username")
FIRST = ("firstname", "givenname", "forename", "first", "given")
LAST = ("lastname", "surname", "familyname", "last", "family")
_WORKBOOKS = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_JOINERS = "\u200c\u200d"  # invisible, and part of names in Persian and in scripts of India
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Roster:
    """A roster.

    Attributes:
        names: of the learners, in order, as they are shown.
        remarks: sentences about lines that were merged, mended or left out; with line numbers, not names.
    """

    names: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def read_roster(path: str | Path) -> Roster:
    """Read a roster: a CSV file whose header has a column of names, or one name a line.

    Args:
        path: of the file; UTF-8, UTF-16 with its mark, or Windows-1252, with any of the usual separators.

    Raises:
        UserError: if it cannot be read, is no text, has no names, or has columns and no header.
    """
    text = _text(Path(path))
    lines = _LINE_ENDS.split(text)
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise UserError("The roster is empty: write one learner a line.")
    rows = _columns(text, lines, filled[0])
    rows = rows or _one_a_line(lines)
    return _merged(rows)


def clean(name: str) -> str:
    """Return a name as one line of visible characters, with nothing in it that controls or turns text."""
    kept = "".join(
        " " if letter.isspace() else letter
        for letter in unicodedata.normalize("NFC", name)
        if letter.isspace() or letter in _JOINERS or unicodedata.category(letter)[0] != "C"
    )
    kept = " ".join(kept.split())
    return kept if kept.strip(_JOINERS) else ""


def seats_for(
    names: Iterable[str], former: Sequence[Seat] = (), first_number: int = 1
) -> tuple[tuple[Seat, ...], tuple[Seat, ...]]:
    """Give each learner a seat: the one they had in this room before, else a new one.

    A seat's folder has its learner's work in it, so a seat is never given to another learner.

    Args:
        names: of the learners.
        former: seats that the room has or once had.
        first_number: of new seats where there are no former ones.

    Returns:
        The seats in the order of the names, and those of ``former`` that nobody took.
    """
    free = list(former)
    number = max((seat.number for seat in former), default=first_number - 1)
    count = max((_count(seat) for seat in former), default=0)
    seats = []
    for name in names:
        found = next((seat for seat in free if seat.learner == name), None)
        if found is not None:
            free.remove(found)
        else:
            number, count = number + 1, count + 1
            found = Seat(f"seat-{count:02d}", name, number)
        seats.append(found)
    return tuple(seats), tuple(free)


def _count(seat: Seat) -> int:
    digits = seat.name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _text(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError("The roster is no file: name a CSV file, or a text file with one name a line.")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UserError("The roster is not there: check the name of the file.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"The roster cannot be read ({system_reason(error)}).") from None
    if len(raw) > LARGEST_FILE:
        raise UserError(f"The roster is larger than {LARGEST_FILE >> 20} MB: is it the right file?")
    for mark, what in _WORKBOOKS.items():
        if raw.startswith(mark):
            raise UserError(f"The roster is {what}: save the sheet as CSV, and take that file.")
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        # What Excel on Windows writes as plain CSV.
        text = raw.decode("cp1252", errors="replace") if encoding == "utf-8" else "\0"
    if "\0" in text:
        raise UserError("The roster is no text: save it as CSV or as plain text in UTF-8.")
    return text


def _columns(text: str, lines: list[str], header: str) -> list[tuple[int, str, tuple[str, ...]]]:
    """Return line, name and whole row for a file with a header; nothing for one without."""
    if len(header) > 10_000:
        return []
    delimiter = max(DELIMITERS, key=header.count)
    titles = [_plain(title) for title in next(csv.reader([header], delimiter=delimiter), [])]
    whole = next((titles.index(word) for word in WHOLE if word in titles), None)
    first = next((titles.index(word) for word in FIRST if word in titles), None)
    last = next((titles.index(word) for word in LAST if word in titles), None)
    if whole is None and first is None and last is None:
        return []
    chosen = [whole] if whole is not None else [part for part in (first, last) if part is not None]
    found, reader = [], csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    seen = False
    try:
        for row in reader:
            if not seen:
                seen = any(cell.strip() for cell in row)
                continue
            name = " ".join(row[part] for part in chosen if part < len(row))
            found.append((reader.line_num, name, tuple(clean(cell) for cell in row)))
    except csv.Error:
        raise UserError(
            f"Line {reader.line_num} of the roster cannot be read: a quotation mark is open, or it is long."
        ) from None
    if not any(clean(name) for _, name, _ in found):
        raise UserError("The roster has a header and no names below it.")
    return found


def _one_a_line(lines: list[str]) -> list[tuple[int, str, tuple[str, ...]]]:
    bare = [line.strip().strip(DELIMITERS + '"').strip() for line in lines]
    columns = [number for number, line in enumerate(bare, 1) if any(mark in line for mark in DELIMITERS)]
    if columns:
        raise UserError(
            f"Line {columns[0]} of the roster has several columns, and no column is called 'name': put a "
            "header such as 'name,email' above, or write one name a line."
        )
    return [(number, line, (clean(line),)) for number, line in enumerate(bare, 1)]


def _plain(title: str) -> str:
    return "".join(letter for letter in title.casefold() if letter.isalpha())


def _merged(rows: list[tuple[int, str, tuple[str, ...]]]) -> Roster:
    names: list[str] = []
    first_seen: dict[tuple[str, ...], int] = {}
    repeated, mended, nameless = [], [], []
    for line, raw, row in rows:
        name = clean(raw)
        if not name:
            if any(row):
                nameless.append(line)
            continue
        if len(name) > LONGEST_NAME:
            raise UserError(
                f"Line {line} of the roster has a name of more than {LONGEST_NAME} characters: is it one?"
            )
        key = (name, *row)
        if key in first_seen:
            repeated.append(line)
            continue
        first_seen[key] = line
        if name != " ".join(raw.split()):
            mended.append(line)
        names.append(name)
        if len(names) > MOST_LEARNERS:
            raise UserError(
                f"The roster has more than {MOST_LEARNERS} learners: split it over several machines."
            )
    if not names:
        raise UserError("The roster has no names in it: write one learner a line.")
    remarks = []
    if repeated:
        remarks.append(
            f"{_lines(repeated)} of the roster repeats an earlier one and gets no second seat; if two people "
            "share a name, add what tells them apart."
        )
    if mended:
        remarks.append(f"{_lines(mended)} of the roster had invisible or unusual characters, now removed.")
    if nameless:
        remarks.append(f"{_lines(nameless)} of the roster has no name and is left out.")
    return Roster(tuple(names), tuple(remarks))


def _lines(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"Line {numbers[0]}"
    shown = ", ".join(str(number) for number in numbers[:5])
    return f"Each of lines {shown}" + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
