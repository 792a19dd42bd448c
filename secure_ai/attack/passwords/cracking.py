"""A dictionary attack with rules on stored passwords, by a budget of hashes or of time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from secure_ai.attack.passwords.guesses import guesses
from secure_ai.attack.passwords.schemes import Scheme
from secure_ai.attack.passwords.staff_passwords import HABITS, SEASONS, WORKPLACE_WORDS, Sector, StaffPassword
from secure_ai.core.errors import UserError

SALT_BYTES = 16
_CLOCK_EVERY = 256


@dataclass(frozen=True)
class Crack:
    """What an attack on one list of stored passwords gave; no password is in it.

    Attributes:
        scheme: how they were stored.
        accounts: how many.
        fallen: habit → passwords found.
        computations: hashes that the attacker had to compute.
        guesses: guesses that were tried on every account left.
        seconds: of the attack; 0 where it was not timed.
    """

    scheme: Scheme
    accounts: int
    fallen: Mapping[str, int]
    computations: int
    guesses: int
    seconds: float = 0.0

    @property
    def share(self) -> float:
        """The share of accounts whose password was found."""
        return sum(self.fallen.values()) / self.accounts


class _Accounts:
    """Stored passwords, hashed when they are first looked at: making them is the victim's work."""

    def __init__(self, passwords: Sequence[StaffPassword], scheme: Scheme, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.passwords, self._scheme = passwords, scheme
        self.salts = [rng.bytes(SALT_BYTES) if scheme.salted else b"" for _ in passwords]
        self._digests: dict[int, bytes] = {}

    def digest(self, account: int) -> bytes:
        if account not in self._digests:
            password = self.passwords[account].password.encode()
            self._digests[account] = self._scheme.compute(password, self.salts[account])
        return self._digests[account]

    def tally(self, found: Iterable[int]) -> dict[str, int]:
        count = Counter(self.passwords[account].habit for account in found)
        return {habit: count[habit] for habit in HABITS}


def guess_list(sector: Sector, most: int | None = None) -> list[str]:
    """Return the guesses of somebody who knows that the passwords are a hospital's or a bank's.

    Raises:
        UserError: if the sector is unknown or ``most`` is not positive.
    """
    if sector not in WORKPLACE_WORDS:
        raise UserError(f"There is no sector {sector!r}: choose healthcare or finance.")
    if most is not None and most < 1:
        raise UserError("An attack has 1 guess or more.")
    return list(islice(guesses((*WORKPLACE_WORDS[sector], *SEASONS)), most))


def crack(
    passwords: Sequence[StaffPassword],
    scheme: Scheme,
    wordlist: Sequence[str],
    *,
    computations: int,
    seed: int = 1,
    skip_misses: bool = False,
) -> Crack:
    """Attack stored passwords with ``wordlist`` until ``computations`` hashes were computed.

    Without a salt, one hash tries a guess on every account. With salts, each guess is hashed anew for each
    account that has not fallen.

    Args:
        passwords: what was stored; the attack sees digests and salts.
        scheme: how.
        wordlist: the guesses, in order.
        computations: the budget of hashes.
        seed: for the salts.
        skip_misses: count every hash, but compute only those of guesses that hit, which this demonstration
            can look up because it made the passwords. The result is the same (a test compares them), and
            600,000 iterations per guess need not be waited for.

    Raises:
        UserError: if there is nothing to attack or no budget.
    """
    check_attack(passwords, wordlist)
    if computations < 1:
        raise UserError("An attack has a budget of 1 hash or more.")
    accounts = _Accounts(passwords, scheme, seed)
    if not scheme.salted:
        return _crack_unsalted(accounts, scheme, wordlist, computations)
    left, found, spent, complete = list(range(len(passwords))), [], 0, 0
    for guess in wordlist:
        if not left or spent >= computations:
            break
        tried = left[: computations - spent]
        spent += len(tried)
        complete += len(tried) == len(left)
        secret = guess.encode()
        hits = [
            account
            for account in tried
            if (not skip_misses or passwords[account].password == guess)
            and scheme.compute(secret, accounts.salts[account]) == accounts.digest(account)
        ]
        if hits:
            found += hits
            left = [account for account in left if account not in hits]
    return Crack(scheme, len(passwords), accounts.tally(found), spent, complete)


def _crack_unsalted(accounts: _Accounts, scheme: Scheme, wordlist: Sequence[str], computations: int) -> Crack:
    by_digest: dict[bytes, list[int]] = {}
    for account in range(len(accounts.passwords)):
        by_digest.setdefault(accounts.digest(account), []).append(account)
    tried = wordlist[:computations]
    found = [account for guess in tried for account in by_digest.get(scheme.compute(guess.encode(), b""), ())]
    return Crack(scheme, len(accounts.passwords), accounts.tally(found), len(tried), len(tried))


def crack_for(
    passwords: Sequence[StaffPassword],
    scheme: Scheme,
    wordlist: Sequence[str],
    *,
    seconds: float,
    seed: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Crack:
    """Attack stored passwords for ``seconds`` on one core; every hash is computed.

    The victim's own hashing is not part of the time. How far it gets depends on the machine.

    Raises:
        UserError: if there is nothing to attack or no time.
    """
    check_attack(passwords, wordlist)
    if not 0 < seconds <= 600:
        raise UserError("An attack here takes more than 0 and at most 600 seconds.")
    accounts, found, spent, complete, used = _Accounts(passwords, scheme, seed), [], 0, 0, 0.0
    if scheme.salted:
        left = list(range(len(passwords)))
        for guess in wordlist:
            secret, hits = guess.encode(), []
            for account in left:
                wanted = accounts.digest(account)
                start = clock()
                hit = scheme.compute(secret, accounts.salts[account]) == wanted
                used += clock() - start
                spent += 1
                if hit:
                    hits.append(account)
                if used >= seconds:
                    break
            found += hits
            left = [account for account in left if account not in hits]
            if used >= seconds or not left:
                break
            complete += 1
    else:
        by_digest: dict[bytes, list[int]] = {}
        for account in range(len(passwords)):
            by_digest.setdefault(accounts.digest(account), []).append(account)
        start = clock()
        for complete, guess in enumerate(wordlist, start=1):
            found += by_digest.get(scheme.compute(guess.encode(), b""), ())
            if complete % _CLOCK_EVERY == 0 and clock() - start >= seconds:
                break
        spent, used = complete, clock() - start
    return Crack(scheme, len(passwords), accounts.tally(found), spent, complete, used)


def check_attack(passwords: Sequence[StaffPassword], wordlist: Sequence[str]) -> None:
    """Raise UserError if there is nothing to attack or no guess."""
    if not passwords or not wordlist:
        raise UserError("An attack needs at least one stored password and one guess.")
