"""What an assessment leaves behind: report, findings with their schema, manifest."""

from __future__ import annotations

import glob
import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from secure_ai import __version__
from secure_ai.assess.assessment import Assessment
from secure_ai.assess.findings import findings_schema
from secure_ai.assess.parameters import AssessmentParameters, label_of
from secure_ai.assess.report import render_report
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_directory

NOTEBOOK = "risk_assessment.ipynb"
MANIFEST = "manifest.json"
WRITTEN_BY_NOTEBOOK = ("report.html", "findings.json", "findings.schema.json")
OUTPUTS = (*WRITTEN_BY_NOTEBOOK, NOTEBOOK, MANIFEST)
FORMAT = "secure-ai assessment 1"
# The parts on which the figures depend.
PARTS = ("duckdb", "pandas", "numpy", "presidio-analyzer", "spacy", "papermill")
CHUNK = 1 << 20


def describe_run(parameters: AssessmentParameters) -> dict[str, Any]:
    """Return what a manifest says of a run: parameters as labels, versions, fingerprints of the inputs."""
    inputs = [_fingerprint(parameters.data, "data", parameters.table)]
    if parameters.population:
        inputs.append(_fingerprint(parameters.population, "population", parameters.table))
    return {
        "format": FORMAT,
        "date": parameters.date,
        "parameters": parameters.labels(),
        "inputs": inputs,
        "versions": {
            "secure-ai": __version__,
            "python": platform.python_version(),
            **{part: metadata.version(part) for part in PARTS},
        },
    }


def write_results(assessment: Assessment, folder: Path) -> None:
    """Write report, findings, their schema and the manifest into an existing ``folder``."""
    manifest = describe_run(assessment.parameters)
    findings = assessment.findings_file().model_dump(mode="json")
    _write(folder / "report.html", render_report(assessment, manifest))
    _write(folder / "findings.json", to_json(findings))
    _write(folder / "findings.schema.json", findings_schema())
    write_manifest(folder, manifest)


def save(assessment: Assessment) -> str:
    """Write the results to the folder that the parameters name, if any, and say what was done."""
    out = assessment.parameters.out
    if out is None:
        return "No folder was named with the parameter out: the results are in this notebook only."
    target = Path(out).absolute()
    check_out(target)
    with atomic_directory(target) as draft:
        write_results(assessment, draft)
    return f"Report: {', '.join(WRITTEN_BY_NOTEBOOK)} and {MANIFEST}."


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest with the SHA-256 of every other output that is there."""
    outputs = {
        name: sha256(folder / name) for name in OUTPUTS if name != MANIFEST and (folder / name).is_file()
    }
    _write(folder / MANIFEST, to_json(manifest | {"outputs": outputs}))


def check_out(out: Path) -> None:
    """Refuse an output folder that is a file or holds anything but an earlier assessment.

    Raises:
        UserError: naming the folder and what to do.
    """
    try:
        if out.exists() and not out.is_dir():
            raise UserError(f"The output folder {out} is a file: choose another --out.")
        there = sorted(path.name for path in out.iterdir()) if out.exists() else []
    except OSError:
        raise UserError(f"The output folder {out} cannot be read: choose another --out.") from None
    foreign = [name for name in there if name not in OUTPUTS]
    if foreign or (there and not _is_ours(out)):
        raise UserError(
            f"The output folder {out} holds files that are not an earlier assessment (such as "
            f"{(foreign or there)[0]}): choose a new or empty folder."
        )


def to_json(content: object) -> str:
    """Return ``content`` as indented JSON that ends with a line break."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _is_ours(folder: Path) -> bool:
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


def _fingerprint(place: str, role: str, table: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"role": role, "label": label_of(place, table), "sha256": None, "bytes": None}
    if "://" in place and not place.startswith("sqlite://"):
        return found | {"note": "none: a table of a database server"}
    path = place.removeprefix("sqlite://")
    paths = [Path(path)] if Path(path).is_file() else sorted(map(Path, glob.glob(path)))  # noqa: PTH207
    digests = [sha256(part) for part in paths]
    # Several files: the digest of their digests in the order of their names.
    whole = digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
    found |= {"sha256": whole, "bytes": sum(part.stat().st_size for part in paths)}
    return found if len(paths) == 1 else found | {"files": len(paths)}


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
