"""Make data shareable: measure how easily records are traced to people, and de-identify text and tables."""

from secure_ai.anonymize.deidentify.deidentifier import Deidentifier
from secure_ai.anonymize.deidentify.files import deidentify_file
from secure_ai.anonymize.deidentify.keys import Key, generate_key, load_key, random_key
from secure_ai.anonymize.deidentify.policy import Policy, load_policy, policy_names
from secure_ai.anonymize.deidentify.receipt import ColumnChange, Receipt
from secure_ai.anonymize.deidentify.tokens import detokenize, reidentify
from secure_ai.anonymize.deidentify.vault import TokenVault
from secure_ai.anonymize.tabular.proposal import (
    QuasiIdentifierChoice,
    explain_quasi_identifiers,
    propose_quasi_identifiers,
    riskiest_combinations,
)
from secure_ai.anonymize.tabular.risk import (
    AttackerRisk,
    ReidentificationRisk,
    equivalence_class_sizes,
    reidentification_risk,
)

__all__ = [
    "AttackerRisk",
    "ColumnChange",
    "Deidentifier",
    "Key",
    "Policy",
    "QuasiIdentifierChoice",
    "Receipt",
    "ReidentificationRisk",
    "TokenVault",
    "deidentify_file",
    "detokenize",
    "equivalence_class_sizes",
    "explain_quasi_identifiers",
    "generate_key",
    "load_key",
    "load_policy",
    "policy_names",
    "propose_quasi_identifiers",
    "random_key",
    "reidentification_risk",
    "reidentify",
    "riskiest_combinations",
]
