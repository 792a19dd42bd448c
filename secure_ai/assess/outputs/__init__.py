"""What an assessment leaves behind: report, findings with their schema, OSCAL, register, manifest."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "files": "FORMAT MANIFEST NOTEBOOK OUTPUTS WRITTEN_BY_NOTEBOOK check_out sha256 to_json "
        "write_manifest",
        "findings_file": "FindingsFile findings_of findings_schema",
        "manifest": "describe_run",
        "oscal": "oscal_results",
        "register": "register_csv",
        "report": "render_report",
        "results": "save write_results",
    },
)
