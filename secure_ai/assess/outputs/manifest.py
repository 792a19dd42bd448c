"""What a run rested on: parameters as labels, fingerprints of the inputs, versions; no name of any file."""

from __future__ import annotations

import glob
import hashlib
import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from secure_ai import __version__
from secure_ai.assess.outputs.files import FORMAT, sha256
from secure_ai.assess.parameters import PLACES, AssessmentParameters

# The parts on which the figures depend.
PARTS = (
    "duckdb", "matplotlib", "numpy", "pandas", "papermill", "presidio-analyzer", "scikit-learn", "skops",
    "spacy",
)  # fmt: skip
# A fingerprint of a short secret can be guessed back.
SECRETS = {"secret_file", "token_file"}
# Names that are no place: the offline stand-ins of an assistant.
STAND_INS = {"naive", "instructed", "hardened"}
MOST_FILES = 10_000


def describe_run(parameters: AssessmentParameters) -> dict[str, Any]:
    """Return what a manifest says of a run.

    Returns:
        ``format``, ``date``, ``sector``, ``seed``, ``redact``, ``parameters`` (labels: of places only that
        they were given), ``inputs`` (``role``, ``kind``, ``sha256``, ``bytes``, for several files ``files``;
        a ``note`` where there is no fingerprint) and ``versions``.
    """
    labels = parameters.labels()
    inputs = [
        {"role": name, "kind": _kind(place, labels[name]), **_fingerprint(name, place)}
        for name in PLACES
        if (place := getattr(parameters, name))
    ]
    return {
        "format": FORMAT,
        "date": parameters.date,
        "sector": parameters.sector,
        "seed": parameters.seed,
        "redact": parameters.redact,
        "parameters": labels,
        "inputs": inputs,
        "versions": {
            "secure-ai": __version__,
            "python": platform.python_version(),
            **{part: metadata.version(part) for part in PARTS},
        },
    }


def _kind(place: str, label: str) -> str:
    if place in STAND_INS:
        return "offline stand-in"
    return label.removesuffix(" given")


def _fingerprint(role: str, place: str) -> dict[str, Any]:
    if role in SECRETS:
        return _none("a secret")
    if place in STAND_INS:
        return _none("part of the kit, see its version")
    if "://" in place and not place.startswith("sqlite://"):
        return _none("not a file")
    try:
        files = list(_files(place.removeprefix("sqlite://")))
        if not files:
            return _none("the file is no longer there")
        if len(files) > MOST_FILES:
            return _none(f"more than {MOST_FILES:,} files")
        digests = [sha256(path) for path in files]
        size = sum(path.stat().st_size for path in files)
    except (OSError, ValueError):
        return _none("the file could not be read again")
    if len(digests) == 1:
        return {"sha256": digests[0], "bytes": size}
    # Several files: the digest of their digests in the order of their names.
    whole = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return {"sha256": whole, "bytes": size, "files": len(digests)}


def _none(why: str) -> dict[str, Any]:
    return {"sha256": None, "bytes": None, "note": f"none: {why}"}


def _files(place: str) -> Iterator[Path]:
    path = Path(place)
    if path.is_file():
        yield path
    elif path.is_dir():
        found = 0
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                if (Path(folder) / name).is_file():
                    yield Path(folder) / name
                    found += 1
                if found > MOST_FILES:
                    return
    else:
        yield from sorted(filter(Path.is_file, map(Path, glob.glob(place, recursive=True))))  # noqa: PTH207
