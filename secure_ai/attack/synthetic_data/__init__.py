"""Privacy of synthetic data: singling out, linkability and inference, against a control group."""

from secure_ai.attack.synthetic_data.privacy import synthetic_privacy
from secure_ai.attack.synthetic_data.result import PrivacyAttack, SyntheticPrivacy

__all__ = ["PrivacyAttack", "SyntheticPrivacy", "synthetic_privacy"]
