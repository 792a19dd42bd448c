"""The trail as JSON lines: events taken in from elsewhere, and the whole trail given out, hashes included."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from secure_ai.core.audit import AuditEvent, parse_event
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.encrypt.private_files import open_private
from secure_ai.monitor.trail.committing import Receipt
from secure_ai.monitor.trail.entries import COLUMNS, FIELDS, RefusedEvent, Row, utc_text
from secure_ai.monitor.trail.signatures import VERSION
from secure_ai.monitor.trail.store import TABLES, NoTrail
from secure_ai.monitor.trail.trail import Trail
from secure_ai.monitor.trail.verify import open_evidence

FORMAT = "secure-ai audit trail"
LONGEST_LINE = 4_000_000
MOST_NAMED = 1_000
MOST_OUTSTANDING = 2_000


@dataclass(frozen=True)
class ImportReport:
    """What became of the lines of a file.

    Attributes:
        lines: how many lines held something.
        added: events that are in the trail now.
        duplicates: events that had been there, with the same identifier and content.
        refused: number of the line → why it was not taken; the first thousand.
        refused_count: how many those are.
        clock_back: lines whose time is before that of an earlier line; taken in the order of arrival.
    """

    lines: int
    added: int
    duplicates: int
    refused: dict[int, str]
    refused_count: int
    clock_back: tuple[int, ...]

    def sentence(self) -> str:
        """Return the report in words."""
        parts = [f"Of {self.lines:,} lines, {self.added:,} were added"]
        if self.duplicates:
            parts.append(f"{self.duplicates:,} were there already")
        if self.refused_count:
            first, why = next(iter(self.refused.items()))
            parts.append(f"{self.refused_count:,} were refused, the first is line {first}: {why}")
        text = ", ".join(parts).rstrip(".") + "."
        if self.clock_back:
            text += (
                f" {len(self.clock_back):,} have an earlier time than a line before them, the first is line "
                f"{self.clock_back[0]:,}; the order of the lines was kept."
            )
        return text


def import_jsonl(trail: Trail, path: str | Path) -> ImportReport:
    """Append the events of a file of JSON lines, as ``AuditLog`` or ``export_jsonl`` wrote it.

    An event without identifier gets one from the file's SHA-256 and its line, so that a file that is imported
    twice, or again after an interruption, adds nothing twice. A line that is no event of this version is
    refused and named by its number; the others are taken.

    Raises:
        UserError: if the file cannot be read, or the trail cannot be written: what came before is in it.
    """
    file, count = Path(path), _Count()
    prefix, version, latest = f"line:{_digest(file)[:16]}:", VERSION, ""
    waiting: deque[tuple[int, Future[Receipt]]] = deque()
    for number, line in _lines(file):
        count.lines += 1
        try:
            fields = json.loads(line)
            if isinstance(fields, dict) and {"format", "checkpoint", "head"} & set(fields):
                # Of an export: what another trail signed is worth nothing in this one.
                version = _version(fields) if "format" in fields else version
                count.lines -= 1
                continue
            event = _event(fields, version, prefix + str(number))
            moment = utc_text(event.time)
            if moment < latest:
                count.clock_back.append(number)
            latest = max(latest, moment)
            waiting.append((number, trail.submit(event)))
        except (ValueError, RecursionError, RefusedEvent) as error:
            count.refuse(number, error)
        while len(waiting) > MOST_OUTSTANDING:
            count.settle(*waiting.popleft())
    trail.flush()
    while waiting:
        count.settle(*waiting.popleft())
    return count.report()


@dataclass
class _Count:
    """What has become of the lines so far."""

    lines: int = 0
    added: int = 0
    duplicates: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    refused_count: int = 0
    clock_back: list[int] = field(default_factory=list)

    def settle(self, number: int, future: Future[Receipt]) -> None:
        try:
            if future.result().known:
                self.duplicates += 1
            else:
                self.added += 1
        except RefusedEvent as error:
            self.refuse(number, error)

    def refuse(self, number: int, error: Exception) -> None:
        self.refused_count += 1
        if len(self.refused) < MOST_NAMED:
            self.refused[number] = _why(error)

    def report(self) -> ImportReport:
        return ImportReport(
            self.lines, self.added, self.duplicates, dict(sorted(self.refused.items())),
            self.refused_count, tuple(self.clock_back),
        )  # fmt: skip


def export_jsonl(trail: Trail | str | Path, path: str | Path) -> Path:
    """Write the whole trail as JSON lines, with hashes, checkpoints and signatures.

    ``verify_trail`` examines the file alone as it does the database. It appears whole or not at all, of mode
    0600; the trail may go on meanwhile.

    Args:
        trail: an open trail, or where one is.
        path: a file that ends in .jsonl.

    Raises:
        UserError: if a row is not what was written, or the file cannot be written.
    """
    target = Path(path)
    if target.suffix not in (".jsonl", ".ndjson"):
        raise UserError(f"Name the export {shown(target.stem)}.jsonl: verify_trail knows it by its ending.")
    where = trail.where if isinstance(trail, Trail) else trail
    try:
        with open_evidence(where) as evidence, atomic_file(target) as draft, open_private(draft) as file:
            for fields in _export(evidence):
                file.write(json.dumps(fields).encode("ascii") + b"\n")
    except OSError as error:
        raise UserError(
            f"The export {shown(target.name)} cannot be written ({system_reason(error)}): name another place."
        ) from None
    return target


class ExportEvidence:
    """An export as evidence; a context manager.

    Raises:
        UserError: if it cannot be read or is no export.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, shown(path.name)
        if not path.is_file():
            raise NoTrail(f"There is no export {self.name}: check the path.")
        self._header: Sequence[Any] | None = None
        self._head: Sequence[Any] | None = None
        self._checkpoints: list[Sequence[Any]] = []
        self._odd: list[int] = []
        for number, line in _lines(path):
            fields = _parsed(line)
            if fields is None:
                self._odd.append(number)
            elif "format" in fields:
                self._header = self._header or _row(fields, "trail_header")
            elif "head" in fields and isinstance(fields["head"], dict):
                self._head = _row(fields["head"], "trail_head")
            elif "checkpoint" in fields and isinstance(fields["checkpoint"], dict):
                row = _row(fields["checkpoint"], "trail_checkpoints")
                if row is not None and type(row[0]) is int:
                    self._checkpoints.append(row)
                else:
                    self._odd.append(number)
            elif type(fields.get("sequence")) is not int:
                self._odd.append(number)
        if self._header is None and self._head is None and not self._checkpoints:
            raise UserError(f"{self.name} is no export of an audit trail: name the file of export_jsonl.")

    def __enter__(self) -> ExportEvidence:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def header(self) -> Sequence[Any] | None:
        """Return the row of the header."""
        return self._header

    def head(self) -> Sequence[Any] | None:
        """Return the row of the head."""
        return self._head

    def checkpoints(self) -> Iterator[Sequence[Any]]:
        """Return the rows of the checkpoints."""
        return iter(self._checkpoints)

    def entries(self) -> Iterator[Row]:
        """Return the entries as rows, in the order of the file."""
        for _, line in _lines(self.path):
            fields = _parsed(line)
            if fields is not None and type(fields.get("sequence")) is int and "format" not in fields:
                yield _entry_row(fields)

    def oddities(self) -> Iterator[tuple[int, str]]:
        """Return lines that are nothing of an export."""
        if self._odd:
            yield (
                0,
                f"{len(self._odd)} lines are nothing that an export holds, the first is line {self._odd[0]}",
            )


