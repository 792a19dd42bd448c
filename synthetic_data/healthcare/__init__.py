"""An invented hospital: patients, what was done for them, who looked at it, and what can be learned from
it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data.cards import DataCard
from synthetic_data.dataset import Dataset, blocks, concatenate
from synthetic_data.healthcare.access import access_table
from synthetic_data.healthcare.card import hospital_card
from synthetic_data.healthcare.learning import (
    learn_readmission,
    learn_scans,
    readmission_features,
)
from synthetic_data.healthcare.notes import messages, notes
from synthetic_data.healthcare.patients import make_patients
from synthetic_data.healthcare.records import (
    Frame,
    attending,
    claims_table,
    diagnoses_table,
    encounters_table,
    labs_table,
    medications_table,
    readmissions_table,
)
from synthetic_data.healthcare.scans import scans
from synthetic_data.healthcare.staff import staff
from synthetic_data.healthcare.visits import make_visits
from synthetic_data.text import SyntheticText

__all__ = [
    "BLOCK_SIZE",
    "TABLES",
    "block",
    "block_with_documents",
    "card",
    "generate",
    "learn_readmission",
    "learn_scans",
    "readmission_features",
    "scans",
    "staff",
]

BLOCK_SIZE = 2500
"""Patients in a block; only the last block of a data set may hold fewer."""

TABLES = (
    "patients",
    "encounters",
    "diagnoses",
    "medications",
    "labs",
    "claims",
    "staff",
    "access_log",
    "notes",
    "messages",
    "readmissions",
)


def generate(rows: int, seed: int) -> Dataset:
    """The whole hospital in memory: `rows` patients, all that hangs on them, the staff and the scans."""
    parts = []
    documents: dict[str, list[SyntheticText]] = {"notes": [], "messages": []}
    for index, size in blocks(rows, BLOCK_SIZE):
        tables, texts = block_with_documents(seed, index, size)
        parts.append(tables)
        for name, found in texts.items():
            documents[name] += found
    tables = concatenate(parts) | {"staff": staff(seed)}
    return Dataset(
        sector="healthcare",
        seed=seed,
        rows=rows,
        tables={name: tables[name] for name in TABLES},
        documents=documents,
        images=scans(seed),
        card=card(rows, seed),
    )


def block(seed: int, index: int, size: int = BLOCK_SIZE) -> dict[str, pd.DataFrame]:
    """One block of patients with every dependent row: all of `TABLES` but the staff, which blocks share.

    The block depends on (seed, index, size) alone, so blocks can be made in any order and in any process.
    """
    return block_with_documents(seed, index, size)[0]


def block_with_documents(
    seed: int, index: int, size: int = BLOCK_SIZE
) -> tuple[dict[str, pd.DataFrame], dict[str, list[SyntheticText]]]:
    """`block`, and its notes and messages with their true spans."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    start = index * BLOCK_SIZE
    people = staff(seed)
    patients, conditions = make_patients(rng, size, start=start, seed=seed, staff=people)
    visits = make_visits(rng, patients, conditions)
    number = (start + 1 + visits.patient) * 100 + visits.ordinal()
    frame = Frame(patients, people, conditions, visits, number, attending(rng, visits, people))
    medications, drugs = medications_table(rng, frame)
    tables = {
        "patients": patients,
        "encounters": encounters_table(rng, frame),
        "diagnoses": diagnoses_table(rng, frame),
        "medications": medications,
        "labs": labs_table(rng, frame),
        "claims": claims_table(rng, frame, start=start, seed=seed),
        "access_log": access_table(rng, frame, block=index, seed=seed),
        "readmissions": readmissions_table(rng, frame, drugs),
    }
    documents = {}
    tables["notes"], documents["notes"] = notes(rng, frame)
    tables["messages"], documents["messages"] = messages(rng, frame)
    return tables, documents


def card(rows: int, seed: int) -> DataCard:
    """What was built into the data of this size and seed."""
    return hospital_card(rows, seed)
