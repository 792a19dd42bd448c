"""What an institution is made of: roles, services, feeds; and the kinds of incidents."""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = {
    "snooping_colleague": "access",
    "snooping_prominent": "access",
    "snooping_household": "access",
    "bulk_night_reading": "access",
    "break_glass_abuse": "access",
    "dormant_account": "access",
    "export_volume": "export",
    "export_destination": "export",
    "purpose_fields": "purpose",
    "purpose_resource": "purpose",
    "purpose_volume": "purpose",
    "extraction": "model_query",
    "boundary_probing": "model_query",
    "membership_probing": "model_query",
}
TRANSACTION_KINDS = {
    "healthcare": ("phantom_billing", "duplicate_billing", "impossible_day", "upcoding_burst"),
    "finance": ("card_testing", "account_takeover", "mule_layering", "cloned_card"),
}


def family_of(kind: str) -> str:
    """The family of a kind of incident."""
    return FAMILIES.get(kind, "transaction")


def kinds_of(sector: str) -> tuple[str, ...]:
    """The kinds of incidents that can be planted in a sector."""
    return (*FAMILIES, *TRANSACTION_KINDS[sector])


@dataclass(frozen=True)
class Role:
    """How people of a role work.

    Attributes:
        share: of the staff.
        units: where they belong; "*" stands for every care unit or branch.
        per_shift: records opened in a shift, on average.
        reach: "unit" (own unit), "cover" (another care unit each shift) or "all".
        panel: subjects that one person looks after; 0 for whoever comes.
        relation: what the system usually knows.
        purposes, resources, actions: what they do, the first most often.
        office: weekdays only, by day.
        exports: per week.
    """

    name: str
    share: float
    units: tuple[str, ...]
    per_shift: float
    reach: str
    panel: int
    relation: str
    purposes: tuple[str, ...]
    resources: tuple[str, ...]
    office: bool = False
    exports: float = 0.0


@dataclass(frozen=True)
class Service:
    """A program that asks for records to score: what it was declared for.

    Attributes:
        calls: calls a day; 1 is a nightly job.
        records: per call, typically.
    """

    name: str
    model: str
    purpose: str
    resources: tuple[str, ...]
    fields: tuple[str, ...]
    records: int
    calls: int


@dataclass(frozen=True)
class Sector:
    """One institution.

    Attributes:
        care: units that subjects belong to; a bank's branches are numbered by its size.
        exits: destinations of exports that people make.
        feeds: announced nightly exports: (destination, resource, typical records); ``new_feed`` begins within
            the month.
        beyond_fields: fields that no service was declared for.
        override_roles: who may override the lock of a record in an emergency.
        dataset: what the institution's records are called.
    """

    name: str
    roles: tuple[Role, ...]
    care: tuple[str, ...]
    services: tuple[Service, ...]
    exits: tuple[str, ...]
    feeds: tuple[tuple[str, str, int], ...]
    new_feed: tuple[str, str, int]
    beyond_fields: tuple[str, ...]
    resources: tuple[str, ...]
    subject_prefix: str
    emergency_unit: str
    override_roles: tuple[str, ...]
    models: tuple[str, ...]
    dataset: str
