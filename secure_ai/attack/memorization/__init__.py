"""Memorization: what a language model that learned from notes can be made to repeat."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "network": "CharacterNetwork",
        "ngrams": "LanguageModel NgramModel",
        "canaries": "Canary CanaryFormat make_canaries plant",
        "exposure": "Exposure exposures",
        "extraction": "Extraction extract extract_secrets",
        "duplicates": "Deduplicated deduplicate",
        "charts": "plot_exposure plot_preparations",
        "measure": "Memorization MemorizationComparison compare_preparations measure_memorization",
    },
)
