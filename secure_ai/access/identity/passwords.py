"""A store of passwords: argon2id hashes, checked in equal time for every name, changed and reset safely."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from secure_ai.access.identity.database import IdentityDatabase, account_name
from secure_ai.access.identity.moments import seconds
from secure_ai.access.identity.password_hashing import (
    OWASP,
    HashProfile,
    OldHash,
    hash_secret,
    needs_rehash,
    parse_hash,
    verify_hash,
)
from secure_ai.access.identity.password_rules import PasswordRefused, PasswordRules, normalize_password
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table

MOST_FAILURES = 100
"""Failed attempts in a row on one account after which a password no longer signs in (SP 800-63B-4, 3.2.2)."""


class WrongPassword(UserError):
    """The name or the password is wrong; which of the two is not said."""


class ResetRefused(UserError):
    """A reset code is unknown, used or too old."""


@dataclass(frozen=True)
class PasswordCheck:
    """What checking a password gave.

    Attributes:
        correct: whether the account exists, is enabled, and the password is its own.
        must_change: whether the password has to be replaced now, because it is known to be compromised.
        upgraded: whether its hash was replaced by one with today's parameters.
    """

    correct: bool
    must_change: bool = False
    upgraded: bool = False


@dataclass(frozen=True)
class ResetCode:
    """A code for one reset, to be handed to the user in person or by a checked channel.

    Attributes:
        code: the code (160 bits), shown by no ``repr``.
        expires: until when it works.
    """

    code: str = field(repr=False)
    expires: datetime


class PasswordStore:
    """Accounts and their password hashes, in memory or in a SQLite file with mode 0600.

    A hash that was imported from an old system is hashed again with argon2id on arrival, so that no weak hash
    is stored; at the next successful sign-in a plain argon2id hash takes its place. Hashes made with other
    parameters than ``profile`` are replaced at the next successful sign-in, too.

    Args:
        path: the SQLite file; None keeps everything in memory.
        rules: what a new password must fulfill.
        profile: the work of one hash.

    Raises:
        UserError: if the file cannot be opened.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        rules: PasswordRules | None = None,
        profile: HashProfile = OWASP,
    ) -> None:
        self.rules, self.profile = rules or PasswordRules(), profile
        metadata, self._table = _schema()
        self._database = IdentityDatabase(metadata, path)
        # Compared with for names that do not exist, so that they take as long as those that do.
        self._nobody = hash_secret(secrets.token_bytes(32), profile)

    def __repr__(self) -> str:
        return f"PasswordStore({len(self)} accounts)"

    def __len__(self) -> int:
        from sqlalchemy import func, select

        with self._database.begin() as connection:
            return connection.execute(select(func.count()).select_from(self._table)).scalar_one()

    def __contains__(self, username: str) -> bool:
        return self._row(username) is not None

    def register(self, username: str, password: str) -> None:
        """Make an account.

        Raises:
            PasswordRefused: if the password breaks a rule.
            UserError: if the name is taken or no name.
        """
        name = account_name(username)
        text = self.rules.check(password, name)
        self._insert(name, hash_secret(text, self.profile), "")

    def import_hash(self, username: str, stored: str) -> None:
        """Make an account from a hash of an old system (formats: :func:`parse_hash`).

        Raises:
            UserError: if the hash is not understood, the name is taken or no name.
        """
        name, found = account_name(username), parse_hash(stored)
        if isinstance(found.value, str):
            self._insert(name, found.value, "")
        else:
            self._insert(name, hash_secret(found.value, self.profile), found.old.to_text())

    def verify(self, username: str, password: str) -> PasswordCheck:
        """Check a password; a name that does not exist costs one hash as well.

        Accounts whose hash still has other parameters than the store's may answer faster or slower until
        their next sign-in.
        """
        try:
            text = normalize_password(password)
        except PasswordRefused:
            return PasswordCheck(False)
        row = self._row(username)
        if row is None or not row.enabled:
            verify_hash(self._nobody, text)
            return PasswordCheck(False)
        if row.old:
            old = OldHash.from_text(row.old)
            # The old system did not normalize: what was typed is tried first.
            forms = dict.fromkeys((password, text))
            correct = any(verify_hash(row.hash, old.digest(form)) for form in forms)
        else:
            correct = verify_hash(row.hash, text)
        if not correct:
            return PasswordCheck(False)
        upgrade = bool(row.old) or needs_rehash(row.hash, self.profile)
        if upgrade:
            # Only over the hash that was just checked: a change made meanwhile stays.
            self._update(row.account, only_hash=row.hash, hash=hash_secret(text, self.profile), old="")
        return PasswordCheck(True, bool(row.must_change), upgrade)

    def change(self, username: str, old_password: str, new_password: str) -> None:
        """Replace a password by its owner, who knows the old one.

        A wrong old password counts as a failed attempt in a row, as at the sign-in.

        Raises:
            WrongPassword: if name or old password is wrong, or there were 100 failures in a row.
            PasswordRefused: if the new one breaks a rule or equals the old one.
        """
        wrong = "The name or the old password is wrong: nothing was changed."
        if not self.reserve_attempt(username) or not self.verify(username, old_password).correct:
            raise WrongPassword(wrong)
        row = self._row(username)
        self._update(row.account, failures=max(0, row.failures - 1))
        text = self.rules.check(new_password, row.account)
        if text == normalize_password(old_password):
            raise PasswordRefused("This password is not accepted. It is the old one.")
        # Over the hash that was just checked alone: a reset made meanwhile stays.
        changed = self._update(
            row.account, only_hash=row.hash, hash=hash_secret(text, self.profile), old="", must_change=False,
            reset=None,
        )  # fmt: skip
        if not changed:
            raise WrongPassword(wrong)

    def require_change(self, username: str) -> None:
        """Ask for a new password at the next sign-in, because this one is known to be compromised.

        Raises:
            UserError: if the account does not exist.
        """
        self._update(account_name(username), must_change=True)

    def enable(self, username: str, enabled: bool = True) -> None:
        """Switch an account on or off.

        Raises:
            UserError: if the account does not exist.
        """
        self._update(account_name(username), enabled=enabled)

    def issue_reset(
        self, username: str, now: datetime, lifetime: timedelta = timedelta(minutes=10)
    ) -> ResetCode:
        """Return a code with which the password can be set once; only its hash is kept.

        A later code replaces it.

        Raises:
            UserError: if the account does not exist, or the lifetime is not between 0 and 24 hours.
        """
        if not timedelta(0) < lifetime <= timedelta(hours=24):
            raise UserError("A reset code lives for more than 0 and at most 24 hours (SP 800-63B-4, 4.2).")
        code, expires = secrets.token_urlsafe(20), now + lifetime
        self._update(account_name(username), reset=_digest(code), reset_until=seconds(expires))
        return ResetCode(code, expires)

    def reset(self, username: str, code: str, new_password: str, now: datetime) -> None:
        """Set a new password with a reset code, which is used up; failed attempts are forgotten.

        Raises:
            ResetRefused: if the code is unknown, used or too old.
            PasswordRefused: if the new password breaks a rule; the code still works.
        """
        row = self._row(username)
        known = row is not None and row.reset is not None
        right = secrets.compare_digest(row.reset if known else _digest(""), _digest(code))
        if not known or not right or seconds(now) > row.reset_until:
            raise ResetRefused("The reset code is wrong, used or too old: ask for a new one.")
        text = self.rules.check(new_password, row.account)
        self._update(
            row.account, only_reset=row.reset, hash=hash_secret(text, self.profile), old="", reset=None,
            must_change=False, failures=0,
        )  # fmt: skip

    def remove(self, username: str) -> None:
        """Delete an account.

        Raises:
            UserError: if it does not exist.
        """
        name = account_name(username)
        with self._database.begin() as connection:
            if not connection.execute(self._table.delete().where(self._table.c.account == name)).rowcount:
                raise UserError("There is no such account.")

    def reserve_attempt(self, username: str, most: int = MOST_FAILURES) -> bool:
        """Count an attempt as failed before it is made; False if ``most`` in a row are reached.

        Counted first, so that attempts made at the same moment cannot exceed the bound. A name without an
        account is never full.
        """
        row = self._row(username)
        if row is None:
            return True
        table = self._table
        statement = (
            table.update()
            .where(table.c.account == row.account, table.c.failures < min(most, MOST_FAILURES))
            .values(failures=table.c.failures + 1)
        )
        with self._database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def clear_attempts(self, username: str) -> None:
        """Forget the failed attempts in a row, after a complete sign-in."""
        if (row := self._row(username)) is not None:
            self._update(row.account, failures=0)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _row(self, username: str):
        return self._database.row(self._table, username)

    def _insert(self, name: str, stored: str, old: str) -> None:
        from sqlalchemy.dialects.sqlite import insert

        statement = insert(self._table).values(account=name, hash=stored, old=old).on_conflict_do_nothing()
        with self._database.begin() as connection:
            if not connection.execute(statement).rowcount:
                raise UserError("This user name is taken: choose another.")

    def _update(
        self, name: str, *, only_hash: str | None = None, only_reset: bytes | None = None, **values: object
    ) -> int:
        table = self._table
        statement = table.update().where(table.c.account == name).values(**values)
        if only_hash is not None:
            statement = statement.where(table.c.hash == only_hash)
        if only_reset is not None:
            statement = statement.where(table.c.reset == only_reset)
        with self._database.begin() as connection:
            changed = connection.execute(statement).rowcount
        if only_reset is not None and not changed:
            raise ResetRefused("The reset code is wrong, used or too old: ask for a new one.")
        if only_hash is None and not changed:
            raise UserError("There is no such account.")
        return changed


def _digest(code: str) -> bytes:
    # 160 random bits need no slow hash (SP 800-63B-4, 3.1.2.2).
    text = code if isinstance(code, str) else ""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _schema() -> tuple[MetaData, Table]:
    from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, MetaData, String, Table

    metadata = MetaData()
    table = Table(
        "passwords",
        metadata,
        Column("account", String, primary_key=True),
        Column("hash", String, nullable=False),
        Column("old", String, nullable=False, default=""),
        Column("enabled", Boolean, nullable=False, default=True),
        Column("must_change", Boolean, nullable=False, default=False),
        Column("failures", Integer, nullable=False, default=0),
        Column("reset", LargeBinary),
        Column("reset_until", Float),
    )
    return metadata, table
