"""Search files for a person: every byte, everything packed, every row, and what others explain."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path

import duckdb

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.mentions import MASK
from secure_ai.govern.estate.people import People
from secure_ai.govern.estate.search.archives import is_packed, members
from secure_ai.govern.estate.search.decoded import SQLITE_MAGIC, decoded_rows, free_blocks, packed_fields
from secure_ai.govern.estate.search.judge import Judge, Owner, unexplained
from secure_ai.govern.estate.search.patterns import PSEUDONYM, patterns_of
from secure_ai.govern.estate.search.scanner import Counts, Scanner, read_chunks
from secure_ai.govern.estate.search.traces import SharedValue, Trace, Traces, Unreadable
from secure_ai.govern.estate.subject import Subject

LINES = {".jsonl", ".ndjson", ".csv", ".tsv", ".log"}


def search_files(
    paths: Iterable[str | Path],
    subject: Subject,
    people: People | None = None,
    *,
    root: str | Path | None = None,
    skip: Collection[Path] = (),
    pseudonym_allowed: Collection[Path] = (),
) -> Traces:
    """Search every byte of the files for the person's identifiers, in every form.

    In one pass: UTF-8, UTF-16, UTF-32, Latin-1 and its neighbors, composed and decomposed accents and none,
    small and capital letters, order of names, base64 at its three offsets, hexadecimal, URL-, JSON- and
    XML-escaped, numbers and codes with any separators, unsalted MD5, SHA-1, SHA-256 and SHA-512, and every
    writing of a name that the masker knows (over a line, with a middle name, between tags), in fields side
    by side. Archives are opened one in the other; rows of SQLite, DuckDB and Parquet are decoded besides. A
    value that others have, too, is judged by counting: records of others must explain every place where it
    stands.

    What it cannot see: what is encrypted, salted or keyed digests, misspellings, a first or last name alone,
    initials, a middle name in small letters, an e-mail address with "at", numbers in words, text that is
    reversed, in base32, in base64 broken into lines or twice escaped, compressed data within other data,
    pictures, and storage outside these files.

    Args:
        paths: the files.
        subject: the person, with the identifiers from before the erasure.
        people: the others, to know whose record it is; None where nobody is known.
        root: folder that names of files are told relative to.
        skip: files that are left out, because a law or a hold keeps the person's data there.
        pseudonym_allowed: files in which the pseudonym may stay.

    Raises:
        UserError: if a file cannot be read.
    """
    place = None if root is None else Path(root).resolve()
    left_out = {Path(path).resolve() for path in skip}
    allowed = {Path(path).resolve() for path in pseudonym_allowed}
    scanner = Scanner(patterns_of(subject))
    owner = _owner(people, subject)
    found: list[Trace] = []
    shared: list[SharedValue] = []
    unreadable: list[Unreadable] = []
    pseudonym_in, files, size, decoded = [], 0, 0, 0
    for path in dict.fromkeys(Path(path).resolve() for path in paths):
        if path in left_out or not path.exists():
            continue
        name = str(path.relative_to(place)) if place and path.is_relative_to(place) else path.name
        files, size = files + 1, size + path.stat().st_size
        named = str(path) if place is None or not path.is_relative_to(place) else name
        name = _masked(name, scanner)
        one = _File(path, name, Judge(scanner, owner, subject.namesakes), named)
        one.search()
        decoded += one.decoded
        traces = one.traces()
        if any(trace.kind == PSEUDONYM for trace in traces) and path in allowed:
            pseudonym_in.append(name)
            traces = [trace for trace in traces if trace.kind != PSEUDONYM]
        found += traces
        shared += one.judge.verdicts.shared(name)
        unreadable += one.unreadable
    return Traces(
        tuple(sorted(found)), tuple(sorted(shared)), tuple(sorted(unreadable)), tuple(pseudonym_in),
        files, size, decoded, len(scanner.plain) + len(scanner.numbers),
    )  # fmt: skip


class _File:
    """The search of one file."""

    def __init__(self, path: Path, name: str, judge: Judge, named: str) -> None:
        self.named = named
        self.path, self.name, self.judge, self.scanner = path, name, judge, judge.scanner
        self.unreadable: list[Unreadable] = []
        self.decoded = 0
        self.left: list[Trace] = []

    def search(self) -> None:
        """Search its name and those of its folders, its bytes, what is packed in it, and its rows."""
        counts = self.scanner.count([os.fsencode(self.named)])
        self.left += _as_traces(self.name, "file name", counts)
        try:
            counts = self.scanner.count(read_chunks(self.path))
            with self.path.open("rb") as file:
                head = file.read(300)
            if is_packed(head):
                self._search_packed(self.path.read_bytes())
        except OSError as error:
            raise UserError(
                f"{self.name} cannot be read ({type(error).__name__}): nothing is said about it unless it is "
                "searched."
            ) from None
        tables = False
        try:
            for rows in decoded_rows(self.path):
                tables = True
                self.decoded += len(rows.data)
                self.judge.rows(rows)
            for packed in packed_fields(self.path):
                self._search_packed(packed)
            if free := free_blocks(self.path):
                reason = f"{free:,} free blocks may hold deleted rows: build the file anew"
                self.unreadable.append(Unreadable(self.name, reason))
        except (duckdb.Error, sqlite3.Error, UserError) as error:
            self.unreadable.append(Unreadable(self.name, f"rows not decoded ({type(error).__name__})"))
        if tables or head.startswith(SQLITE_MAGIC):
            self._residue(counts, exact=head.startswith(SQLITE_MAGIC))
        elif counts.patterns():
            self._text("bytes", self.path.read_bytes(), self.path.suffix)

    def traces(self) -> list[Trace]:
        """Return what is left of the person here."""
        return sorted({*self.left, *self.judge.verdicts.found(self.name)})

    def _search_packed(self, data: bytes) -> None:
        for member in members(data):
            if member.reason:
                self.unreadable.append(Unreadable(self.name, f"{member.where or 'archive'}: {member.reason}"))
                continue
            self.decoded += len(member.data)
            if self.scanner.count([member.data]).patterns():
                self._text(member.where, member.data, self.path.with_suffix("").suffix)

    def _text(self, where: str, data: bytes, suffix: str) -> None:
        self.judge.text(where, data, lines=suffix in LINES)

    def _residue(self, counts: Counts, *, exact: bool) -> None:
        for pattern, count in unexplained(
            counts, self.judge.verdicts, lambda: decoded_rows(self.path), exact=exact
        ):
            self.left.append(Trace(self.name, "bytes", pattern.kind, pattern.form, count))


def _masked(name: str, scanner: Scanner) -> str:
    """Return a file's name with folders masked that are named by the person: a result names nobody."""
    return "/".join(
        MASK if any(not one.shared for one in scanner.count([os.fsencode(part)]).clean) else part
        for part in Path(name).parts
    )


def _as_traces(name: str, where: str, counts: Counts) -> list[Trace]:
    return [
        Trace(name, where, pattern.kind, pattern.form, count)
        for pattern, count in counts.clean.items()
        if not pattern.shared
    ]


def _owner(people: People | None, subject: Subject) -> Owner:
    if people is None:
        return lambda text: ""
    keys = set(people.keys())
    by_pseudonym = {pseudonym: key for key, pseudonym in people.pseudonyms().items()}

    def owner(text: str) -> str:
        key = text if text in keys else by_pseudonym.get(text, "")
        return "" if key == subject.key else key

    return owner
