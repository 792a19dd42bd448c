"""The invented bank: customers, accounts, cards, payments with labeled fraud, loans, staff and messages."""

from __future__ import annotations

import json

import pandas as pd

from synthetic_data.dataset import Dataset, concatenate
from synthetic_data.finance.assemble import BLOCK_SIZE, block, block_sizes
from synthetic_data.finance.datacard import card
from synthetic_data.finance.learning import fraud_features, learn_default, learn_fraud, loan_features
from synthetic_data.text import Label, SyntheticText

__all__ = [
    "BLOCK_SIZE",
    "DOCUMENTS",
    "block",
    "block_sizes",
    "card",
    "documents",
    "fraud_features",
    "generate",
    "learn_default",
    "learn_fraud",
    "loan_features",
]

DOCUMENTS = ("chats", "emails")


def generate(rows: int, seed: int) -> Dataset:
    """The bank with ``rows`` transactions, in memory; :func:`synthetic_data.load` checks the arguments."""
    parts = [block(seed, index, size) for index, size in enumerate(block_sizes(rows))]
    tables = concatenate(parts)
    texts = {name: documents(tables[name], name) for name in DOCUMENTS}
    for name in DOCUMENTS:
        tables[name] = tables[name].drop(columns="spans")
    return Dataset("finance", seed, rows, tables, texts, None, card(rows, seed))


def documents(table: pd.DataFrame, name: str) -> list[SyntheticText]:
    """The texts of a block's ``chats`` or ``emails`` with their true spans.

    Args:
        table: with columns text, spans (JSON) and the ids.
        name: "chats" or "emails".
    """
    kind = name.removesuffix("s")
    ids = zip(
        *(
            table[column].tolist()
            for column in (f"{kind}_id", "customer_id", "topic", "template", "text", "spans")
        ),
        strict=True,
    )
    return [
        SyntheticText(
            text,
            tuple(Label(*span) for span in json.loads(spans)),
            {f"{kind}_id": document, "customer_id": customer, "topic": topic, "template": template},
        )
        for document, customer, topic, template, text, spans in ids
    ]
