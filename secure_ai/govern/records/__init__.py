"""Documents that a regulator, a committee or a colleague reads: filled from measurements, gaps visible."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "cards": "CardText card_prompts data_card model_card read_card",
        "clauses": "ClauseCheck ClauseResult check_clauses clause_regimes clauses_record",
        "contract": "read_contract",
        "document": (
            "Bullets Checklist ChecklistItem Facts Link Paragraph Picture Record Section Table ToBeFilled "
            "bullets facts"
        ),
        "dpia": "Dpia Risk assess_impact dpia_record",
        "dpia_form": "DpiaForm read_dpia",
        "figures": "findings_table measurements_table",
        "files": "Written find_pandoc write_record",
        "markdown": "to_markdown",
        "policy": "policy_fields policy_names write_policy",
        "processing": (
            "ProcessingInventory processing_record read_processing undeclared_categories write_register"
        ),
        "responsibility": "responsibility_record",
        "page": "to_html",
    },
)
