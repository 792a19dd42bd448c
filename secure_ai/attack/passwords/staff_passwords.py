"""Invented staff passwords with the habits of people, so that cracking can be shown without anybody's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from secure_ai.core.errors import UserError

Sector = Literal["healthcare", "finance"]
WORKPLACE_WORDS = {
    "healthcare": (
        "hospital", "nurse", "doctor", "cardio", "surgery", "health", "clinic", "patient", "medical",
        "lakeside", "emergency", "pharmacy", "radiology", "oncology", "pediatrics", "welcome",
    ),
    "finance": (
        "bank", "money", "credit", "finance", "account", "branch", "teller", "invest", "mortgage", "cardinal",
        "lending", "treasury", "savings", "capital", "audit", "welcome",
    ),
}  # fmt: skip
SEASONS = ("spring", "summer", "autumn", "fall", "winter", "monday", "friday", "january", "october")
KEYBOARD = ("qwerty", "asdfgh", "1q2w3e4r", "qazwsx", "zxcvbn", "qwertyuiop")
LEET = str.maketrans({"a": "@", "e": "3", "o": "0", "i": "1", "s": "$"})
YEARS = tuple(range(1995, 2027))
_RANDOM = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789!#$%&*+-=?@"


@dataclass(frozen=True)
class StaffPassword:
    """One invented password; ``repr`` does not show it.

    Attributes:
        habit: how it was made, a key of :data:`HABITS`.
        password: the password.
    """

    habit: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Habit:
    """A way in which people make passwords.

    Attributes:
        words: the habit in words.
        share: of the staff, an assumption of this lesson and no measurement.
    """

    words: str
    share: float


HABITS = {
    "common": Habit("one of the 10,000 commonest passwords, as it is", 0.15),
    "season_year": Habit("a season, month or day, a year and perhaps '!'", 0.15),
    "workplace": Habit("a word of the workplace and a year or a few digits", 0.20),
    "name_digits": Habit("a first name and two to four digits", 0.15),
    "look_alike": Habit("a common word with letters swapped for look-alikes, and a digit or '!'", 0.10),
    "keyboard": Habit("a path along the keys and a few digits", 0.05),
    "passphrase": Habit("five words drawn at random", 0.10),
    "manager": Habit("sixteen random characters of a password manager", 0.10),
}


def make_staff_passwords(
    count: int = 200, sector: Sector = "healthcare", seed: int = 7
) -> list[StaffPassword]:
    """Return ``count`` invented passwords in the shares of :data:`HABITS`, shuffled.

    Raises:
        UserError: if the sector is unknown or the count is not 8 to 100,000.
    """
    if sector not in WORKPLACE_WORDS:
        raise UserError(f"There is no sector {sector!r}: choose healthcare or finance.")
    if not 8 <= count <= 100_000:
        raise UserError("Make 8 to 100,000 passwords.")
    rng = np.random.default_rng(seed)
    makers = _makers(sector, rng)
    shares = np.cumsum([habit.share for habit in HABITS.values()])
    ends = np.round(shares * count).astype(int)
    made, start = [], 0
    for habit, end in zip(HABITS, ends, strict=True):
        made += [StaffPassword(habit, makers[habit]()) for _ in range(start, end)]
        start = end
    return [made[index] for index in rng.permutation(len(made))]


def _makers(sector: Sector, rng: np.random.Generator) -> dict[str, Callable[[], str]]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS as lists

    names = [name for name in lists["female_names"][:400] + lists["male_names"][:400] if len(name) > 2]
    words = [word for word in lists["english_wikipedia"][:6000] if len(word) > 3 and word.isascii()]
    look_alike = [
        word for word in lists["passwords"][:3000] if word.isalpha() and word.translate(LEET) != word
    ]

    def one(options) -> str:
        return str(options[int(rng.integers(len(options)))])

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    def digits(least: int, most: int) -> str:
        length = int(rng.integers(least, most + 1))
        return "".join(str(digit) for digit in rng.integers(0, 10, length))

    def decorated(word: str, ending: str) -> str:
        return (word.capitalize() if chance(0.7) else word) + ending + ("!" if chance(0.4) else "")

    return {
        "common": lambda: one(lists["passwords"][:10_000]),
        "season_year": lambda: decorated(one(SEASONS), one(YEARS)),
        "workplace": lambda: decorated(
            one(WORKPLACE_WORDS[sector]), one(YEARS) if chance(0.6) else digits(1, 3)
        ),
        "name_digits": lambda: decorated(one(names), digits(2, 4)),
        "look_alike": lambda: decorated(one(look_alike).translate(LEET), digits(1, 1) if chance(0.5) else ""),
        "keyboard": lambda: one(KEYBOARD) + digits(1, 4),
        "passphrase": lambda: " ".join(one(words) for _ in range(5)),
        "manager": lambda: "".join(one(_RANDOM) for _ in range(16)),
    }
