"""The house of chapter 16 from outside: its vendors, what it hands over, who consented, who asks for what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.secret_keys import Key
from secure_ai.encrypt.transport.certificates import CertificateAuthority
from secure_ai.encrypt.transport.public_keys import (
    KeyPairFiles,
    generate_recipient_key,
    generate_signing_key,
    read_public_line,
)
from secure_ai.govern.consent import ConsentGate, ConsentLedger, ConsentText, Purposes
from secure_ai.govern.estate import Estate, Subject, build_estate
from secure_ai.govern.handover import (
    Contract,
    HandOver,
    HandoverRegister,
    Purpose,
    Received,
    example_purpose,
    prepare_handover,
    receive_handover,
    send_handover,
)
from secure_ai.govern.retention import Holds, RetentionSchedule, SweepReport, last_records
from secure_ai.govern.rights import Case, Decision, RightsDesk
from secure_ai.govern.vendors import (
    VendorAssessment,
    assess_vendor,
    example_day,
    example_engagement,
    example_vendors,
    load_questionnaire,
    write_example_evidence,
)
from secure_ai.learn.clocks import SteppingClock
from secure_ai.learn.frames import as_table
from secure_ai.learn.parameters import of_sector

if TYPE_CHECKING:
    from secure_ai.govern.estate import ErasureReceipt
    from secure_ai.govern.estate.search.traces import Traces
    from secure_ai.learn.display import Table

TODAY = example_day()
LATER = date(2037, 3, 2)
"""When every statutory period of the example has ended."""
PERSON = {"healthcare": ("patients", "patient_id"), "finance": ("customers", "customer_id")}
HOUSE = {"healthcare": "Fernmoor Clinic", "finance": "Fernmoor Bank"}
NUMBER = {"healthcare": "mrn", "finance": "ssn"}
CONSENT_PURPOSE = {"healthcare": "research", "finance": "model development"}
MENTIONED = {"healthcare": ("notes", "note_id", "text"), "finance": ("chats", "chat_id", "text")}
SCORING_PURPOSE = {"healthcare": "model_scoring", "finance": "model scoring"}
CONSENTED = 40
LITTLE = {"healthcare": 300, "finance": 4_000}
"""Rows of the house in which everything is kept: enough for every kind of place."""


class House:
    """An invented hospital or bank with everything that it keeps, in a temporary folder.

    Args:
        data: tables of a sector (``synthetic_data.load``).
        seed: of the pseudonyms and of the hand-over.

    Attributes:
        folder: where everything lies; gone with :meth:`close`.
        audit: the trail of all decisions.
    """

    def __init__(self, data: Any, seed: int = 7) -> None:
        self._place = TemporaryDirectory(prefix="secure-ai-")
        self.folder, self.data, self.seed, self.sector = Path(self._place.name), data, seed, data.sector
        self.clock = SteppingClock(datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC))
        self.audit = AuditLog(clock=self.clock)
        self.name = of_sector(HOUSE, self.sector)

    @property
    def key(self) -> str:
        """The column by which tables know a person."""
        return PERSON[self.sector][1]

    @cached_property
    def estate(self) -> Estate:
        """Every place that keeps personal data, on disk."""
        return build_estate(
            self.folder / "estate", self.sector, self.data.tables, seed=self.seed, audit=self.audit
        )

    @cached_property
    def holds(self) -> Holds:
        """The ledger of legal holds."""
        return Holds(audit=self.audit, clock=self.clock)

    @cached_property
    def schedule(self) -> RetentionSchedule:
        """The example schedule of the sector, which knows when each relationship ended."""
        ended = last_records(self.estate)
        return RetentionSchedule.load(self.sector, relationship_end=lambda person: ended.get(person.key))

    def desk(self, today: date = TODAY) -> RightsDesk:
        """Return the desk that answers requests, on a day."""
        clock = SteppingClock(datetime(today.year, today.month, today.day, 9, tzinfo=UTC))
        return RightsDesk(
            self.estate, self.sector, blockers=[self.holds, self.schedule], audit=self.audit, clock=clock
        )

    def somebody(self) -> Subject:
        """Return the person of whom most places hold something, the first of them by key."""
        found = [
            (len(self.estate.holdings(one)), one) for one in map(self.estate.subject, self._candidates())
        ]
        return max(found, key=lambda pair: pair[0])[1]

    def _candidates(self) -> list[str]:
        # Only those with a text of their own: the others are in fewer places.
        texts = self.data.tables[MENTIONED[self.sector][0]]
        return sorted(set(texts[self.key].dropna()))[:10]

    def namesake(self, of: Subject) -> str:
        """Give somebody else the same first and last name, and return their key."""
        table, key = PERSON[self.sector]
        other = next(one for one in self._candidates() if one != of.key)
        rows = self.data.tables[table].set_index(key)
        for column in ("first_name", "last_name"):
            self.estate.correct(self.estate.subject(other), table, column, rows.loc[of.key, column])
        return other

    def mention(self, of: Subject) -> None:
        """Let somebody else's text name the person, as notes do: with a telephone number to call back."""
        store, record, text = MENTIONED[self.sector]
        other = self.estate.subject(next(one for one in reversed(self._candidates()) if one != of.key))
        note = self.estate.store(store).export(other)[0]
        name, phone = (of.identifiers[kind][0] for kind in ("name", "phone"))
        words = f"{note[text]}\nBrought by {name}, to be called at {phone}.\n"
        self.estate.correct(other, store, text, words, record=note[record])

    def close(self) -> None:
        """Delete the folder and everything in it."""
        self._place.cleanup()


