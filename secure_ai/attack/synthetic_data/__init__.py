"""Privacy of synthetic data: singling out, linkability and inference, against a control group."""

from secure_ai.attack.synthetic_data.privacy import synthetic_privacy
from secure_ai.attack.synthetic_data.result import PrivacyAttack, SyntheticPrivacy
from secure_ai.attack.synthetic_data.synthesizers import independent_columns, sequential_trees

__all__ = [
    "PrivacyAttack",
    "SyntheticPrivacy",
    "independent_columns",
    "sequential_trees",
    "synthetic_privacy",
]
