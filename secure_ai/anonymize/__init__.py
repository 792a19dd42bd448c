"""Make data shareable: for now, measure how easily its records can be traced back to people."""

from secure_ai.anonymize.proposal import (
    QuasiIdentifierChoice,
    explain_quasi_identifiers,
    propose_quasi_identifiers,
    riskiest_combinations,
)
from secure_ai.anonymize.risk import (
    AttackerRisk,
    ReidentificationRisk,
    equivalence_class_sizes,
    reidentification_risk,
)

__all__ = [
    "AttackerRisk",
    "QuasiIdentifierChoice",
    "ReidentificationRisk",
    "equivalence_class_sizes",
    "explain_quasi_identifiers",
    "propose_quasi_identifiers",
    "reidentification_risk",
    "riskiest_combinations",
]
