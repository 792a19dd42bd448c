"""What a search found: where, of what kind, in what form; never the value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Trace:
    """Something of the person that is left.

    Attributes:
        file: its name within the estate.
        where: ``"bytes"``, a member of an archive, or a table.
        kind: kind of identifier.
        form: how it is written: ``"text"``, ``"UTF-16"``, ``"base64"``, ``"SHA-256"``, ``"number"`` …
        count: how often.
    """

    file: str
    where: str
    kind: str
    form: str
    count: int


@dataclass(frozen=True, order=True)
class SharedValue:
    """A value of the person that others have, too, and that was found in records of others only.

    Attributes:
        file: its name within the estate.
        kind: kind of identifier.
        count: how often it stands there.
        records: how many records of others explain it.
    """

    file: str
    kind: str
    count: int
    records: int


@dataclass(frozen=True, order=True)
class Unreadable:
    """A file, or part of one, that could not be looked into: its raw bytes were searched all the same."""

    file: str
    reason: str


@dataclass(frozen=True)
class Traces:
    """The result of a search; true if something of the person is left.

    Attributes:
        found: what is left.
        shared: what others have, too, judged by counting.
        unreadable: what could not be decoded, such as encrypted members of archives.
        pseudonym_in: files that still hold the pseudonym, which they may: it stands for nobody.
        files: how many files were searched.
        size: of them, in bytes.
        decoded: bytes that were decompressed or decoded from them and searched, too.
        patterns: how many patterns were looked for.
    """

    found: tuple[Trace, ...] = ()
    shared: tuple[SharedValue, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    pseudonym_in: tuple[str, ...] = ()
    files: int = 0
    size: int = 0
    decoded: int = 0
    patterns: int = 0

    def __bool__(self) -> bool:
        """Whether something is left."""
        return bool(self.found)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON-ready values."""
        return asdict(self)

    def to_frame(self) -> Any:
        """Return one row per trace."""
        import pandas as pd

        return pd.DataFrame(
            [asdict(trace) for trace in self.found], columns=["file", "where", "kind", "form", "count"]
        )

    def sentence(self) -> str:
        """Say what was found."""
        searched = (
            f"{self.files:,} file{'' if self.files == 1 else 's'} ({self.size / 1e6:,.1f} MB) searched for "
            f"{self.patterns:,} patterns"
        )
        if self.found:
            files = len({trace.file for trace in self.found})
            text = f"{searched}: traces of the person in {files:,} file{'' if files == 1 else 's'}"
        else:
            text = f"{searched}: no trace of the person"
        if self.unreadable:
            text += f"; {len(self.unreadable):,} could not be looked into"
        return text + "."
