"""Least privilege: what was granted and never used, and the prohibitions that would take it back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from secure_ai.access.policy.matrix import access_matrix
from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.sectors import Sector, sector
from secure_ai.core.errors import UserError
from secure_ai.core.measurement import Unassessed
from secure_ai.core.sources import Source, as_source, quote_identifier, shown

RARE = 3
FEWEST_DAYS, FEWEST_EVENTS, FEWEST_OF_ROLE = 30, 500, 50
GRANT = ["role", "action", "kind", "purpose"]
KEPT_PURPOSES = ("emergency",)  # what is needed rarely by nature
STATUSES = {
    "unused": "never, though the log would show it",
    "rare": f"{RARE} times or fewer: ask before taking it away",
    "too little seen": f"never, but the role has fewer than {FEWEST_OF_ROLE} accesses in all",
    "not in this log": "the log holds no such action or kind of record of anyone: another log may",
    "kept": "never, and kept: emergencies are rare",
    "used": "more often",
}
LOG_COLUMNS = {
    "who": "staff_id",
    "role": "role",
    "action": "action",
    "kind": "kind",
    "purpose": "purpose",
    "time": "timestamp",
}


@dataclass(frozen=True)
class GrantUse:
    """What was granted beside what was used.

    Attributes:
        by_role: one row for each grant: role, action, kind, purpose, uses, people, last_use (a date), status
            (see ``STATUSES``), at_most_per_1000: what the true share among the role's accesses could still be
            at 95 % where it was not seen (the rule of three).
        by_person: one row for each person: who, role, granted (to the role), used (of them), accesses.
        days: length of the window.
        events: accesses in it.
        outside: accesses that no grant covers; the access review looks at those.
    """

    by_role: pd.DataFrame
    by_person: pd.DataFrame
    days: float
    events: int
    outside: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each grant."""
        return self.by_role

    def sentence(self) -> str:
        """Say how many grants were never used, with the window and the caution."""
        counts = self.by_role["status"].value_counts()
        text = (
            f"In {self.days:,.0f} days and {self.events:,} accesses {counts.get('unused', 0):,} of "
            f"{len(self.by_role):,} grants were never used and {counts.get('rare', 0):,} rarely "
            f"({RARE} times or fewer: ask before taking them away)"
        )
        for status, words in (
            ("too little seen", "belong to roles seen too little to tell"),
            ("not in this log", "are of a kind that this log does not hold"),
            ("kept", "are kept for emergencies"),
        ):
            text += f"; {counts[status]:,} {words}" if status in counts else ""
        return text + "."

    def proposal(self) -> str:
        """Return prohibitions in Cedar that take back what was never used; append them to the policy.

        They can only take away: with them the policy allows nothing that it did not allow before. Only what
        has the status ``unused`` is taken; what a person holds by another role, too, which used it, stays.

        Raises:
            UserError: if a grant names a kind of record that no schema can have.
        """
        rules = []
        keys = ["action", "kind", "purpose"]
        kept = self.by_role[self.by_role["status"] != "unused"].groupby(keys)["role"].agg(tuple).to_dict()
        unused = self.by_role[self.by_role["status"] == "unused"]
        for (role, action, kind), rows in unused.groupby(["role", "action", "kind"], sort=True):
            if not re.fullmatch(r"[A-Za-z_]\w*", kind, re.ASCII):
                raise UserError(
                    f"The grants name a kind of record '{shown(kind)}', which no policy can hold: name it "
                    "as the schema does."
                )
            for purpose in sorted(rows["purpose"]):
                others = kept.get((action, kind, purpose), ())
                spared = f"\nunless {{ principal in [{_entities('Role', others)}] }}" if others else ""
                name = "-".join(("unused", role, action, kind, purpose)).replace(" ", "_")
                rules.append(
                    f"@id({_quoted(name)})\n"
                    f'@reason("Not used by anyone of the role in {self.days:.0f} days.")\n'
                    f"forbid (principal in {_entities('Role', [role])}, "
                    f"action == {_entities('Action', [action])}, resource is {kind})\n"
                    f"when {{ context.purpose == {_entities('Purpose', [purpose])} }}{spared};\n"
                )
        return "\n".join(rules)


def grants_of(policy: AccessPolicy, of: str | Sector) -> pd.DataFrame:
    """Return what a policy grants to whom at the best of circumstances: role, action, kind, purpose."""
    return access_matrix(policy, of).to_frame()[GRANT]


