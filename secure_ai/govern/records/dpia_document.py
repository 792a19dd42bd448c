"""The impact assessment as a document in ICO's seven steps."""

from __future__ import annotations

from secure_ai.core import Level, Unassessed
from secure_ai.govern.records.categories import found_categories
from secure_ai.govern.records.document import (
    Block,
    Bullets,
    Checklist,
    ChecklistItem,
    Facts,
    Paragraph,
    Record,
    Section,
    Table,
    Text,
    ToBeFilled,
)
from secure_ai.govern.records.dpia import Dpia, Risk, questions, words
from secure_ai.govern.records.dpia_form import Approval, Form
from secure_ai.govern.records.figures import findings_table
from secure_ai.govern.records.forms import given, is_filled

NOT_MEASURED = "results by group of people were not given"


def to_record(dpia: Dpia) -> Record:
    """Return the document."""
    form = dpia.form
    blocks = (
        _need(dpia),
        _describe(dpia),
        (_facts(form.consultation, "consultation"),),
        _necessity(dpia),
        _risks(dpia),
        _measures(dpia),
        _sign_off(dpia),
    )
    steps = words()["steps"]
    return Record(
        title=f"Data protection impact assessment: {form.project}",
        sections=tuple(Section(title, content) for title, content in zip(steps, blocks, strict=True)),
        file_name="dpia",
        kind="GDPR Art. 35, in the seven steps of the ICO",
        facts={
            "Controller": given(form.controller, "controller"),
            "Contact": given(form.contact, "contact"),
            "Data protection officer": given(form.officer_contact, "contact of the data protection officer"),
        },
        summary=conclusion(dpia),
        dated=dpia.dated,
    )


def conclusion(dpia: Dpia) -> str:
    """Return in a sentence or two what the assessment concludes."""
    left, blocked = dpia.high_risk_left, dpia.blocked_by()
    if left:
        first = (
            f"A high risk is left ({dpia.residual.value}): reduce it, or consult the supervisory authority "
            "before the processing begins (GDPR Art. 36(1))."
        )
    elif left is None:
        count = len(dpia.unassessed)
        first = (
            f"Whether a high risk is left is not known: {count} of {len(dpia.risks)} risks "
            f"{'was' if count == 1 else 'were'} not assessed."
            if dpia.risks
            else "Whether a high risk is left is not known: no risk was assessed."
        )
    else:
        first = f"All {len(dpia.risks)} risks were assessed; the worst that is left is {dpia.residual.value}."
    count = len(blocked)
    return f"{first} " + (
        f"{count} {'reason stands' if count == 1 else 'reasons stand'} against beginning (step 7)."
        if blocked
        else "No reason against beginning was found in this document."
    )


def _need(dpia: Dpia) -> tuple[Block, ...]:
    form, answers = dpia.form, dpia.screening()
    overruled = {"sensitive_data"} if dpia.special else set()
    rows = tuple(
        (
            question["asks"],
            _answer(question["id"], answers[question["id"]], question["id"] in overruled),
            question["source"],
        )
        for question in questions()
    )
    required = dpia.required()
    verdict: Text = {
        True: "The answers call for an impact assessment.",
        False: "The answers do not call for an impact assessment; it is made all the same.",
        None: Unassessed("whether an impact assessment is called for: not every question is answered"),
    }[required]
    return (
        _pairs(
            ("What the project aims at", form.aim, "aim"), ("Why a DPIA", form.why_needed, "why it is needed")
        ),
        Table("Screening", ("Question", "Answer", "Source"), rows),
        Paragraph(verdict),
        *(Paragraph(one, note=True) for one in dpia.contradictions()),
    )


def _answer(identifier: str, answer: bool | None, found: bool) -> Text:
    if found:
        return "yes (found in the files)"
    return ToBeFilled(f"screening: {identifier.replace('_', ' ')}") if answer is None else answer


