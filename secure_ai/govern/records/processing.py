"""The record of processing activities (GDPR Art. 30), checked against what the files really hold."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from secure_ai.core import Unassessed, UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.discover import Inventory
from secure_ai.govern.records.categories import (
    CategoryFound,
    check_categories,
    not_found,
    special_categories,
    undeclared,
)
from secure_ai.govern.records.document import Facts, Paragraph, Record, Section, Table, Text, ToBeFilled
from secure_ai.govern.records.forms import Form, given, given_list, read_form
from secure_ai.govern.records.words import csv_cell, plain

CONTROLLER_COLUMNS = (
    "Activity",
    "Purposes",
    "Data subjects",
    "Personal data",
    "Recipients",
    "Transfers",
    "Time limits for erasure",
    "Security measures",
)
PROCESSOR_COLUMNS = ("Activity", "Controllers", "Categories of processing", "Transfers", "Security measures")


class Party(Form):
    """Who answers: name and contact of controller or processor (Art. 30(1)(a), 30(2)(a))."""

    name: str | None = None
    contact: str | None = None
    representative: str | None = Field(default=None, description="'none' where no one is needed.")
    joint_controllers: tuple[str, ...] | None = None
    data_protection_officer: str | None = None


class Transfer(Form):
    """A transfer to a third country or international organization (Art. 30(1)(e))."""

    country: str
    recipient: str | None = None
    safeguard: str | None = Field(default=None, description="Adequacy, standard clauses, binding rules …")


class Period(Form):
    """A time limit for erasure (Art. 30(1)(f)): of which data, how long, by which rule."""

    data: str
    period: str | None = None
    source: str = ""


class Activity(Form):
    """One processing activity. A list left out is a gap; an empty list says that there is none."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    name: str | None = None
    purposes: tuple[str, ...] | None = None
    lawful_basis: str | None = Field(default=None, description="Not asked by Art. 30; kept beside it.")
    article_9_case: str | None = None
    data_subjects: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = Field(default=None, description="Names of records.categories.")
    recipients: tuple[str, ...] | None = None
    transfers: tuple[Transfer, ...] | None = None
    retention: tuple[Period, ...] | None = None
    security: tuple[str, ...] | None = None
    controllers: tuple[str, ...] | None = Field(default=None, description="For a processor: each controller.")
    processing: tuple[str, ...] | None = Field(default=None, description="For a processor: what it does.")
    files: tuple[str, ...] = Field(default=(), description="Files and tables that hold its data.")

    @model_validator(mode="after")
    def _known_categories(self) -> Activity:
        check_categories(self.categories or (), f"Activity {self.id}")
        return self


class ProcessingInventory(Form):
    """What an organization declares: itself and its activities."""

    role: Literal["controller", "processor"] = "controller"
    organization: Party = Party()
    activities: tuple[Activity, ...] = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> ProcessingInventory:
        ids = [activity.id for activity in self.activities]
        repeated = next((one for one in ids if ids.count(one) > 1), None)
        if repeated is not None:
            raise UserError(f"Two activities have the id '{repeated}': give each its own.")
        return self


def read_processing(path: str | Path) -> ProcessingInventory:
    """Read the declared activities from YAML; see ``data/processing_healthcare.yaml`` for the fields.

    Raises:
        UserError: if the file cannot be read, or a field is unknown or ill typed.
    """
    return read_form(path, ProcessingInventory)


def undeclared_categories(
    declared: ProcessingInventory, files: Mapping[str, Sequence[Inventory]]
) -> dict[str, tuple[CategoryFound, ...]]:
    """Return activity id → categories that its files hold and the record does not declare.

    Args:
        declared: the inventory.
        files: activity id → what :func:`secure_ai.discover.inventory` found in its files.

    Raises:
        UserError: if ``files`` names an activity that is not declared.
    """
    known = {activity.id: activity for activity in declared.activities}
    stray = next((one for one in files if one not in known), None)
    if stray is not None:
        raise UserError(f"No activity is called '{stray}': choose from {', '.join(known)}.")
    return {one: undeclared(known[one].categories or (), found) for one, found in files.items()}


def processing_record(
    declared: ProcessingInventory,
    files: Mapping[str, Sequence[Inventory]] | None = None,
    *,
    dated: date | None = None,
) -> Record:
    """Return the record of processing activities as a document: Art. 30(1), or 30(2) for a processor.

    Args:
        declared: what the organization says.
        files: activity id → inventories of its files; an activity without any is marked unassessed.
        dated: date of the record.
    """
    files = files or {}
    flagged = undeclared_categories(declared, files)
    paragraph = "30(1)" if declared.role == "controller" else "30(2)"
    columns = CONTROLLER_COLUMNS if declared.role == "controller" else PROCESSOR_COLUMNS
    sections = (
        Section("Who answers", (_party(declared),)),
        Section(
            "Processing activities",
            (
                Table(
                    f"Activities with the particulars of Art. {paragraph}",
                    columns,
                    tuple(_row(declared.role, activity) for activity in declared.activities),
                ),
            ),
        ),
        Section("Lawful bases", (_bases(declared, flagged),)),
        Section("What the files say", tuple(_findings(declared, files, flagged))),
    )
    found = [one for listed in flagged.values() for one in listed]
    kinds = len({(activity, one.category) for activity, listed in flagged.items() for one in listed})
    return Record(
        title=f"Record of processing activities: {plain(given(declared.organization.name, 'organization'))}",
        sections=sections,
        file_name="record_of_processing",
        kind=f"GDPR Art. {paragraph}",
        facts={"Role": declared.role, "Activities": len(declared.activities)},
        summary=(
            f"{kinds} undeclared {'category was' if kinds == 1 else 'categories were'} found in the files, "
            f"in {len(found)} {'column' if len(found) == 1 else 'columns'}."
            if files
            else "The declared categories were not compared with any file."
        ),
        dated=dated,
    )


