"""How bad it is when somebody learns what a table says: by the most sensitive tier in it."""

from __future__ import annotations

from secure_ai.core import Level
from secure_ai.discover.classification import Tier
from secure_ai.discover.inventory import Inventory

SEVERITY_OF_TIER = {
    Tier.PUBLIC: Level.LOW,
    Tier.INTERNAL: Level.LOW,
    Tier.CONFIDENTIAL: Level.MEDIUM,
    Tier.RESTRICTED: Level.HIGH,
}
"""The kit's own, and meant to be argued with: the tiers are ordered by the harm of a leak, and nobody has
set a table from tiers to severities. ``critical`` is left to what harms by itself, such as card numbers."""


def severity_of_table(found: Inventory) -> tuple[Level, str]:
    """Return the severity of a record that is traced, and why."""
    worst = max((profile.tier for profile in found.columns), default=Tier.PUBLIC)
    return SEVERITY_OF_TIER[worst], f"the most sensitive tier in the table is {worst.name.capitalize()}."


def severities() -> str:
    """Return the rule in words."""
    return "; ".join(
        f"{tier.name.capitalize()} {SEVERITY_OF_TIER[tier]}" for tier in sorted(Tier, reverse=True)
    )
