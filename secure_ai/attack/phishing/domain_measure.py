"""How well lookalike domains are told from honest neighbors: precision and recall with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secure_ai.attack.phishing.domains import compare_names, known_names, read_domain
from secure_ai.attack.phishing.headers import organization
from secure_ai.attack.phishing.lookalikes import TECHNIQUES, lookalikes
from secure_ai.attack.phishing.mail import SECTORS
from secure_ai.core.errors import UserError
from secure_ai.core.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

PLACES = (
    "lakeview", "fernhill", "lakeland", "lakewood", "oakmere", "hartmere", "ferndale", "fairhollow",
    "millhollow", "ashgrove", "northgate", "westmere", "kingsford", "stonebridge", "riverbend", "harborview",
    "cedarline",
)  # fmt: skip
TRADES = (
    "hospital", "bank", "clinic", "school", "council", "library", "supplies", "imaging", "systems", "garage",
)  # fmt: skip
# What an honest neighbor adds to a name that it shares: a town's school, an association of friends.
SHARED = ("school", "council", "football", "bakery", "news", "rowing-club")


@dataclass(frozen=True)
class DomainMeasurement:
    """What the detector of lookalikes finds and falsely accuses.

    Attributes:
        table: one row per group: ``group`` (a technique, ``two techniques`` or ``honest neighbors``),
            ``domains``, ``flagged`` (share called lookalike or suspicious), ``low``, ``high``.
        precision, recall: with their 95 % intervals; precision is at the mix of this test, as many lookalikes
            as honest neighbors.
    """

    table: pd.DataFrame
    precision: tuple[float, float, float]
    recall: tuple[float, float, float]

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def sentence(self) -> str:
        """Say what was found."""
        return (
            f"Of lookalikes {self.recall[0]:.1%} are found ({self.recall[1]:.1%} to {self.recall[2]:.1%}) "
            f"and {self.precision[0]:.1%} of what is flagged is one ({self.precision[1]:.1%} to "
            f"{self.precision[2]:.1%}), among as many honest neighbors as lookalikes."
        )


def measure_domains(
    known_domains: Sequence[str] | None = None, *, each: int = 60, seed: int = 0
) -> DomainMeasurement:
    """Generate lookalikes by each technique and by two at once, and honest neighbors; judge all of them.

    Args:
        known_domains: by default those of the kit's hospital and bank.
        each: at most how many domains per technique; neighbors at most as many as lookalikes.
        seed: of the choice.

    Raises:
        UserError: if no domain is known, or ``each`` is not a positive whole number.
    """
    import pandas as pd

    if isinstance(each, bool) or not isinstance(each, int) or each < 1:
        raise UserError("The number of domains per technique must be a whole number from 1.")
    domains = list(known_domains or [d for s in SECTORS for d in organization(s).known_domains])
    known = known_names(domains)
    random = np.random.default_rng(seed)
    groups = {
        technique: sorted({found.ascii for domain in domains for found in lookalikes(domain, [technique])})
        for technique in TECHNIQUES
    }
    doubled = []
    for _ in range(each):
        first, second = random.choice(TECHNIQUES[:-1], 2, replace=False)
        base = domains[int(random.integers(len(domains)))]
        once = lookalikes(base, [str(first)])
        twice = lookalikes(once[int(random.integers(len(once)))].ascii, [str(second)]) if once else ()
        doubled += [twice[int(random.integers(len(twice)))].ascii] if twice else []
    groups["two techniques"] = sorted(set(doubled))
    rows, found_all, all_lookalikes = [], 0, 0
    for group, names in groups.items():
        chosen = [names[int(i)] for i in random.permutation(len(names))[:each]]
        hits = sum(_flagged(name, known) for name in chosen)
        rows.append((group, len(chosen), hits / len(chosen), *wilson(hits, len(chosen))) if chosen else
                    (group, 0, float("nan"), 0.0, 1.0))  # fmt: skip
        found_all, all_lookalikes = found_all + hits, all_lookalikes + len(chosen)
    honest = honest_neighbors(domains)
    honest = [honest[int(i)] for i in random.permutation(len(honest))[:all_lookalikes]]
    accused = sum(_flagged(name, known) for name in honest)
    rows.append(("honest neighbors", len(honest), accused / len(honest), *wilson(accused, len(honest))))
    # As many of each, by weight: otherwise the number of neighbors at hand would set the precision.
    wrong = accused / len(honest) * all_lookalikes
    flagged = found_all + wrong
    return DomainMeasurement(
        pd.DataFrame(rows, columns=["group", "domains", "flagged", "low", "high"]),
        (found_all / flagged, *wilson(found_all, flagged)) if flagged else (float("nan"), 0.0, 1.0),
        (found_all / all_lookalikes, *wilson(found_all, all_lookalikes)),
    )


def honest_neighbors(known_domains: Sequence[str]) -> list[str]:
    """Return honest domains near the known ones: other places, other trades, and friends of the same name."""
    found = {f"{place}-{trade}.{end}" for place in PLACES for trade in TRADES for end in ("example", "test")}
    own = set()
    for domain in known_domains:
        name, _ = read_domain(domain)
        first = name.label.split("-")[0]
        found |= {f"{first}-{word}.{name.suffix}" for word in SHARED}
        # The name itself with one honest word more: a detector by sight cannot know better.
        found |= {f"{name.label}-foundation.{name.suffix}", f"friends-of-{name.label}.{name.suffix}"}
        own.add(name.registered)
    return sorted(found - own)


def _flagged(domain: str, known: tuple) -> bool:
    return compare_names(*read_domain(domain), known).verdict in {"lookalike", "suspicious"}
