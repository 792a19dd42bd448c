"""Membership inference: can the model be made to tell who was in its training data?"""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "attacks": "label_only_attack lira_attack rmia_attack shadow_attack",
        "at_risk": "RecordsAtRisk find_records_at_risk",
        "charts": "plot_membership plot_membership_attacks plot_privacy_utility plot_records_at_risk",
        "curve": "PrivacyUtilityCurve privacy_utility_curve",
        "judging": "MembershipAttack membership_from_scores",
        "loss_threshold": "loss_threshold_attack record_losses",
        "measure": "measure_membership",
        "recipe": "RecipeLeakage measure_recipe",
        "references": "ReferenceSignals reference_models",
        "table": "membership_from_table",
    },
)
