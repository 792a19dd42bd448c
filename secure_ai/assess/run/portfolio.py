"""The file that lists the systems of a portfolio, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_ai.assess.parameters import AssessmentParameters, read_parameters
from secure_ai.core import UserError
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import read_yaml

MOST_ENTRIES = 1000
# A name becomes that of a folder, on every system.
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._-]{0,62}[A-Za-z0-9_-])?")
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
OURS = {"summary.html", "summary.csv", "summary.json"}
EXAMPLE = "such as 'assessments: [{name: triage, file: triage.yaml}]'"
# What the portfolio decides, not one of its entries.
DECIDED = ("out", "work")


@dataclass(frozen=True)
class Entry:
    """One system of a portfolio.

    Attributes:
        name: that of its folder.
        file: parameter file, if it names one.
        values: parameters that stand in the portfolio; they win over those of the file.
        defaults: parameters of all entries; those of file and entry win.
    """

    name: str
    file: str | None
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]

    def parameters(self) -> AssessmentParameters:
        """Return its parameters.

        Raises:
            UserError: if they cannot be read or one is wrong.
        """
        from_file: Mapping[str, Any] = {}
        if self.file is not None:
            from_file = _mapping(read_yaml(self.file, "parameter file"), "parameter file")
        values = {**self.defaults, **from_file, **self.values}
        decided = next((name for name in DECIDED if values.get(name)), None)
        if decided:
            raise UserError(f"The parameter '{decided}' is decided by the portfolio: remove it.")
        return read_parameters(None, values)


def read_portfolio(path: Path) -> list[Entry]:
    """Return the entries of a portfolio: ``assessments`` (or a bare list), each with a ``name`` and ``file``
    or ``parameters`` or both, and ``defaults`` for all.

    Paths are taken from the folder in which the command is run, as in parameter files.

    Raises:
        UserError: if it cannot be read, is empty or too long, or an entry has no name or one that is there
            twice or can be no folder.
    """
    content = read_yaml(path, "portfolio")
    if isinstance(content, list):
        content = {"assessments": content}
    if not isinstance(content, dict) or not isinstance(content.get("assessments"), list):
        raise UserError(f"The portfolio lists no assessments: write them, {EXAMPLE}.")
    unknown = [str(name) for name in content if name not in {"assessments", "defaults"}]
    if unknown:
        raise UserError(
            f"The portfolio has a setting that is not known, {shown(unknown[0])}: it takes assessments and "
            "defaults."
        )
    listed = content["assessments"]
    if not listed:
        raise UserError(f"The portfolio lists no assessments: write them, {EXAMPLE}.")
    if len(listed) > MOST_ENTRIES:
        raise UserError(f"The portfolio lists {len(listed):,} assessments, over {MOST_ENTRIES:,}: split it.")
    defaults = _mapping(content.get("defaults") or {}, "portfolio's defaults")
    entries: list[Entry] = []
    taken: dict[str, int] = {}
    for number, one in enumerate(listed, 1):
        entry = _entry(one, number, defaults)
        earlier = taken.setdefault(entry.name.lower(), number)
        if earlier != number:
            raise UserError(f"Entries {earlier} and {number} of the portfolio have one name: choose two.")
        entries.append(entry)
    return entries


def _entry(content: Any, number: int, defaults: Mapping[str, Any]) -> Entry:
    which = f"Entry {number} of the portfolio"
    if not isinstance(content, dict):
        raise UserError(f"{which} is no 'name: …' with its parameters: write it {EXAMPLE}.")
    unknown = [str(name) for name in content if name not in {"name", "file", "parameters"}]
    if unknown:
        raise UserError(
            f"{which} has a setting that is not known, {shown(unknown[0])}: it takes name, file and "
            "parameters (put parameters below 'parameters:')."
        )
    name, file = content.get("name"), content.get("file")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            f"{which} needs a name of up to 64 letters, digits, blanks, '.', '_' and '-', for its folder."
        )
    if name.lower() in OURS or name.lower().split(".")[0] in RESERVED:
        raise UserError(f"{which} has a name that its folder cannot have: choose another.")
    if file is not None and (not isinstance(file, str) or not file.strip()):
        raise UserError(f"{which} names no file with 'file:': write its path.")
    values = _mapping(content.get("parameters") or {}, f"list of parameters of entry {number}")
    if file is None and not values:
        raise UserError(f"{which} has no parameters: give a file or parameters.")
    return Entry(name, file, values, defaults)


def _mapping(content: Any, what: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise UserError(f"The {what} holds no 'name: value' lines: write one parameter per line.")
    return {str(name): value for name, value in content.items()}
