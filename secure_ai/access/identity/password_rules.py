"""Which passwords are accepted: length and a blocklist, no composition rules (NIST SP 800-63B-4, 3.1.1.2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_ALONE, MINIMUM_WITH_SECOND_FACTOR, MAXIMUM = 15, 8, 256
LARGEST_LIST_BYTES = 200_000_000
_PADDING = 8  # so many digits and symbols around a word are within reach of every rule set of a cracker
_SHORTEST_WORD = 4
_UNLEET = str.maketrans("@4831!05$79", "aaebiiosstg")
_SEQUENCES = (
    "01234567890123456789012345678901234567890123456789",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)


class PasswordRefused(UserError):
    """A new password breaks a rule; the sentence says which, and never repeats the password."""


@dataclass(frozen=True)
class Refusal:
    """One reason to refuse a new password.

    Attributes:
        rule: "characters", "length", "blocklist", "context" or "predictable".
        sentence: the reason in words, without any part of the password.
    """

    rule: str
    sentence: str


def normalize_password(password: str) -> str:
    """Return ``password`` in the form that is measured and hashed: NFKC of a stabilized string.

    The same password typed on two keyboards gives the same characters (SP 800-63B-4, 3.1.1.2; Unicode
    Standard Annex 15, section 12.1, which excludes code points that are not assigned).

    Raises:
        PasswordRefused: if it is no text, or holds a control character, half of a surrogate pair or a code
            point that Unicode has not assigned, or is longer than 4 times the maximum.
    """
    if not isinstance(password, str):
        raise PasswordRefused("A password is text.")
    if len(password) > 4 * MAXIMUM:
        raise PasswordRefused(_too_long(MAXIMUM))
    kinds = {unicodedata.category(character) for character in password}
    if "Cs" in kinds:
        raise PasswordRefused("The password holds half of a character (a lone surrogate): type it again.")
    if "Cc" in kinds:
        raise PasswordRefused(
            "The password holds a control character (such as NUL, a tab or a line end): type it by hand "
            "or copy it without the line end."
        )
    if "Cn" in kinds:
        raise PasswordRefused("The password holds a character that Unicode has not assigned: leave it out.")
    return unicodedata.normalize("NFKC", password)


@cache
def common_passwords() -> frozenset[str]:
    """Return the 30,000 passwords most often found in breaches, as zxcvbn ships them, case folded.

    Source: Wheeler, "zxcvbn: low-budget password strength estimation", USENIX Security 2016.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word.casefold() for word in FREQUENCY_LISTS["passwords"])