def write_register(declared: ProcessingInventory, target: str | Path) -> Path:
    """Write the activities as CSV; a cell that a spreadsheet would run as a formula begins with ``'``.

    Raises:
        UserError: if the file cannot be written.
    """
    columns = CONTROLLER_COLUMNS if declared.role == "controller" else PROCESSOR_COLUMNS
    path = Path(target)
    with atomic_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for activity in declared.activities:
            writer.writerow([csv_cell(plain(cell)) for cell in _row(declared.role, activity)])
    return path


def _party(declared: ProcessingInventory) -> Facts:
    party = declared.organization
    pairs: list[tuple[str, Text]] = [
        (declared.role.capitalize(), given(party.name, f"name of the {declared.role}")),
        ("Contact", given(party.contact, f"contact of the {declared.role}")),
        ("Representative", given(party.representative, "representative, or 'none'")),
        ("Data protection officer", given(party.data_protection_officer, "data protection officer")),
    ]
    if declared.role == "controller":
        joint = given_list(party.joint_controllers, "joint controllers, or an empty list")
        pairs.insert(2, ("Joint controllers", joint))
    return Facts(tuple(pairs))


def _row(role: str, activity: Activity) -> tuple[Text, ...]:
    name = given(activity.name, f"name of {activity.id}")
    transfers = _transfers(activity)
    security = given_list(activity.security, f"security measures of {activity.id}")
    if role == "processor":
        return (
            name,
            given_list(activity.controllers, f"controllers of {activity.id}"),
            given_list(activity.processing, f"categories of processing of {activity.id}"),
            transfers,
            security,
        )
    return (
        name,
        given_list(activity.purposes or None, f"purposes of {activity.id}"),
        given_list(activity.data_subjects or None, f"data subjects of {activity.id}"),
        given_list(activity.categories or None, f"categories of personal data of {activity.id}"),
        given_list(activity.recipients, f"recipients of {activity.id}"),
        transfers,
        _periods(activity),
        security,
    )


def _transfers(activity: Activity) -> Text:
    if activity.transfers is None:
        return ToBeFilled(f"transfers of {activity.id}, or an empty list")
    if not activity.transfers:
        return "none"
    parts: list = []
    for one in activity.transfers:
        parts += [f"{one.country}", f" ({one.recipient}): " if one.recipient else ": "]
        parts += [given(one.safeguard, f"safeguard for {one.country}"), "; "]
    return tuple(parts[:-1])


def _periods(activity: Activity) -> Text:
    if not activity.retention:
        return ToBeFilled(f"time limits of {activity.id}")
    parts: list = []
    for one in activity.retention:
        source = f" ({one.source})" if one.source else ""
        parts += [f"{one.data}: ", given(one.period, f"period for {one.data}"), f"{source}; "]
    parts[-1] = parts[-1].removesuffix("; ")
    return tuple(parts)


def _bases(declared: ProcessingInventory, flagged: Mapping[str, tuple[CategoryFound, ...]]) -> Table:
    rows = []
    for activity in declared.activities:
        special = sorted(set(activity.categories or ()) & special_categories())
        special += sorted({f"{one.category} (found)" for one in flagged.get(activity.id, ()) if one.special})
        case: Text = "not needed: no special category declared or found"
        if special:
            case = given(activity.article_9_case, f"case of Art. 9(2) for {activity.id}")
        basis = given(activity.lawful_basis, f"lawful basis of {activity.id}")
        rows.append((activity.id, basis, "; ".join(special) or "none", case))
    columns = ("Activity", "Lawful basis (Art. 6)", "Special categories", "Case of Art. 9(2)")
    return Table("Lawful basis of each activity (kept beside the record)", columns, tuple(rows))


def _findings(
    declared: ProcessingInventory,
    files: Mapping[str, Sequence[Inventory]],
    flagged: Mapping[str, tuple[CategoryFound, ...]],
) -> list[Paragraph | Table]:
    blocks: list[Paragraph | Table] = []
    for activity in declared.activities:
        if not files.get(activity.id):
            reason = f"no file of {activity.id} was read, so its declared categories are not checked"
            blocks.append(Paragraph(Unassessed(reason)))
            continue
        rows = tuple(
            (found.category, found.table, found.column, "yes" if found.special else "no")
            for found in flagged[activity.id]
        )
        columns = ("Category", "File or table", "Column", "Special category (Art. 9)")
        blocks.append(Table(f"{activity.id}: found and not declared", columns, rows))
        unseen = not_found(activity.categories or (), files[activity.id])
        if unseen:
            blocks.append(
                Paragraph(
                    f"{activity.id}: declared, and in none of the files that were read: {'; '.join(unseen)}."
                )
            )
        free = [
            f"{one.label}.{column.name}"
            for one in files[activity.id]
            for column in one.columns
            if column.free_text
        ]
        if free:
            blocks.append(
                Paragraph(f"{activity.id}: free text can hold any category: {', '.join(free)}.", note=True)
            )
    return blocks
