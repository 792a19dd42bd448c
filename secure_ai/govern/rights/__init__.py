"""What people may ask of those who hold their data: access, correction, erasure, review; by law, in time."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "clock": "Clock add_months due_date next_working_day",
        "corrections": "checked_value",
        "decisions": "Asked Decision Exemptions Part decide not_given",
        "desk": "RightsDesk",
        "exports": "Copy Export seal_copy write_copy",
        "fhir": "fhir_bundle resource_counts",
        "forms": "Authority Correction RequestForm",
        "laws": "Law Right RIGHTS answering_laws binding_clock laws_for read_laws rule",
        "ledger": "Case Register",
        "letters": "decision_letter detail_letter extension_letter receipt_letter",
        "others": "Redactor known_values",
        "reviews": "Review ReviewQueue",
    },
)
