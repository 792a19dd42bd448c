"""Answers to evasion, each with its price: plausibility, monotone models, ensembles, people, hardening."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "adversarial_training": (
            "Hardening",
            "harden_network",
            "harden_table",
            "measure_hardening",
            "plot_hardening",
        ),
        "decisions": ("REVIEW", "DecisionSystem", "PlainDecision"),
        "plausibility": ("PlausibilityCheck", "PlausibleRows", "learn_plausibility"),
        "monotone": ("check_monotone", "fit_monotone", "harmless_directions"),
        "ensembles": ("Agreement", "fit_agreement"),
        "review": ("ReviewByMargin", "people_needed", "review_by_margin", "review_curve"),
        "compare": ("AnswerComparison", "compare_answers"),
        "charts": ("plot_answers", "plot_review"),
    },
)
