"""The table for auditors: which role can do what to which kind of record, for which purpose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.request import AccessRequest
from secure_ai.access.policy.sectors import Sector, sector
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

Level = Literal["always", "on conditions", "never"]
COLUMNS = ["role", "action", "kind", "purpose", "access", "rules"]


@dataclass(frozen=True)
class AccessMatrix:
    """Who can do what.

    ``always`` means: in ordinary circumstances, without a relationship to the person concerned;
    ``on conditions``: at the best of circumstances (each relationship tried, consent given, a second person,
    an open emergency access, an open case ...); ``never``: not even then.

    Attributes:
        table: role, action, kind, purpose, access, rules (ids, joined by commas).
    """

    table: pd.DataFrame

    def to_frame(self, *, denied: bool = False) -> pd.DataFrame:
        """Return the combinations that are possible, or with ``denied`` all of them."""
        return self.table if denied else self.table[self.table["access"] != "never"].reset_index(drop=True)

    def crosstab(self, action: str = "view") -> pd.DataFrame:
        """Return roles by kinds of record for one action, the purposes in the cells."""
        some = self.to_frame()
        chosen = some[some["action"] == action]
        if chosen.empty:
            raise UserError(
                f"No role can '{shown(action)}': choose from {', '.join(sorted(set(some['action'])))}."
            )
        purposes = chosen.groupby(["role", "kind"])["purpose"].agg(
            lambda found: ", ".join(dict.fromkeys(found))
        )
        return purposes.unstack(fill_value="")

    def sentence(self) -> str:
        """Say how many of the combinations are possible at all."""
        counts = self.table["access"].value_counts()
        some, always = len(self.table) - counts.get("never", 0), counts.get("always", 0)
        return (
            f"Of {len(self.table):,} combinations of role, action, kind of record and purpose {some:,} are "
            f"possible, {always:,} of them in ordinary circumstances and the others on conditions."
        )


def access_matrix(policy: AccessPolicy, of: str | Sector) -> AccessMatrix:
    """Return the matrix of every role, action, kind of record and purpose that the schema knows."""
    known = sector(of) if isinstance(of, str) else of
    words = policy.vocabulary
    rows = []
    for action, (_, kinds) in words.actions.items():
        for kind in (kind for kind in known.records if kind in kinds):
            for role in words.roles:
                for purpose in words.purposes:
                    if not policy.permissions("Staff", (role,), action, kind, purpose):
                        rows.append((role, action, kind, purpose, "never", ""))
                        continue
                    level, rules = _level(policy, known, role, action, kind=kind, purpose=purpose)
                    rows.append((role, action, kind, purpose, level, ", ".join(rules)))
    return AccessMatrix(pd.DataFrame(rows, columns=COLUMNS))


def who_can(
    policy: AccessPolicy,
    of: str | Sector,
    action: str,
    what: str | Mapping[str, Any],
    purpose: str | None = None,
    **circumstances: Any,
) -> pd.DataFrame:
    """Return which roles may do ``action`` to ``what``.

    Args:
        policy: decides.
        of: the sector whose words are meant.
        action: such as ``"view"``.
        what: a kind of record, or facts about it (see :meth:`Sector.request`).
        purpose: one, or every one that the schema knows.
        circumstances: as they are; without any, the best ones are tried.

    Returns:
        role, action, kind, purpose, access, rules; one row for each role and purpose that may.

    Raises:
        UserError: if the policy does not know the action, kind or purpose.
    """
    known = sector(of) if isinstance(of, str) else of
    words = policy.vocabulary
    kind = what if isinstance(what, str) else str(what.get("kind", ""))
    if action not in words.actions:
        raise UserError(
            f"The policy knows no action '{shown(action)}': choose from {', '.join(words.actions)}."
        )
    if purpose is not None and purpose not in words.purposes:
        raise UserError(
            f"The policy knows no purpose '{shown(purpose)}': choose from {', '.join(words.purposes)}."
        )
    rows = []
    for role in words.roles:
        for why in (purpose,) if purpose else words.purposes:
            if circumstances or not isinstance(what, str):
                decision = policy.decide(known.request(role, action, what, why, **circumstances))
                level: Level = "always" if decision.allowed else "never"
                rules = decision.rules
            else:
                level, rules = _level(policy, known, role, action, kind=kind, purpose=why)
            if level != "never":
                rows.append((role, action, kind, why, level, ", ".join(rules)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _level(
    policy: AccessPolicy, of: Sector, role: str, action: str, *, kind: str, purpose: str
) -> tuple[Level, tuple[str, ...]]:
    ordinary = policy.decide(of.request(role, action, kind, purpose))
    if ordinary.allowed:
        return "always", ordinary.rules
    cases = best_cases(policy, of, role, action, kind=kind, purpose=purpose)
    allowed = [decision for decision in policy.decide_many(cases) if decision.allowed]
    rules = dict.fromkeys(rule for decision in allowed for rule in decision.rules)
    return ("on conditions", tuple(rules)) if allowed else ("never", ())


def best_cases(
    policy: AccessPolicy, of: Sector, role: str, action: str, *, kind: str, purpose: str
) -> Iterator[AccessRequest]:
    """Yield the request in the best of circumstances, once for each relationship."""
    facts = {name: value for name, value in of.best.items() if name in of.records.get(kind, {})}
    around = {name: value for name, value in of.best.items() if name in of.context}
    mine = {name: value for name, value in of.best.items() if name in of.staff}
    for relationship in policy.vocabulary.enumerations.get("Relationship", ("none",)):
        yield of.request(
            {"roles": role, **mine},
            action,
            {"kind": kind, **facts},
            purpose,
            **{**around, "relationship": relationship},
        )
