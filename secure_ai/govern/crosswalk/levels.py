"""What an identifier is part of: the paragraph of an article, the subcategory of a category of a function."""

from __future__ import annotations

import re
from functools import cache

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import FrameworkEntry, entry


@cache
def wholes(identifier: str) -> tuple[str, ...]:
    """Return every identifier that ``identifier`` is part of, the nearest first.

    ``GDPR Art. 17(3)`` is part of ``GDPR Art. 17``, ``164.312(a)(2)(iv)`` of ``164.312(a)(1)`` and of
    ``164.312``, ``PR.DS-01`` of ``PR.DS`` and of ``CSF PR``.

    Raises:
        UserError: if the identifier is unknown.
    """
    found, chain = entry(identifier), []
    while (whole := _whole(found)) is not None:
        chain.append(whole.id)
        found = whole
    return tuple(chain)


def level_of(found: FrameworkEntry) -> str:
    """Return the level of an entry inside its framework, in the framework's own word where it has one."""
    if found.requirement:
        return f"{found.requirement} specification"
    if found.framework == "HIPAA Security Rule":
        return "standard"
    if found.framework == "NIST CSF":
        return "subcategory" if "-" in found.id else "function" if found.id.startswith("CSF") else "category"
    if found.framework == "NIST AI RMF":
        return "subcategory" if "." in found.id else "category"
    if found.framework == "MITRE ATLAS":
        if found.id.startswith("AML.M"):
            return "mitigation"
        return "tactic" if found.id.startswith("AML.TA") else "technique"
    return "entry"


def _whole(found: FrameworkEntry) -> FrameworkEntry | None:
    if found.part_of:
        return entry(found.part_of)
    for pattern in (
        r"(164\.\d{3})\(.+",
        r"(AML\.T\d{4})\.\d{3}",
        r"([A-Z]{2}\.[A-Z]{2})-\d\d",
        r"((?:GOVERN|MAP|MEASURE|MANAGE) \d)\.\d+",
        r"(PCI DSS [\d.]+)\.\d+",
        r"(12 CFR 30 App\. B) .+",
    ):
        if match := re.fullmatch(pattern, found.id):
            return _known(match[1])
    if found.framework == "NIST CSF" and (match := re.fullmatch(r"([A-Z]{2})\.[A-Z]{2}", found.id)):
        return entry(f"CSF {match[1]}")
    return None


def _known(identifier: str) -> FrameworkEntry | None:
    try:
        return entry(identifier)
    except UserError:
        return None
