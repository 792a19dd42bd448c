"""Which threat, control, chapter and finding touches which identifier: one relation, turned either way."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "links": "KINDS Crosswalk Node load_crosswalk",
        "tables": "Coverage Touched coverage coverage_frame crosswalk_frame framework_by_chapter touches",
        "levels": "level_of wholes",
        "charts": "coverage_sentence plot_coverage",
        "report": "crosswalk_record readable",
    },
)
