"""Separation of duties: who holds two roles that no one person should hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, as_source, quote_identifier


@dataclass(frozen=True)
class ToxicCombination:
    """Roles that one person must not hold together: any of ``first`` with any of ``second``."""

    name: str
    first: frozenset[str]
    second: frozenset[str]
    reason: str


def _toxic(
    name: str, first: str | Sequence[str], second: str | Sequence[str], reason: str
) -> ToxicCombination:
    sides = [frozenset([side] if isinstance(side, str) else side) for side in (first, second)]
    return ToxicCombination(name, sides[0], sides[1], reason)


_CLINICAL = ("physician", "resident", "nurse_practitioner", "nurse")
_SERVING = ("teller", "call center agent", "personal banker", "loan officer")
TOXIC_COMBINATIONS: Mapping[str, tuple[ToxicCombination, ...]] = {
    "healthcare": (
        _toxic("prescribes and dispenses", _CLINICAL[:3], "pharmacist", "could approve an own prescription"),
        _toxic(
            "develops and releases models", "model_developer", "model_validator", "could release an own model"
        ),
        _toxic(
            "holds keys and reads data",
            "key_administrator",
            (*_CLINICAL, "billing_specialist", "registrar", "researcher", "model_developer"),
            "could read what the keys protect",
        ),
        _toxic(
            "administers and treats",
            "it_administrator",
            (*_CLINICAL, "billing_specialist", "registrar"),
            "could change the settings that watch over the own accesses",
        ),
        _toxic(
            "administers and supervises",
            ("it_administrator", "key_administrator"),
            "privacy_officer",
            "could alter the trail that is to be reviewed",
        ),
        _toxic(
            "registers and bills", "registrar", "billing_specialist", "could invent a patient and bill for it"
        ),
    ),
    "finance": (
        _toxic("sells and approves credit", "personal banker", "loan officer", "could approve what was sold"),
        _toxic(
            "enters and releases payments",
            ("teller", "personal banker"),
            ("branch manager", "compliance officer"),
            "could release an own payment",
        ),
        _toxic(
            "develops and releases models", "model developer", "model validator", "could release an own model"
        ),
        _toxic(
            "holds keys and reads data",
            "key administrator",
            (*_SERVING, "fraud analyst", "data analyst", "model developer"),
            "could read what the keys protect",
        ),
        _toxic(
            "administers and serves",
            "system administrator",
            (*_SERVING, "branch manager"),
            "could change the settings that watch over the own accesses",
        ),
        _toxic(
            "administers and supervises",
            ("system administrator", "key administrator"),
            ("compliance officer", "fraud analyst"),
            "could alter the trail that is to be reviewed",
        ),
    ),
}


@dataclass(frozen=True)
class SeparationOfDuties:
    """Who holds which toxic combination.

    Attributes:
        found: one row for each person and combination: person, combination, roles, reason.
        people: how many people were looked at.
        several: how many of them hold more than one role.
        combinations: how many combinations were looked for.
    """

    found: pd.DataFrame
    people: int
    several: int
    combinations: int

    def sentence(self) -> str:
        """Say how many people hold a toxic combination, and which is the most frequent."""
        holders = self.found["person"].nunique()
        text = (
            f"Of {self.people:,} people {self.several:,} hold several roles, and {holders:,} a combination "
            f"that no one should hold ({self.combinations} were looked for)"
        )
        if holders:
            text += f"; the most frequent: {self.found['combination'].value_counts().index[0]}"
        return text + "."

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each person and combination."""
        return self.found


def separation_of_duties(
    roles: Source | pd.DataFrame | str,
    combinations: str | Iterable[ToxicCombination],
    *,
    person: str = "staff_id",
    role: str = "role",
) -> SeparationOfDuties:
    """Find who holds roles that do not go together.

    Args:
        roles: a table (file, frame, database; see :mod:`secure_ai.core.sources`), one role of a person a row.
        combinations: a sector's (``"healthcare"``, ``"finance"``), or an organisation's own.
        person, role: names of the columns.

    Raises:
        UserError: if there is no such sector, a column is missing, or a row has no person or no role.
    """
    if isinstance(combinations, str):
        if combinations not in TOXIC_COMBINATIONS:
            raise UserError(
                f"There are no combinations for '{combinations[:60]}': choose from "
                f"{', '.join(TOXIC_COMBINATIONS)}, or give your own."
            )
        combinations = TOXIC_COMBINATIONS[combinations]
    wanted = tuple(combinations)
    source = as_source(roles)
    source.require([person, role])
    who, what = quote_identifier(person), quote_identifier(role)
    empty = source.sql(f"SELECT count(*) FROM source WHERE {who} IS NULL OR {what} IS NULL").fetchone()[0]
    if empty:
        raise UserError(f"{source.label} has {empty:,} rows without '{person}' or '{role}': complete them.")
    rows = source.sql(
        f"SELECT {who}::VARCHAR, list(DISTINCT {what}::VARCHAR) FROM source GROUP BY 1 ORDER BY 1"
    ).fetchall()
    found = []
    for identifier, held in rows:
        mine = set(held)
        for combination in wanted:
            one, other = mine & combination.first, mine & combination.second
            if one and other and len(one | other) > 1:
                together = " + ".join(sorted(one | other))
                found.append((identifier, combination.name, together, combination.reason))
    return SeparationOfDuties(
        found=pd.DataFrame(found, columns=["person", "combination", "roles", "reason"]),
        people=len(rows),
        several=sum(len(held) > 1 for _, held in rows),
        combinations=len(wanted),
    )
