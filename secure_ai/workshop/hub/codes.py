"""One-time codes with which learners take their seats: issued, kept as hashes, redeemed once.

Both environments use this file: the command line issues codes, the hub redeems them, perhaps at the same
time. The standard library is all it needs. A code is eight characters out of 31, so a guess is right for one
of a class of thirty once in about 3 × 10¹⁰ tries; guesses are slowed all the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# No 0 or o, 1, i or l: what is read aloud or off a strip of paper is not mistaken.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
LENGTH = 8
INSTRUCTOR = "instructor"
# Settings of scrypt: 16 MiB and about 50 ms a try (RFC 7914, section 2, has the meaning of the three).
SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
# The kit's own, and meant to be argued with: ten mistypes in a row are rare even where a whole class has
# one address, and a minute's wait costs nobody the lesson; 200 in a minute are a machine.
FREE_GUESSES = 10
LONGEST_WAIT = 60.0
GUESS_WINDOW = 15 * 60.0
MOST_OF_ALL = 200
ALL_WINDOW = 60.0

_TABLES = """
CREATE TABLE IF NOT EXISTS room (salt BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS codes (
    seat TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, reusable INTEGER NOT NULL, used REAL);
CREATE TABLE IF NOT EXISTS guesses (address TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS guesses_of ON guesses (address, at);
"""


class TooManyGuesses(Exception):
    """Guesses came too fast.

    Attributes:
        seconds: to wait before the next one is looked at.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many wrong codes: wait {max(1, round(seconds))} seconds.")
        self.seconds = seconds


def normal(text: str) -> str:
    """Return a code as it was issued, however it was typed: capitals, spaces and other dashes are the same.

    Empty for what cannot be a code.
    """
    kept = [letter for letter in text[:64].lower() if letter.isascii() and letter.isalnum()]
    if len(kept) != LENGTH or any(letter not in ALPHABET for letter in kept):
        return ""
    return "".join(kept[:4]) + "-" + "".join(kept[4:])


def who(address: str) -> str:
    """Return whom a guess is counted for: an address, or the network of 64 bits that one IPv6 line has."""
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return "unknown"
    if parsed.version == 6 and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class Codes:
    """The codes of a room, in a file that several processes may use at once.

    Args:
        path: of the file; made (0600) where it does not exist.
        clock: tells the seconds; of the system without.
    """

    def __init__(self, path: str | Path, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self.clock = clock
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with self._writing() as base:
            for statement in _TABLES.split(";"):
                base.execute(statement)
            if base.execute("SELECT salt FROM room").fetchone() is None:
                base.execute("INSERT INTO room VALUES (?)", (secrets.token_bytes(16),))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give the database to one process alone; what fails leaves no trace."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as base:
            base.execute("BEGIN IMMEDIATE")
            try:
                yield base
            except BaseException:
                base.execute("ROLLBACK")
                raise
            base.execute("COMMIT")

    def _hash(self, code: str) -> bytes:
        # One salt a room, not one a code: a code alone is typed, so its hash must be found by itself. Codes
        # are drawn at random and never chosen, so that two seats never share one.
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as base:
            (salt,) = base.execute("SELECT salt FROM room").fetchone()
        return hashlib.scrypt(code.encode(), salt=salt, **SCRYPT)

    def issue(self, seat: str) -> str:
        """Return a new code for a seat; an older one of the seat is void.

        It is not stored anywhere: who loses it gets another.
        """
        return self._issue(seat, reusable=False)

    def reissue(self, seat: str) -> str:
        """Return a new code for a seat that had one; the older one is void."""
        return self._issue(seat, reusable=False)

    def issue_instructor(self) -> str:
        """Return a new code for the instructor, good until the room closes; an older one is void."""
        return self._issue(INSTRUCTOR, reusable=True)

    def _issue(self, seat: str, *, reusable: bool) -> str:
        while True:
            letters = [secrets.choice(ALPHABET) for _ in range(LENGTH)]
            code = "".join(letters[:4]) + "-" + "".join(letters[4:])
            made = self._hash(code)
            with contextlib.suppress(sqlite3.IntegrityError), self._writing() as base:
                base.execute("DELETE FROM codes WHERE seat = ?", (seat,))
                base.execute("INSERT INTO codes VALUES (?, ?, ?, NULL)", (seat, made, int(reusable)))
                return code

    def redeem(self, code: str, address: str = "") -> str | None:
        """Return the seat that a code is for, and take the code; None for a wrong or a used one.

        Args:
            code: as it was typed.
            address: that the guess came from.

        Raises:
            TooManyGuesses: if this address, or all of them together, guessed too often; the code was not
                looked at.
        """
        address = who(address)
        wait = self.wait(address)
        if wait > 0:
            raise TooManyGuesses(wait)
        typed = normal(code)
        # What cannot be a code takes as long as what can.
        made = self._hash(typed or "0")
        now = self.clock()
        with self._writing() as base:
            row = base.execute(
                "UPDATE codes SET used = ? WHERE hash = ? AND (used IS NULL OR reusable) RETURNING seat",
                (now, made),
            ).fetchone()
            if row is None:
                base.execute("INSERT INTO guesses VALUES (?, ?)", (address, now))
                base.execute("DELETE FROM guesses WHERE at < ?", (now - GUESS_WINDOW,))
            else:
                base.execute("DELETE FROM guesses WHERE address = ?", (address,))
        return row[0] if row else None

    def wait(self, address: str) -> float:
        """Return the seconds for which guesses from an address are not looked at."""
        address = who(address) if "/" not in address else address
        now = self.clock()
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as base:
            own, last = base.execute(
                "SELECT count(*), max(at) FROM guesses WHERE address = ? AND at > ?",
                (address, now - GUESS_WINDOW),
            ).fetchone()
            (everybody,) = base.execute(
                "SELECT count(*) FROM guesses WHERE at > ?", (now - ALL_WINDOW,)
            ).fetchone()
        pause = 0.0
        if own >= FREE_GUESSES:
            pause = min(LONGEST_WAIT, 2.0 ** (own - FREE_GUESSES + 1))
        # Who never guessed wrong is let through, else one machine could keep a class out.
        if own and everybody >= MOST_OF_ALL:
            pause = LONGEST_WAIT
        return max(0.0, last + pause - now) if own else 0.0

    def taken(self) -> dict[str, float | None]:
        """Return for each seat with a code when it was used (seconds since 1970), or None."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as base:
            return dict(base.execute("SELECT seat, used FROM codes WHERE NOT reusable"))

    def forget(self, seat: str) -> None:
        """Make the code of a seat void."""
        with self._writing() as base:
            base.execute("DELETE FROM codes WHERE seat = ?", (seat,))
