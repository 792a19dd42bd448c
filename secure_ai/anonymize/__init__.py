"""Make data shareable: measure how easily records are traced to people, and de-identify text and tables."""

from secure_ai.anonymize.deidentifier import Deidentifier
from secure_ai.anonymize.files import deidentify_file
from secure_ai.anonymize.keys import Key, generate_key, load_key, random_key
from secure_ai.anonymize.policy import Policy, load_policy, policy_names
from secure_ai.anonymize.proposal import (
    QuasiIdentifierChoice,
    explain_quasi_identifiers,
    propose_quasi_identifiers,
    riskiest_combinations,
)
from secure_ai.anonymize.receipt import ColumnChange, Receipt
from secure_ai.anonymize.risk import (
    AttackerRisk,
    ReidentificationRisk,
    equivalence_class_sizes,
    reidentification_risk,
)
from secure_ai.anonymize.tokens import detokenize, reidentify
from secure_ai.anonymize.vault import TokenVault

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