# ---------------------------------------------------------------- vendors


def assessed(house: House) -> list[VendorAssessment]:
    """Assess the three example vendors with the documents that they handed in."""
    questions, engagement = load_questionnaire(house.sector), example_engagement(house.sector)
    folders = write_example_evidence(house.sector, house.folder / "evidence")
    return [
        assess_vendor(form, questions, TODAY, folders[form.vendor], engagement=engagement, audit=house.audit)
        for form in example_vendors(house.sector)
    ]


def promises(found: Sequence[VendorAssessment]) -> Table:
    """Return what each vendor says beside what each shows."""
    rows = [
        (
            one.vendor,
            sum(result.status not in ("gap", "unanswered") for result in one.results),
            sum(result.status == "shown" for result in one.results),
            len(one.results),
        )
        for one in found
    ]
    table = pd.DataFrame(rows, columns=["vendor", "answers that sound right", "of these shown", "asked"])
    return as_table(table, "What they say, and what they show")


# ---------------------------------------------------------------- the smallest package


@dataclass(frozen=True)
class Parties:
    """The keys of both sides, and the contract between them.

    Attributes:
        signing: the house's key to sign with; the vendor has its public half from a meeting.
        receiving, vendor_signing: the vendor's keys to open and to sign receipts with.
        certificate, expired: the authority's word that the receiving key is the vendor's, of this year and of
            a time that is over.
        authority: its own certificate.
        contract: what the hand-over rests on.
        register: the house's list of what went where.
    """

    signing: KeyPairFiles
    receiving: KeyPairFiles
    vendor_signing: KeyPairFiles
    certificate: Path
    expired: Path
    authority: Path
    contract: Contract
    register: HandoverRegister


def meet(house: House, vendor: str) -> tuple[Parties, Purpose]:
    """Exchange keys with a vendor and sign a contract; return both with the purpose of the sector."""
    place = house.folder / "keys"
    place.mkdir()
    now = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    authority = CertificateAuthority("Example Authority (invented)", place, now)
    receiving = generate_recipient_key(place / "receiving.key")
    public = read_public_line(receiving.public, "x25519")
    purpose = example_purpose(house.sector)
    contract = Contract(
        id="C-2026-17",
        vendor=vendor,
        purposes=(purpose.name,),
        signed=date(2026, 1, 1),
        ends=date(2027, 12, 31),
        contact="privacy office",
    )
    parties = Parties(
        generate_signing_key(place / "signing.key"),
        receiving,
        generate_signing_key(place / "vendor.key"),
        authority.certify(vendor, public),
        authority.certify(vendor, public, validity="expired"),
        authority.certificate,
        contract,
        HandoverRegister(house.folder / "handovers.sqlite"),
    )
    return parties, purpose


