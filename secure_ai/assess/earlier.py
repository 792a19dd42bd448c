"""Reports of earlier assessments, read again: this format, the one before it, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from secure_ai import __version__
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.core import Finding, UserError
from secure_ai.core.errors import system_reason

FILE, MANIFEST = "findings.json", "manifest.json"
FORMAT = re.compile(r"secure-ai findings (\d{1,4})")
NEWEST = 2
MOST_BYTES = 50_000_000
ADVICE = "name the folder of an assessment, or its findings.json"


@dataclass(frozen=True)
class Report:
    """What two reports are compared by.

    Attributes:
        subject, sector, date: of the assessment; empty where the report does not say.
        kit: version of the kit that wrote it.
        parameters: labels, of places only that they were given; empty where the report has no manifest.
        findings: in its order.
    """

    subject: str
    sector: str
    date: str
    kit: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def unnamed(sector: str) -> str:
    """Return what a report is called whose subject nobody named."""
    return f"Risk assessment, {sector}"


def report_of(parameters: AssessmentParameters, findings: Sequence[Finding]) -> Report:
    """Return a run that is not written yet as a report."""
    subject = parameters.subject or unnamed(parameters.sector)
    return Report(
        subject, parameters.sector, parameters.date or "", __version__, parameters.labels(), tuple(findings)
    )


def read_report(place: str | Path) -> Report:
    """Read a report.

    Args:
        place: the folder of an assessment, or its ``findings.json``; a manifest beside it is read too.

    Raises:
        UserError: if there is none, it is damaged, of something else or of a newer kit.
    """
    path = Path(place)
    try:
        file = path / FILE if path.is_dir() else path
        content = _read_json(file)
        manifest_file = file.parent / MANIFEST
        manifest = _read_json(manifest_file) if file.name == FILE and manifest_file.is_file() else {}
    except OSError as error:
        raise UserError(f"The earlier report cannot be read ({system_reason(error)}): {ADVICE}.") from None
    except ValueError:  # a path with a null byte
        raise UserError(f"The earlier report has no valid path: {ADVICE}.") from None
    if not isinstance(content, dict) or not isinstance(manifest, dict):
        _damaged("it is of another form")
    _check_format(content.get("format"))
    listed = content.get("findings")
    if not isinstance(listed, list):
        _damaged("it has no list of findings")
    try:
        findings = tuple(Finding.model_validate(one) for one in listed)
    except (ValidationError, TypeError, ValueError, KeyError, RecursionError):
        _damaged("a finding is not as this kit writes it")
    names = [finding.id for finding in findings]
    if len(set(names)) < len(names):
        _damaged("a finding is there twice")
    versions = manifest.get("versions")
    parameters = manifest.get("parameters", content.get("parameters"))
    kit = content.get("kit") or (versions.get("secure-ai") if isinstance(versions, dict) else "")
    # Format 1 called the subject by the name of its file, which a report no longer shows.
    subject = "" if content["format"].endswith(" 1") else _words(content.get("subject"))
    return Report(
        subject,
        _words(content.get("sector")),
        _words(content.get("date")),
        _words(kit),
        parameters if isinstance(parameters, dict) else {},
        findings,
    )


def refuse_newer(name: object, what: str = "earlier report") -> None:
    """Refuse a file of findings in a format that this kit does not know yet.

    Args:
        name: of the format, as the file states it.
        what: names the file in the sentence.

    Raises:
        UserError: if it is newer.
    """
    found = FORMAT.fullmatch(name) if isinstance(name, str) else None
    if found is not None and int(found[1]) > NEWEST:
        raise UserError(
            f"The {what} was written by a newer kit (format {found[1]}; this one reads up to {NEWEST}): "
            "update the kit."
        )


def _check_format(name: object) -> None:
    if not isinstance(name, str) or FORMAT.fullmatch(name) is None:
        raise UserError(f"The earlier report is no file of findings that the kit wrote: {ADVICE}.")
    refuse_newer(name)


def _read_json(file: Path) -> Any:
    if file.stat().st_size > MOST_BYTES:
        raise UserError(f"The earlier report is larger than {MOST_BYTES // 1_000_000} MB: {ADVICE}.")
    # Reading a pipe would never end.
    if not file.is_file():
        raise UserError(f"The earlier report is no file: {ADVICE}.")
    try:
        return json.loads(file.read_text("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        _damaged("it is no JSON")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _words(value: object) -> str:
    return "".join(c if c.isprintable() else " " for c in value[:200]) if isinstance(value, str) else ""


def _damaged(why: str) -> NoReturn:
    raise UserError(f"The earlier report is damaged ({why}): {ADVICE}, as the kit wrote it.")
