"""Versions in the order of their ecosystem: PEP 440 for Python, semantic versions for npm, Rust and Go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.version import InvalidVersion, Version

SEMANTIC = frozenset({"npm", "crates.io", "Go", "Hex", "Pub", "SwiftURL"})
_SEMANTIC = re.compile(
    r"v?(?P<core>(?:0|[1-9]\d{0,17})\.(?:0|[1-9]\d{0,17})\.(?:0|[1-9]\d{0,17}))"
    r"(?:-(?P<pre>(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9A-Za-z.-]+)?"
)
_SHORT = re.compile(r"v?(?P<core>\d{1,18}(?:\.\d{1,18})?)")
_LONGEST = 200


class UnknownVersionError(ValueError):
    """A version that its ecosystem's rules cannot order."""


def version_key(ecosystem: str, version: str) -> Any:
    """Return what sorts ``version`` among others of ``ecosystem`` ("PyPI", "npm", ...).

    Raises:
        UnknownVersionError: if the ecosystem is not one that we order, or the version breaks its rules.

    Source: PEP 440; Semantic Versioning 2.0.0, item 11.
    """
    if len(version) > _LONGEST:
        raise UnknownVersionError
    if ecosystem == "PyPI":
        try:
            return Version(version)
        except InvalidVersion:
            raise UnknownVersionError from None
    if ecosystem in SEMANTIC:
        return _semantic_key(version)
    raise UnknownVersionError


def compare_versions(ecosystem: str, one: str, other: str) -> int:
    """Return -1, 0 or 1 as ``one`` comes before, with or after ``other``.

    >>> compare_versions("PyPI", "2.0rc1", "2.0"), compare_versions("npm", "1.0.0-alpha.2", "1.0.0-alpha.10")
    (-1, -1)

    Raises:
        UnknownVersionError: as :func:`version_key`.
    """
    first, second = version_key(ecosystem, one), version_key(ecosystem, other)
    return (first > second) - (first < second)


def in_range(ecosystem: str, version: str, events: Sequence[Mapping[str, str]]) -> bool:
    """Return whether ``version`` lies in a range of an OSV advisory.

    Args:
        ecosystem: of the package.
        version: that is installed.
        events: each one of ``introduced`` ("0": from the first), ``fixed``, ``last_affected``, ``limit``.

    Raises:
        UnknownVersionError: if a version cannot be ordered.

    Source: OSV schema 1.7, evaluation of ``affected[].ranges[].events``.
    """
    here = version_key(ecosystem, version)
    limits = [event["limit"] for event in events if "limit" in event]
    if limits and not any(limit == "*" or here < version_key(ecosystem, limit) for limit in limits):
        return False
    affected = False
    for _, _, kind, bound in sorted(_bounds(ecosystem, events), key=lambda bound: bound[:2]):
        if kind == "introduced" and (bound is None or here >= bound):
            affected = True
        elif (kind == "fixed" and here >= bound) or (kind == "last_affected" and here > bound):
            affected = False
    return affected


def _bounds(ecosystem: str, events: Sequence[Mapping[str, str]]) -> list[tuple[Any, int, str, Any]]:
    # A version that is both fixed and introduced again counts as affected.
    order = {"last_affected": 0, "fixed": 1, "introduced": 2}
    bounds = []
    for event in events:
        for kind, rank in order.items():
            if kind in event:
                bound = None if event[kind] == "0" else version_key(ecosystem, event[kind])
                bounds.append((_First(bound), rank, kind, bound))
    return bounds


class _First:
    """Sorts None, the beginning of all versions, before everything."""

    def __init__(self, bound: Any) -> None:
        self.bound = bound

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _First) and self.bound == other.bound

    def __hash__(self) -> int:
        return hash(self.bound)

    def __lt__(self, other: _First) -> bool:
        if self.bound is None or other.bound is None:
            return self.bound is None and other.bound is not None
        return bool(self.bound < other.bound)


def _semantic_key(version: str) -> tuple[Any, ...]:
    found = _SEMANTIC.fullmatch(version)
    if not found:
        # Advisories shorten 4.0.0 to 4.0 or 4.
        short = _SHORT.fullmatch(version)
        if not short:
            raise UnknownVersionError
        parts = [int(part) for part in short["core"].split(".")]
        return (*parts, *[0] * (3 - len(parts)), (1,))
    core = tuple(int(part) for part in found["core"].split("."))
    if found["pre"] is None:
        return (*core, (1,))
    # Numbers come before words, and a release after all that lead to it.
    marks = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in found["pre"].split("."))
    return (*core, (0, marks))
