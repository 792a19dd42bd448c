"""The first rows of every table and text, kept in the repository to look at without making anything.

``python -m synthetic_data.samples`` writes them anew.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from synthetic_data.dataset import SECTORS
from synthetic_data.generate import CARD, document_lines, table_csv

HERE = Path(__file__).parent
SEED = 7
MADE_FROM_ROWS = {"healthcare": 40, "finance": 500}
TABLE_ROWS = 20
TEXTS = 8


def write_samples(folder: Path = HERE) -> list[Path]:
    """Write ``<sector>/<table>.csv``, ``<sector>/<texts>.jsonl`` and the data cards under ``folder``."""
    written = []
    for sector in SECTORS:
        module = import_module(f"synthetic_data.{sector}")
        rows = MADE_FROM_ROWS[sector]
        data = module.generate(rows, SEED)
        pieces = {f"{name}.csv": table_csv(frame.head(TABLE_ROWS)) for name, frame in data.tables.items()}
        pieces |= {f"{name}.jsonl": document_lines(texts[:TEXTS]) for name, texts in data.documents.items()}
        pieces[CARD] = module.card(rows, SEED).to_markdown().encode("utf-8")
        (folder / sector).mkdir(parents=True, exist_ok=True)
        for name, piece in pieces.items():
            target = folder / sector / name
            target.write_bytes(piece)
            written.append(target)
    return written
