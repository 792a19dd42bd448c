"""Letters to the person who asked: what was decided, why, by which law, and what they can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from secure_ai.govern.records import Facts, Paragraph, Record, Section, Table, ToBeFilled, bullets
from secure_ai.govern.rights.decisions import Decision
from secure_ai.govern.rights.laws import Law, Right
from secure_ai.govern.rights.ledger import Case

ASKED = {
    "access": "for a copy of the data that we keep about you",
    "correction": "for a correction of your data",
    "erasure": "for your data to be erased",
    "portability": "for your data in a form that you can take elsewhere",
    "objection": "that we stop using your data for certain purposes",
    "automated_decision": "for the reasons of a decision, and that a person looks at it again",
}
OUTCOMES = {"granted": "granted", "partly": "granted in part", "refused": "refused", "withdrawn": "withdrawn"}


def receipt_letter(
    case: Case, law: Law, clock: str = "", inspections: Sequence[tuple[date, str]] = ()
) -> Record:
    """Return the confirmation that a request was received: what happens now, and by when.

    Args:
        case: as received.
        law: that it is answered under.
        clock: citation of the law that says by when.
        inspections: until when the records may be looked at on the spot, with citation.
    """
    verification = (
        f"We compare what you stated with what we have on file ({law.identity_citation}); nothing else is "
        "done with it."
    )
    by = f" ({clock})" if clock else ""
    looks = [
        Paragraph(f"If you want to look at your records here first, you can do so by {day} ({citation}).")
        for day, citation in inspections
    ]
    return _letter(case, "We received your request", (
        Paragraph(f"You asked us {ASKED[case.right]}."),
        Paragraph(verification),
        Paragraph(f"You can expect our answer by {case.due}{by}."),
        *looks,
    ), "receipt")  # fmt: skip


def detail_letter(case: Case) -> Record:
    """Return the letter that asks for one more detail; it reads the same whoever is or is not on file."""
    return _letter(case, "We need one more detail", (Paragraph(case.reason),), "detail")


def extension_letter(case: Case, reason: str) -> Record:
    """Return the notice of an extension: why, and by when the answer comes."""
    return _letter(case, "We need more time", (
        Paragraph(f"You asked us {ASKED[case.right]}. We cannot answer within the first period: {reason}"),
        Paragraph(f"You will have our answer by {case.due}."),
    ), "extension")  # fmt: skip


def decision_letter(
    case: Case, decision: Decision, law: Law, right: Right, further: Sequence[str] = ()
) -> Record:
    """Return the answer: outcome, reasons place by place with citations, and what the person can do.

    Args:
        case: as it stands.
        decision: what was decided.
        law, right: that it was decided under.
        further: sentences to add, such as what was done.
    """
    blocks = [
        Facts((("You asked", ASKED[case.right]), ("Your request is", OUTCOMES[decision.outcome]))),
        Paragraph(decision.reason),
        *(Paragraph(sentence) for sentence in further),
    ]
    sections = [Section("Our answer", tuple(blocks))]
    kept = [part for part in decision.parts if not part.granted]
    if kept:
        rows = tuple((_words(part.store), part.reason, part.citation, part.until) for part in kept)
        table = Table("What we did not grant, and why", ("where", "why", "by", "until"), rows)
        sections.append(Section("What remains", (table,)))
    sections.append(Section("What you can do", (bullets(_remedies(case, decision, law, right)),)))
    return _document(case, "Our answer to your request", tuple(sections), "answer", decision.citations)


def _remedies(case: Case, decision: Decision, law: Law, right: Right) -> list[str]:
    found = [f"Complain to {law.complaint}."]
    refused = decision.outcome in {"refused", "partly"}
    if refused and case.right == "correction" and right.disagreement:
        found.append(
            f"Send us a statement of disagreement ({right.disagreement}): it is kept with the record. If you "
            "send none, you may ask that your request and this answer go along with it when it is disclosed."
        )
    if refused and law.name == "HIPAA" and case.right in {"access", "portability"}:
        found.append(
            "Where we withheld something because it could harm somebody, ask for a review by another "
            "licensed professional who did not take part in this decision (164.524(a)(4))."
        )
    if right.instead and decision.outcome == "refused":
        found.append(f"Ask us {' or '.join(ASKED[name] for name in right.instead)}.")
    return found


def _letter(case: Case, title: str, blocks: tuple, name: str) -> Record:
    return _document(case, title, (Section("Dear reader", blocks),), name, case.citations)


def _document(
    case: Case, title: str, sections: tuple[Section, ...], name: str, citations: Sequence[str]
) -> Record:
    facts = {
        "To": ToBeFilled("name and postal address as they stand on file"),
        "From": ToBeFilled("office, contact, telephone"),
        "Your request": f"{case.id}, received on {case.received}",
    }
    if citations:
        facts["By"] = "; ".join(citations)
    return Record(
        title, sections, file_name=f"{case.id}-{name}", kind="Letter", facts=facts, dated=case.answered
    )


def _words(name: str) -> str:
    return name.replace("_", " ")
