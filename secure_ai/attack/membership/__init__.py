"""Membership inference: can the model be made to tell who was in its training data?"""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "attacks": "label_only_attack lira_attack rmia_attack",
        "curve": "PrivacyUtilityCurve privacy_utility_curve",
        "loss_threshold": "MembershipAttack loss_threshold_attack membership_from_scores record_losses",
        "measure": "measure_membership",
        "references": "ReferenceSignals reference_models",
    },
)
