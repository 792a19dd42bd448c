"""Advisories in OSV format: read from a file, folder or archive, and asked about one version of a package.

Source: Open Source Vulnerability schema 1.7 (https://ossf.github.io/osv-schema/).
"""

from __future__ import annotations

import enum
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from secure_ai.core.errors import UserError, system_reason
from secure_ai.defend.dependencies.severity import Severity, severity_of
from secure_ai.defend.dependencies.versions import UnknownVersionError, in_range, version_key

SAMPLE_MARK = "secure_ai_sample"
_MOST_BYTES, _MOST_ADVISORY_BYTES, _MOST_FILES = 2 << 30, 8 << 20, 500_000


class Affects(enum.Enum):
    """Whether an advisory affects a version."""

    YES = "affected"
    NO = "not affected"
    UNKNOWN = "cannot be compared"


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Severity(_Open):
    score: str = Field(max_length=400)


class _Package(_Open):
    ecosystem: str
    name: str


class _Range(_Open):
    type: str
    events: tuple[dict[str, str], ...] = ()


class Affected(_Open):
    """The versions of one package that an advisory affects."""

    package: _Package | None = None
    severity: tuple[_Severity, ...] = ()
    ranges: tuple[_Range, ...] = ()
    versions: tuple[str, ...] = ()
    database_specific: dict[str, Any] = Field(default_factory=dict)

    @field_validator("severity", "ranges", "versions", "database_specific", mode="before")
    @classmethod
    def _absent(cls, value: Any, info: Any) -> Any:
        return ({} if info.field_name == "database_specific" else ()) if value is None else value

    def covers(self, ecosystem: str, name: str) -> bool:
        """Return whether it is about this package."""
        return self.package is not None and package_key(
            self.package.ecosystem, self.package.name
        ) == package_key(ecosystem, name)

    def affects(self, ecosystem: str, version: str) -> Affects:
        """Return whether ``version`` is listed, or lies in a range that can be compared."""
        if version in self.versions:
            return Affects.YES
        compared = [one for one in self.ranges if one.type in ("ECOSYSTEM", "SEMVER")]
        try:
            here = version_key(ecosystem, version)
            if any(_same(ecosystem, here, listed) for listed in self.versions):
                return Affects.YES
            if any(in_range(ecosystem, version, one.events) for one in compared):
                return Affects.YES
        except UnknownVersionError:
            # A list that does not name the version says no; a range that cannot be compared says nothing.
            return Affects.UNKNOWN if compared or not self.versions else Affects.NO
        return Affects.NO if compared or self.versions else Affects.UNKNOWN


class Advisory(_Open):
    """One advisory: its names, what it is about, and which versions it affects."""

    id: str = Field(min_length=1, max_length=200)
    modified: str
    aliases: tuple[str, ...] = ()
    withdrawn: str | None = None
    summary: str = ""
    details: str = ""
    severity: tuple[_Severity, ...] = ()
    affected: tuple[Affected, ...] = ()
    database_specific: dict[str, Any] = Field(default_factory=dict)

    @field_validator(
        "aliases", "severity", "affected", "summary", "details", "database_specific", mode="before"
    )
    @classmethod
    def _absent(cls, value: Any, info: Any) -> Any:
        empty = {"summary": "", "details": "", "database_specific": {}}
        return empty.get(info.field_name, ()) if value is None else value

    @property
    def title(self) -> str:
        """Its summary, or the first sentence of its details, in one line."""
        text = " ".join((self.summary or self.details).split())
        return text if len(text) <= 160 else text[:159] + "…"

    @property
    def packages(self) -> set[tuple[str, str]]:
        """What it is about: ecosystems and normalized names."""
        return {package_key(one.package.ecosystem, one.package.name) for one in self.affected if one.package}

    @property
    def is_sample(self) -> bool:
        """Whether it came with this kit, to be read in a lesson."""
        return self.database_specific.get(SAMPLE_MARK) is True

    def about(self, ecosystem: str, name: str) -> list[Affected]:
        """Return what it says of one package."""
        return [one for one in self.affected if one.covers(ecosystem, name)]

    def affects(self, ecosystem: str, name: str, version: str) -> Affects:
        """Return whether it affects a version of a package; a withdrawn advisory affects none."""
        if self.withdrawn is not None:
            return Affects.NO
        answers = {one.affects(ecosystem, version) for one in self.about(ecosystem, name)}
        return next((one for one in (Affects.YES, Affects.UNKNOWN) if one in answers), Affects.NO)

    def fixed_versions(self, ecosystem: str, name: str) -> list[str]:
        """Return the versions of a package in which it is fixed, from low to high."""
        fixed = {
            event["fixed"]
            for one in self.about(ecosystem, name)
            for span in one.ranges
            if span.type in ("ECOSYSTEM", "SEMVER")
            for event in span.events
            if "fixed" in event and _is_known(ecosystem, event["fixed"])
        }
        return sorted(fixed, key=lambda version: version_key(ecosystem, version))

    def severity_for(self, ecosystem: str, name: str) -> tuple[Severity, float | None]:
        """Return the worst severity that it states for a package, and the highest CVSS base score."""
        places = [self, *self.about(ecosystem, name)]
        vectors = [one.score for place in places for one in place.severity]
        words = [place.database_specific.get("severity") for place in places]
        return severity_of(vectors, [word for word in words if isinstance(word, str)])


