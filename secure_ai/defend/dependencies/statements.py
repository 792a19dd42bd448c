"""Statements that an advisory does not matter here, and why (VEX): for stated versions, until a stated day.

Source: CycloneDX 1.6, ``vulnerability.analysis``; CISA, Minimum Requirements for Vulnerability Exploitability
eXchange (VEX), 2023.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from secure_ai.core.errors import UserError, system_reason

Justification = Literal[
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
]
_MOST_BYTES = 4 << 20


class Statement(BaseModel):
    """That some versions of a package are not affected by an advisory, why, who says so, and until when.

    Attributes:
        advisory: its id or one of its aliases.
        package: the name of the package.
        versions: which versions it is about (PEP 440, ``>=2.0,<2.14.1``); another version ends it.
        justification: in the words of CycloneDX.
        reason: in one's own words, so that a reader can check it.
        by: who answers for it.
        until: the day on which it must have been looked at again; after it, it does not count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    advisory: str = Field(min_length=3, max_length=100)
    package: str = Field(min_length=1, max_length=200)
    versions: str
    justification: Justification
    reason: str = Field(min_length=20, max_length=2000)
    by: str = Field(min_length=2, max_length=200)
    until: date

    @field_validator("versions")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            given = SpecifierSet(value)
        except InvalidSpecifier:
            raise ValueError("versions") from None
        if not len(given):
            raise ValueError("versions")
        return value

    def is_about(self, names: Iterable[str], package: str) -> bool:
        """Return whether it is about an advisory of these names and this package."""
        return self.advisory in set(names) and canonicalize_name(self.package) == canonicalize_name(package)

    def lapsed(self, version: str, as_of: date) -> str:
        """Return why it does not count for ``version`` on a day, or ``""`` if it does."""
        try:
            covered = SpecifierSet(self.versions).contains(Version(version), prereleases=True)
        except InvalidVersion:
            covered = False
        if not covered:
            return f"the statement by {self.by} is about versions {self.versions}"
        if as_of > self.until:
            return f"the statement by {self.by} ended on {self.until.isoformat()}"
        return ""


def read_statements(path: str | Path) -> tuple[Statement, ...]:
    """Read statements from YAML: a list under ``statements``.

    Raises:
        UserError: if the file cannot be read, or a statement lacks a part or has a wrong one (named by its
            place and the part).
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path.name} is larger than 4 MB: that is no file of statements.")
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"The statements in {path.name} cannot be read: {system_reason(error)}.") from None
    except (yaml.YAMLError, RecursionError):
        raise UserError(f"{path.name} is no YAML: write a list under 'statements:'.") from None
    if not isinstance(found, dict) or not isinstance(found.get("statements"), list):
        raise UserError(f"{path.name} has no list under 'statements:': write one, if need be an empty one.")
    return tuple(_statement(path.name, number, one) for number, one in enumerate(found["statements"], 1))


def _statement(name: str, number: int, fields: Any) -> Statement:
    try:
        return Statement.model_validate(fields)
    except ValidationError as error:
        part = ".".join(map(str, error.errors()[0]["loc"])) or "its form"
        needed = "advisory, package, versions, justification, reason, by and until"
        raise UserError(
            f"Statement {number} of {name} has a wrong or missing part ({part}): it needs {needed}."
        ) from None