def _describe(dpia: Dpia) -> tuple[Block, ...]:
    blocks: list[Block] = [_facts(dpia.form.processing, "description")]
    if not dpia.inventories:
        blocks.append(Paragraph(Unassessed("which personal data the files hold: no file was read")))
        return tuple(blocks)
    found = found_categories(dpia.inventories)
    rows = []
    for one in dpia.inventories:
        names = dict.fromkeys(item.category for item in found if item.table == one.label)
        special = dict.fromkeys(item.category for item in found if item.table == one.label and item.special)
        rows.append(
            (
                one.label,
                one.n_rows,
                len(one.columns),
                one.tier.name.lower(),
                "; ".join(names),
                "; ".join(special),
            )
        )
    columns = ("File or table", "Records", "Columns", "Tier", "Categories found", "Special (Art. 9)")
    blocks.append(Table("What the files hold", columns, tuple(rows)))
    return tuple(blocks)


def _necessity(dpia: Dpia) -> tuple[Block, ...]:
    return (_facts(dpia.form.necessity, "necessity"),)


def _risks(dpia: Dpia) -> tuple[Block, ...]:
    scales = words()
    rows = tuple(
        (
            f"{risk.finding.title} ({risk.finding.threat})" if risk.finding.threat else risk.finding.title,
            _scaled(scales["likelihood"], risk.finding.likelihood, risk),
            _scaled(scales["severity"], risk.finding.severity, risk),
            _scaled(scales["overall"], risk.finding.level, risk),
        )
        for risk in dpia.risks
    )
    blocks: list[Block] = [
        Paragraph(
            "The risks below are findings with their measurements. Harm is remote, possible or probable; "
            "minimal, significant or severe; the risk low, medium or high."
        ),
        Table("Risks", ("Risk", "Likelihood of harm", "Severity of harm", "Overall risk"), rows),
        findings_table("What was measured", [risk.finding for risk in dpia.risks]),
        Section("Groups of people", dpia.fairness or (Paragraph(Unassessed(NOT_MEASURED)),)),
    ]
    if not dpia.risks:
        blocks.insert(1, Paragraph(Unassessed("no risk was assessed: no finding was given")))
    return tuple(blocks)


def _scaled(scale: dict[str, str], level: Level, risk: Risk) -> Text:
    if level is Level.UNASSESSED:
        found = risk.finding.measurement
        return Unassessed(found.reason) if isinstance(found, Unassessed) else "not assessed"
    return scale[level.value]


def _measures(dpia: Dpia) -> tuple[Block, ...]:
    rows, scale = [], words()["overall"]
    for risk in dpia.risks:
        decided = dpia.form.measures.get(risk.finding.id)
        proposed = tuple(map(str, risk.finding.mitigations))
        listed = decided.measures if decided and decided.measures else proposed
        options: Text = "; ".join(listed) or ToBeFilled(f"measures for {risk.finding.id}")
        if decided is None and listed:
            options = f"Proposed: {options}"
        approved: Text = ToBeFilled(f"approval of measures for {risk.finding.id}")
        if decided is not None:
            approved = _approval(decided.approved, f"approval of measures for {risk.finding.id}")
        left: Text = scale.get(risk.residual.value) or Unassessed("the level that is left")
        rows.append((risk.finding.title, options, risk.effect(), left, approved))
    columns = ("Risk", "Measures", "Effect on the risk", "Residual risk", "Measure approved")
    again = [risk.after for risk in dpia.risks if risk.after is not None]
    blocks: list[Block] = [Table("Measures", columns, tuple(rows))]
    if again:
        blocks.append(findings_table("Measured again, with the measures in place", again))
    return tuple(blocks)


