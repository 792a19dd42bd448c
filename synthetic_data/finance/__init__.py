"""The invented bank: customers, accounts, cards, payments with labeled fraud, loans, staff and messages."""

from __future__ import annotations

from synthetic_data.dataset import Dataset, concatenate
from synthetic_data.finance.assemble import BLOCK_SIZE, block, block_sizes, block_with_documents
from synthetic_data.finance.datacard import card
from synthetic_data.finance.learning import fraud_features, learn_default, learn_fraud, loan_features

__all__ = [
    "BLOCK_SIZE",
    "block",
    "block_sizes",
    "block_with_documents",
    "card",
    "fraud_features",
    "generate",
    "learn_default",
    "learn_fraud",
    "loan_features",
]


def generate(rows: int, seed: int) -> Dataset:
    """The bank with ``rows`` transactions, in memory; :func:`synthetic_data.load` checks the arguments."""
    parts = [block_with_documents(seed, index, size) for index, size in enumerate(block_sizes(rows))]
    documents = {name: [text for _, texts in parts for text in texts[name]] for name in parts[0][1]}
    return Dataset(
        sector="finance",
        seed=seed,
        rows=rows,
        tables=concatenate([tables for tables, _ in parts]),
        documents=documents,
        card=card(rows, seed),
    )
