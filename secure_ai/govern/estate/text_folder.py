"""A folder of texts as a place of personal data: a person's letters, mentions in those of others, caches."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.mentions import Mentions
from secure_ai.govern.estate.rewriting import rewriting, wipe
from secure_ai.govern.estate.sqlite_table import ambiguous_note
from secure_ai.govern.estate.store import Holding, Kind, Removal
from secure_ai.govern.estate.subject import Subject


class TextFolder:
    """Texts in a folder, one file each.

    Args:
        folder: with the texts, at any depth.
        owner: says by a file's path whose it is; by default each person has a folder that is named by the key
            (or the pseudonym), and all that lies in it, at any depth and of any kind, is the person's.
        drop: whether a text of somebody else that mentions the person goes as a whole, as an entry of a cache
            does, rather than being masked.
        pattern: of the texts in which mentions are masked.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        name: str = "",
        data_class: str = "medical_record",
        owner: Callable[[Path], str] | None = None,
        drop: bool = False,
        pattern: str = "*.txt",
        kind: Kind = "notes",
    ) -> None:
        self.folder, self.drop, self.pattern = Path(folder), drop, pattern
        self.owner = owner
        self.name, self.data_class, self.kind = name or self.folder.name, data_class, kind

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the folder, whatever they are called."""
        return tuple(sorted(path for path in self.folder.rglob("*") if path.is_file()))

    def holding(self, subject: Subject) -> Holding:
        """Count the person's texts, dated by their files."""
        found = self._of(subject)
        days = [_day(path) for path in found]
        return Holding(
            self.name, self.data_class, len(found), min(days, default=None), max(days, default=None)
        )

    def export(self, subject: Subject) -> list[Mapping[str, Any]]:
        """Return the person's texts, and other files in base64."""
        return [_exported(path) for path in self._of(subject)]

    def correct(self, subject: Subject, field: str, value: Any, *, record: str | None = None) -> int:
        """Replace the text of one file of the person's.

        Raises:
            UserError: if it is not said which.
        """
        found = [path for path in self._of(subject) if path.name == record]
        if field != "text" or not found:
            raise UserError(
                f"{self.name} holds texts: name the file of the person as record, and the field text."
            )
        for path in found:
            with rewriting(path, keep_date=True) as draft:
                draft.write_text(str(value), encoding="utf-8")
        return len(found)

    def erase(self, subjects: Sequence[Subject]) -> Removal:
        """Overwrite and delete the persons' texts; mask mentions in the others'."""
        finder, records, mentions, links = Mentions(subjects), 0, 0, 0
        for subject in subjects:
            for path in self._of(subject):
                links += path.is_symlink()
                self._wipe(path)
                records += 1
            self._remove_folders(subject)
        namesakes = frozenset().union(*(subject.namesakes for subject in subjects))
        for path in self._texts():
            text = _read(path)
            masked, found = finder.mask(text, next(iter(self._owners(path) & namesakes), ""))
            if found and self.drop:
                wipe(path)
                records += 1
            elif found:
                with rewriting(path, keep_date=True) as draft:
                    draft.write_text(masked, encoding="utf-8", newline="")
                mentions += found
        method = "entries overwritten and dropped" if self.drop else "files overwritten and deleted"
        note = " ".join(filter(None, [_links_note(links), ambiguous_note(finder.ambiguous)]))
        return Removal(self.name, method, records, mentions, note, finder.ambiguous)

    def expire(self, before: date, keep: frozenset[str] = frozenset()) -> Removal:
        """Overwrite and delete texts older than that day, except of the persons with these keys."""
        old = [path for path in self._all() if _day(path) < before and not self._owners(path) & keep]
        for path in old:
            self._wipe(path)
        return Removal(self.name, "files overwritten and deleted", len(old))

    def _owners(self, path: Path) -> frozenset[str]:
        """Return whose a file may be: the names of all its folders, as one of them is a key."""
        if self.owner is not None:
            return frozenset({self.owner(path)})
        return frozenset(path.relative_to(self.folder).parts[:-1])

    def _wipe(self, path: Path) -> None:
        """Delete a file, and its folders where it was the last: the folder's name is the person's key."""
        if path.is_symlink():
            # What it points to is somebody else's to decide on.
            path.unlink()
        else:
            wipe(path)
        for folder in path.parents:
            if folder == self.folder or any(folder.iterdir()):
                break
            folder.rmdir()

    def _remove_folders(self, subject: Subject) -> None:
        # Folders without a file keep the person's key in their name.
        if self.owner is not None:
            return
        wanted = {subject.key, subject.pseudonym} - {""}
        for place in [path for path in self.folder.rglob("*") if path.name in wanted and path.is_dir()]:
            for folder in sorted(place.rglob("*"), reverse=True):
                folder.rmdir()
            place.rmdir()

    def _of(self, subject: Subject) -> list[Path]:
        wanted = {subject.key, subject.pseudonym} - {""}
        return [path for path in self._all() if self._owners(path) & wanted]

    def _check_there(self) -> None:
        if not self.folder.is_dir():
            raise UserError(
                f"The folder {self.folder.name} of {self.name} is not there: check the path, or make an "
                "empty one."
            )

    def _all(self) -> Iterator[Path]:
        self._check_there()
        yield from sorted(path for path in self.folder.rglob("*") if path.is_file() or path.is_symlink())

    def _texts(self) -> Iterator[Path]:
        self._check_there()
        yield from sorted(
            path for path in self.folder.rglob(self.pattern) if path.is_file() and not path.is_symlink()
        )


def _exported(path: Path) -> dict[str, str]:
    try:
        return {"file": path.name, "text": _read(path)}
    except UserError:
        return {"file": path.name, "base64": base64.b64encode(path.read_bytes()).decode()}


def _links_note(count: int) -> str:
    if not count:
        return ""
    return (
        f"{count:,} link{'' if count == 1 else 's'} to files elsewhere removed: look at what they pointed to."
    )


def _day(path: Path) -> date:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC).date()


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError:
        raise UserError(
            f"The text {path.name} is not UTF-8: convert it, so that mentions are found."
        ) from None
