"""What a trail compares the record with, and how a fact is stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from secure_ai.govern.consent.callback import Consent
from secure_ai.govern.traceability.register import ModelRegister
from secure_ai.govern.traceability.trail import Fact, Question, State


@dataclass(frozen=True)
class Evidence:
    """What there is to compare the record with; everything that is missing becomes a gap that is said.

    Attributes:
        register: of models; None where nobody keeps one.
        keys: account → public signing key line.
        artifact: the model file as it is used now.
        code: folder of the training code as it is now, or its version.
        card: the model card as it is now.
        sources: name of a source of the lineage → the table as it is now.
        versions: name of a source → the version that its table has now.
        consent: asked about people now.
        roles: staff_id, role: one role of a person a row.
        sector: healthcare or finance, whose separations of duties count.
    """

    register: ModelRegister | None
    keys: Mapping[str, str]
    artifact: Path | None
    code: Path | str | None
    card: Path | None
    sources: Mapping[str, pd.DataFrame]
    versions: Mapping[str, str]
    consent: Consent | None
    roles: pd.DataFrame | None
    sector: str | None


def fact(question: Question, problem: str, known: str, short: str = "", subject: str = "") -> Fact:
    """Return the problem if there is one, what is known if not."""
    state: State = "problem" if problem else "known"
    return Fact(question, state, problem or known, short, subject)


def gap(question: Question, reason: str, subject: str = "") -> Fact:
    """Return that nobody can say, and why."""
    return Fact(question, "unassessed", reason, "unassessed", subject)