def handed_table(house: House) -> pd.DataFrame:
    """Return the table of which the vendor needs a part."""
    return house.data.tables["claims" if house.sector == "healthcare" else "loans"]


def prepare(
    house: House, parties: Parties, purpose: Purpose, *, name: str = "package", **changes: Any
) -> HandOver:
    """Make the package for the vendor from the house's table; ``changes`` replace arguments."""
    fields: dict[str, Any] = {
        "sender": house.name,
        "contract": parties.contract,
        "retention_until": date(2027, 6, 30),
        "register": parties.register,
        "today": TODAY,
        "authority": parties.authority,
        "seed": house.seed,
        "deidentification_key": Key(bytes(range(64))),
        "audit": house.audit,
    } | changes
    vendor = fields.pop("vendor", parties.certificate)
    return prepare_handover(
        handed_table(house), purpose, vendor, parties.signing.private, house.folder / name, **fields
    )


def deliver(house: House, parties: Parties, package: HandOver) -> Received:
    """Send the package, and open it at the vendor's; the receipt is in what comes back."""
    sent = house.folder / "sent"
    send_handover(
        package.path,
        register=parties.register,
        handover=package.package,
        today=TODAY,
        to=sent,
        audit=house.audit,
    )
    return receive_handover(
        sent,
        house.folder / "at the vendor",
        name=parties.contract.vendor,
        receiving_key=parties.receiving.private,
        signing_key=parties.vendor_signing.private,
        trusted={house.name: parties.signing.public},
        today=TODAY,
    )


# ---------------------------------------------------------------- consent


def ask_for_consent(house: House) -> tuple[ConsentLedger, ConsentGate]:
    """Open a ledger, and record the consent of some people to train a model on their records."""
    ledger = ConsentLedger.create(
        house.folder / "consent.sqlite",
        key=bytes(range(32)),
        witness=house.folder / "consent.witness",
        purposes=Purposes.load(house.sector),
        actor="enrollment",
        clock=house.clock,
        audit=house.audit,
    )
    purpose = CONSENT_PURPOSE[house.sector]
    text = ConsentText(
        "leaflet",
        "2026-01",
        "May we use your records to train a model? You can withdraw at any time.",
        (purpose,),
    )
    table, key = PERSON[house.sector]
    people = house.data.tables[table].set_index(key)["birth_date"]
    learned_from = training_table(house)[key].drop_duplicates()
    adults = [one for one in learned_from if TODAY.year - people[one].year > 18][:CONSENTED]
    for person in adults:
        ledger.give(person, purpose, text=text, actor="enrollment", birth_date=people[person].date())
    return ledger, ConsentGate(ledger, audit=house.audit)


def bases_table(ledger: ConsentLedger, person: str, withdrawn: str) -> Table:
    """Return on what each purpose rests, and whether this person's data may be used for it now."""
    rows = []
    for one in ledger.purposes.purposes:
        if one.basis == "consent":
            consent = "withdrawn" if one.word == withdrawn else "never given"
        else:
            consent = "may object" if one.basis == "opt_out" else "not needed"
        allowed = "yes" if ledger.allowed([person], one.word)[0] else "no"
        if one.basis != "none":
            words = (one.word.replace("_", " "), one.basis.replace("_", " "))
            rows.append((*words, one.citation, consent, allowed))
    columns = ["purpose", "basis", "by", "consent", "may be used now"]
    return as_table(pd.DataFrame(rows, columns=columns), "The person who withdrew, purpose by purpose")


