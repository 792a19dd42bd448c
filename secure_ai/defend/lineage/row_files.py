"""The files beside the events: which row came from which, and the keyed digests of rows, by their content."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.defend.lineage.events import Described, RowsFacet
from secure_ai.defend.lineage.rows import (
    check_name,
    content_version,
    identifier_digests,
    plain,
    row_digests,
)


@dataclass(frozen=True)
class RowFiles:
    """A folder of Parquet files, each named by the SHA-256 of its content, and the key of the digests."""

    folder: Path
    key: bytes = field(repr=False)

    def describe(
        self, kind: str, name: str, frame: pd.DataFrame, identifier: str | None = None, origin: str = ""
    ) -> Described:
        """Return what an event says of ``frame``, and keep the digests of its rows.

        Args:
            kind: source, table or predictions.
            name: of the data set.
            frame: its rows.
            identifier: column whose digests are kept as well.
            origin: what else makes this version another one: the model behind predictions.

        Raises:
            UserError: if two columns have one name, or there is no such identifier.
        """
        check_name(name)
        values = plain(frame)
        if values.columns.duplicated().any():
            raise UserError(
                f"'{name}' has two columns of one name: rename one of them before it is recorded."
            )
        digests = row_digests(values, self.key)
        kept = pd.DataFrame({"digest": digests})
        if identifier is not None:
            if identifier not in values.columns:
                raise UserError(
                    f"'{name}' has no column of the identifier that you named: choose one of its own."
                )
            kept["identifier"] = identifier_digests(values[identifier], self.key)
        facet = RowsFacet(kind=kind, count=len(values), digests=self.write(kept), identifier=identifier)
        columns = {str(column): str(dtype) for column, dtype in values.dtypes.items()}
        return Described(name, content_version([*columns, origin], digests), columns, facet)

    def write(self, frame: pd.DataFrame) -> str:
        """Keep a frame under the SHA-256 of its content; return the name of the file."""
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False, compression="zstd")
        content = buffer.getvalue()
        name = f"{hashlib.sha256(content).hexdigest()}.parquet"
        if not (self.folder / name).exists():
            with atomic_file(self.folder / name) as draft:
                draft.write_bytes(content)
        return name

    def read(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        """Return columns of a file, whose content is compared with its name first.

        Raises:
            UserError: if it is missing, changed or no such file.
        """
        try:
            return pd.read_parquet(io.BytesIO(self.check(name)), columns=list(columns))
        except UserError:
            raise
        except Exception:
            raise UserError(f"The rows in {name[:12]}… are no links of ours: restore their copy.") from None

    def check(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            UserError: if it is missing, or was changed after it was recorded.
        """
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise UserError(
                f"The rows in {name[:12]}… cannot be read ({system_reason(error)}): restore their copy."
            ) from None
        if f"{hashlib.sha256(content).hexdigest()}.parquet" != name:
            raise UserError(
                f"The rows in {name[:12]}… were changed after they were recorded: restore their copy."
            )
        return content


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Raises:
        UserError: if it is no file or cannot be read.
    """
    try:
        # A pipe without a writer would be waited for without end.
        if path.exists() and not path.is_file():
            raise ValueError
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise UserError(f"The file {path.name} cannot be read: {system_reason(error)}.") from None
