"""The hospital and the bank in the words of their policies: requests, written short or read from a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from secure_ai.access.policy.request import AccessRequest, Principal, Resource
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Sector:
    """What a request of a sector looks like where nothing special is said.

    The defaults serve lessons, tables and reviews, where one circumstance at a time is varied. An enforcement
    point states every fact itself; a fact left out there is a denial.

    Attributes:
        name: ``"healthcare"`` or ``"finance"``.
        staff, service: facts about a person at work, and about the account of a service.
        records: facts about each kind of record.
        context: circumstances.
        best: facts and circumstances at their most permissive; the relationship is varied beside them.
        related: the relationship that a logged "yes" stands for.
        log_kinds: resource in the access log → kind of record.
        log_purposes: purpose in the access log → purpose of use.
        log_columns: what stands in which column of the synthetic access log.
    """

    name: str
    staff: Facts
    service: Facts
    records: Mapping[str, Facts]
    context: Facts
    best: Facts
    related: str
    log_kinds: Mapping[str, str]
    log_purposes: Mapping[str, str] = field(default_factory=dict)
    log_columns: Mapping[str, str] = field(default_factory=dict)

    def request(
        self,
        who: str | Sequence[str] | Facts,
        action: str,
        what: str | Facts,
        purpose: str,
        **circumstances: Any,
    ) -> AccessRequest:
        """Return a request; what is not said is ordinary.

        Args:
            who: a role, several, or facts such as ``{"roles": ["nurse"], "department": "Cardiology"}``;
                ``{"kind": "ServiceAccount", ...}`` for the account of a service.
            action: such as ``"view"``.
            what: a kind of record, or facts such as ``{"kind": "Chart", "vip": True}``.
            purpose: the purpose of use.
            circumstances: such as ``relationship="care_team"``.

        Raises:
            UserError: if there is no such kind, or a fact or circumstance is not known.
        """
        asking = {"roles": who} if not isinstance(who, Mapping) else dict(who)
        roles = asking.pop("roles", ())
        kind = asking.pop("kind", "Staff")
        asked = {"kind": what} if isinstance(what, str) else dict(what)
        record = asked.pop("kind", "")
        if record not in self.records:
            raise UserError(
                f"The {self.name} policy knows no kind of record '{shown(str(record))}': "
                f"choose from {', '.join(self.records)}."
            )
        about = self.service if kind == "ServiceAccount" else self.staff
        return AccessRequest(
            principal=Principal(
                id=asking.pop("id", "asking person"),
                kind=kind,
                roles=(roles,) if isinstance(roles, str) else tuple(roles),
                attributes=_filled(about, asking, "who"),
            ),
            action=action,
            resource=Resource(
                id=asked.pop("id", "record"),
                kind=record,
                attributes=_filled(self.records[record], asked, "what"),
            ),
            purpose=purpose,
            context=_filled(self.context, circumstances, "circumstances"),
        )


_PATIENT_KINDS = ("Chart", "Notes", "Labs", "Medications", "Demographics", "Billing")
_PATIENT_RECORD = {
    "department": "Internal Medicine",
    "admitted": False,
    "sensitivity": "none",
    "vip": False,
    "consent": False,
    "research_consent": False,
    "restricted": False,
    "locked": False,
    "entered_by": None,
}
_CUSTOMER_RECORD = {
    "branch": "B001",
    "prominent": False,
    "processing_restricted": False,
    "locked": False,
    "case_open": False,
    "entered_by": None,
}
_CIRCUMSTANCES = {
    "relationship": "none",
    "break_glass": False,
    "managed_device": True,
    "approved_by": None,
    "columns": (),
}

HEALTHCARE = Sector(
    name="healthcare",
    staff={"department": "Internal Medicine", "active": True, "training_current": True},
    service={"active": True, "bound_purpose": "model_scoring", "columns": ()},
    records={
        **dict.fromkeys(_PATIENT_KINDS, _PATIENT_RECORD),
        "Prescription": {"entered_by": "another person", "controlled": False},
        "Extract": {"deidentified": True, "approved": True},
        "AuditTrail": {},
        "Model": {"developed_by": "another person", "assessed": True},
        "Key": {"bound_purpose": "model_scoring"},
        "System": {"holds_patient_data": True},
    },
    context=_CIRCUMSTANCES,
    best={
        "admitted": True, "consent": True, "research_consent": True, "break_glass": True,
        "approved_by": "a second person", "columns": ("age",),
    },
    related="care_team",
    log_kinds={
        "chart": "Chart", "notes": "Notes", "labs": "Labs", "medications": "Medications",
        "demographics": "Demographics", "billing": "Billing",
    },
    log_columns={
        "who": "staff_id", "what": "patient_id", "action": "action", "kind": "resource", "purpose": "purpose",
        "relationship": "treatment_relation", "break_glass": "break_glass", "time": "timestamp",
    },
)  # fmt: skip

FINANCE = Sector(
    name="finance",
    staff={"branch": "B001", "active": True, "training_current": True, "approval_limit": 0},
    service={"active": True, "bound_purpose": "model scoring", "columns": ()},
    records={
        **dict.fromkeys(
            ("CustomerProfile", "Account", "Transactions", "Card", "Loan", "Chat"), _CUSTOMER_RECORD
        ),
        "Payment": {"amount": 100, "entered_by": "another person", "suspicious": False},
        "LoanApplication": {"amount": 100, "entered_by": "another person", "model_only": False},
        "SuspicionReport": {"about_staff": False},
        "Extract": {"deidentified": True, "approved": True},
        "AuditTrail": {},
        "Model": {"developed_by": "another person", "assessed": True},
        "Key": {"bound_purpose": "model scoring"},
        "System": {"holds_customer_data": True},
    },
    context={**_CIRCUMSTANCES, "records": 1},
    best={
        "approval_limit": 1_000_000, "case_open": True, "break_glass": True,
        "approved_by": "a second person", "columns": ("amount",),
    },
    related="own branch",
    log_kinds={
        "customer profile": "CustomerProfile", "account": "Account", "transactions": "Transactions",
        "card": "Card", "loan": "Loan", "chat": "Chat",
    },
    log_columns={
        "who": "staff_id", "what": "customer_id", "action": "action", "kind": "resource", "purpose": "reason",
        "records": "records", "time": "timestamp",
    },
)  # fmt: skip

_SECTORS = {sector.name: sector for sector in (HEALTHCARE, FINANCE)}


def sector(name: str) -> Sector:
    """Return the hospital (``"healthcare"``) or the bank (``"finance"``).

    Raises:
        UserError: if there is no such sector.
    """
    if name not in _SECTORS:
        raise UserError(f"There is no sector '{shown(str(name))}': choose from {', '.join(_SECTORS)}.")
    return _SECTORS[name]


def log_requests(
    of: Sector,
    log: pd.DataFrame,
    staff: pd.DataFrame | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    assume: Mapping[str, Any] | None = None,
) -> Iterator[AccessRequest]:
    """Turn the rows of an access log into the requests that they answered, in order.

    Args:
        of: the sector whose words the log speaks.
        log: one access a row.
        staff: one person a row, with the column of ``who``, and ``role``; further columns named like facts
            about staff (``department``, ``branch`` or ``branch_id``) are taken over. Without it the log has
            a column ``role``.
        columns: ``who``, ``what``, ``action``, ``kind``, ``purpose``, and where the log has them ``role``,
            ``relationship`` (text, or yes and no), ``break_glass``, ``records``; the synthetic log's by
            default.
        facts: fact → column of the log, such as ``{"what.vip": "vip"}``; ``what.`` for the record, ``who.``
            for the person, ``circumstances.`` for the rest.
        assume: fact → value for every row, such as ``{"what.research_consent": True}``.

    Raises:
        UserError: if a column is missing, or a row names a person whom ``staff`` does not have.
    """
    place = {**of.log_columns, **(columns or {})}
    given = {name: place[name] for name in place if name in ("relationship", "break_glass", "records")}
    if columns is None or "relationship" not in columns:
        # Not every log of the sector has these; without them the ordinary is assumed, which permits less.
        given = {name: column for name, column in given.items() if column in log.columns}
    taken = {**(facts or {})}
    for name, column in given.items():
        taken.setdefault(f"circumstances.{name}", column)
    joined = _with_staff(of, log, staff, place)
    needed = [place[name] for name in ("who", "what", "action", "kind", "purpose")]
    for column in [*needed, *taken.values()]:
        if column not in joined.columns:
            raise UserError(
                f"The access log has no column '{shown(column)}': name it with columns={{...}} "
                f"(there are {', '.join(map(shown, log.columns[:12]))})."
            )
    yield from _requests(of, joined, place, taken, dict(assume or {}))


def _requests(
    of: Sector,
    joined: pd.DataFrame,
    place: Mapping[str, str],
    taken: Mapping[str, str],
    assume: dict[str, Any],
) -> Iterator[AccessRequest]:
    def values(column: str) -> list[Any]:
        return joined[column].tolist()

    people = [name for name in of.staff if f"who.{name}" in joined.columns]
    listed = {name: values(column) for name, column in taken.items()}
    listed |= {f"who.{name}": values(f"who.{name}") for name in people if f"who.{name}" not in listed}
    rows = zip(
        *(values(place[name]) for name in ("who", "what", "action", "kind", "purpose")),
        values("who.role"),
        *listed.values(),
        strict=True,
    )
    for who, what, action, kind, purpose, role, *rest in rows:
        said: dict[str, dict[str, Any]] = {"who": {}, "what": {}, "circumstances": {}}
        for name, value in (*zip(listed, rest, strict=True), *assume.items()):
            side, _, fact = name.partition(".")
            if side not in said or not fact:
                raise UserError(f"'{shown(name)}' names no fact: write who.…, what.… or circumstances.…")
            said[side][fact] = value
        circumstances = said["circumstances"]
        if isinstance(circumstances.get("relationship"), bool):
            circumstances["relationship"] = of.related if circumstances["relationship"] else "none"
        yield of.request(
            {**said["who"], "id": str(who), "roles": str(role)},
            str(action),
            {**said["what"], "id": str(what), "kind": of.log_kinds.get(str(kind), str(kind))},
            of.log_purposes.get(str(purpose), str(purpose)),
            **circumstances,
        )


def _with_staff(
    of: Sector, log: pd.DataFrame, staff: pd.DataFrame | None, place: Mapping[str, str]
) -> pd.DataFrame:
    if staff is None:
        role = place.get("role", "role")
        if role not in log.columns:
            raise UserError(
                "The access log has no column 'role': give the table of staff, or name the column."
            )
        return log.assign(**{"who.role": log[role]})
    who, role = place["who"], place.get("role", "role")
    for frame, name, column in (
        (log, "access log", who),
        (staff, "table of staff", who),
        (staff, "table of staff", role),
    ):
        if column not in frame.columns:
            raise UserError(f"The {name} has no column '{shown(column)}': name it with columns={{...}}.")
    sources = {name: name if name in staff.columns else f"{name}_id" for name in of.staff}
    facts = {f"who.{name}": staff[column] for name, column in sources.items() if column in staff.columns}
    people = pd.DataFrame({who: staff[who], "who.role": staff[role], **facts})
    if people[who].duplicated().any():
        raise UserError(f"The table of staff has several rows for one '{shown(who)}': keep one a person.")
    joined = log.merge(people, on=who, how="left")
    missing = int(joined["who.role"].isna().sum())
    if missing:
        raise UserError(
            f"{missing:,} accesses of the log are by persons whom the table of staff does not have: "
            "take the table of the same time."
        )
    return joined


def _filled(defaults: Facts, said: Facts, where: str) -> dict[str, Any]:
    unknown = next((name for name in said if name not in defaults), None)
    if unknown is not None:
        known = ", ".join(defaults) or "none"
        raise UserError(f"There is no fact '{shown(str(unknown))}' under {where}: choose from {known}.")
    return {name: value for name, value in {**defaults, **said}.items() if value is not None}
