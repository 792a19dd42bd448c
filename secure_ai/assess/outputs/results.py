"""Write the results of an assessment into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secure_ai.assess.assessment import Assessment
from secure_ai.assess.outputs.files import (
    FINDINGS,
    MANIFEST,
    OSCAL,
    REGISTER,
    REPORT,
    SCHEMA,
    WRITTEN_BY_NOTEBOOK,
    check_out,
    sha256,
    write_manifest,
    write_text,
)
from secure_ai.assess.outputs.findings_file import findings_json, findings_schema
from secure_ai.assess.outputs.manifest import describe_run
from secure_ai.assess.outputs.oscal import oscal_json
from secure_ai.assess.outputs.register import register_csv
from secure_ai.assess.outputs.report import render_report
from secure_ai.core.outputs import atomic_directory


def write_results(
    assessment: Assessment, folder: Path, manifest: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Write report, findings with their schema, OSCAL, register and manifest; return the names of the files.

    Args:
        assessment: the results.
        folder: an existing folder.
        manifest: as :func:`describe_run` returns it; made here if not given.
    """
    manifest = describe_run(assessment.parameters) if manifest is None else manifest
    write_text(folder / REPORT, render_report(assessment, manifest))
    write_text(folder / FINDINGS, findings_json(assessment))
    write_text(folder / SCHEMA, findings_schema())
    write_text(folder / REGISTER, register_csv(assessment.findings), mark=True)
    hashes = {name: sha256(folder / name) for name in (REPORT, FINDINGS, SCHEMA, REGISTER)}
    write_text(folder / OSCAL, oscal_json(assessment, hashes))
    write_manifest(folder, manifest)
    return (*WRITTEN_BY_NOTEBOOK, MANIFEST)


def save(assessment: Assessment) -> str:
    """Write the results to the folder that the parameters name, if any, and say what was done.

    Raises:
        UserError: if the folder is a file, holds something else, or cannot be written.
    """
    out = assessment.parameters.out
    if out is None:
        return "No folder was named with the parameter out: the results are in this notebook only."
    target = Path(out).absolute()
    check_out(target)
    with atomic_directory(target) as draft:
        names = write_results(assessment, draft)
    return f"Report: {', '.join(names[:-1])} and {names[-1]}."
