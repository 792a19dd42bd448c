"""Dependencies: the bill of materials of an environment, compared with advisories, answered and patched."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "advisories": (
            "Advisory",
            "AdvisoryFile",
            "Affects",
            "read_advisories",
            "sample_advisories",
        ),
        "bill_of_materials": ("Bill", "Component", "environment_bill", "lock_bill", "read_bill"),
        "comparison": ("DependencyCheck", "Match", "check_dependencies"),
        "patching": ("PatchPolicy", "Upgrade", "constraints", "patch_schedule", "plan_upgrades"),
        "refresh": ("OSV_ADDRESS", "refresh_advisories"),
        "charts": ("plot_severities", "severities_finding"),
        "report": ("write_report",),
        "severity": ("Severity", "cvss_base_score", "severity_of"),
        "statements": ("Statement", "read_statements"),
        "throwaway": ("Demonstration", "PlantedEnvironment", "planted_environment"),
        "vex": ("vex_document",),
        "versions": ("compare_versions", "in_range"),
    },
)
