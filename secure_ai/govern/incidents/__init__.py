"""Incident response: the plan as data, its clocks, continuity, indicators, and the tabletop that plays it."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "clocks": "CLOCK_IDS ClockState clocks_for clocks_frame form_8k_deadline",
        "facts": "IncidentFacts",
        "plan": "IncidentPlan Step load_plan parse_plan",
    },
)
