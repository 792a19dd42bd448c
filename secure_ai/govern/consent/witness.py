"""The witness of a ledger (of consents, of legal holds): every event once more in a file kept elsewhere.

An old copy of the ledger that is put back (a restored backup, a reset virtual machine) lacks the withdrawals
that came after it. The witness has them: the ledger refuses while it is behind, and can be caught up from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown

TAIL = 1 << 16
Row = tuple[int, str, str]  # sequence, body, mac


class Witness:
    """The file of a witness: JSON lines, appended and confirmed by the disk.

    Args:
        path: the file; whoever restores the ledger's database must not restore this with it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = shown(self.path.name)

    def create(self, ledger: str) -> None:
        """Make the file.

        Raises:
            UserError: if it is there already, or cannot be made.
        """
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps({"ledger": ledger}).encode("ascii") + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            raise UserError(
                f"The witness {self.name} is there already: a new ledger needs a new witness."
            ) from None
        except (OSError, ValueError) as error:
            raise self._error(error, "made") from None

    def replace(self, ledger: str) -> None:
        """Begin anew, without any event, where the file is lost or damaged; it stays as it is if it is whole.

        Raises:
            UserError: if it cannot be written.
        """
        if self.path.exists():
            damaged = self.ledger() != ledger
            with suppress(UserError):
                damaged = damaged or (self.last()[0] != len(list(self.rows())))
            if not damaged:
                return
            try:
                self.path.replace(self.path.with_name(self.path.name + ".damaged"))
            except OSError as error:
                raise self._error(error, "replaced") from None
        self.create(ledger)

    def last(self) -> tuple[int, str]:
        """Return number and hash of the last event that it has seen; ``(0, "")`` where there is none.

        Raises:
            UserError: if it is missing or cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - TAIL))
                lines = file.read().split(b"\n")
        except (OSError, ValueError) as error:
            raise self._error(error, "read") from None
        # What follows the last line break was being written when the power went; it was never confirmed.
        for line in reversed(lines[:-1]):
            if (row := _row(line)) is not None:
                return row[0], row[2]
        if size <= TAIL and _header(lines[0]):
            return 0, ""
        raise UserError(
            f"The witness {self.name} is damaged: restore it; nothing that rests on its ledger is allowed."
        )

    def ledger(self) -> str:
        """Return the identifier of the ledger that it belongs to."""
        try:
            with self.path.open("rb") as file:
                return _header(file.readline(TAIL))
        except (OSError, ValueError) as error:
            raise self._error(error, "read") from None

    def rows(self) -> Iterator[Row]:
        """Return the events in order, each once."""
        seen = 0
        try:
            with self.path.open("rb") as file:
                for line in file:
                    row = _row(line) if line.endswith(b"\n") else None
                    if row is not None and row[0] > seen:
                        seen = row[0]
                        yield row
        except OSError as error:
            raise self._error(error, "read") from None

    def append(self, rows: Sequence[Row]) -> None:
        """Add events, and return once the disk has them.

        Raises:
            UserError: if they cannot be written.
        """
        lines = b"".join(
            json.dumps({"sequence": number, "body": body, "mac": mac}).encode("ascii") + b"\n"
            for number, body, mac in rows
        )
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)
            try:
                size = os.lseek(descriptor, 0, os.SEEK_END)
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    lines = b"\n" + lines
                while lines:
                    lines = lines[os.write(descriptor, lines) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._error(error, "written") from None

    def _error(self, error: OSError | ValueError, what: str) -> UserError:
        return UserError(
            f"The witness {self.name} cannot be {what} ({system_reason(error)}): nothing that rests on "
            "its ledger is allowed without it; check its place and rights."
        )


def _row(line: bytes) -> Row | None:
    try:
        found = json.loads(line)
        row = (found["sequence"], found["body"], found["mac"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return row if type(row[0]) is int and type(row[1]) is str and type(row[2]) is str else None


def _header(line: bytes) -> str:
    try:
        found = json.loads(line)["ledger"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""
