"""One-time codes of an app as a second factor: none works twice, and guessing is slowed down (RFC 6238)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pyotp

from secure_ai.access.identity.database import IdentityDatabase, account_name
from secure_ai.access.identity.moments import seconds
from secure_ai.access.identity.sealing import Sealer
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table

STEP_SECONDS, DIGITS = 30, 6
SKEW_STEPS = 1
SECRET_BYTES, RECOVERY_KEY_BYTES = 20, 32
RECOVERY_CODES, RECOVERY_BYTES = 10, 10
FREE_FAILURES, FIRST_WAIT, LONGEST_WAIT = 5, 30.0, 3600.0
MOST_FAILURES = 100
WIDEST_DRIFT_STEPS = 2 * 24 * 60  # a day: a clock in another time zone is the usual case

PHISHING_CAVEAT = (
    "A one-time code can be phished: a false sign-in page passes the code on while it is valid. "
    "SP 800-63B-4 (3.2.5) calls only an authenticator phishing-resistant that binds its answer to the "
    "site's address, such as FIDO2 (WebAuthn) security keys and passkeys."
)

Status = Literal["accepted", "recovery", "wrong", "replayed", "limited", "disabled", "not enrolled"]


@dataclass(frozen=True)
class Enrollment:
    """What a new second factor gives to its owner, once.

    Attributes:
        uri: the ``otpauth://`` address that an app reads as a QR code; it contains the secret.
        secret: the secret in base32, for typing it in.
        recovery_codes: codes that work once each where the device is lost.
    """

    uri: str = field(repr=False)
    secret: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class FactorCheck:
    """What checking a code gave.

    Attributes:
        status: "accepted" (a code of the app), "recovery" (a recovery code, now used up), "wrong",
            "replayed" (right, and used before), "limited" (not looked at: wait), "disabled" (100 failures in
            a row: enroll again) or "not enrolled".
        recovery_codes_left: how many are left; -1 where it does not matter.
        wait_seconds: how long codes are not looked at.
    """

    status: Status
    recovery_codes_left: int = -1
    wait_seconds: int = 0

    @property
    def ok(self) -> bool:
        """Whether the second factor was shown."""
        return self.status in ("accepted", "recovery")


class SecondFactors:
    """Second factors of accounts: TOTP with SHA-1, 6 digits and 30 seconds, as all apps implement it.

    A code counts if it belongs to the present time step or the one before or after. The last step that was
    accepted is stored, and only later ones are: a code that was seen cannot be used again, at the same
    moment neither (RFC 6238, section 5.2). After 5 wrong codes in a row there is a wait of 30 seconds that
    doubles up to an hour; after 100 the factor is disabled (SP 800-63B-4, 3.2.2). Ask for a code only after
    the password was right, or strangers could use up the attempts of others.

    Args:
        sealer: encrypts the secrets that are stored.
        path: a SQLite file with mode 0600; None for memory alone.
        issuer: the name of the service that an app shows.
    """

    def __init__(self, sealer: Sealer, path: str | Path | None = None, *, issuer: str = "Secure AI") -> None:
        self._sealer, self.issuer = sealer, issuer
        metadata, self._table = _schema()
        self._database = IdentityDatabase(metadata, path)

    def __repr__(self) -> str:
        return f"SecondFactors(issuer={self.issuer!r})"

    def enroll(self, username: str) -> Enrollment:
        """Make a new secret for an account, not yet in force: :meth:`confirm` it with a first code.

        A factor that is in force stays so until the new one is confirmed.
        """
        name = account_name(username)
        secret, recovery_key = secrets.token_bytes(SECRET_BYTES), secrets.token_bytes(RECOVERY_KEY_BYTES)
        codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
        hashed = json.dumps([_hash_recovery(recovery_key, code) for code in codes])
        pending = json.dumps(
            {
                "sealed": base64.b64encode(
                    self._sealer.seal(secret + recovery_key, _belongs_to(name, "pending"))
                ).decode(),
                "recovery": hashed,
            }
        )
        from sqlalchemy.dialects.sqlite import insert

        statement = insert(self._table).values(account=name, pending=pending)
        with self._database.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["account"], set_={"pending": pending})
            )
        text = base64.b32encode(secret).decode()
        uri = pyotp.TOTP(text).provisioning_uri(name=name, issuer_name=self.issuer)
        return Enrollment(uri, text, codes)

    def confirm(self, username: str, code: str, now: datetime) -> bool:
        """Put an enrolled secret in force by a first code of the app; False if the code is wrong."""
        name = account_name(username)
        row = self._row(name)
        if row is None or row.pending is None:
            raise UserError("There is no second factor to confirm: enroll first.")
        pending = json.loads(row.pending)
        both = self._sealer.open(base64.b64decode(pending["sealed"]), _belongs_to(name, "pending"))
        step = _matching_step(both[:SECRET_BYTES], _digits(code), seconds(now), SKEW_STEPS)
        if step is None:
            return False
        self._update(
            name, sealed=self._sealer.seal(both, _belongs_to(name, "in force")), recovery=pending["recovery"],
            last_step=step, pending=None, failures=0, wait_until=0.0,
        )  # fmt: skip
        return True

    def enrolled(self, username: str) -> bool:
        """Whether a second factor is in force."""
        row = self._row(username)
        return row is not None and row.sealed is not None

    def verify(self, username: str, code: str, now: datetime) -> FactorCheck:
        """Check a code of the app or a recovery code; a right one is used up by this.

        Raises:
            SealBroken: if the stored secret does not open.
        """
        row = self._row(username)
        if row is None or row.sealed is None:
            return FactorCheck("not enrolled")
        moment = seconds(now)
        if row.failures >= MOST_FAILURES:
            return FactorCheck("disabled")
        if moment < row.wait_until:
            return FactorCheck("limited", wait_seconds=int(row.wait_until - moment) + 1)
        if not self._count_attempt(row, moment):
            return FactorCheck("limited", wait_seconds=1)
        both = self._sealer.open(row.sealed, _belongs_to(row.account, "in force"))
        digits = _digits(code)
        if not digits:
            return self._verify_recovery(row, both[SECRET_BYTES:], code)
        step = _matching_step(both[:SECRET_BYTES], digits, moment, SKEW_STEPS)
        if step is None:
            return FactorCheck("wrong")
        return FactorCheck("accepted" if self._use_step(row.account, step) else "replayed")

    def shows_code(self, username: str, code: str, now: datetime) -> int | None:
        """Return the time step of a right and unused code, without using it up or counting the attempt.

        For :mod:`~secure_ai.access.identity.sign_in`, which lets an attempt through the slow-down by it: the
        caller must let each step through only once.
        """
        row = self._row(username)
        digits = _digits(code)
        if row is None or row.sealed is None or not digits or row.failures >= MOST_FAILURES:
            return None
        both = self._sealer.open(row.sealed, _belongs_to(row.account, "in force"))
        step = _matching_step(both[:SECRET_BYTES], digits, seconds(now), SKEW_STEPS)
        return step if step is not None and step > row.last_step else None

    def clock_difference(self, username: str, first: str, second: str, now: datetime) -> int | None:
        """Return by how many minutes the device's clock is ahead, from two codes that followed each other.

        None if the two codes are no such pair within a day, or attempts are limited. This is a diagnosis: it
        never signs in, uses no code up and does not move the window. RFC 6238 (section 6) would store the
        difference and accept codes around it from then on; then a pair of codes that somebody saw hours ago
        would open the account. Here the answer is to set the clock. Chance finds a pair among the 5,760
        steps of the search with a probability of 6 in a thousand million per attempt, and attempts count.
        """
        row = self._row(username)
        pair = (_digits(first), _digits(second))
        if row is None or row.sealed is None or not all(pair) or row.failures >= MOST_FAILURES:
            return None
        moment = seconds(now)
        if moment < row.wait_until or not self._count_attempt(row, moment):
            return None
        both = self._sealer.open(row.sealed, _belongs_to(row.account, "in force"))
        codes, here = pyotp.HOTP(_base32(both[:SECRET_BYTES])), int(moment // STEP_SECONDS)
        start = max(0, here - WIDEST_DRIFT_STEPS)
        shown = [codes.at(step) for step in range(start, here + WIDEST_DRIFT_STEPS + 2)]
        matches = [start + i + 1 for i in range(len(shown) - 1) if shown[i : i + 2] == list(pair)]
        if not matches:
            return None
        nearest = min(matches, key=lambda step: abs(step - here))
        return round((nearest - here) * STEP_SECONDS / 60)

    def rewrap(self) -> int:
        """Bring every stored secret under the newest version of the key, after a rotation; return how many.

        An enrollment that was not confirmed has to be begun again once the old version is gone.

        Raises:
            UserError: if one does not open; those before it are done.
        """
        from sqlalchemy import select

        table, done = self._table, 0
        with self._database.begin() as connection:
            rows = connection.execute(select(table).where(table.c.sealed.is_not(None))).all()
        for row in rows:
            statement = table.update().where(table.c.account == row.account, table.c.sealed == row.sealed)
            rewrapped = self._sealer.rewrap(row.sealed)
            with self._database.begin() as connection:
                done += connection.execute(statement.values(sealed=rewrapped)).rowcount
        return done

    def remove(self, username: str) -> None:
        """Take a second factor away, as a help desk does once it knows who has lost a device."""
        with self._database.begin() as connection:
            connection.execute(self._table.delete().where(self._table.c.account == account_name(username)))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _verify_recovery(self, row, key: bytes, code: str) -> FactorCheck:
        wanted = _hash_recovery(key, code)
        stored = json.loads(row.recovery)
        kept = [one for one in stored if not hmac.compare_digest(one, wanted)]
        if len(kept) == len(stored):
            return FactorCheck("wrong")
        table = self._table
        statement = (
            table.update()
            .where(table.c.account == row.account, table.c.recovery == row.recovery)
            .values(recovery=json.dumps(kept), failures=0, wait_until=0.0)
        )
        with self._database.begin() as connection:
            used = connection.execute(statement).rowcount == 1
        return FactorCheck("recovery", len(kept)) if used else FactorCheck("replayed")

    def _count_attempt(self, row, moment: float) -> bool:
        """Count a failure before the code is looked at; False if another attempt came in between."""
        failures = row.failures + 1
        wait = 0.0
        if failures >= FREE_FAILURES:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - FREE_FAILURES, 10))
        table = self._table
        statement = (
            table.update()
            .where(table.c.account == row.account, table.c.failures == row.failures)
            .values(failures=failures, wait_until=moment + wait if wait else 0.0)
        )
        with self._database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def _use_step(self, name: str, step: int) -> bool:
        table = self._table
        statement = (
            table.update()
            .where(table.c.account == name, table.c.last_step < step)
            .values(last_step=step, failures=0, wait_until=0.0)
        )
        with self._database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def _row(self, username: str):
        return self._database.row(self._table, username)

    def _update(self, name: str, **values: object) -> None:
        with self._database.begin() as connection:
            connection.execute(self._table.update().where(self._table.c.account == name).values(**values))


def current_code(secret: str, now: datetime) -> str:
    """Return the code that an app with ``secret`` (base32) shows at ``now``: for lessons and tests."""
    return pyotp.HOTP(secret).at(int(seconds(now) // STEP_SECONDS))


def _matching_step(secret: bytes, digits: str, moment: float, skew: int) -> int | None:
    codes, here = pyotp.HOTP(_base32(secret)), int(moment // STEP_SECONDS)
    steps = range(max(0, here - skew), here + skew + 1)
    # All are compared, the latest match counts.
    found = [step for step in steps if hmac.compare_digest(codes.at(step), digits)]
    return max(found) if digits and found else None


def _base32(secret: bytes) -> str:
    return base64.b32encode(secret).decode()


def _digits(code: str) -> str:
    """Return the six ASCII digits of a code, however it was spaced; empty if it is none."""
    if not isinstance(code, str) or len(code) > 64:
        return ""
    text = "".join(unicodedata.normalize("NFKC", code).split()).replace("-", "")
    return text if len(text) == DIGITS and text.isascii() and text.isdigit() else ""


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _hash_recovery(key: bytes, code: str) -> str:
    # 80 random bits under a key that is itself sealed: a copy of the database alone allows no guessing.
    text = code if isinstance(code, str) and len(code) <= 64 else ""
    plain = "".join(unicodedata.normalize("NFKC", text).upper().split()).replace("-", "")
    return hmac.new(key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _belongs_to(name: str, state: str) -> dict[str, str]:
    return {"table": "second_factors", "account": name, "state": state}


def _schema() -> tuple[MetaData, Table]:
    from sqlalchemy import Column, Float, Integer, LargeBinary, MetaData, String, Table

    metadata = MetaData()
    table = Table(
        "second_factors",
        metadata,
        Column("account", String, primary_key=True),
        Column("sealed", LargeBinary),
        Column("recovery", String, nullable=False, default="[]"),
        Column("last_step", Integer, nullable=False, default=-1),
        Column("failures", Integer, nullable=False, default=0),
        Column("wait_until", Float, nullable=False, default=0.0),
        Column("pending", String),
    )
    return metadata, table