def _sign_off(dpia: Dpia) -> tuple[Block, ...]:
    sign, blocked = dpia.form.sign_off, dpia.blocked_by()
    accepted: Text = ToBeFilled("whether the advice was accepted, and by whom")
    if sign.advice_accepted is not None:
        word = "accepted" if sign.advice_accepted else "overruled"
        by = given(sign.decided_by, f"who {word} the advice")
        reason: Text = "" if sign.advice_accepted else given(sign.overruled_because, "reason for overruling")
        accepted = (f"{word} by ", by, ". " if reason != "" else "", reason)
    rows: tuple[tuple[Text, ...], ...] = (
        ("Measures approved by", _approval(sign.measures_approved, "approval of the measures")),
        (
            "Residual risks approved by",
            _approval(sign.residual_risks_approved, "approval of the residual risks"),
        ),
        ("Data protection officer", given(sign.officer, "data protection officer")),
        ("Advice of the officer", given(sign.advice, "advice of the data protection officer")),
        ("Date of the advice", sign.advice_on or ToBeFilled("date of the advice")),
        ("Advice accepted or overruled", accepted),
        ("Consultation reviewed by", _approval(sign.consultation_reviewed, "review of the consultation")),
        ("Departure from the views of people", sign.departed_from_views_because or "none stated"),
        ("Kept under review by", given(sign.review_by, "who keeps it under review")),
        ("Next review", sign.review_on or ToBeFilled("date of the next review")),
    )
    blocks: list[Block] = [Table("Sign-off", ("Item", "Name, date, notes"), rows)]
    if blocked:
        blocks += [Paragraph("Against beginning the processing stand:"), Bullets(blocked)]
    else:
        blocks.append(Paragraph("No reason against beginning was found; the controller decides."))
    blocks += _consultation(dpia)
    return tuple(blocks)


def _consultation(dpia: Dpia) -> list[Block]:
    rule, form = words()["consultation"], dpia.form
    if dpia.consult_authority() is False:
        return [
            Paragraph("Consultation of the authority: no high risk is left among those that were measured.")
        ]
    if dpia.consult_authority() is None:
        reason = "whether the authority must be consulted: not every risk was assessed"
        return [Paragraph(Unassessed(reason))]
    has = {
        "responsibilities": is_filled(form.controller) and is_filled(form.necessity.processors),
        "purposes": is_filled(form.processing.purposes) and is_filled(form.processing.collection),
        "measures": all(risk.finding.id in form.measures for risk in dpia.risks if risk.residual in _HIGH),
        "dpo": is_filled(form.officer_contact),
        "dpia": True,
    }
    items = tuple(
        ChecklistItem(
            one["asks"],
            "there" if has.get(one["id"]) else ("if asked" if one["id"] == "other" else "missing"),
            "" if has.get(one["id"]) or one["id"] == "other" else ToBeFilled(one["asks"]),
            one["source"],
        )
        for one in rule["provide"]
    )
    unchecked = "" if rule["verified"] else " (periods not compared with the official text)"
    return [
        Section(
            "Consultation of the supervisory authority (Art. 36)",
            (
                Paragraph(
                    "A high risk is left, so the authority is consulted before the processing begins. It "
                    f"answers within {rule['weeks']} weeks of the request, or {rule['extension_weeks']} "
                    f"weeks later if it extends the period{unchecked}."
                ),
                Checklist("What the authority is given", items),
            ),
        )
    ]


_HIGH = frozenset({Level.HIGH, Level.CRITICAL})


def _approval(approval: Approval, what: str) -> Text:
    note = f" ({approval.note})" if approval.note else ""
    return (given(approval.by, what), ", ", approval.on or ToBeFilled(f"date of {what}"), note)


def _facts(form: Form, where: str) -> Facts:
    rows = []
    for name, field in type(form).model_fields.items():
        label = name.replace("_", " ")
        what = (field.description or label).rstrip(".")
        rows.append((label.capitalize(), getattr(form, name), f"{where}: {what[0].lower()}{what[1:]}"))
    return _pairs(*rows)


def _pairs(*rows: tuple[str, str | None, str]) -> Facts:
    return Facts(tuple((name, given(value, what)) for name, value, what in rows))
