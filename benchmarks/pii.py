"""How fast and how well personal data are found: stock Presidio beside ours, on the same texts in one run.

Run ``python benchmarks/pii.py`` (about five minutes; ``--help`` lists the options). Stock Presidio is
``AnalyzerEngine`` with its default registry. Where the package ``en_core_web_lg`` is installed it reads
names too; elsewhere it has a blank spaCy pipeline and its patterns alone, and the table says so.
"""

from __future__ import annotations

import argparse
import csv
import gc
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import spacy

import synthetic_data
from secure_ai.core import Document, Span
from secure_ai.discover import as_documents, detect, score_spans
from secure_ai.discover.compare import detect_by_patterns
from secure_ai.discover.detector import resolve
from secure_ai.discover.model.training.corpus import as_document, read_held_out

ROOT = Path(__file__).resolve().parents[1]
DIALOGUES = ROOT.parent / "shared" / "data" / "mts_dialog_validation.csv"
LARGE = "en_core_web_lg"


Detector = Callable[[Sequence[str]], list[list[Span]]]


def stock_presidio() -> tuple[str, Detector]:
    """Presidio as it comes, with the large model if there is one, else with its patterns."""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpEngineProvider, SpacyNlpEngine

    if spacy.util.is_package(LARGE):
        engine = AnalyzerEngine()
        name = f"Presidio with {LARGE}"
    else:

        class Blank(SpacyNlpEngine):
            engine_name = "blank"

            def load(self) -> None:
                self.nlp = {"en": spacy.blank("en")}

        configuration = {
            "nlp_engine_name": "blank",
            "models": [{"lang_code": "en", "model_name": "blank"}],
            "ner_model_configuration": NerModelConfiguration(labels_to_ignore=["O"]).to_dict(),
        }
        nlp = NlpEngineProvider(nlp_engines=(Blank,), nlp_configuration=configuration).create_engine()
        engine = AnalyzerEngine(nlp_engine=nlp)
        name = "Presidio, patterns"

    def find(texts: Sequence[str]) -> list[list[Span]]:
        return [
            resolve(Span(r.start, r.end, r.entity_type, r.score) for r in engine.analyze(text, "en"))
            for text in texts
        ]

    return name, find


def seconds(find: Detector, texts: Sequence[str], runs: int) -> float:
    """Processor time of the quickest of several runs, after one to warm up."""
    find(texts[:20])
    best = float("inf")
    for _ in range(runs):
        gc.collect()
        began = time.process_time()
        find(texts)
        best = min(best, time.process_time() - began)
    return best


def corpora(rows: int) -> dict[str, list[Document]]:
    """The texts with known spans: templates held out of training, and both sectors' notes and messages."""
    kept = {
        f"held out: {genre.replace('_', ' ')}": [as_document(template) for template in templates]
        for genre, templates in read_held_out().items()
    }
    for sector in ("healthcare", "finance"):
        data = synthetic_data.load(sector, seed=11, rows=rows)
        texts = [text for kind in data.documents.values() for text in kind]
        kept[f"synthetic: {sector}"] = as_documents(texts[: 3 * rows])
    return kept


def print_speed(detectors: dict[str, Detector], texts: dict[str, list[str]], runs: int) -> None:
    """Documents and megabytes a second, and the ratio to the first detector."""
    print(f"{'texts':<34}{'detector':<32}{'docs':>7}{'docs/s':>10}{'MB/s':>8}{'ratio':>8}")
    for name, corpus in texts.items():
        size = sum(len(text.encode()) for text in corpus) / 1e6
        first = None
        for label, find in detectors.items():
            took = seconds(find, corpus, runs)
            first = first or took
            pace = f"{len(corpus) / took:>10,.0f}{size / took:>8.2f}{first / took:>8.1f}"
            print(f"{name:<34}{label:<32}{len(corpus):>7,}{pace}")
    print()


def print_quality(detectors: dict[str, Detector], documents: dict[str, list[Document]]) -> None:
    """Precision, recall and F2 by entity and detector, and F2 of spans whatever their type."""
    for name, corpus in documents.items():
        texts = [document.text for document in corpus]
        truth = [document.spans for document in corpus]
        print(f"{name}: {len(corpus):,} texts")
        print(f"  {'':<32}" + "".join(f"{label:^26}" for label in detectors))
        found = {label: find(texts) for label, find in detectors.items()}
        scores = {label: score_spans(truth, spans) for label, spans in found.items()}
        head = f"{'prec':>9}{'recall':>8}{'F2':>7}  "
        print(f"  {'entity':<25}{'spans':>7}" + head * len(detectors))
        first = next(iter(scores.values()))
        for entity in (entity for entity in first.index if first.loc[entity, "n"]):
            cells = "".join(_cells(frame, entity) for frame in scores.values())
            print(f"  {entity:<25}{int(first.loc[entity, 'n']):>7}{cells}")
        for iou in (0.5, 0.9):
            overall = {
                label: score_spans(truth, spans, iou=iou, typed=False).loc["all", "f2"]
                for label, spans in found.items()
            }
            cells = "".join(f"{value:>24.2f}  " for value in overall.values())
            print(f"  any type, IoU {iou:<18}{cells}")
        print()


def _cells(frame, entity: str) -> str:
    if entity not in frame.index:
        return f"{'–':>9}{'0.00':>8}{'0.00':>7}  "
    row = frame.loc[entity]
    precision = "–" if row.precision != row.precision else f"{row.precision:.2f}"
    return f"{precision:>9}{row.recall:>8.2f}{row.f2:>7.2f}  "


def print_column(stock: tuple[str, Detector], rows: int, distinct: int) -> None:
    """A table column in which values repeat; Presidio's share is timed on one repetition and scaled."""
    values = [document.text for document in corpora(distinct)["synthetic: finance"]][:distinct]
    column = (values * (rows // len(values) + 1))[:rows]
    ours = seconds(detect, column, 1)
    name, find = stock
    theirs = seconds(find, values, 1) * rows / len(values)
    print(f"A column of {rows:,} rows with {len(values):,} distinct texts")
    print(f"  {name:<32}{theirs:>9.1f} s (each row; timed on {len(values):,}, scaled)")
    print(f"  {'ours, names and patterns':<32}{ours:>9.1f} s, {theirs / ours:,.0f} times as fast\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", type=int, default=150, help="patients and transactions of the synthetic texts"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of each timing, of which the quickest counts"
    )
    parser.add_argument("--column-rows", type=int, default=100_000, help="rows of the repeating column")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(
        f"{cores} cores{load}; processor seconds of one process; a ratio is to the first line of its block\n"
    )
    stock = stock_presidio()
    detectors = {stock[0]: stock[1], "ours, patterns": detect_by_patterns, "ours, names and patterns": detect}
    documents = corpora(options.rows)
    texts = {name: [document.text for document in corpus] for name, corpus in documents.items()}
    if DIALOGUES.exists():
        with DIALOGUES.open(encoding="utf-8", newline="") as file:
            texts["MTS dialogues (no known spans)"] = [row["dialogue"] for row in csv.DictReader(file)]
    print_speed(detectors, texts, options.runs)
    print_quality(detectors, documents)
    print_column(stock, options.column_rows, 500)


if __name__ == "__main__":
    main()
