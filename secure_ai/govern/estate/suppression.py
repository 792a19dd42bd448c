"""A list of people who were erased, in keyed tokens: the next import must not bring them back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.encrypt.private_files import open_private
from secure_ai.govern.estate.forms import comparable
from secure_ai.govern.estate.subject import Subject

if TYPE_CHECKING:
    import pandas as pd

_KEY_BYTES = 32
_TOKEN = 32
_MARK = "s1-"
_COST, _BLOCK = 1 << 12, 8
"""Of scrypt: 4 MB and some milliseconds for each value; a whole import takes a while, guessing far longer."""


class Suppression:
    """Tokens (scrypt with a secret key as salt) of what identified the people who were erased.

    Nobody can read a person out of the list; who holds its key can ask whether a person is on it, which is
    what it is for, and who steals both must pay for every guess. Values that others have, too, are on it only
    together: the name with the birth date.

    Args:
        path: the list.
        key_path: its key, readable by its owner alone, in another folder than the list: a copy of the estate
            then holds one without the other. ``<folder>.keys/<list>.key`` beside the list's folder if None.

    Raises:
        UserError: if the key is to lie beside the list, or the key of a list is missing.
    """

    def __init__(self, path: str | Path, key_path: str | Path | None = None) -> None:
        self.path = Path(path)
        folder = self.path.resolve().parent
        beside = folder.with_name(f"{folder.name}.keys") / f"{self.path.stem}.key"
        self.key_path = beside if key_path is None else Path(key_path)
        if folder in self.key_path.resolve().parents:
            raise UserError(
                f"The key of {self.path.name} must lie in another folder than the list: name one."
            )
        if not self.key_path.exists():
            if self.path.exists():
                raise UserError(f"The key of {self.path.name} is missing: put it back from its safe place.")
            self.key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open_private(self.key_path) as file:
                file.write(os.urandom(_KEY_BYTES))

    def add(self, subject: Subject) -> int:
        """Put a person on the list; return how many tokens are new."""
        held = self._tokens()
        values = _values(subject.identifiers, subject.birth_date, subject.shared, subject.key)
        new = set(self._tokens_of(values).values()) - held
        if new:
            with atomic_file(self.path) as draft:
                draft.write_text("".join(f"{token}\n" for token in sorted(held | new)), encoding="ascii")
        return len(new)

    def holds(self, identifiers: Mapping[str, Iterable[str]], birth_date: str = "", key: str = "") -> bool:
        """Return whether somebody with one of these identifiers was erased."""
        held = self._tokens()
        return any(
            token in held for token in self._tokens_of(_values(identifiers, birth_date, (), key)).values()
        )

    def without(
        self, rows: pd.DataFrame, columns: Mapping[str, str], *, birth_date: str = "", key: str = ""
    ) -> tuple[pd.DataFrame, int]:
        """Return rows of an import without people who were erased, and how many were left out.

        Args:
            rows: the import.
            columns: column → kind of identifier; several columns of the kind ``"name"`` are one name.
            birth_date, key: columns of these, if there are any.
        """
        held = self._tokens()
        found = []
        for row in rows.to_dict("records"):
            values: dict[str, list[str]] = {}
            for column, kind in columns.items():
                if row[column] is not None and row[column] == row[column]:  # NaN equals nothing
                    values.setdefault(kind, []).append(str(row[column]))
            if "name" in values:
                values["name"] = [" ".join(values["name"])]
            day = str(row[birth_date])[:10] if birth_date else ""
            found.append(list(_values(values, day, (), str(row[key]) if key else "")))
        tokens = self._tokens_of(one for values in found for one in values) if held else {}
        stays = [not any(tokens.get(one) in held for one in values) for values in found]
        return rows[stays], len(stays) - sum(stays)

    def _tokens_of(self, values: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the token of each value, computed once."""
        secret, different = self.key_path.read_bytes(), list(dict.fromkeys(values))
        # Two at a time: the hash lets go of the interpreter.
        with ThreadPoolExecutor(2) as pool:
            return dict(zip(different, pool.map(lambda one: _token(secret, *one), different), strict=True))

    def _tokens(self) -> set[str]:
        if not self.path.exists():
            return set()
        held = set(self.path.read_text(encoding="ascii").split())
        if not all(token.startswith(_MARK) for token in held):
            raise UserError(
                f"The list {self.path.name} was made by an earlier version, with tokens that are quick to "
                "guess: put the people on a new list, and destroy this one with its key."
            )
        return held


def _values(
    identifiers: Mapping[str, Iterable[str]], birth_date: str, shared: Collection[str], key: str
) -> Iterator[tuple[str, str]]:
    if key:
        yield "key", key
    for kind, values in identifiers.items():
        for value in values:
            if kind == "name":
                if birth_date:
                    yield "name and birth date", f"{comparable(kind, value)} {birth_date}"
            elif kind not in {"address", "phone"} and value not in shared:
                yield kind, comparable(kind, value)


def _token(secret: bytes, kind: str, value: str) -> str:
    text = f"{kind}\0{value}".encode()
    made = hashlib.scrypt(text, salt=secret, n=_COST, r=_BLOCK, p=1, dklen=_TOKEN // 2)
    return _MARK + made.hex()
