"""Follow the chain of entries and tell what happened where it does not hold.

Every row carries the hash of the one before it and its own, so each can be checked by itself and against its
neighbor: a row that fails by itself was edited; two that hold by themselves and do not fit each other have
lost or got something between them. Rows that fail are kept (a bounded number) and tried in each other's
places at the end: that finds two that were exchanged, and one that was moved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from secure_ai.monitor.trail.entries import ALERT, COLUMNS, HASH, PREVIOUS, Row, body_of, chained
from secure_ai.monitor.trail.signatures import Head
from secure_ai.monitor.trail.verification import Findings

MOST_TRIED = 200  # rows that are tried in each other's places
NEAR = 16  # how far the numbers of all following rows may have been shifted to be recognized
TIME = COLUMNS.index("time")


@dataclass(frozen=True, slots=True)
class Read:
    """A row as it was read; ``body`` is None where it cannot be one of ours."""

    sequence: int
    body: bytes | None
    previous: bytes | None
    hash: bytes | None

    def is_number(self, number: int) -> bool:
        """Say whether the row's own hash is right for this number."""
        return _fits(self.previous, number, self.body, self.hash)


class Chain:
    """The state of an examination while rows come in.

    Args:
        rows: the entries as they lie in the table.
        genesis: what the first entry is chained to; None where the header cannot be relied on.
        end: the last entry that something signed speaks of; None where nothing does.
        head: the signed head, where it can be relied on.
        findings: where problems go.
    """

    def __init__(
        self,
        rows: Iterator[Row],
        genesis: bytes | None,
        end: int | None,
        head: Head | None,
        findings: Findings,
    ) -> None:
        self._rows, self._end, self._head, self._findings = rows, end, head, findings
        self._next: Row | None = None
        self.rows = 0
        self.number = 0  # of the last row that stands in its place
        self.hash: bytes | None = genesis  # of that row; None where the next one cannot be compared with it
        self.last_doubt = 0 if genesis is None else -1  # the highest number with a problem
        self.clock_back, self.first_clock_back, self._latest = 0, None, ""
        self._shift = 0
        self._recent: deque[tuple[int, bytes | None]] = deque([(0, genesis)], maxlen=NEAR + 1)
        self._suspects: list[Read] = []
        self._strays: list[Read] = []
        self._gaps: list[tuple[int, int, str]] = []

    def follow(self, reached: Callable[[int, bytes | None], None]) -> None:
        """Take all rows; call ``reached`` with number and hash of each that stands in its place."""
        for row in self._rows:
            current: Row | None = row
            while current is not None:
                if not self._usual(current):
                    self._next = next(self._rows, None)
                    self._unusual(current)
                    reached(self.number, self.hash)
                    current, self._next = self._next, None
                    continue
                reached(self.number, self.hash)
                current = None

    def finish(self) -> None:
        """Tell what is missing at the end, and what happened to the rows that failed."""
        add = self._findings.add
        if self._end is not None and self.number < self._end:
            self._gaps.append((self.number + 1, self._end, "truncated"))
        elif self._end is not None and self.number > self._end:
            add(
                "entry", "inserted", self._end + 1,
                "{where}: added behind the end that was signed.", self.number,
            )  # fmt: skip
        self._put_back()
        for first, last, kind in self._gaps:
            missing = last - first + 1
            if kind == "truncated":
                words = f"Cut off after entry {first - 1:,}: {_entries(missing)} missing, up to {last:,}."
            else:
                words = f"{{where}}: deleted, between entries {first - 1:,} and {last + 1:,}."
            add("entry", kind, first, words, last)
        for suspect in sorted(self._suspects, key=lambda read: read.sequence):
            add("entry", "edited", suspect.sequence, "{where}: changed after it was written.")
        for stray in self._strays:
            add("entry", "inserted", stray.sequence, "{where}: no writer wrote an entry of this number.")

    def _usual(self, row: Row) -> bool:
        number = self.number + 1
        if len(row) == 1 or row[0] + self._shift != number or row[PREVIOUS] != self.hash:
            return False
        try:
            body = f"[{','.join(map(quote, row[1:ALERT]))},{row[ALERT]:d}]"
            digest = sha256(b"%b%d%b" % (self.hash, number, body.encode())).digest()
        except (TypeError, ValueError):
            return False
        if digest != row[HASH]:
            return False
        self._stands(number, digest, row)
        return True

    def _stands(self, number: int, own: bytes | None, row: Row | None) -> None:
        self.rows += 1
        self.number, self.hash = number, own
        self._recent.append((number, own))
        if row is not None and isinstance(row[TIME], str):
            if row[TIME] < self._latest:
                self.clock_back += 1
                self.first_clock_back = self.first_clock_back or number
            else:
                self._latest = row[TIME]

    def _unusual(self, row: Row) -> None:
        if len(row) == 1:
            self._unreadable(row[0])
            return
        read = _read(row)
        following = self.number + 1
        number = read.sequence + self._shift
        fits = read.is_number(number)
        if not fits and number != following and read.is_number(following) and read.previous == self.hash:
            self._doubt(following)
            words = f"{{where}}: its number was changed to {read.sequence:,}."
            self._findings.add("entry", "edited", following, words)
            self._stands(following, read.hash, row)
            return
        if not fits and (shift := self._new_shift(read)) is not None:
            self._renumbered(shift, read.sequence)
            following, number, fits = self.number + 1, read.sequence + shift, True
        if number < following or (number > following and self._end is not None and number > self._end):
            self._strays.append(read)
            self.rows += 1
            return
        comparable = self.hash is not None
        if number > following:
            self._gap(following, number - 1)
            comparable = False
        if not fits:
            self._suspect(read, number)
        elif comparable and read.previous != self.hash and self.last_doubt != self.number:
            self._broken(read, number)
        self._stands(number, read.hash, row)

    def _unreadable(self, sequence: int) -> None:
        number = sequence + self._shift
        if number <= self.number:
            return
        if number > self.number + 1:
            self._gap(self.number + 1, number - 1)
        self._doubt(number)
        self._findings.add("entry", "damaged", number, "{where}: cannot be read any more.")
        self._stands(number, None, None)

    def _broken(self, read: Read, number: int) -> None:
        """Two rows hold by themselves and do not fit: one of them was written anew with a hash of its own."""
        if self._next is not None and len(self._next) > 1:
            mine = _bytes(self._next[PREVIOUS]) == read.hash
        else:
            mine = self._head is not None and (number, read.hash) == (self._head.sequence, self._head.hash)
        changed = self.number if mine and self.number else number
        self._doubt(changed)
        words = (
            "{where}: replaced by another with a hash of its own; its neighbor was chained to the one before."
        )
        self._findings.add("entry", "edited", changed, words)

    def _suspect(self, read: Read, number: int) -> None:
        self._doubt(number)
        if len(self._suspects) < MOST_TRIED and read.body is not None:
            self._suspects.append(Read(number, read.body, read.previous, read.hash))
        else:
            self._findings.add("entry", "edited", number, "{where}: changed after it was written.")

    def _gap(self, first: int, last: int) -> None:
        self._doubt(last)
        if len(self._gaps) < MOST_TRIED:
            self._gaps.append((first, last, "deleted"))
        else:
            self._findings.add("entry", "deleted", first, "{where}: deleted.", last)

    def _doubt(self, number: int) -> None:
        self.last_doubt = max(self.last_doubt, number)

    # Numbers given anew

    def _new_shift(self, read: Read) -> int | None:
        """Return by how much the numbers of this row and the next one were shifted, if both by the same."""
        if self._next is None:
            # Nothing follows: it is the last, if it is the one that the signed end speaks of.
            shift = 0 if self._end is None else self._end - read.sequence
            return shift if shift != self._shift and read.is_number(read.sequence + shift) else None
        if len(self._next) == 1:
            return None
        following = _read(self._next)
        for distance in range(1, NEAR + 1):
            for shift in (self._shift + distance, self._shift - distance):
                if read.is_number(read.sequence + shift) and following.is_number(following.sequence + shift):
                    return shift
        return None

    def _renumbered(self, shift: int, sequence: int) -> None:
        original = sequence + shift
        following = self.number + 1
        if original < following:
            # The rows before this one, as many as the shift, were put in.
            inserted = following - original
            self._suspects = [read for read in self._suspects if not original <= read.sequence < following]
            words = "{where}: put in between, and the numbers after it changed."
            self._findings.add("entry", "inserted", original, words, original + inserted - 1)
            before = [(number, own) for number, own in self._recent if number < original]
            self.number, self.hash = before[-1] if before else (original - 1, None)
            self._doubt(self.number)
        self._shift = shift

    # Rows in each other's places

    def _put_back(self) -> None:
        moved: dict[int, int] = {}
        for read in self._suspects:
            for other in self._suspects:
                if other is not read and (
                    read.is_number(other.sequence)
                    or _fits(other.previous, other.sequence, read.body, other.hash)
                ):
                    moved[read.sequence] = other.sequence
                    break
        for here, origin in moved.items():
            if moved.get(origin) != here:
                words = f"{{where}}: holds what was written as entry {origin:,}."
                self._findings.add("entry", "reordered", here, words)
            elif here < origin:
                words = f"Entries {here:,} and {origin:,} were exchanged."
                self._findings.add("entry", "reordered", here, words, origin)
        self._suspects = [read for read in self._suspects if read.sequence not in moved]
        missing = chain.from_iterable(range(first, last + 1) for first, last, _ in self._gaps)
        lost = list(islice(missing, MOST_TRIED)) if self._strays else []
        for stray in list(self._strays):
            for number in lost:
                if stray.is_number(number):
                    words = f"Entry {number:,} was given the number {stray.sequence:,}."
                    self._findings.add("entry", "reordered", number, words)
                    self._strays.remove(stray)
                    self._gaps = list(_without(self._gaps, number))
                    break


def _entries(count: int) -> str:
    return "1 entry is" if count == 1 else f"{count:,} entries are"


def _without(gaps: list[tuple[int, int, str]], number: int) -> Iterator[tuple[int, int, str]]:
    for first, last, kind in gaps:
        if not first <= number <= last:
            yield first, last, kind
            continue
        if first < number:
            yield first, number - 1, kind
        if number < last:
            yield number + 1, last, kind


def _read(row: Row) -> Read:
    try:
        body = body_of(row[1:PREVIOUS])
    except (TypeError, ValueError):
        body = None
    return Read(row[0], body, _bytes(row[PREVIOUS]), _bytes(row[HASH]))


def _fits(previous: bytes | None, number: int, body: bytes | None, own: bytes | None) -> bool:
    return body is not None and previous is not None and chained(previous, number, body) == own


def _bytes(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) else None
