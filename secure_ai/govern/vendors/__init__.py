"""Vendors of AI: questions as data, answers that weigh by evidence only, gaps as clauses and conditions."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "questionnaire": "Engagement Question Questionnaire load_questionnaire",
        "answers": "Answer Answers Evidence check_answers",
        "forms": "read_form write_answers write_form",
        "evidence": "JudgedEvidence",
        "assessment": "AreaResult Flag QuestionResult VendorAssessment",
        "assess": "assess_vendor",
        "clauses": "Clause contract_clauses",
        "comparison": "Change changes compare_vendors",
        "examples": "example_day example_engagement example_vendors write_example_evidence",
        "documents": "assessment_record clauses_record comparison_record",
        "charts": "areas_sentence areas_summary comparison_sentence plot_areas plot_comparison",
    },
)
