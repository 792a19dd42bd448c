"""A copy of what is held about a person: pages to read, CSV, JSON and FHIR; nobody else's details in it."""

from __future__ import annotations

import csv
import html
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_directory
from secure_ai.discover.column_names import words_of
from secure_ai.govern.estate.forms import squeezed
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.records import Facts, Paragraph, Record, Section, Table, ToBeFilled, write_record
from secure_ai.govern.records.words import csv_cell
from secure_ai.govern.rights.fhir import MAKERS, fhir_bundle
from secure_ai.govern.rights.laws import Law, NeverGiven, Right
from secure_ai.govern.rights.others import Masked, Redactor, is_empty

SHOWN_ROWS = 200
README = "read-me-first"
ABOUT = (
    "purposes",
    "categories",
    "recipients",
    "how long it is kept",
    "where it came from",
    "automated decisions",
)
"""What a person is told with the copy (GDPR Art. 15(1)); useful under any law."""
MASKS_SAID = (
    "Details of other people were left out. Where you need one of them, say which and why: a person decides."
)


@dataclass(frozen=True)
class Export:
    """A copy that was written.

    Attributes:
        folder: where.
        files: names of the files in it.
        records: store → how many records.
        masked: store → how many places of other people were masked.
        withheld: store → how many records were left out for the person's own protection.
    """

    folder: Path
    files: tuple[str, ...]
    records: Mapping[str, int]
    masked: Mapping[str, int]
    withheld: Mapping[str, int]


@dataclass(frozen=True)
class Copy:
    """What goes into a copy.

    Attributes:
        case_id, day: of the request, and the day of the copy.
        law, right: under which it is given.
        subject: whose it is.
        records: store → records of the stores that are granted.
        logs: stores that are access logs.
        left_out: (place, reason, citation) of what is not in the copy.
        about: what the law wants said with it (see :data:`ABOUT`).
        never: what no copy under the law holds.
        for_parent: whether a parent gets it: care that a minor may keep to themselves is left out.
    """

    case_id: str
    day: date
    law: Law
    right: Right
    subject: Subject
    records: Mapping[str, Sequence[Mapping[str, Any]]]
    logs: frozenset[str] = frozenset()
    left_out: tuple[tuple[str, str, str], ...] = ()
    about: Mapping[str, str] | None = None
    never: tuple[NeverGiven, ...] = ()
    for_parent: bool = False


def write_copy(copy: Copy, folder: str | Path, redactor: Redactor) -> Export:
    """Write the copy into a folder, whole or not at all.

    ``read-me-first.html`` shows everything; each store has a CSV file; portability adds JSON; a hospital's
    records come as FHIR besides. Every file is searched for identifiers of other known people before the
    folder appears.

    Raises:
        UserError: if the folder cannot be written, or a file still names somebody else: nothing is written
            then, and a person has to look.
    """
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / f"{README}.html").is_file():
        raise UserError(f"The folder {folder.name} holds something else: name a new one for the copy.")
    records, withheld = _minors_own_care(copy)
    for never in copy.never:
        records = _without(records, never)
    made, masked = redactor.redact(records, copy.logs)
    with atomic_directory(folder) as draft:
        draft.chmod(0o700)
        for store, rows in made.items():
            target = draft / f"{_file_name(store)}.csv"
            if target.exists():
                raise UserError(f"Two stores would be written as {target.name}: give one another name.")
            _write_csv(target, rows)
        if copy.right.name == "portability":
            text = json.dumps(made, indent=1, ensure_ascii=False, default=str)
            (draft / "records.json").write_text(text, encoding="utf-8")
        if set(made) & set(MAKERS):
            bundle = fhir_bundle(made, copy.subject.key, copy.day)
            (draft / "fhir-bundle.json").write_text(
                json.dumps(bundle, indent=1, ensure_ascii=False), encoding="utf-8"
            )
        write_record(_record(copy, made, masked, withheld), draft, ("html",))
        files = tuple(sorted(path.name for path in draft.iterdir()))
        _check(draft, redactor)
    counts = {store: len(rows) for store, rows in made.items()}
    return Export(folder, files, counts, masked.persons, withheld)


def seal_copy(folder: str | Path, target: str | Path, public_key: str, case_id: str) -> Path:
    """Pack the folder of a copy and encrypt it for the person who asked; only their key opens it.

    Args:
        folder: of :func:`write_copy`.
        target: the encrypted file.
        public_key: of the person, one line such as ``x25519:...``
            (:func:`secure_ai.encrypt.transport.generate_recipient_key` makes a pair).
        case_id: bound to the file, so that no other copy can be put in its place.

    Raises:
        UserError: if the folder is no copy, the key is none, or the file cannot be written.
    """
    from secure_ai.encrypt.files import encrypt_file
    from secure_ai.encrypt.transport.recipient_keys import RecipientKeys

    folder, target = Path(folder), Path(target)
    if not (folder / f"{README}.html").is_file():
        raise UserError(f"The folder {folder.name} holds no copy: write it with carry_out first.")
    keys = RecipientKeys({"requester": public_key})
    with atomic_directory(target.parent / f".{target.name}.packing") as packing:
        packed = packing / "copy.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)
        encrypt_file(packed, target, keys, "requester", associated_data={"case": case_id})
        packed.unlink()
    (target.parent / f".{target.name}.packing").rmdir()
    return target


