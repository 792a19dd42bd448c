"""Indicators of compromise as STIX 2.1: shared without personal data, and a partner's looked for "
"in the own log."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "build": "Observed bundle_text indicator_bundle write_bundle",
        "partner": "PartnerBundle PartnerIndicator match_events read_bundle",
        "personal": "check_no_personal_data",
    },
)