@dataclass(frozen=True)
class AdvisoryFile:
    """Advisories that were read together.

    Attributes:
        label: the name of the file, for a report.
        advisories: in the order of their ids.
    """

    label: str
    advisories: tuple[Advisory, ...]

    @property
    def newest(self) -> str:
        """The date of the last change to any of them (ISO 8601), or ``""``."""
        return max((one.modified for one in self.advisories), default="")[:10]

    @property
    def is_sample(self) -> bool:
        """Whether they came with this kit: to be read in a lesson, far from complete."""
        return any(one.is_sample for one in self.advisories)

    @property
    def ecosystems(self) -> tuple[str, ...]:
        """The ecosystems that they are about."""
        return tuple(sorted({ecosystem for ecosystem, _ in self.by_package}))

    @cached_property
    def by_package(self) -> dict[tuple[str, str], list[Advisory]]:
        """Ecosystem and normalized name → the advisories about it."""
        found: dict[tuple[str, str], list[Advisory]] = {}
        for one in self.advisories:
            for key in one.packages:
                found.setdefault(key, []).append(one)
        return found

    def groups(self, ecosystem: str, name: str) -> list[tuple[Advisory, ...]]:
        """Return the advisories about a package, those with a common name (CVE, GHSA, PYSEC) together."""
        groups: list[tuple[set[str], list[Advisory]]] = []
        for one in self.by_package.get(package_key(ecosystem, name), []):
            names = {one.id, *one.aliases}
            joined = [group for group in groups if group[0] & names]
            groups = [group for group in groups if not group[0] & names]
            members = [member for group in joined for member in group[1]]
            groups.append((names.union(*(group[0] for group in joined)), [*members, one]))
        return [tuple(members) for _, members in groups]


def package_key(ecosystem: str, name: str) -> tuple[str, str]:
    """Return how a package is compared: Python names normalized (PEP 503), others as they are."""
    ecosystem = ecosystem.partition(":")[0]
    return ecosystem, canonicalize_name(name) if ecosystem == "PyPI" else name


def sample_advisories() -> AdvisoryFile:
    """Return the advisories that come with the kit: a few real ones, restated, and one of the lesson's own.

    Source: identifiers, ranges and vectors from the GitHub Advisory Database (CC BY 4.0).
    """
    file = resources.files("secure_ai.defend.dependencies").joinpath("sample_advisories.json")
    return _advisory_file("sample_advisories.json", _records(file.read_bytes(), "sample_advisories.json"))


def read_advisories(path: str | Path) -> AdvisoryFile:
    """Read advisories from a JSON file (an object, a list, ``{"vulns": [...]}``), a folder or a zip of them.

    Raises:
        UserError: if there are none, or one is no advisory in OSV format (named by its file).
    """
    path = Path(path)
    try:
        if path.is_dir():
            files = sorted(path.rglob("*.json"))
            records = (record for file in files for record in _records(_bytes(file), file.name))
            return _advisory_file(path.name, records)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return _advisory_file(path.name, zipped_records(archive))
        return _advisory_file(path.name, _records(_bytes(path), path.name))
    except zipfile.BadZipFile:
        raise UserError(f"{path.name} is no zip archive of advisories: download it again.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"The advisories in {path.name} cannot be read: {system_reason(error)}.") from None


def zipped_records(archive: zipfile.ZipFile) -> Iterator[tuple[str, Any]]:
    """Yield name and content of every JSON file of an archive, none larger than 8 MB.

    Raises:
        UserError: if there are too many files, or one is too large or no JSON.
    """
    members = [one for one in archive.infolist() if one.filename.endswith(".json")]
    if len(members) > _MOST_FILES:
        raise UserError(f"The archive holds more than {_MOST_FILES:,} files: that is no list of advisories.")
    for member in members:
        with archive.open(member) as file:
            content = file.read(_MOST_ADVISORY_BYTES + 1)
        if len(content) > _MOST_ADVISORY_BYTES:
            raise UserError(
                f"{Path(member.filename).name} in the archive is larger than 8 MB: no advisory is."
            )
        yield from _records(content, Path(member.filename).name)


def parse_advisory(name: str, record: Any) -> Advisory:
    """Return the advisory that a JSON object states.

    Raises:
        UserError: if it is none in OSV format, naming its file.
    """
    try:
        return Advisory.model_validate(record)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "it"
        raise UserError(
            f"{name} is no advisory in OSV format ({place} is missing or wrong): download it again, "
            "or take it out."
        ) from None


def _advisory_file(label: str, records: Iterable[tuple[str, Any]]) -> AdvisoryFile:
    by_id = {one.id: one for one in (parse_advisory(name, record) for name, record in records)}
    if not by_id:
        raise UserError(f"{label} holds no advisory: name a file, folder or zip of advisories in OSV format.")
    return AdvisoryFile(label, tuple(by_id[name] for name in sorted(by_id)))


def _records(content: bytes, name: str) -> Iterator[tuple[str, Any]]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise UserError(f"{name} is no JSON: download it again, or take it out.") from None
    if isinstance(found, dict) and isinstance(found.get("vulns"), list):
        found = found["vulns"]
    for record in found if isinstance(found, list) else [found]:
        yield name, record


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(
            f"There is no file {path.name}: name a file, folder or zip of advisories in OSV format."
        )
    if path.stat().st_size > _MOST_BYTES:
        raise UserError(f"{path.name} is larger than 2 GB: keep the advisories of your own packages only.")
    return path.read_bytes()


def _same(ecosystem: str, here: Any, listed: str) -> bool:
    try:
        return bool(version_key(ecosystem, listed) == here)
    except UnknownVersionError:
        return False


def _is_known(ecosystem: str, version: str) -> bool:
    try:
        version_key(ecosystem, version)
    except UnknownVersionError:
        return False
    return True
