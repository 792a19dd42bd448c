"""The small SQLite database of the identity stores: in memory, or in a file that only its owner reads."""

from __future__ import annotations

import logging
import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Row, Table

LONGEST_NAME = 256
_LOGGED_AS = "identity"
# At its most verbose SQLAlchemy logs each row that it read: names, hashes and sealed secrets.
logging.getLogger(f"sqlalchemy.engine.Engine.{_LOGGED_AS}").setLevel(logging.WARNING)


class IdentityDatabase:
    """Tables in SQLite, one transaction at a time.

    Args:
        tables: what is created where it is missing.
        path: the file, made with mode 0600; None for memory alone.

    Raises:
        UserError: if the file cannot be opened or is no SQLite database.
    """

    def __init__(self, tables: MetaData, path: str | Path | None = None) -> None:
        from sqlalchemy import URL, create_engine
        from sqlalchemy.exc import SQLAlchemyError
        from sqlalchemy.pool import StaticPool

        self._lock = threading.RLock()
        self._name = "in memory" if path is None else shown(Path(path).name)
        try:
            if path is not None:
                # Made before SQLite opens it, so that it is never readable by others.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
                Path(path).chmod(0o600)
            self._engine = create_engine(
                URL.create("sqlite", database=None if path is None else str(path)),
                connect_args={"check_same_thread": False, "timeout": 10},
                poolclass=StaticPool,
                hide_parameters=True,
                logging_name=_LOGGED_AS,
            )
            tables.create_all(self._engine)
        except (OSError, SQLAlchemyError):
            raise UserError(
                f"The identity database {self._name} cannot be opened: check the path, its rights and "
                "that it is a SQLite file."
            ) from None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Give a transaction; it is undone if the block raises.

        Raises:
            UserError: if the database cannot be read or written.
        """
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._lock, self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError:
            raise UserError(
                f"The identity database {self._name} cannot be read or written: check its disk and rights."
            ) from None

    def row(self, table: Table, username: str) -> Row | None:
        """Return an account's row of ``table``; None if there is none, or the name can be nobody's."""
        from sqlalchemy import select

        try:
            name = account_name(username)
        except UserError:
            return None
        with self.begin() as connection:
            return connection.execute(select(table).where(table.c.account == name)).first()

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()


def account_name(username: str) -> str:
    """Return ``username`` as it is stored and compared: NFKC, case folded, without outer spaces.

    Raises:
        UserError: if it is empty, longer than 256 characters or holds control characters or half characters.
    """
    if not isinstance(username, str):
        raise UserError("A user name is text.")
    name = unicodedata.normalize("NFKC", username[: LONGEST_NAME + 1]).casefold().strip()
    if not name or len(name) > LONGEST_NAME or len(username) > LONGEST_NAME:
        raise UserError(f"A user name has 1 to {LONGEST_NAME} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cn") for character in name):
        raise UserError("A user name holds no control characters and no half characters.")
    return name
