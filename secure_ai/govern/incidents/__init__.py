"""Incident response: the plan as data, its clocks, continuity, indicators, and the tabletop that plays it."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": "plot_timeline timeline_sentence",
        "clocks": "CLOCK_IDS ClockState clocks_for clocks_frame form_8k_deadline",
        "continuity": "ModelDown RestoreDrill make_backup model_down restore_drill",
        "facts": "IncidentFacts",
        "indicators": (
            "Observed PartnerBundle bundle_text check_no_personal_data indicator_bundle "
            "match_events read_bundle "
            "write_bundle"
        ),
        "notifications": "Draft Story notification_drafts",
        "plan": "IncidentPlan Step load_plan parse_plan",
        "tabletop": (
            "AfterAction Tabletop TabletopRoom after_action drafts_of play register_scenario Scenario "
            "scenarios score timeline write_after_action World"
        ),
    },
)