@cache
def common_words() -> frozenset[str]:
    """Return frequent English words and names, as zxcvbn ships them, case folded."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    names = ("english_wikipedia", "surnames", "female_names", "male_names", "us_tv_and_film")
    return frozenset(word.casefold() for name in names for word in FREQUENCY_LISTS[name])


def read_blocklist(path: str | Path) -> frozenset[str]:
    """Read a list of one's own: UTF-8 text, one password per line; empty lines are skipped.

    Raises:
        UserError: if the file is missing, not UTF-8, larger than 200 MB or empty.
    """
    file = Path(path)
    name = shown(file.name or str(file))
    try:
        if file.stat().st_size > LARGEST_LIST_BYTES:
            raise UserError(
                f"The list of passwords {name} is larger than 200 MB: take its most frequent part."
            )
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        raise UserError(
            f"The list of passwords {name} cannot be read: check the path and its rights."
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"The list of passwords {name} is not UTF-8 text: save it as UTF-8.") from None
    words = frozenset(unicodedata.normalize("NFKC", line).casefold() for line in lines if line.strip())
    if not words:
        raise UserError(f"The list of passwords {name} is empty: give one password per line.")
    return words


@dataclass(frozen=True)
class PasswordRules:
    """The rules for a new password (NIST SP 800-63B-4, section 3.1.1.2).

    No kinds of characters are asked for, nothing expires, spaces and Unicode count. The entire password is
    compared with the blocklist, with case folded and the habits removed that every cracker knows: letters
    swapped for look-alikes, a few digits and symbols around a word, a short piece repeated.

    Attributes:
        minimum: the least number of characters: 15 where the password stands alone, 8 beside a second factor.
        maximum: the greatest; at least 64.
        context: words an attacker tries first here: the names of the service and the organization.
        blocklist: further passwords that are refused, case folded (:func:`read_blocklist`).

    Raises:
        UserError: if the bounds are weaker than the standard's.
    """

    minimum: int = MINIMUM_ALONE
    maximum: int = MAXIMUM
    context: tuple[str, ...] = ()
    blocklist: frozenset[str] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        if not MINIMUM_WITH_SECOND_FACTOR <= self.minimum <= 64 <= self.maximum <= MAXIMUM:
            raise UserError(
                f"The least length of a password is {MINIMUM_WITH_SECOND_FACTOR} to 64 characters and the "
                f"greatest 64 to {MAXIMUM} (SP 800-63B-4)."
            )

    @classmethod
    def with_second_factor(cls, context: tuple[str, ...] = ()) -> PasswordRules:
        """Return the rules for a password that is never enough alone: at least 8 characters."""
        return cls(minimum=MINIMUM_WITH_SECOND_FACTOR, context=context)

    def refusals(self, password: str, username: str = "") -> list[Refusal]:
        """Return every reason to refuse ``password`` for ``username``; none means accepted."""
        if isinstance(password, str) and len(password) > 4 * MAXIMUM:
            return [Refusal("length", _too_long(self.maximum))]
        try:
            text = normalize_password(password)
        except PasswordRefused as refused:
            return [Refusal("characters", str(refused))]
        found = []
        if len(text) < self.minimum:
            found.append(
                Refusal(
                    "length",
                    f"It has fewer than {self.minimum} characters: take a sentence of several words.",
                )
            )
        if len(text) > self.maximum:
            found.append(Refusal("length", _too_long(self.maximum)))
        folded = text.casefold()
        cores = _cores(folded)
        if folded in common_passwords() or folded in self.blocklist or cores & self.blocklist:
            found.append(Refusal("blocklist", "It is on the list of passwords that attackers try first."))
        elif any(core in common_passwords() or core in common_words() for core in cores):
            found.append(
                Refusal(
                    "blocklist",
                    "It is one common word or password with a few characters around it or swapped.",
                )
            )
        if cores & _context_words((username, *self.context)):
            found.append(
                Refusal("context", "It is made of the name of the user, the service or the organization.")
            )
        if _predictable(folded):
            found.append(Refusal("predictable", "It repeats a short piece or follows the order of the keys."))
        return found

    def check(self, password: str, username: str = "") -> str:
        """Return ``password`` normalized, if it is accepted.

        Raises:
            PasswordRefused: with every reason, and without the password.
        """
        refusals = self.refusals(password, username)
        if refusals:
            reasons = " ".join(refusal.sentence for refusal in refusals)
            raise PasswordRefused(f"This password is not accepted. {reasons}")
        return normalize_password(password)


def compare_rules(passwords: Iterable[str], rules: PasswordRules) -> pd.DataFrame:
    """Put the composition rule of old beside length and a list of known passwords, which NIST asks for.

    The old rule wants eight characters with a capital, a small letter, a digit and a symbol; it is here to be
    compared with, and nothing in the kit applies it. For example passwords only: they stand in the table.

    Returns:
        password, old rule (accepted or refused), why the new rule refuses it (empty: accepted).
    """
    import pandas as pd

    kinds = (str.isupper, str.islower, str.isdigit, lambda letter: not letter.isalnum())
    rows = []
    for password in passwords:
        old = len(password) >= 8 and all(any(map(kind, password)) for kind in kinds)
        why = " ".join(refusal.sentence for refusal in rules.refusals(password))
        rows.append((password, "accepted" if old else "refused", why))
    names = ["password", "old rule", "why the new rule refuses it (empty: accepted)"]
    return pd.DataFrame(rows, columns=names)


def _too_long(maximum: int) -> str:
    return f"It has more than {maximum} characters: take a shorter one."


def _cores(folded: str) -> set[str]:
    """Return what is left of a password when predictable decoration is taken away."""
    found = {_unit(folded), folded}
    for text in (folded, folded.translate(_UNLEET)):
        for start in (True, False):
            word = _strip(text, start, True)
            if _decoration(text.replace(word, "", 1) if word else text):
                for core in (word, word.translate(_UNLEET)):
                    found |= {core, _unit(core), core[::-1]}
    return {core for core in found if len(core) >= _SHORTEST_WORD}


def _decoration(text: str) -> bool:
    """Whether ``text``, found around a word, adds little: short, a year or a run, one symbol."""
    digits = "".join(character for character in text if character.isalnum())
    symbols = [character for character in text if not character.isalnum()]
    few = len(digits) <= _SHORTEST_WORD or _predictable(digits)
    return len(text) <= _PADDING or (few and len(set(symbols)) <= 1)


def _strip(text: str, start: bool, end: bool) -> str:
    first, last = 0, len(text)
    while start and first < last and not text[first].isalpha():
        first += 1
    while end and last > first and not text[last - 1].isalpha():
        last -= 1
    return text[first:last]


def _unit(text: str) -> str:
    """Return the shortest piece of which ``text`` is a repetition; the text itself if of none."""
    length = (text + text).find(text, 1)
    return text[:length]


def _predictable(text: str) -> bool:
    """Whether ``text`` is a short piece repeated, or runs along the keys or the alphabet."""
    plain = "".join(character for character in text if character.isalnum()) or text
    if len(plain) < _SHORTEST_WORD:
        return bool(plain) and len(set(plain)) == 1
    unit = _unit(plain)
    if len(unit) <= max(3, len(plain) // 3) and len(unit) < len(plain):
        return True
    return any(plain in sequence or plain[::-1] in sequence for sequence in _SEQUENCES)


def _context_words(words: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for word in words:
        folded = unicodedata.normalize("NFKC", word).casefold()
        letters = "".join(character for character in folded if character.isalnum())
        for text in (folded, letters, _strip(letters, True, True)):
            found |= {text, text[::-1]}
        found |= {part for part in folded.replace("@", " ").replace(".", " ").split() if part}
    return {word for word in found if len(word) >= _SHORTEST_WORD}
