"""Ways to store passwords under one attack: with equal work, in equal time, and by number of guesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from secure_ai.attack.passwords.cracking import Crack, check_attack, crack, crack_for, guess_list
from secure_ai.attack.passwords.schemes import Scheme, password_schemes
from secure_ai.attack.passwords.staff_passwords import HABITS, Sector, StaffPassword
from secure_ai.core.figures import percent


@dataclass(frozen=True)
class EqualWork:
    """What fell under each scheme when the attacker computed equally many hashes; the same at each run.

    Attributes:
        cracks: scheme → attack.
        computations: the budget.
    """

    cracks: Mapping[str, Crack]
    computations: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per scheme: hashes computed, guesses per account, share found."""
        return pd.DataFrame(
            [
                {
                    "stored as": one.scheme.name,
                    "hashes computed": one.computations,
                    "guesses tried on each account": one.guesses,
                    "passwords found": sum(one.fallen.values()),
                    "share": one.share,
                }
                for one in self.cracks.values()
            ]
        )

    def sentence(self) -> str:
        """Say what the salt alone does."""
        plain = next(one for one in self.cracks.values() if not one.scheme.salted)
        salted = next(one for one in self.cracks.values() if one.scheme.salted)
        return (
            f"With {self.computations:,} hashes, {percent(plain.share)} of the passwords fall without a "
            f"salt, since each hash tries a guess on all {plain.accounts} accounts at once, and "
            f"{percent(salted.share)} with salts, whatever the scheme; what one hash costs "
            "decides how long that takes."
        )


@dataclass(frozen=True)
class EqualTime:
    """What fell under each scheme in equally much time on this machine; it differs from run to run.

    Attributes:
        cracks: scheme → attack.
        seconds: the time of each.
        list_length: guesses in the whole list.
    """

    cracks: Mapping[str, Crack]
    seconds: float
    list_length: int

    def whole_list_seconds(self, name: str) -> float:
        """Return the time for the whole list on all accounts at the measured rate: an extrapolation."""
        one = self.cracks[name]
        return self.list_length * (one.accounts if one.scheme.salted else 1) / self.rate(name)

    def rate(self, name: str) -> float:
        """Return the measured hashes per second."""
        one = self.cracks[name]
        return one.computations / max(one.seconds, 1e-9)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per scheme: measured rate, share found, extrapolated time of the whole list."""
        return pd.DataFrame(
            [
                {
                    "stored as": one.scheme.name,
                    "hashes per second (measured)": self.rate(name),
                    f"share found in {self.seconds:g} s": one.share,
                    f"{self.list_length:,} guesses on {one.accounts} accounts (extrapolated)": duration(
                        self.whole_list_seconds(name)
                    ),
                }
                for name, one in self.cracks.items()
            ]
        )

    def sentence(self) -> str:
        """Say what the cost of one hash does."""
        first, last = next(iter(self.cracks)), next(reversed(self.cracks))
        weak, strong = self.cracks[first].scheme.name, self.cracks[last].scheme.name
        ratio = self.rate(first) / self.rate(last)
        times = [duration(self.whole_list_seconds(name)) for name in (first, last)]
        return (
            f"From Python, one core of this machine computes {self.rate(first):,.0f} hashes a second of "
            f"{weak} and {self.rate(last):,.3g} of {strong}: {ratio:,.0f} times fewer. At these rates the "
            f"whole list would take {times[0]} and {times[1]} (extrapolated). A graphics card is much "
            f"faster, most of all at {weak}."
        )


def compare_equal_work(
    passwords: Sequence[StaffPassword],
    sector: Sector = "healthcare",
    *,
    computations: int = 200_000,
    schemes: Mapping[str, Scheme] | None = None,
    seed: int = 1,
) -> EqualWork:
    """Attack the same passwords under each scheme with equally many hashes; deterministic.

    Hashes of the slow schemes that are known to miss are counted and not computed (see :func:`crack`).
    """
    wordlist, schemes = guess_list(sector, computations), schemes or password_schemes()
    cracks = {
        name: crack(
            passwords, scheme, wordlist, computations=computations, seed=seed, skip_misses=scheme.salted
        )
        for name, scheme in schemes.items()
    }
    return EqualWork(cracks, computations)


def compare_equal_time(
    passwords: Sequence[StaffPassword],
    sector: Sector = "healthcare",
    *,
    seconds: float = 1.0,
    most_guesses: int = 1_000_000,
    schemes: Mapping[str, Scheme] | None = None,
    seed: int = 1,
) -> EqualTime:
    """Attack the same passwords under each scheme for equally long, computing every hash; measured here."""
    wordlist, schemes = guess_list(sector, most_guesses), schemes or password_schemes()
    cracks = {
        name: crack_for(passwords, scheme, wordlist, seconds=seconds, seed=seed)
        for name, scheme in schemes.items()
    }
    return EqualTime(cracks, seconds, len(wordlist))


@dataclass(frozen=True)
class GuessCurve:
    """The share of passwords that fall by the number of guesses at each; the same under every scheme.

    Attributes:
        table: ``guesses``, and per habit and for ``all`` the share found by then.
        habits: habit → number of passwords.
    """

    table: pd.DataFrame
    habits: Mapping[str, int] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per habit: how many, and the share found at the end."""
        last = self.table.iloc[-1]
        return pd.DataFrame(
            [
                {"habit": HABITS[habit].words, "passwords": count, "share found": float(last[habit])}
                for habit, count in self.habits.items()
                if count
            ]
        )

    def sentence(self) -> str:
        """Say which habits fall and which hold."""
        last = self.table.iloc[-1]
        present = [habit for habit, count in self.habits.items() if count]
        hold = [HABITS[habit].words for habit in present if last[habit] == 0]
        held = f" None falls that is {' or '.join(hold)}." if hold else ""
        fallen = f"{percent(last['all'])} of the passwords have fallen"
        return f"After {int(last['guesses']):,} guesses {fallen}.{held}"


def share_by_guesses(
    passwords: Sequence[StaffPassword], sector: Sector = "healthcare", *, most_guesses: int = 1_000_000
) -> GuessCurve:
    """Return which share of passwords has fallen after how many guesses at each; deterministic.

    A guess is right or wrong whatever the scheme: it decides only what a guess costs.
    """
    wordlist = guess_list(sector, most_guesses)
    check_attack(passwords, wordlist)
    wanted = {one.password for one in passwords}
    rank = {guess: number for number, guess in enumerate(wordlist, start=1) if guess in wanted}
    ranks = pd.DataFrame(
        {
            "habit": [one.habit for one in passwords],
            "rank": [rank.get(one.password, np.inf) for one in passwords],
        }
    )
    counts = {habit: int((ranks["habit"] == habit).sum()) for habit in HABITS}
    steps = np.unique(np.geomspace(1, len(wordlist), 61).astype(int))
    rows = []
    for step in steps:
        hit = ranks["rank"] <= step
        shares = {
            habit: float(hit[ranks["habit"] == habit].mean()) for habit, count in counts.items() if count
        }
        rows.append({"guesses": int(step), "all": float(hit.mean()), **shares})
    return GuessCurve(pd.DataFrame(rows), counts)


def duration(seconds: float) -> str:
    """Show a time in the unit that fits.

    >>> duration(0.5), duration(90), duration(2e5), duration(1e9)
    ('0.5 seconds', '1.5 minutes', '2.3 days', '32 years')
    """
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{_figures(seconds / length)} {unit}"
    return f"{_figures(seconds)} seconds"


def _figures(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
