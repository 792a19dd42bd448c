"""One decision explained: to the clinician, to the customer, and how far the explanation can be relied on."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "explanation": ("Explanation",),
        "explain_decision": ("explain", "explain_rows"),
        "players": ("Players", "composites", "make_players"),
        "reasons": ("AdverseActionReasons", "read_reason_texts", "reason_codes"),
        "references": ("reference_applicants",),
        "sentences": ("clinician_sentence",),
        "counterfactual": ("WhatWouldChange", "what_would_change"),
        "look_alikes": ("LookAlike", "fit_look_alike"),
        "deception": ("MadeRowsCheck", "average_people", "check_made_rows", "explainers"),
        "stability": ("ExplanationStability", "explanation_stability"),
        "charts": ("plot_explanation", "plot_stability"),
    },
)
