"""Membership inference: can the model be made to tell who was in its training data?"""

from secure_ai.attack.membership.curve import PrivacyUtilityCurve, privacy_utility_curve
from secure_ai.attack.membership.loss_threshold import (
    MembershipAttack,
    loss_threshold_attack,
    membership_from_scores,
)

__all__ = [
    "MembershipAttack",
    "PrivacyUtilityCurve",
    "loss_threshold_attack",
    "membership_from_scores",
    "privacy_utility_curve",
]
