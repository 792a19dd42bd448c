"""Finished sections, kept under a digest of all that they rest on, and read again instead of run again.

A digest is made of the parameters, of the content of every file that they name, and of the kit's version. An
endpoint or a database server has no fingerprint, its content changes by itself: a section of a run that asks
one is read again only by the same run, when that goes on after an interruption.
"""

from __future__ import annotations

import glob
import hashlib
import json
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from secure_ai import __version__
from secure_ai.assess.parameters import PLACES, AssessmentParameters
from secure_ai.assess.run.work import CHECKPOINTS, WorkFolder
from secure_ai.assess.section import Section
from secure_ai.core import UserError
from secure_ai.core.errors import system_reason

MOST_FILES = 10_000


class Checkpoints:
    """The finished sections of one run, in its work folder.

    Args:
        work: where they are kept.
        parameters: what the run was asked for.
    """

    def __init__(self, work: WorkFolder, parameters: AssessmentParameters) -> None:
        self.work = work
        self.parameters = parameters

    @cached_property
    def key(self) -> str:
        """Digest of all that the sections rest on."""
        return run_digest(self.parameters, self.work.state()["token"])

    def read(self, name: str) -> Section | None:
        """Return a finished section; None if there is none, of other inputs or damaged."""
        try:
            found = json.loads(self._path(name).read_text(encoding="utf-8"))
            text = found["section"]
            if found["key"] != self.key or found["digest"] != _digest(text):
                return None
            return Section.model_validate_json(text)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ValidationError):
            return None

    def keep(self, name: str, section: Section) -> None:
        """Keep a finished section."""
        text = section.model_dump_json()
        content = {"key": self.key, "digest": _digest(text), "section": text}
        try:
            self.work.keep(f"{CHECKPOINTS}/{self._path(name).name}", json.dumps(content))
        except OSError as error:
            raise UserError(
                f"A finished section could not be kept ({system_reason(error)}): make room where the report "
                "is to be written, or choose another --out."
            ) from None

    def _path(self, name: str) -> Path:
        return self.work.path / CHECKPOINTS / f"{name}.json"


def run_digest(parameters: AssessmentParameters, token: str = "") -> str:
    """Return a digest of the parameters (without ``out`` and ``work``), their files and the kit's version.

    Args:
        parameters: what a run was asked for.
        token: stands for what endpoints and database servers hold during one run.
    """
    values = parameters.model_dump(mode="json", exclude={"out", "work"})
    prints = {name: fingerprint(values[name]) for name in PLACES if values[name]}
    if None in prints.values():
        prints["token"] = token
    content = {"kit": __version__, "parameters": values, "inputs": prints}
    return _digest(json.dumps(content, sort_keys=True))


def fingerprint(place: str) -> str | None:
    """Return a digest of what lies at a place: a file, a pattern, a folder; None of an address or a name.

    Names count as well as contents, so that files that were swapped are seen.
    """
    if "://" in place and not place.startswith("sqlite://"):
        return None
    path = Path(place.removeprefix("sqlite://"))
    try:
        if path.is_file():
            paths, base = [path], path.parent
        elif path.is_dir():
            paths, base = sorted(part for part in path.rglob("*") if part.is_file()), path
        else:
            paths, base = sorted(map(Path, glob.glob(place, recursive=True))), Path()  # noqa: PTH207
            paths = [part for part in paths if part.is_file()]
        if not paths or len(paths) > MOST_FILES:
            return None
        whole = hashlib.sha256()
        for part in paths:
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = part.relative_to(base) if part.is_relative_to(base) else part
            whole.update(f"{digest} {name}\n".encode("utf-8", "surrogateescape"))
    except (OSError, ValueError):
        return None
    return whole.hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
