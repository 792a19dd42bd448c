"""De-identify files and folders: whatever the format, the output appears whole or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from secure_ai.anonymize.deidentify.actions import Actions
from secure_ai.anonymize.deidentify.deidentifier import Deidentifier
from secure_ai.anonymize.deidentify.fhir_names import learn_names
from secure_ai.anonymize.deidentify.policy import Policy
from secure_ai.anonymize.deidentify.receipt import Journal, Receipt
from secure_ai.anonymize.deidentify.vault import TokenVault
from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_directory, atomic_file
from secure_ai.core.sources import shown
from secure_ai.encrypt.secret_keys import Key

TEXT = frozenset({".txt", ".md", ".log"})
DELIMITED = frozenset({".csv", ".tsv"})
RECORDS = frozenset({".json", ".jsonl", ".ndjson"})
PARQUET = frozenset({".parquet"})
DICOM = frozenset({".dcm", ".dicom"})
KNOWN = TEXT | DELIMITED | RECORDS | PARQUET | DICOM

_NUMBERED = re.compile(r"\d{4,}\.\w+")
_Clean = Callable[[Path, Path, Actions, Journal, str | None], None]


def deidentify_file(
    source: str | Path,
    out: str | Path,
    policy: str | Path | Policy,
    *,
    key: Key | str | Path | None = None,
    vault: TokenVault | str | Path | None = None,
    person_column: str | None = None,
    seed: int | None = None,
    as_of: int | None = None,
    small_zip3: frozenset[str] | None = None,
) -> Receipt:
    """De-identify a file, or every file of a folder, into ``out``.

    Formats, by ending: text (.txt .md .log), tables (.csv .tsv .parquet), records (.json .jsonl .ndjson;
    FHIR resources are recognized), DICOM headers (.dcm). In a folder the same person gets the same
    made-up name in all files, and file names are replaced by numbers, because they often hold names.

    Args:
        source: file or folder.
        out: file or folder to write; an earlier output is replaced when the new one is whole.
        policy: as in :class:`Deidentifier`.
        key: key or key file.
        vault: vault or vault file, saved just before the output appears.
        person_column: column or field that says whose record it is, for shifted dates.
        seed: makes random tokens and codes repeatable, for tests and lessons only.
        as_of: year for the rule of ages over 89; this year if not given.
        small_zip3: three-digit ZIP areas that become 000.

    Raises:
        UserError: if the policy, key, vault, input or output is not right; nothing is written then.
    """
    source, out = Path(source), Path(out)
    options = {} if small_zip3 is None else {"small_zip3": small_zip3}
    worker = Deidentifier(policy, key, vault=vault, seed=seed, as_of=as_of, **options)
    _check(source, out)
    secret = key if isinstance(key, str | Path) else None
    check_apart(out, {"the key": secret, "the vault": worker.actions.vault.path, "the policy": policy})
    try:
        if source.is_dir():
            _folder(source, out, worker, person_column)
        else:
            with atomic_file(out) as draft:
                _one(source, draft, worker, person_column)
                # Before the output appears: tokens without their vault could never be undone.
                worker.actions.vault.save()
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise UserError(
                f"There is no room for {shown(out.name)}: free some space, or choose another place."
            ) from None
        reason = os.strerror(error.errno).lower() if error.errno else "unknown reason"
        raise UserError(
            f"{shown(source.name)} could not be de-identified ({reason}): check the file and its rights."
        ) from None
    return worker.receipt()


def check_apart(target: Path, others: Mapping[str, object], what: str = "output") -> None:
    """Check that writing ``target`` overwrites none of ``others``.

    Args:
        target: file or folder that will be written.
        others: what each is → its path; anything else is passed over.
        what: how ``target`` is called in the message.

    Raises:
        UserError: if one of them is ``target``, or lies in it.
    """
    place = target.resolve()
    for name, other in others.items():
        if not isinstance(other, str | Path) or not str(other):
            continue
        path = Path(other).resolve()
        if path == place or (target.is_dir() and path.is_relative_to(place)):
            raise UserError(f"The {what} {shown(target.name)} would overwrite {name}: choose another place.")


def _check(source: Path, out: Path) -> None:
    name = shown(source.name or str(source))
    if not source.exists():
        raise UserError(f"The file {name} does not exist: check the path.")
    if not source.is_file() and not source.is_dir():
        raise UserError(f"{name} is not a file but a device or a pipe: save its content to a file first.")
    if out.exists() and source.samefile(out):
        raise UserError("Input and output are the same: choose another output, and keep the original safe.")
    if source.is_file() and out.is_dir():
        raise UserError(f"The output {shown(out.name or str(out))} is a folder: name a file.")
    if source.is_dir():
        if out.exists() and not out.is_dir():
            raise UserError(f"The output {shown(out.name)} is a file: name a folder for a folder.")
        inner, outer = out.resolve(), source.resolve()
        if inner.is_relative_to(outer) or outer.is_relative_to(inner):
            raise UserError("Input and output folder lie one in the other: choose a folder beside the input.")
        if out.is_dir() and any(not _NUMBERED.fullmatch(path.name) for path in out.iterdir()):
            raise UserError(
                f"The output folder {shown(out.name)} holds other files, which would be lost: "
                "name a new folder, an empty one or an earlier output."
            )
        return
    if source.stat().st_size == 0:
        raise UserError(f"The file {name} is empty: export it again.")
    cleaner_for(source)
    if out.suffix.lower() != source.suffix.lower():
        raise UserError(
            f"The output {shown(out.name)} must have the ending {source.suffix.lower()} of its input: "
            "rename it."
        )


def cleaner_for(path: Path) -> _Clean:
    """Return the function that de-identifies files like ``path``.

    Raises:
        UserError: if the ending is not known.
    """
    suffix = path.suffix.lower()
    if suffix in TEXT:
        from secure_ai.anonymize.deidentify.documents import clean_document as clean
    elif suffix in DELIMITED:
        from secure_ai.anonymize.deidentify.delimited import clean_delimited as clean
    elif suffix in PARQUET:
        from secure_ai.anonymize.deidentify.parquet import clean_parquet as clean
    elif suffix in RECORDS:
        from secure_ai.anonymize.deidentify.records import clean_records as clean
    elif suffix in DICOM:
        from secure_ai.anonymize.deidentify.dicom import clean_dicom as clean
    else:
        raise UserError(
            f"{shown(path.name)} has an ending that is not known: use one of {', '.join(sorted(KNOWN))}."
        )
    return clean


def _one(source: Path, draft: Path, worker: Deidentifier, person: str | None) -> None:
    if source.stat().st_size == 0:
        raise UserError(f"The file {shown(source.name)} is empty: export it again.")
    cleaner_for(source)(source, draft, worker.actions, worker.journal, person)
    worker.journal.files += 1


def _folder(source: Path, out: Path, worker: Deidentifier, person: str | None) -> None:
    files = files_of(source)
    for path in files:
        if path.suffix.lower() in {".ndjson", ".jsonl"}:
            # Conditions come before Patients by name, and their notes name them.
            learn_names(path, worker.actions.named)
    with atomic_directory(out) as draft:
        for number, path in enumerate(files, 1):
            _one(path, draft / f"{number:04d}{path.suffix.lower()}", worker, person)
        worker.actions.vault.save()
    worker.journal.notes["Files are numbered in the order of their names, which are not kept."] = None


def files_of(folder: Path) -> list[Path]:
    """Return the files of a folder and its subfolders, in order; hidden ones are left out.

    Raises:
        UserError: if there is none, or one whose ending is not known.
    """
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not files:
        raise UserError(f"The folder {shown(folder.name)} holds no files: check the path.")
    for path in files:
        cleaner_for(path)
    return files
