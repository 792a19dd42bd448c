"""The data behind a prediction: which versions, whether they are the same today, and who consents."""

from __future__ import annotations

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.lineage import Lineage
from secure_ai.defend.lineage.graph import Dataset, LineageGraph
from secure_ai.defend.lineage.jobs import LINK_COLUMNS
from secure_ai.defend.lineage.rows import EVERY_ROW, content_version, plain, row_digests
from secure_ai.defend.lineage.tracing import Trace
from secure_ai.govern.consent.callback import ask_consent
from secure_ai.govern.traceability.entries import ModelRecord
from secure_ai.govern.traceability.evidence import Evidence, fact, gap
from secure_ai.govern.traceability.register import Signed
from secure_ai.govern.traceability.trail import Fact, Question


def data_facts(trained: Trace, model: str, record: Signed | None, given: Evidence) -> list[Fact]:
    """Say which tables a model learned from, and whether the sources are today what they were.

    Args:
        trained: back from the model.
        model: ``name@version``.
        record: its record in the register, where there is one.
        given: what there is to compare with.
    """
    graph = trained.graph
    tables = sorted(inputs_of(graph, model))
    facts = []
    for name in tables:
        one, rows = graph.dataset(name), trained.reached.get(name)
        count = "rows that are not recorded" if rows is None else f"{len(rows):,} rows"
        answer = f"{model} learned from {count} of {one.name}, version {one.version}."
        facts.append(Fact("training data", "known", answer, f"{one.name}, {count}", name))
    entry = record.entry if record is not None else None
    if isinstance(entry, ModelRecord) and sorted(entry.data) != tables:
        answer = "The register names other data versions than the lineage."
        facts.append(Fact("training data", "problem", answer, "differs", model))
    for name in sources_of(graph, model):
        one = graph.dataset(name)
        frame = given.sources.get(one.name)
        if frame is None:
            facts.append(gap("data versions", f"Nobody gave the table {one.name}.", name))
            continue
        same = given.versions[one.name] == one.version
        problem = f"The table {one.name} is not version {one.version} any more, from which {model} learned."
        facts.append(
            fact(
                "data versions",
                "" if same else problem, f"The table {one.name} is still version {one.version}.",
                f"{one.name} {'as recorded' if same else 'changed'}", name,
            )
        )  # fmt: skip
    return facts


def consent_facts(question: Question, trace: Trace | None, purpose: str, given: Evidence) -> list[Fact]:
    """Say of each source whether the people behind the rows that were used consent now.

    Args:
        question: of training or of prediction.
        trace: back from the model, or from the rows that were scored; None where none are recorded.
        purpose: what consent is asked for; empty where it is not known.
        given: the consent ledger and the tables.

    Raises:
        UserError: if the callback does not answer for each person.
    """
    names = [] if trace is None else roots_of(trace)
    if not names:
        return [gap(question, "No source of rows is recorded, so that nobody knows whose they are.")]
    if given.consent is None or not purpose:
        missing = "no consent ledger was asked" if given.consent is None else "no purpose is known to ask for"
        return [gap(question, f"Not known: {missing}.", name) for name in names]
    facts = []
    for name in names:
        one = trace.graph.dataset(name)
        frame, rows = given.sources.get(one.name), trace.reached[name]
        key = one.rows.identifier if one.rows is not None else None
        if reason := _no_people(one, given, frame, key, rows):
            facts.append(gap(question, f"Not known for {one.name}: {reason}.", name))
        else:
            facts.append(_asked(question, name, one.name, frame[key].iloc[rows], purpose, given))
    return facts


def rows_scored(lineage: Lineage, prediction: str, model: str) -> Trace | None:
    """Return the trace back from the rows that were scored for one prediction, without those of the model."""
    here, _, place = prediction.partition("#")
    names: set[str] = set()
    for step in lineage.graph().steps:
        if step.output != here or step.links is None:
            continue
        links = lineage.files.read(step.links, LINK_COLUMNS)
        mine = links[links["row"].isin([int(place), EVERY_ROW]) & (links["input"] != model)]
        names |= {
            row.input if row.input_row == EVERY_ROW else f"{row.input}#{row.input_row}"
            for row in mine.itertuples()
        }
    return lineage.back(sorted(names)) if names else None


def inputs_of(graph: LineageGraph, dataset: str) -> set[str]:
    """Return what a data set or model was made of directly."""
    return {name for step in graph.steps if step.output == dataset for name in step.inputs}


def sources_of(graph: LineageGraph, dataset: str) -> list[str]:
    """Return the sources that a data set or model rests on, however many steps away."""
    found, queue, seen = [], [dataset], {dataset}
    while queue:
        here = queue.pop()
        before = inputs_of(graph, here)
        if not before and here != dataset:
            found.append(here)
        queue += sorted(before - seen)
        seen |= before
    return sorted(found)


def roots_of(trace: Trace) -> list[str]:
    """Return the data sets of a trace that were made of nothing that is recorded."""
    made = {step.output for step in trace.graph.steps}
    return sorted(name for name in trace.reached if name not in made)


def _asked(  # noqa: PLR0917
    question: Question, subject: str, table: str, people: pd.Series, purpose: str, given: Evidence
) -> Fact:
    known = people.dropna().drop_duplicates()
    answers = ask_consent(given.consent, known.tolist(), purpose).tolist()
    refused, nobody = len(answers) - sum(answers), int(people.isna().sum())
    wrong = []
    if refused:
        wrong.append(f"in {table} {refused:,} of {len(answers):,} people do not allow '{purpose}' today")
    if nobody:
        wrong.append(f"{nobody:,} rows of {table} belong to nobody known")
    return fact(
        question, f"Of the rows that were used, {', and '.join(wrong)}." if wrong else "",
        f"Everybody in the rows of {table} ({len(answers):,}) may be used for '{purpose}' today.",
        f"{sum(answers):,} of {len(answers):,} in {table}", subject,
    )  # fmt: skip


def _no_people(
    one: Dataset, given: Evidence, frame: pd.DataFrame | None, key: str | None, rows: np.ndarray | None
) -> str:
    if frame is None:
        return "the table was not given"
    if key is None or key not in frame:
        return "the lineage names no column that says whose its rows are"
    if rows is None:
        return "its rows are not recorded"
    if given.versions[one.name] != one.version:
        return "the table is another version, so that its rows are other people's"
    return ""


def version_of(lineage: Lineage, name: str, frame: pd.DataFrame) -> str:
    """Return the version that a source of this content has in the lineage.

    Raises:
        UserError: if it is no table.
    """
    if not isinstance(frame, pd.DataFrame):
        raise UserError(f"The source {shown(str(name))} is no DataFrame: give the table as it is now.")
    kept = plain(frame)
    # A source has no origin: the empty text that the lineage adds for it.
    return content_version([*map(str, kept.columns), ""], row_digests(kept, lineage.files.key))
