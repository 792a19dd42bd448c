"""Write the names model's card: ``python -m secure_ai.discover.model.training.card``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from secure_ai.core.text import Document, Span
from secure_ai.discover.model import names_model
from secure_ai.discover.model.store import FILE
from secure_ai.discover.model.training.corpus import LEARNED, as_document, read_held_out
from secure_ai.discover.scoring import score_spans

CARD = FILE.with_name("MODEL_CARD.md")
TEMPLATE = Path(__file__).with_name("card_template.md")


def held_out_scores() -> dict[str, pd.DataFrame]:
    """Score the model, without patterns, on every genre of held-out sentences: right type, IoU 0.5."""
    scores = {}
    for genre, templates in read_held_out().items():
        documents = [as_document(template) for template in templates]
        truth = [_learned(document) for document in documents]
        found = names_model().spans([document.text for document in documents])
        scores[genre] = score_spans(truth, found, iou=0.5, beta=1).rename(columns={"f2": "f1"})
    return scores


def _learned(document: Document) -> list[Span]:
    return [span for span in document.spans if span.entity_type in LEARNED]


def write(path: Path = CARD) -> None:
    """Write the card; its figures are measured now."""
    settings = names_model().settings
    tables = []
    for genre, frame in held_out_scores().items():
        rows = "\n".join(
            f"| {entity} | {row.n:.0f} | {_two(row.precision)} | {_two(row.recall)} | {_two(row.f1)} |"
            for entity, row in frame.iterrows()
            if row.n
        )
        title = genre.replace("_", " ").capitalize()
        tables.append(
            f"### {title}\n\n| entity | spans | precision | recall | F1 |\n|---|---|---|---|---|\n{rows}"
        )
    path.write_text(
        TEMPLATE.read_text("utf-8").format(
            **settings,
            megabytes=f"{FILE.stat().st_size / 1e6:.1f}",
            tables="\n\n".join(tables),
        ),
        encoding="utf-8",
    )


def _two(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2f}"


if __name__ == "__main__":
    write()
