"""The assessment, the comparison and the clauses as documents for committee, counsel and vendor."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from secure_ai.core.frameworks import label
from secure_ai.govern.records import (
    Bullets,
    Paragraph,
    Picture,
    Record,
    Section,
    Table,
    ToBeFilled,
    findings_table,
)
from secure_ai.govern.vendors.assessment import VendorAssessment, slug
from secure_ai.govern.vendors.charts import areas_sentence, areas_summary, plot_areas
from secure_ai.govern.vendors.clauses import Clause, clause_note
from secure_ai.govern.vendors.comparison import compare_vendors

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def assessment_record(found: VendorAssessment) -> Record:
    """Return the assessment as a document; ``write_record`` makes Markdown, HTML and DOCX of it."""
    gaps = found.gap_frame()
    return Record(
        title=f"{found.vendor}: {found.service or 'service not named'}",
        kind="Vendor due diligence",
        file_name=f"vendor-{slug(found.vendor)[:80]}",
        dated=found.assessed_on,
        facts={
            "Sector": found.sector,
            "Questionnaire": found.release,
            "Tier": found.tier,
            "Documents opened": "yes" if found.documents_seen else "no",
            "Assess again by": f"{found.reassess_on} ({found.reassess_because})",
            "Decided by": ToBeFilled("who decides, and when"),
        },
        summary=found.sentence(),
        sections=(
            Section(
                "Areas",
                (
                    _picture(plot_areas(found), areas_sentence(found), areas_summary(found)),
                    findings_table("One finding an area; levels are the worst, never a mean", found.findings),
                ),
            ),
            Section("Conditions before signing", (_conditions(found),)),
            Section("Gaps", (Table.from_frame("What is not shown to be good, the worst first", gaps),)),
            Section("Documents and answers", (_flags(found), _renewals(found))),
            _clauses(found.clauses),
        ),
    )


def comparison_record(assessments: Sequence[VendorAssessment]) -> Record:
    """Return vendors side by side as a document.

    Raises:
        UserError: if they cannot be compared.
    """
    frame = compare_vendors(assessments).reset_index()
    return Record(
        title="Vendors side by side",
        kind="Vendor due diligence",
        file_name="vendors",
        dated=max(one.assessed_on for one in assessments),
        facts={"Decided by": ToBeFilled("who decides, and when")},
        summary="Nothing here adds areas up: a vendor with one critical gap has one critical gap.",
        sections=(
            Section("Areas", (Table.from_frame("Worst level, and how much was shown by documents", frame),)),
            Section("In words", (Bullets(tuple(f"{one.vendor}: {one.sentence()}" for one in assessments)),)),
        ),
    )


def clauses_record(clauses: Sequence[Clause], title: str = "Contract clauses") -> Record:
    """Return clauses as a document for counsel and vendor."""
    return Record(
        title=title,
        kind="Contract annex",
        file_name="clauses",
        sections=(_clauses(clauses),),
    )


def _picture(figure: Figure, caption: str, in_words: str) -> Picture:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return Picture(buffer.getvalue(), caption, in_words)


def _conditions(found: VendorAssessment) -> Bullets | Paragraph:
    if not found.conditions:
        return Paragraph("None.")
    return Bullets(
        tuple(f"{text} ({question})" if question else text for question, text in found.conditions),
        ordered=True,
    )


def _flags(found: VendorAssessment) -> Table | Paragraph:
    if not found.flags:
        return Paragraph("Nothing speaks against an answer or a document.")
    return Table.from_frame("What speaks against answers and documents", found.flag_frame())


def _renewals(found: VendorAssessment) -> Table | Paragraph:
    if not found.renewals:
        return Paragraph("No document counts.")
    return Table("Until when documents count", ("Until", "Document", "Question"), found.renewals)


def _clauses(clauses: Sequence[Clause]) -> Section:
    parts = []
    for clause in clauses:
        why = ["the law asks for it"] if clause.by_law else []
        why += [f"not shown: {', '.join(clause.because)}"] if clause.because else []
        cited = "; ".join(label(name, 90) for name in clause.ids)
        parts.append(
            Section(
                clause.title,
                (Paragraph(clause.text), Paragraph(f"Why: {'; '.join(why)}. {cited}.", note=True)),
            )
        )
    return Section("Clauses for the contract", (Paragraph(clause_note(), note=True), *parts))
