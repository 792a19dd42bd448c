"""Lookalikes of a domain, by technique: what an attacker could register, and you could watch or buy first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.attack.phishing.characters import confusable_letters
from secure_ai.attack.phishing.domains import read_domain, to_ascii
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

TECHNIQUES = (
    "omission", "repetition", "transposition", "replacement", "bitsquatting", "ascii_homoglyph",
    "idn_homoglyph", "hyphenation", "other_tld", "combosquatting", "subdomain",
)  # fmt: skip
RESERVED_TLDS = ("example", "test", "invalid")
COMMON_TLDS = ("com", "net", "org", "co", "info", "online", "app", "support")
WORDS = ("login", "secure", "portal", "support", "verify", "hr", "mail", "sso", "help", "pay")
KEYS_BESIDE = {
    "a": "qsz", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
    "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad",
    "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
ASCII_SIGHTS = {"l": ("1", "i"), "o": ("0",), "m": ("rn",), "w": ("vv",), "i": ("l", "1"), "s": ("5",)}


@dataclass(frozen=True)
class Lookalike:
    """One candidate.

    Attributes:
        domain: as it is shown to a reader (Unicode).
        ascii: as it is registered (punycode where needed).
        technique: one of ``TECHNIQUES``.
    """

    domain: str
    ascii: str
    technique: str


def lookalikes(
    domain: str, techniques: Sequence[str] = TECHNIQUES, tlds: Sequence[str] | None = None
) -> tuple[Lookalike, ...]:
    """Return the lookalikes of ``domain``, each once, by technique in the order given.

    Args:
        domain: the organization's own, such as ``fernhollow-bank.example``.
        techniques: which of ``TECHNIQUES``.
        tlds: endings for ``other_tld``; by default the reserved ones for a reserved domain (they belong to
            nobody: RFC 2606), else common ones.

    Raises:
        UserError: if ``domain`` is no domain with an ending, or a technique is unknown.
    """
    name, _ = read_domain(domain)
    if not name.suffix:
        raise UserError(f"'{name.unicode}' has no ending such as .example: give the whole domain.")
    unknown = [technique for technique in techniques if technique not in TECHNIQUES]
    if unknown:
        raise UserError(f"The technique '{unknown[0]}' is unknown: choose from {', '.join(TECHNIQUES)}.")
    if tlds is None:
        reserved = name.suffix.rsplit(".", 1)[-1] in RESERVED_TLDS
        tlds = RESERVED_TLDS if reserved else COMMON_TLDS
    found: dict[str, Lookalike] = {}
    for technique in techniques:
        for candidate in _candidates(name.label, name.suffix, technique, tuple(tlds)):
            label = candidate.split(".", 1)[0]
            if candidate != name.registered and _registrable(label):
                found.setdefault(candidate, Lookalike(candidate, to_ascii(candidate), technique))
    return tuple(found.values())


def lookalike_frame(domain: str, techniques: Sequence[str] = TECHNIQUES) -> pd.DataFrame:
    """Return :func:`lookalikes` as rows: ``technique``, ``domain`` (as shown), ``ascii`` (as registered)."""
    import pandas as pd

    rows = [(found.technique, found.domain, found.ascii) for found in lookalikes(domain, techniques)]
    return pd.DataFrame(rows, columns=["technique", "domain", "ascii"])


def _candidates(label: str, suffix: str, technique: str, tlds: tuple[str, ...]) -> Iterator[str]:
    if technique == "other_tld":
        yield from (f"{label}.{tld}" for tld in tlds if tld != suffix)
    elif technique == "subdomain":
        yield from (
            f"{label}.{suffix}.{word}-{other}.{suffix}"
            for word, other in (("id", "check"), ("my", "account"))
        )
    elif technique == "combosquatting":
        for word in WORDS:
            yield from (f"{label}-{word}.{suffix}", f"{word}-{label}.{suffix}", f"{label}{word}.{suffix}")
    else:
        # A flipped bit can make a dot of a letter: that is another name, not a neighbor.
        yield from (f"{changed}.{suffix}" for changed in _edits(label, technique) if "." not in changed)


def _edits(label: str, technique: str) -> Iterator[str]:
    places = range(len(label))
    if technique == "omission":
        yield from (label[:i] + label[i + 1 :] for i in places)
    elif technique == "repetition":
        yield from (label[:i] + label[i] + label[i:] for i in places)
    elif technique == "transposition":
        yield from (label[:i] + label[i + 1] + label[i] + label[i + 2 :] for i in places[:-1])
    elif technique == "replacement":
        yield from (label[:i] + key + label[i + 1 :] for i in places for key in KEYS_BESIDE.get(label[i], ""))
    elif technique == "bitsquatting":
        yield from (
            label[:i] + chr(ord(label[i]) ^ 1 << bit) + label[i + 1 :] for i in places for bit in range(7)
        )
    elif technique == "ascii_homoglyph":
        yield from (label[:i] + s + label[i + 1 :] for i in places for s in ASCII_SIGHTS.get(label[i], ()))
        if "rn" in label:
            yield label.replace("rn", "m", 1)
    elif technique == "idn_homoglyph":
        for i in places:
            yield from (label[:i] + sight + label[i + 1 :] for sight in confusable_letters(label[i])[:4])
    elif technique == "hyphenation":
        yield from (label[:i] + "-" + label[i:] for i in places[1:])
        yield label.replace("-", "")


def _registrable(label: str) -> bool:
    plain = all(c.isalnum() or c == "-" for c in label) and label == label.lower()
    return plain and 0 < len(label) <= 63 and label[0] != "-" != label[-1] and "--" not in label
