"""What others have published about the size of losses, and how little two such figures say about a third."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pandas as pd
import yaml

from secure_ai.core import UserError
from secure_ai.govern.loss_inputs import LossScenario, interval_from_median
from secure_ai.govern.loss_model import SECTORS

KINDS = ("mean", "median", "95th percentile", "ceiling")
READ = {
    "publisher": "read at the publisher",
    "author": "read in an author's post",
    "quoted": "read where it is quoted",
    "law": "the law itself",
}


def published_losses(sector: str) -> pd.DataFrame:
    """Return the published figures that concern a sector.

    Returns:
        Columns ``figure`` (what it says), ``kind`` (mean, median, 95th percentile, ceiling), ``amount``,
        ``currency``, ``year``, ``who``, ``sample``, ``how read``, ``source``.

    Raises:
        UserError: if there is no such sector.
    """
    if sector not in SECTORS:
        raise UserError(f"There is no sector '{sector}': choose from {', '.join(SECTORS)}.")
    rows = [
        {
            "figure": item["what"],
            "kind": item["kind"],
            "amount": item["amount"],
            "currency": item["currency"],
            "year": item["year"],
            "who": item["who"],
            "sample": item["sample"],
            "how read": READ[item["read"]],
            "source": item["source"],
        }
        for item in _figures()
        if sector in item["sectors"]
    ]
    return pd.DataFrame(rows)


def published_incident() -> LossScenario:
    """Return one incident whose loss has the published median and 95th percentile: a lognormal, once a year.

    Its mean is not published: it follows from the shape that is assumed, and is many times the median. That
    is why a mean from one study and a median from another do not contradict each other.
    """
    found = {item["kind"]: item for item in _figures() if item["who"].startswith("Cyentia")}
    median, high = (float(found[kind]["amount"]) for kind in ("median", "95th percentile"))
    return LossScenario(
        "incident as published",
        frequency=1.0,
        magnitude=interval_from_median(median, high),
        source=f"{found['median']['who']}, median and 95th percentile; lognormal shape assumed",
        year=found["median"]["year"],
    )


def _figures() -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath("data/published_losses.yaml").read_text("utf-8")
    return yaml.safe_load(text)["figures"]