def _minors_own_care(copy: Copy) -> tuple[dict[str, list[Mapping[str, Any]]], dict[str, int]]:
    if not (copy.for_parent and copy.law.minors_own_care):
        return {store: list(rows) for store, rows in copy.records.items()}, {}
    protected = {
        str(row["encounter_id"])
        for rows in copy.records.values()
        for row in rows
        if _is_sensitive(row) and row.get("encounter_id")
    }
    kept, withheld = {}, {}
    for store, rows in copy.records.items():
        kept[store] = [
            row
            for row in rows
            if str(row.get("encounter_id")) not in protected
            and str(row.get("sensitivity") or "none") == "none"
        ]
        if len(kept[store]) < len(rows):
            withheld[store] = len(rows) - len(kept[store])
    # A message names no visit: with protected care about, a person reads all of them first.
    if protected:
        for store, rows in kept.items():
            loose = [row for row in rows if "encounter_id" not in row and _is_prose(row)]
            if loose:
                withheld[store] = withheld.get(store, 0) + len(loose)
                kept[store] = [row for row in rows if row not in loose]
    return {store: rows for store, rows in kept.items() if rows}, withheld


def _without(
    records: Mapping[str, Sequence[Mapping[str, Any]]], never: NeverGiven
) -> dict[str, list[Mapping[str, Any]]]:
    kept = {}
    for store, rows in records.items():
        given = [
            {name: value for name, value in row.items() if not set(words_of(name)) & never.columns}
            for row in rows
            if not any(word in str(row.get(name, "")).lower() for name, word in never.records.items())
        ]
        if given:
            kept[store] = given
    return kept


def _is_sensitive(row: Mapping[str, Any]) -> bool:
    return str(row.get("sensitivity") or "none") != "none"


def _is_prose(row: Mapping[str, Any]) -> bool:
    return any(isinstance(value, str) and len(value.split()) > 5 for value in row.values())


def _record(
    copy: Copy, made: Mapping[str, Sequence[Mapping[str, Any]]], masked: Masked, withheld: Mapping[str, int]
) -> Record:
    about = copy.about or {}
    told = Facts(tuple((what.capitalize(), about.get(what) or ToBeFilled(what)) for what in ABOUT))
    sections = [Section("About your data", (told,))]
    for store, rows in made.items():
        sections.append(Section(_words(store), _shown(store, rows)))
    out = [(store, reason, citation) for store, reason, citation in copy.left_out]
    out += [("everywhere", never.reason, never.citation) for never in copy.never]
    out += [(store, MASKS_SAID, copy.right.withheld) for store in masked.persons]
    out += [
        (store, "It may concern care that a minor decides about alone; a person looks at it first.",
         copy.law.minors_own_care)
        for store in withheld
    ]  # fmt: skip
    if out:
        table = Table("What is not in this copy, and why", ("where", "why", "by"), tuple(out))
        sections.append(Section("Left out", (table,)))
    rights = Paragraph(
        f"You may ask for corrections, and complain to {copy.law.complaint}. What was masked "
        "stands in brackets."
    )
    sections.append(Section("Your further rights", (rights,)))
    return Record(
        "A copy of your data",
        tuple(sections),
        file_name=README,
        kind=f"Answer to request {copy.case_id}",
        facts={"By": f"{copy.law.title}, {copy.right.citation}", "It reaches": copy.right.scope},
        dated=copy.day,
    )


def _shown(store: str, rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    if len(rows) == 1:
        return (Facts(tuple((_words(name), _plain(value)) for name, value in rows[0].items())),)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    # Columns that are empty throughout only make the table wider.
    columns = [name for name in columns if any(not is_empty(row.get(name)) for row in rows)]
    body = tuple(tuple(_plain(row.get(name)) for name in columns) for row in rows[:SHOWN_ROWS])
    caption = f"{_words(store)}: {len(rows)} records"
    if len(rows) > SHOWN_ROWS:
        caption += f", the first {SHOWN_ROWS} here, all in {_file_name(store)}.csv"
    return (Table(caption, tuple(_words(name) for name in columns), body),)


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([[_guarded(row.get(name)) for name in columns] for row in rows])


def _guarded(value: Any) -> Any:
    if is_empty(value):
        return ""
    return csv_cell(value) if isinstance(value, str) else value


def _check(draft: Path, redactor: Redactor) -> None:
    for path in sorted(draft.iterdir()):
        if redactor.leaks(html.unescape(path.read_text(encoding="utf-8-sig"))):
            raise UserError(
                f"The copy was not written: {path.name} would name somebody else; a person has to look at it."
            )


def _plain(value: Any) -> Any:
    if is_empty(value):
        return None
    return value if isinstance(value, (str, int, float, bool, date)) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def _file_name(store: str) -> str:
    name = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in store.lower())
    return squeezed(name) if not name.strip("-") else name
