"""Inventories and scores as small tables for people: reports and lessons show these, with no raw value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from secure_ai.core.figures import percent
from secure_ai.core.text import Document, Span
from secure_ai.discover.classification import Tier, classify
from secure_ai.discover.inventory import Inventory
from secure_ai.discover.scoring import TOTAL
from secure_ai.discover.thresholds import missed


def column_report(scan: Inventory, *, fields: bool = False) -> pd.DataFrame:
    """Return one row per column; with ``fields`` the paths of a nested column follow it, a row each.

    Columns: ``column``, ``holds``, ``HIPAA`` (Safe Harbor letters), ``bank`` (``card data`` under PCI DSS
    or ``nonpublic`` personal information under GLBA), ``Art. 9`` (``special``), ``tier``, ``why``.
    """
    shown = [one for column in scan.columns for one in (column, *(column.fields if fields else ()))]
    return pd.DataFrame(
        [
            {
                "column": column.name,
                "holds": classify(column.entities).title if column.entities else "not classified",
                "HIPAA": " ".join(column.hipaa_letters),
                "bank": "card data" if column.pci else "nonpublic" if column.glba else "",
                "Art. 9": "special" if column.gdpr_special else "",
                "tier": column.tier.name,
                "why": column.evidence,
            }
            for column in shown
        ]
    )


def rules_report(scan: Inventory) -> pd.DataFrame:
    """Return why columns have their tier, one row for each tier and reason, the most sensitive first.

    Columns: ``tier``, ``because``, ``columns`` (names).
    """
    reasons: dict[tuple[Tier, str], list[str]] = {}
    for column in scan.columns:
        reasons.setdefault((column.tier, column.reason), []).append(column.name)
    ordered = sorted(reasons.items(), key=lambda item: (-item[0][0], item[0][1]))
    return pd.DataFrame(
        [
            {"tier": tier.name, "because": reason, "columns": ", ".join(names)}
            for (tier, reason), names in ordered
        ]
    )


def tier_counts(inventories: Mapping[str, Inventory]) -> pd.DataFrame:
    """Return the four tiers with their meaning and the number of columns in each.

    Columns: ``tier``, ``meaning``, ``columns``.
    """
    tiers = [column.tier for scan in inventories.values() for column in scan.columns]
    return pd.DataFrame(
        [
            {"tier": tier.name, "meaning": tier.meaning, "columns": tiers.count(tier)}
            for tier in reversed(Tier)
        ]
    )


def score_report(scores: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`score_spans` for people: titles, percentages, the lowest recall first, the total last.

    Columns: ``identifier``, ``there``, ``found``, ``precision``, ``recall``, ``F2``.
    """
    ordered = pd.concat([scores.drop(index=TOTAL).sort_values(["recall", "n"]), scores.loc[[TOTAL]]])
    return pd.DataFrame(
        {
            "identifier": ["all together" if name == TOTAL else name for name in ordered.index],
            "there": ordered["n"].to_numpy(),
            "found": ordered["found"].to_numpy(),
            "precision": [percent(value) for value in ordered["precision"]],
            "recall": [percent(value) for value in ordered["recall"]],
            "F2": [f"{value:.2f}" if pd.notna(value) else "not known" for value in ordered["f2"]],
        }
    )


def curve_report(
    curve: pd.DataFrame, thresholds: Sequence[float] = (0, 0.2, 0.4, 0.6, 0.8, 1)
) -> pd.DataFrame:
    """Return :func:`threshold_curve` at some thresholds for people, shares as percentages.

    Columns: ``threshold``, ``found``, ``of them true``, ``precision``, ``recall``, ``F2``, ``clean texts``.
    """
    shown = curve[[any(abs(t - wanted) < 1e-9 for wanted in thresholds) for t in curve["threshold"]]]
    return pd.DataFrame(
        {
            "threshold": [f"{value:g}" for value in shown["threshold"]],
            "found": shown["found"].to_numpy(),
            "of them true": shown["matched"].to_numpy(),
            "precision": [percent(value) for value in shown["precision"]],
            "recall": [percent(value) for value in shown["recall"]],
            "F2": [f"{value:.2f}" for value in shown["f2"]],
            "clean texts": [percent(value) for value in shown["clean"]],
        }
    )


def telling_example(
    documents: Sequence[Document], found: Sequence[Sequence[Span]], longest: int = 900
) -> int:
    """Return the position of a document that shows both sides of a detector.

    Of the documents with at least two misses, the one with the most kinds of identifier found; any
    document where there are no two misses anywhere. Longer ones than ``longest`` are passed over.
    """

    def kinds(position: int) -> tuple[bool, int, int]:
        document = documents[position]
        lost = missed(document.spans, found[position], document.text)
        telling = len(lost) >= 2 and len(document.text) <= longest
        return telling, len({span.entity_type for span in found[position]}), -position

    return max(range(len(documents)), key=kinds)
