"""Awareness: the phishing trainer, its adapting score, and a reporting culture that is measured."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "trainer": "ANSWERS Exercise Feedback PhishingTrainer cue_choices",
        "skill": "Skill estimate_skill",
        "sensitivity": "Sensitivity",
        "campaign": "COLUMNS Campaign read_campaign simulate_campaign",
        "culture": "NO_BLAME ReportingCulture Trend reporting_culture",
        "charts": "plot_culture plot_culture_trend plot_learning",
    },
)