def training_table(house: House) -> pd.DataFrame:
    """Return the rows that the house's model learns from."""
    return house.data.tables["readmissions" if house.sector == "healthcare" else "loans"]


# ---------------------------------------------------------------- retention


def sweep_table(report: SweepReport, caption: str) -> Table:
    """Return what a sweep found in each store, without the columns that a first look does not need."""
    table = report.to_frame()[
        ["store", "class", "may be kept", "due", "removed", "held", "kept by duty", "status"]
    ]
    return as_table(table, caption, report.sentence())


# ---------------------------------------------------------------- requests


def stated(person: Subject, sector: str, *kinds: str) -> dict[str, str]:
    """Return what a person says of themself: the name, and further kinds (``birth_date``, ``number`` …)."""
    number = NUMBER[sector]
    known = {"name": person.identifiers["name"][0]}
    for kind in kinds:
        name = number if kind == "number" else kind
        known[name] = person.birth_date if kind == "birth_date" else person.identifiers[name][0]
    return known


def received_table(asked: Mapping[str, Case], caption: str) -> Table:
    """Return what became of each request at the desk."""
    rows = [
        (
            who,
            case.law,
            case.outcome if case.status == "closed" else case.status,
            "" if case.status == "closed" else str(case.due),
            case.reason,
        )
        for who, case in asked.items()
    ]
    return as_table(
        pd.DataFrame(rows, columns=["who asks for what", "law", "now", "due", "because"]), caption
    )


def decision_table(decision: Decision, caption: str) -> Table:
    """Return a decision place by place, places with one answer together."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for part in decision.parts:
        until = f"until {part.until}" if part.until else ""
        answer = "granted" if part.granted else "refused"
        rows.setdefault((answer, until, part.citation), []).append(part.store)
    table = pd.DataFrame(
        [(", ".join(stores), *answer) for answer, stores in rows.items()],
        columns=["places", "answer", "until", "by"],
    )
    return as_table(table, caption, decision.reason if not decision.parts else "")


def delete_the_row(estate: Estate, person: Subject, sector: str) -> None:
    """Do what many would call an erasure: delete the person's row from the main table."""
    table, key = PERSON[sector]
    path = next(path for path in estate.store(table).files if path.suffix == ".sqlite")
    with closing(sqlite3.connect(path)) as connection:
        # As most builds of SQLite do it: the row is marked as free, and stays in the file until it is needed.
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute(f'DELETE FROM "{table}" WHERE "{key}" = ?', (person.key,))
        connection.commit()


def trace_table(traces: Traces, caption: str) -> Table:
    """Return where a person still is, a row for each file, without any value."""
    if not traces:
        return as_table(
            pd.DataFrame({"file": ["(none)"], "what": [""], "times": [0]}), caption, traces.sentence()
        )
    found = traces.to_frame()
    table = (
        found.assign(kind=found["kind"].str.replace("_", " "))
        .groupby("file", sort=False)
        .agg(what=("kind", lambda kinds: ", ".join(dict.fromkeys(kinds))), times=("count", "sum"))
        .reset_index()
    )
    return as_table(table, caption, traces.sentence())


def receipt_table(receipt: ErasureReceipt, caption: str) -> Table:
    """Return what each place forgot, and what had to stay."""
    rows = [
        (one.store, "stays" if "nothing" in one.method else "gone", one.method, one.records, one.mentions)
        for one in receipt.removals
    ]
    rows += [
        (store, "stays", "; ".join(block.reference for block in blocks), "", "")
        for store, blocks in receipt.blocked.items()
    ]
    table = pd.DataFrame(rows, columns=["place", "now", "how, or why", "records", "mentions masked"])
    return as_table(table if receipt.mentions else table.drop(columns="mentions masked"), caption)


def refused(call: Callable[[], object]) -> str:
    """Return the sentence with which a call is refused; an error if it is not.

    Raises:
        AssertionError: if it went through.
    """
    try:
        call()
    except UserError as problem:
        return f"refused: {problem}"
    raise AssertionError("This was expected to be refused.")
