"""An invented hospital and an invented bank, the same for the same seed, in which nobody is real."""

from __future__ import annotations

from importlib import import_module

from synthetic_data.cards import DataCard
from synthetic_data.dataset import SECTORS, Dataset, ScanImages, check_request
from synthetic_data.register import public_register, register_card, register_links
from synthetic_data.text import Label, SyntheticText, fill

__all__ = [
    "SECTORS",
    "DataCard",
    "Dataset",
    "Label",
    "ScanImages",
    "SyntheticText",
    "check_request",
    "fill",
    "load",
    "public_register",
    "register_card",
    "register_links",
]


def load(sector: str, *, seed: int = 7, rows: int = 5000) -> Dataset:
    """Make the data of one sector in memory.

    Args:
        sector: "healthcare" or "finance".
        seed: a non-negative whole number; the same seed gives the same bytes.
        rows: patients (healthcare) or card and account transactions (finance), at least 1.

    Returns:
        The tables, documents with true identifier spans, images (healthcare) and the data card.

    Raises:
        ValueError: one sentence that says which argument is wrong and what is allowed.
    """
    sector, seed, rows = check_request(sector, seed=seed, rows=rows)
    return import_module(f"synthetic_data.{sector}").generate(rows, seed)
