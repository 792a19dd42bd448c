"""The sections of an assessment: each one call, on what it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.anonymize.tabular.proposal import (
    LEFT_OUT,
    SPLITS_NO_FURTHER,
    QuasiIdentifierChoice,
    Role,
    explain_quasi_identifiers,
    riskiest_combinations,
)
from secure_ai.anonymize.tabular.risk import ReidentificationRisk, reidentification_risk
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.core import Unassessed, UserError
from secure_ai.core.sources import Source, open_source, quote_identifier
from secure_ai.discover.classification import Tier, classify
from secure_ai.discover.header import refuse_data_as_header
from secure_ai.discover.inventory import Inventory, inventory

if TYPE_CHECKING:
    from collections.abc import Sequence

# Combinations of up to three are tried over at most this many columns, chosen ones first: 175 groupings.
COMBINED_COLUMNS = 10


@dataclass(frozen=True)
class Inputs:
    """The opened inputs of an assessment."""

    source: Source
    population: Source | None
    n_rows: int


@dataclass(frozen=True)
class Reidentification:
    """Re-identification risk, and how its quasi-identifiers came about.

    Attributes:
        risk: the measurement, or why there is none.
        choices: one per column, with the reason.
        proposed: whether the kit chose the columns rather than the assessor.
        combinations: frame of :func:`~secure_ai.anonymize.riskiest_combinations`.
    """

    risk: ReidentificationRisk | Unassessed
    choices: tuple[QuasiIdentifierChoice, ...]
    proposed: bool
    combinations: pd.DataFrame

    @property
    def chosen(self) -> list[QuasiIdentifierChoice]:
        """The columns taken as quasi-identifiers, in order of choice."""
        return [choice for choice in self.choices if choice.role is Role.QUASI_IDENTIFIER]


def open_inputs(parameters: AssessmentParameters) -> Inputs:
    """Open everything that the parameters name and check that the columns are there.

    Raises:
        UserError: if a source cannot be read, or a named column is missing.
    """
    source = _open(parameters, parameters.data)
    refuse_data_as_header(source)  # before anything quotes a column name
    named = [*(parameters.quasi_identifiers or ()), *(parameters.sensitive or ())]
    source.require(named)
    both = sorted(set(parameters.quasi_identifiers or ()) & set(parameters.sensitive or ()))
    if both:
        raise UserError(
            f"The column '{both[0]}' is named both as a quasi-identifier and as sensitive: choose one."
        )
    population = _open(parameters, parameters.population) if parameters.population else None
    if population is not None:
        population.require(parameters.quasi_identifiers or ())
    return Inputs(source, population, source.n_rows)


def take_inventory(inputs: Inputs, parameters: AssessmentParameters) -> Inventory:
    """Find and classify personal data, column by column."""
    return inventory(inputs.source, sample=parameters.sample, seed=parameters.seed)


def inventory_frame(found: Inventory) -> pd.DataFrame:
    """Return the inventory in words, without any value of the table, not even a masked one.

    Returns:
        One row per column, in table order: ``column``, ``type``, ``holds``, ``tier``, ``hipaa`` (Safe
        Harbor letters), ``rules`` (others that apply), ``confidence``, ``distinct``, ``empty``, ``evidence``.
    """
    return pd.DataFrame(
        [
            {
                "column": profile.name,
                "type": profile.sql_type,
                "holds": classify(profile.entities).title if profile.entities else "Nothing recognized",
                "tier": profile.tier.name.capitalize(),
                "hipaa": ", ".join(profile.hipaa_letters) or "–",
                "rules": ", ".join(
                    name
                    for name, applies in (
                        ("PCI DSS", profile.pci),
                        ("GLBA", profile.glba),
                        ("GDPR Art. 9", profile.gdpr_special),
                    )
                    if applies
                )
                or "–",
                "confidence": f"{profile.confidence:.2f}" if profile.entities else "–",
                "distinct": f"{profile.distinct:,}",
                "empty": f"{profile.null_share:.0%}",
                "evidence": profile.evidence,
            }
            for profile in found.columns
        ]
    )


def exposure_by_tier(inputs: Inputs, found: Inventory) -> pd.DataFrame:
    """Count how much of the table lies in each tier of sensitivity.

    Returns:
        One row per tier, worst first: ``tier``, ``columns`` (count), ``names``, ``cells`` (filled),
        ``share_of_cells`` (of all filled cells).
    """
    counted = ", ".join(f"count({quote_identifier(name)})" for name in inputs.source.columns)
    counts = inputs.source.sql(f"SELECT {counted} FROM source").fetchone()
    filled = dict(zip(inputs.source.columns, counts, strict=True))
    total = sum(filled.values())
    rows = []
    for tier in sorted(Tier, reverse=True):
        names = [profile.name for profile in found.columns if profile.tier is tier]
        cells = sum(filled[name] for name in names)
        rows.append(
            (tier.name.capitalize(), len(names), tuple(names), cells, cells / total if total else 0.0)
        )
    return pd.DataFrame(rows, columns=["tier", "columns", "names", "cells", "share_of_cells"])


def assess_reidentification(
    inputs: Inputs, found: Inventory, parameters: AssessmentParameters
) -> Reidentification:
    """Measure re-identification risk of the named quasi-identifiers, or of those that are proposed."""
    source, population = inputs.source, inputs.population
    named = parameters.quasi_identifiers
    if named:
        columns: Sequence[str] = named
        choices = tuple(
            QuasiIdentifierChoice(name, Role.QUASI_IDENTIFIER, "named by the assessor") for name in named
        )
    else:
        choices = tuple(explain_quasi_identifiers(source, found, exclude=parameters.sensitive or ()))
        columns = [choice.column for choice in choices if choice.role is Role.QUASI_IDENTIFIER]
    nothing = pd.DataFrame(columns=["columns", "size", "k", "classes", "uniques", "share_unique"])
    if not columns:
        reason = (
            "No column of this table could be proposed as a quasi-identifier: name those that an outsider "
            "could know with the parameter quasi_identifiers."
        )
        return Reidentification(Unassessed(reason), choices, not named, nothing)
    if population is not None and not set(columns) <= set(population.columns):
        population.require(columns)
    known = [
        *columns,
        *(choice.column for choice in choices if choice.reason in {SPLITS_NO_FURTHER, LEFT_OUT}),
    ]
    return Reidentification(
        risk=reidentification_risk(source, columns, population=population, threshold=parameters.threshold),
        choices=choices,
        proposed=not named,
        combinations=riskiest_combinations(source, known[:COMBINED_COLUMNS]),
    )


def choices_frame(section: Reidentification) -> pd.DataFrame:
    """Return one row per column: ``column``, ``taken_as``, ``why``, ``classes`` and ``uniques`` so far."""
    rows = [(c.column, c.role.value, c.reason, c.classes, c.uniques) for c in section.choices]
    frame = pd.DataFrame(rows, columns=["column", "taken_as", "why", "classes", "uniques"])
    return frame.astype({"classes": "Int64", "uniques": "Int64"})


def _open(parameters: AssessmentParameters, place: str) -> Source:
    return open_source(
        place, table=parameters.table, delimiter=parameters.delimiter, encoding=parameters.encoding
    )