def _export(evidence: Any) -> Iterator[dict[str, Any]]:
    header, head = evidence.header(), evidence.head()
    if header is None or head is None:
        raise _not_whole(evidence.name, "its header or end")
    yield {"format": FORMAT, **_named(header, "trail_header")}
    for row in evidence.entries():
        try:
            fields = dict(zip(COLUMNS, row, strict=True))
            fields |= {"details": json.loads(fields["details"]), "records": json.loads(fields["records"])}
            fields |= {"alert": {0: False, 1: True}[fields["alert"]]}
            fields |= {name: fields[name].hex() for name in ("previous", "hash")}
            if tuple(_entry_row(fields)) != tuple(row):
                raise ValueError("not the same")
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise _not_whole(evidence.name, f"entry {row[0]}") from None
        yield fields
    for row in evidence.checkpoints():
        if len(row) < 2:
            raise _not_whole(evidence.name, f"checkpoint {row[0]}")
        yield {"checkpoint": _named(row, "trail_checkpoints")}
    yield {"head": _named(head, "trail_head")}


def _not_whole(name: str, what: str) -> UserError:
    return UserError(
        f"The audit trail {name} cannot be given out: {what} is not what was written; run verify_trail on it."
    )


def _named(row: Sequence[Any], table: str) -> dict[str, Any]:
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in zip(TABLES[table], row, strict=True)
    }


def _row(fields: dict[str, Any], table: str) -> Sequence[Any] | None:
    try:
        types = {"trail_head": ("hash", "checkpoint", "signature"), "trail_header": ("signature",)}
        raw = types.get(table, ("hash", "previous", "signature"))
        return [bytes.fromhex(fields[name]) if name in raw else fields[name] for name in TABLES[table]]
    except (KeyError, ValueError, TypeError):
        return None


def _entry_row(fields: dict[str, Any]) -> Row:
    """Return the row of an exported entry; only its number where it cannot be one."""
    try:
        if set(fields) != set(COLUMNS):
            raise ValueError("other fields")
        plain = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
        values = {name: fields[name] for name in FIELDS}
        values["details"] = plain.encode(values["details"])
        values["records"] = plain.encode(values["records"])
        if type(values["alert"]) is not bool:
            raise ValueError("no flag")
        values["alert"] = int(values["alert"])
        return (
            fields["sequence"], *(values[name] for name in FIELDS),
            bytes.fromhex(fields["previous"]), bytes.fromhex(fields["hash"]),
        )  # fmt: skip
    except (ValueError, TypeError, RecursionError):
        return (fields["sequence"],)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _event(fields: Any, version: int, event_id: str) -> AuditEvent:
    if version != VERSION:
        raise RefusedEvent(f"it was written by version {version}, this program reads {VERSION}.")
    if isinstance(fields, dict) and "sequence" in fields:
        fields = {name: value for name, value in fields.items() if name in FIELDS}
    event = parse_event(fields)
    return event if event.event_id else replace(event, event_id=event_id)


def _version(fields: dict[str, Any]) -> int:
    version = fields.get("version")
    if fields["format"] != FORMAT or type(version) is not int:
        return 0
    return version


def _why(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, json.JSONDecodeError | RecursionError | UnicodeDecodeError):
        return "it is no JSON."
    return f"it is no event of this version. {error}"


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise UserError(
            f"{shown(path.name)} cannot be read ({system_reason(error)}): check the path and its rights."
        ) from None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"{shown(path.name)} cannot be read ({system_reason(error)}): check the path and its rights."
        ) from None
