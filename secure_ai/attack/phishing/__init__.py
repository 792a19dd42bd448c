"""Phishing: generated mail with its cues, lookalike domains, and the evasion of a filter."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "mail": "BENIGN_KINDS KINDS MALICIOUS_KINDS Cue Link Mail mails_frame",
        "headers": "Organization organization",
        "generate": "make_mails",
        "phish_scale": "CUES DIFFICULTIES ELEMENTS PhishScale difficulty_matrix",
        "cues": "find_cues verify_cue",
        "domains": "DomainVerdict inspect_domain inspect_domains",
        "urls": "UrlVerdict inspect_url",
        "lookalikes": "TECHNIQUES Lookalike lookalike_frame",
        "domain_measure": "DomainMeasurement measure_domains",
        "filter": "Explanation PhishingFilter",
        "measure": "FilterMeasurement measure_filter split_by_template",
        "edits": "EDITS purpose_kept",
        "evade": "compare_hardening evasion_curve harden Evasion EvasionCurve Hardening",
        "charts": "plot_difficulty plot_evasion plot_filter plot_lookalikes",
    },
)
