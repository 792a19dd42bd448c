"""Make data shareable: de-identify text and tables, make tables hide their people, and measure how well.

Differential privacy stands in :mod:`secure_ai.anonymize.differential_privacy`.
"""

from secure_ai.anonymize.deidentify.deidentifier import Deidentifier
from secure_ai.anonymize.deidentify.files import deidentify_file
from secure_ai.anonymize.deidentify.policy import Policy, load_policy, policy_names
from secure_ai.anonymize.deidentify.receipt import ColumnChange, Receipt
from secure_ai.anonymize.deidentify.tokens import detokenize, reidentify
from secure_ai.anonymize.deidentify.vault import TokenVault
from secure_ai.anonymize.tabular.anonymizer import AnonymizedTable, anonymize
from secure_ai.anonymize.tabular.classes import equivalence_class_sizes
from secure_ai.anonymize.tabular.measures import PrivacyMeasures, privacy_measures
from secure_ai.anonymize.tabular.population import population_uniqueness
from secure_ai.anonymize.tabular.proposal import (
    QuasiIdentifierChoice,
    explain_quasi_identifiers,
    minimal_uniques,
    propose_quasi_identifiers,
    riskiest_combinations,
)
from secure_ai.anonymize.tabular.requirements import Requirements
from secure_ai.anonymize.tabular.risk import AttackerRisk, ReidentificationRisk, reidentification_risk
from secure_ai.encrypt.secret_keys import Key, generate_key, load_key, random_key

__all__ = [
    "AnonymizedTable",
    "AttackerRisk",
    "ColumnChange",
    "Deidentifier",
    "Key",
    "Policy",
    "PrivacyMeasures",
    "QuasiIdentifierChoice",
    "Receipt",
    "ReidentificationRisk",
    "Requirements",
    "TokenVault",
    "anonymize",
    "deidentify_file",
    "detokenize",
    "equivalence_class_sizes",
    "explain_quasi_identifiers",
    "generate_key",
    "load_key",
    "load_policy",
    "minimal_uniques",
    "policy_names",
    "population_uniqueness",
    "privacy_measures",
    "propose_quasi_identifiers",
    "random_key",
    "reidentification_risk",
    "reidentify",
    "riskiest_combinations",
]
