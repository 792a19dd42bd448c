"""Which law gives which right, with its clock, its exemptions and its citation; read from laws.yaml."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import yaml

from secure_ai.core.errors import UserError
from secure_ai.govern.rights.clock import Clock, due_date

RIGHTS = ("access", "correction", "erasure", "portability", "objection", "automated_decision")
SECTORS = ("healthcare", "finance")
RESIDENCES = ("us", "us-ca", "eu")


@dataclass(frozen=True, slots=True)
class Right:
    """What a law says of one right.

    Attributes:
        law: name of the law.
        name: one of :data:`RIGHTS`.
        citation: where the law gives it, or the nearest place where it does not.
        given: whether the law gives it.
        reason: why not, in a sentence for the person who asked.
        clock: by when; None where the right is not given.
        classes: data classes that it reaches; empty means all.
        scope: the same in words.
        withheld: where the law lets data about others be left out of a copy.
        blocked: kind of block → where the law allows what it keeps.
        duties_of: whose duties to keep the law recognizes (``"EU"`` and its member states); empty means any.
        duties_said: that in a sentence for the person whose data another law asks to keep.
        refusals: ground on which a correction may be refused → citation.
        disagreement: where the law lets the person object to a refused correction.
        instead: rights to offer where this one is not given.
        review: whether a person must look at the decision again.
        inspection_days: business days within which the person may look at records on the spot; zero where the
            law says nothing of it.
        inspection_citation: where it says so.
        voluntary: whether the organization reviews it although no law asks.
        within_days_of_decision: by when after the decision one has to ask; zero without limit.
        verified: False where the wording was not compared with the source.
    """

    law: str
    name: str
    citation: str
    given: bool = True
    reason: str = ""
    clock: Clock | None = None
    classes: tuple[str, ...] = ()
    scope: str = ""
    withheld: str = ""
    formats: str = ""
    blocked: Mapping[str, str] = field(default_factory=dict)
    duties_of: tuple[str, ...] = ()
    duties_said: str = ""
    refusals: Mapping[str, str] = field(default_factory=dict)
    disagreement: str = ""
    instead: tuple[str, ...] = ()
    review: bool = False
    inspection_days: int = 0
    inspection_citation: str = ""
    voluntary: bool = False
    within_days_of_decision: int = 0
    verified: bool = False

    def reaches(self, data_class: str) -> bool:
        """Return whether the right reaches data of that class."""
        return not self.classes or data_class in self.classes

    def allows(self, kind: str, jurisdiction: str) -> bool:
        """Return whether the law lets data be kept for a hold, or for a duty of that jurisdiction."""
        return kind != "duty" or not self.duties_of or jurisdiction.partition("-")[0] in self.duties_of


@dataclass(frozen=True, slots=True)
class Exemption:
    """What a law leaves out, because another law governs it."""

    sector: str
    classes: frozenset[str]
    citation: str
    reason: str
    verified: bool


@dataclass(frozen=True, slots=True)
class NeverGiven:
    """What no copy under a law holds.

    Attributes:
        columns: words in the names of such columns.
        records: column → word in its value, for whole records.
        citation, reason: said in every copy alike.
    """

    columns: frozenset[str]
    records: Mapping[str, str]
    citation: str
    reason: str


@dataclass(frozen=True, slots=True)
class Law:
    """One law with its rights.

    Attributes:
        name, title, source: what it is and where it is published.
        sectors, residence: to whom it applies here.
        staff_names: ``"keep"`` or ``"mask_in_logs"``: what a copy says of who worked with the data.
        proxies: who may ask for another → citation.
        majority: age from which a parent can no longer ask.
        minors_own_care: where the law lets a minor keep care that they consented to themselves from a parent.
        identity_points: how many details must agree before anybody counts as identified.
        identity_citation: where the law asks for that.
        complaint: where to complain.
        rights: name → right.
        exemptions: what it leaves out.
    """

    name: str
    title: str
    source: str
    sectors: tuple[str, ...]
    residence: tuple[str, ...]
    staff_names: str
    proxies: Mapping[str, str]
    majority: int
    minors_own_care: str
    identity_points: int
    identity_citation: str
    complaint: str
    rights: Mapping[str, Right]
    exemptions: tuple[Exemption, ...]

    def exemption(self, sector: str, data_class: str) -> Exemption | None:
        """Return why the law leaves data of this class out, if it does."""
        return next((e for e in self.exemptions if e.sector == sector and data_class in e.classes), None)

    def exempts_all(self, sector: str) -> bool:
        """Return whether the law leaves out everything that such an organization keeps about its people."""
        # Only an exemption of everything names the records of requests, which are about nothing else.
        return self.exemption(sector, "request_record") is not None


@cache
def never_given(law: str, sector: str) -> tuple[NeverGiven, ...]:
    """Return what no copy under that law holds at an organization of that sector; may be empty."""
    return tuple(
        NeverGiven(frozenset(one.get("columns", ())), one.get("records", {}), one["citation"], one["reason"])
        for one in _content()["never_given"]
        if (one["law"], one["sector"]) == (law, sector)
    )


@cache
def _content() -> Mapping[str, Any]:
    return yaml.safe_load((resources.files(__package__) / "laws.yaml").read_text(encoding="utf-8"))


@cache
def read_laws() -> Mapping[str, Law]:
    """Return every law, by name."""
    return {name: _law(name, fields) for name, fields in _content()["laws"].items()}


def laws_for(sector: str, residence: str) -> tuple[Law, ...]:
    """Return the laws under which a person of that residence may ask an organization of that sector.

    Args:
        sector: ``"healthcare"`` or ``"finance"``.
        residence: of the person: ``"us"``, ``"us-ca"`` (California) or ``"eu"``.

    Raises:
        UserError: if either is unknown.
    """
    if sector not in SECTORS:
        raise UserError(f"There is no sector '{sector}': choose healthcare or finance.")
    if residence not in RESIDENCES:
        raise UserError("The residence of the person is not known here: choose us, us-ca or eu.")
    return tuple(law for law in read_laws().values() if sector in law.sectors and residence in law.residence)


def answering_laws(right: str, sector: str, residence: str) -> tuple[tuple[Law, Right], ...]:
    """Return the laws that give the right and do not exempt everything, in the order of preference.

    Raises:
        UserError: if the right, sector or residence is unknown.
    """
    if right not in RIGHTS:
        raise UserError(f"There is no right '{right}': choose from {', '.join(RIGHTS)}.")
    found = [(law, law.rights[right]) for law in laws_for(sector, residence)]
    return tuple((law, one) for law, one in found if one.given and not law.exempts_all(sector))


def rule(right: str, sector: str, residence: str) -> tuple[Law, Right]:
    """Return the law that a request is answered under; where none gives the right, that which says why not.

    Raises:
        UserError: if the right, sector or residence is unknown.
    """
    found = answering_laws(right, sector, residence)
    if found:
        return found[0]
    law = laws_for(sector, residence)[0]
    return law, law.rights[right]


def binding_clock(
    right: str, sector: str, residence: str, received: date, holidays: Collection[date] = ()
) -> Clock:
    """Return the clock that a request is answered by: the shortest of the laws that answer it.

    A refusal is due by the law that refuses, or by the clock of its other rights where it names none.

    Raises:
        UserError: if the right, sector or residence is unknown.
    """
    clocks = [one.clock for _, one in answering_laws(right, sector, residence) if one.clock]
    if not clocks:
        law, one = rule(right, sector, residence)
        clocks = [one.clock or next(r.clock for r in law.rights.values() if r.clock)]
    return min(clocks, key=lambda clock: due_date(clock, received, holidays=holidays))


def _law(name: str, fields: Mapping[str, Any]) -> Law:
    return Law(
        name=name,
        title=fields["title"],
        source=fields["source"],
        sectors=tuple(fields["sectors"]),
        residence=tuple(fields["residence"]),
        staff_names=fields["staff_names"],
        proxies=fields["proxies"],
        majority=fields["majority"],
        minors_own_care=fields.get("minors_own_care", ""),
        identity_points=fields["identity"]["points"],
        identity_citation=fields["identity"]["citation"],
        complaint=fields["complaint"],
        rights={right: _right(name, right, fields["rights"][right]) for right in RIGHTS},
        exemptions=tuple(
            Exemption(e["sector"], frozenset(e["classes"]), e["citation"], e["reason"], e["verified"])
            for e in fields.get("exemptions", ())
        ),
    )


_TUPLES = {"classes", "instead", "duties_of"}


def _right(law: str, name: str, fields: Mapping[str, Any]) -> Right:
    plain = {
        key: value for key, value in fields.items() if key not in _TUPLES | {"clock", "as", "inspection"}
    }
    inspection = fields.get("inspection", {})
    return Right(
        law=law,
        name=name,
        clock=_clock(fields["clock"]) if "clock" in fields else None,
        inspection_days=inspection.get("business_days", 0),
        inspection_citation=inspection.get("citation", ""),
        **{key: tuple(fields.get(key, ())) for key in _TUPLES},
        **plain,
    )


def _clock(fields: Mapping[str, Any]) -> Clock:
    period, extension = fields["period"], fields.get("extension", {})
    receipt = fields.get("acknowledge", {})
    return Clock(
        citation=fields["citation"],
        days=period.get("days", 0),
        months=period.get("months", 0),
        extra_days=extension.get("days", 0),
        extra_months=extension.get("months", 0),
        counting=fields.get("counting", "plain"),
        suspended_for_identity=fields.get("suspended_for_identity", False),
        acknowledge_business_days=receipt.get("business_days", 0),
        acknowledge_citation=receipt.get("citation", ""),
        extension_needs=extension.get("needs", ""),
    )
