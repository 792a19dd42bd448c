"""Lookalike domains: is this one of ours, easily taken for one of ours, or simply another?"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import idna
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from secure_ai.attack.phishing.characters import (
    hidden_characters,
    mixes_scripts,
    scripts,
    skeleton,
    without_hidden,
)
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

VERDICTS = ("known", "lookalike", "suspicious", "unknown")
LONGEST_DOMAIN, LONGEST_LABEL = 253, 63
# A name of four letters has honest neighbors at every distance; six letters stand out within another name.
SHORTEST_FOR_DISTANCE, SHORTEST_FOR_CONTAINED, SHORTEST_FOR_TWO_EDITS = 6, 7, 12
# Percent of letters in common with the known name; one edit in twelve letters is 92.
CLOSE_WITHIN = 92


@dataclass(frozen=True)
class DomainVerdict:
    """What was seen in a domain.

    Attributes:
        domain: the domain as asked, lower case, hidden characters made visible as escapes.
        verdict: ``known`` (ours, or below ours), ``lookalike`` (easily taken for ``resembles``),
            ``suspicious`` (a technical trick, of no known domain in particular) or ``unknown``.
        resembles: the known domain that it is, or is like; empty if none.
        reasons: why, in words, the strongest first.
    """

    domain: str
    verdict: str
    resembles: str
    reasons: tuple[str, ...]

    def sentence(self) -> str:
        """Say the verdict and why."""
        words = {
            "known": f"is {self.resembles} or below it",
            "lookalike": f"is easily taken for {self.resembles}",
            "suspicious": "uses a trick that honest names have no need of",
            "unknown": "is none of the known domains, nor like one",
        }[self.verdict]
        return f"{self.domain} {words}" + (f": {'; '.join(self.reasons)}." if self.reasons else ".")


@dataclass(frozen=True)
class Name:
    """A domain, taken apart: ``label`` of ``suffix`` is what is registered."""

    unicode: str
    label: str
    suffix: str
    sub: str

    @property
    def registered(self) -> str:
        """The registered domain, in Unicode."""
        return f"{self.label}.{self.suffix}" if self.suffix else self.label


def read_domain(domain: object) -> tuple[Name, tuple[str, ...]]:
    """Take a domain apart; return its parts and what is odd about how it is written.

    Raises:
        UserError: if it is no text, empty, too long, or its punycode cannot be decoded.
    """
    if not isinstance(domain, str) or not domain.strip(" ."):
        raise UserError("The domain is empty or no text: give a name such as bank.example.")
    raw = domain.strip()
    if len(raw) > LONGEST_DOMAIN * 4:
        raise UserError(
            f"The domain has {len(raw):,} characters, a domain at most {LONGEST_DOMAIN}: give the name alone."
        )
    odd = tuple(f"hidden character {name.lower()}" for _, name in hidden_characters(raw)[:3])
    text = without_hidden(raw).strip(".").lower().replace("。", ".").replace("．", ".")
    if not text or any(c.isspace() or c in "/@\\?#:" for c in text):
        raise UserError(f"'{shown(text)}' is no domain: give the name alone, without https:// and path.")
    labels = [_decoded(label) for label in text.split(".")]
    if any(not label for label in labels) or max(map(len, labels)) > LONGEST_LABEL:
        raise UserError(
            f"'{shown(text)}' is no domain: a part of it is empty or longer than {LONGEST_LABEL}."
        )
    return _take_apart(".".join(labels)), odd


def inspect_domain(domain: str, known_domains: Iterable[str]) -> DomainVerdict:
    """Compare a domain with those that the organization knows, by sight and by technique.

    Args:
        domain: a name such as ``fernhollow-bank.example``; Unicode or punycode.
        known_domains: own domains and those of partners; what is below them is known too.

    Raises:
        UserError: if ``domain`` or a known domain is empty, too long, or invalid punycode, or none is known.

    Source: techniques as in Nikiforakis et al. (bitsquatting, 2013), Kintis et al. (combosquatting, 2017),
        Holgers et al. (homographs, 2006); Unicode Technical Standard #39.
    """
    return compare_names(*read_domain(domain), known_names(known_domains))


def known_names(known_domains: Iterable[str]) -> tuple[Name, ...]:
    """Take the known domains apart once, for many comparisons.

    Raises:
        UserError: if there is none, or one is no domain.
    """
    if isinstance(known_domains, str):
        known_domains = [known_domains]
    names = tuple(known_domains)
    if not names:
        raise UserError("No known domain is given: list the organization's own domains and its partners'.")
    return tuple(name if isinstance(name, Name) else read_domain(name)[0] for name in names)


def compare_names(name: Name, odd: tuple[str, ...], known: tuple[Name, ...]) -> DomainVerdict:
    """Return the verdict on a name that was taken apart, as :func:`inspect_domain` does."""
    visible = name.unicode
    for own in known:
        if name.registered == own.registered:
            if odd:
                return DomainVerdict(visible, "suspicious", own.registered, odd)
            return DomainVerdict(visible, "known", own.registered, ())
    best: tuple[int, Name, list[str]] | None = None
    for own in known:
        strength, reasons = _likeness(name, own)
        if reasons and (best is None or strength > best[0]):
            best = (strength, own, reasons)
    tricks = [*odd, *_script_tricks(name)]
    if best is not None:
        return DomainVerdict(visible, "lookalike", best[1].registered, (*best[2], *tricks))
    return DomainVerdict(visible, "suspicious" if tricks else "unknown", "", tuple(tricks))


def inspect_domains(domains: Iterable[str], known_domains: Iterable[str]) -> pd.DataFrame:
    """Return one row per domain: ``domain``, ``verdict``, ``resembles``, ``reasons`` (joined).

    What cannot be read as a domain is a row with the verdict ``unreadable`` and the reason, so that one
    bad line of a list does not stop the others.
    """
    import pandas as pd

    known, rows = known_names(known_domains), []
    for domain in domains:
        try:
            found = compare_names(*read_domain(domain), known)
            rows.append((found.domain, found.verdict, found.resembles, "; ".join(found.reasons)))
        except UserError as error:
            rows.append((shown(str(domain)), "unreadable", "", str(error)))
    return pd.DataFrame(rows, columns=["domain", "verdict", "resembles", "reasons"])


def to_ascii(domain: str) -> str:
    """Return a domain as it goes over the wire: labels beyond ASCII in punycode."""
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
        for label in domain.split(".")
    )


def _likeness(name: Name, own: Name) -> tuple[int, list[str]]:
    label, known = name.label, own.label
    if label == known:
        return 9, [f"the same name under .{name.suffix or '?'} instead of .{own.suffix}"]
    sight, true_sight = skeleton(label), skeleton(known)
    if sight == true_sight:
        return 8, [f"looks the same: {_difference(label, known)}"]
    if _joined(sight) == _joined(true_sight):
        return 7, ["differs only in hyphens"]
    if len(known) >= SHORTEST_FOR_DISTANCE:
        most = 2 if len(known) >= SHORTEST_FOR_TWO_EDITS else 1
        distance = min(
            OSA.distance(sight, true_sight, score_cutoff=most), OSA.distance(label, known, score_cutoff=most)
        )
        if distance <= most:
            return 6, [_one_edit(label, known) if distance == 1 else "two letters differ"]
    contained = len(_joined(known)) >= SHORTEST_FOR_CONTAINED
    if contained and _joined(true_sight) in _joined(sight):
        return 5, [f"holds the whole name '{known}' with other words around it"]
    if contained and _joined(true_sight) in _joined(skeleton(name.sub)):
        return 5, [f"the known name stands before {name.registered}, which is somebody else's"]
    if len(known) >= SHORTEST_FOR_TWO_EDITS and len(label) > len(known):
        near = fuzz.partial_ratio_alignment(_joined(true_sight), _joined(sight), score_cutoff=CLOSE_WITHIN)
        if near is not None:
            return 4, [f"holds a name close to '{known}' with other words around it"]
    return 0, []


def _one_edit(label: str, known: str) -> str:
    if len(label) == len(known):
        places = [i for i, (a, b) in enumerate(zip(label, known, strict=True)) if a != b]
        if len(places) == 2 and places[1] == places[0] + 1:
            return f"two letters are swapped at place {places[0] + 1}"
        if len(places) == 1 and label.isascii():
            a, b = label[places[0]], known[places[0]]
            flipped = (ord(a) ^ ord(b)).bit_count() == 1
            return f"'{a}' instead of '{b}'" + (" (one bit apart)" if flipped else "")
    if len(label) == len(known) - 1:
        return "one letter is missing"
    if len(label) == len(known) + 1:
        return "one letter too many"
    return "one letter differs"


def _difference(label: str, known: str) -> str:
    odd = sorted({c for c in label if c not in known})
    names = ", ".join(f"'{c}'" if c.isascii() else f"U+{ord(c):04X} ({_script_of(c)})" for c in odd[:3])
    return f"{names} in place of a letter" if names else "letters that are hard to tell apart"


def _script_of(letter: str) -> str:
    return next(iter(scripts(letter)), "no script").capitalize()


def _script_tricks(name: Name) -> list[str]:
    return [
        f"a part mixes {' and '.join(sorted(s.capitalize() for s in scripts(label)))} letters"
        for label in name.unicode.split(".")
        if mixes_scripts(label)
    ]


def _joined(label: str) -> str:
    return label.replace("-", "")


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        # Lenient about what registries allow, strict about what can be decoded at all.
        return label[4:].encode("ascii").decode("punycode").lower() if len(label) > 4 else _refuse(label)
    except (UnicodeError, ValueError, OverflowError, idna.IDNAError):
        _refuse(label)
    return label


def _refuse(label: str) -> str:
    raise UserError(f"'{shown(label)}' is no valid punycode: check how the domain was copied.")


@functools.lru_cache(maxsize=20_000)
def _take_apart(text: str) -> Name:
    from secure_ai.discover.recognize_contact import offline_suffixes

    parts = offline_suffixes(text)
    if parts.suffix and parts.domain:
        return Name(text, parts.domain, parts.suffix, parts.subdomain)
    labels = text.split(".")
    if len(labels) == 1:
        return Name(text, text, "", "")
    return Name(text, labels[-2], labels[-1], ".".join(labels[:-2]))
