"""How severe an advisory is: the CVSS base score from its vector, and the worst of what it states."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable

_LOSS = {"H": 0.56, "L": 0.22, "N": 0.0}
_WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0.0, "C": 1.0},
    "C": _LOSS,
    "I": _LOSS,
    "A": _LOSS,
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


class Severity(enum.IntEnum):
    """From none to critical; unknown where an advisory states none."""

    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """The word for it: ``high``."""
        return self.name.lower() if self else "not stated"


_WORDS = {
    "LOW": Severity.LOW, "MODERATE": Severity.MEDIUM, "MEDIUM": Severity.MEDIUM, "HIGH": Severity.HIGH,
    "IMPORTANT": Severity.HIGH, "CRITICAL": Severity.CRITICAL,
}  # fmt: skip


def cvss_base_score(vector: str) -> float | None:
    """Return the base score of a CVSS 3.0 or 3.1 vector, from 0 to 10; None for any other.

    >>> cvss_base_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    9.8

    Source: FIRST, Common Vulnerability Scoring System v3.1: Specification, section 7.1 and appendix A.
    """
    head, _, rest = vector.partition("/")
    if head not in ("CVSS:3.0", "CVSS:3.1"):
        return None
    given = dict(part.partition(":")[::2] for part in rest.split("/"))
    try:
        weight = {name: weights[given[name]] for name, weights in _WEIGHTS.items()}
        privileges = _PRIVILEGES[given["S"]][given["PR"]]
    except KeyError:
        return None
    changed = weight["S"] == 1.0
    lost = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    return _round_up(min((1.08 if changed else 1.0) * (impact + exploitability), 10))


def severity_of_score(score: float) -> Severity:
    """Return the rating of a score; 0 counts as low, so that it is not lost among those not stated.

    Source: CVSS v3.1 specification, section 5, table 14.
    """
    steps = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
    return next((severity for least, severity in steps if score >= least), Severity.LOW)


def severity_of(vectors: Iterable[str], words: Iterable[str]) -> tuple[Severity, float | None]:
    """Return the worst severity that the vectors and words of an advisory state, and the highest score."""
    scores = [score for score in map(cvss_base_score, vectors) if score is not None]
    stated = [_WORDS[word.upper()] for word in words if word.upper() in _WORDS]
    worst = max([*map(severity_of_score, scores), *stated], default=Severity.UNKNOWN)
    return worst, max(scores, default=None)


def _round_up(value: float) -> float:
    # Appendix A: in whole hundred-thousandths, so that every machine rounds alike.
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (math.floor(whole / 10_000) + 1) / 10