def unused_grants(
    grants: Source | pd.DataFrame | str,
    access_log: Source | pd.DataFrame | str,
    *,
    columns: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    fewest_days: float = FEWEST_DAYS,
    fewest_events: int = FEWEST_EVENTS,
    keep: Sequence[str] = KEPT_PURPOSES,
) -> GrantUse | Unassessed:
    """Compare grants with an access log.

    Args:
        grants: role, action, kind, purpose; one grant a row (see :func:`grants_of`).
        access_log: one access a row, as any source of :mod:`secure_ai.core.sources`; with the role.
        columns: names of the log's columns: ``who``, ``role``, ``action``, ``kind``, ``purpose``, ``time``.
        kinds: resource in the log → kind in the grants, where they differ.
        fewest_days, fewest_events: a shorter log is not judged.
        keep: purposes that are never proposed for taking back.

    Returns:
        The comparison, or why it cannot be made: a log too short says nothing about what is not needed.

    Raises:
        UserError: if a column is missing or the log's times are no times.
    """
    place = {**LOG_COLUMNS, **(columns or {})}
    granted, log = as_source(grants), as_source(access_log)
    granted.require(GRANT)
    log.require(place.values())
    given = granted.to_pandas(GRANT).astype(str).drop_duplicates()
    uses, days, events = _uses(log, place, kinds or {})
    if events < fewest_events or days < fewest_days:
        return Unassessed(
            f"The log covers {days:,.0f} days and {events:,} accesses: at least {fewest_days:,.0f} days and "
            f"{fewest_events:,} accesses are needed before a grant can be called unused."
        )
    joined = uses.merge(given.assign(granted=True), on=GRANT, how="left")
    inside = joined[joined["granted"].notna()]
    outside = int(joined.loc[joined["granted"].isna(), "uses"].sum())
    seen = inside.groupby(GRANT, as_index=False).agg(
        uses=("uses", "sum"), people=("who", "nunique"), last_use=("last_use", "max")
    )
    by_role = given.merge(seen, on=GRANT, how="left")
    by_role[["uses", "people"]] = by_role[["uses", "people"]].fillna(0).astype(int)
    by_role["last_use"] = by_role["last_use"].fillna("never")
    of_role = by_role["role"].map(uses.groupby("role")["uses"].sum()).fillna(0)
    never = by_role["uses"] == 0
    logged = by_role["action"].isin(uses["action"]) & by_role["kind"].isin(uses["kind"])
    by_role["status"] = "used"
    by_role.loc[by_role["uses"] <= RARE, "status"] = "rare"
    by_role.loc[never, "status"] = "unused"
    by_role.loc[never & (of_role < FEWEST_OF_ROLE), "status"] = "too little seen"
    by_role.loc[never & ~logged, "status"] = "not in this log"
    by_role.loc[never & by_role["purpose"].isin(keep), "status"] = "kept"
    unseen = by_role["status"] == "unused"
    by_role["at_most_per_1000"] = (3_000 / of_role).where(unseen).round(2)
    order = pd.Categorical(by_role["status"], list(STATUSES), ordered=True)
    by_role = by_role.assign(_order=order).sort_values(["_order", *GRANT]).drop(columns="_order")
    used = inside.groupby(["who", "role"]).size().rename("used")
    people = uses.groupby(["who", "role"])["uses"].sum().rename("accesses").to_frame().join(used)
    people = people.fillna({"used": 0}).astype({"used": int}).reset_index()
    people.insert(2, "granted", people["role"].map(given.groupby("role").size()).fillna(0).astype(int))
    return GrantUse(
        by_role=by_role.reset_index(drop=True),
        by_person=people[["who", "role", "granted", "used", "accesses"]],
        days=days,
        events=events,
        outside=outside,
    )


def logged_roles(
    of: str | Sector, access_log: pd.DataFrame, staff: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a sector's log with each person's role, and its columns' names for :func:`unused_grants`.

    Raises:
        UserError: if the table of staff has no column ``role`` or does not have a person of the log.
    """
    known = sector(of) if isinstance(of, str) else of
    who = known.log_columns["who"]
    if "role" not in staff.columns or who not in staff.columns:
        raise UserError(f"The table of staff needs the columns '{who}' and 'role'.")
    log = access_log.merge(staff[[who, "role"]], on=who, how="left")
    if log["role"].isna().any():
        raise UserError("The access log names persons whom the table of staff does not have.")
    names = {name: known.log_columns[name] for name in ("who", "action", "kind", "purpose", "time")}
    return log, {**names, "role": "role"}


def _uses(log: Source, place: Mapping[str, str], kinds: Mapping[str, str]) -> tuple[pd.DataFrame, float, int]:
    """Count the log by person and grant, in DuckDB: rows, days from first to last, events."""
    name = {key: quote_identifier(column) for key, column in place.items()}
    time = f"TRY_CAST({name['time']} AS TIMESTAMP)"
    bad, first, last, events = log.sql(
        f"SELECT count(*) FILTER ({time} IS NULL), min({time}), max({time}), count(*) FROM source"
    ).fetchone()
    if bad:
        raise UserError(
            f"{log.label} has {bad:,} rows whose '{place['time'][:60]}' is no time: write it as "
            "2026-01-31 08:15:00."
        )
    groups = ", ".join(f"{name[key]}::VARCHAR AS {key}" for key in ("who", *GRANT))
    uses = log.sql(
        f"SELECT {groups}, count(*) AS uses, max({time})::DATE::VARCHAR AS last_use FROM source "
        "GROUP BY ALL ORDER BY ALL"
    ).df()
    uses["kind"] = uses["kind"].map(lambda kind: kinds.get(kind, kind))
    return uses, (last - first).total_seconds() / 86_400, int(events)


def _entities(type_name: str, identifiers: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"{type_name}::{_quoted(identifier)}" for identifier in sorted(set(identifiers)))


def _quoted(text: str) -> str:
    """Return a text as Cedar writes it; JSON escapes other characters otherwise."""
    signs = (c if c.isprintable() and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in text)
    return f'"{"".join(signs)}"'
