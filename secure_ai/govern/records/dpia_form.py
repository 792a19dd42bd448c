"""What people say in a data protection impact assessment; the risks come from findings, not from here."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field

from secure_ai.govern.records.forms import Form, read_form


class Processing(Form):
    """Step 2: nature, scope, context and purposes."""

    collection: str | None = Field(default=None, description="How data is collected, used, stored, deleted.")
    sources: str | None = None
    sharing: str | None = None
    amount_and_frequency: str | None = None
    retention: str | None = None
    people_and_area: str | None = None
    relationship: str | None = Field(default=None, description="To the people, and what they control.")
    expectation: str | None = Field(default=None, description="Would they expect it? Children, vulnerable?")
    concerns: str | None = Field(default=None, description="Prior concerns, state of technology.")
    purposes: str | None = None
    effect_on_people: str | None = None
    benefits: str | None = None


class Consultation(Form):
    """Step 3."""

    people_asked: str | None = Field(default=None, description="Who was asked, when, how; or why not.")
    views: str | None = Field(default=None, description="What they said.")
    inside: str | None = None
    processors: str | None = None
    experts: str | None = None


class Necessity(Form):
    """Step 4."""

    lawful_basis: str | None = None
    article_9_case: str | None = None
    achieves_purpose: str | None = None
    alternatives: str | None = Field(default=None, description="Is there another way to the same end?")
    function_creep: str | None = None
    quality_and_minimization: str | None = None
    information: str | None = Field(default=None, description="What people are told.")
    rights: str | None = Field(default=None, description="How their rights are supported.")
    processors: str | None = None
    transfers: str | None = None


class Approval(Form):
    """Who approved something, when."""

    by: str | None = None
    on: date | None = None
    note: str = ""


class Measure(Form):
    """Step 6: what was decided on the risk of one finding."""

    measures: tuple[str, ...] = ()
    approved: Approval = Approval()
    due: date | None = None


class SignOff(Form):
    """Step 7. The officer advises; the controller decides."""

    measures_approved: Approval = Approval()
    residual_risks_approved: Approval = Approval()
    officer: str | None = None
    advice: str | None = None
    advice_on: date | None = None
    advice_accepted: bool | None = None
    decided_by: str | None = None
    overruled_because: str | None = None
    consultation_reviewed: Approval = Approval()
    departed_from_views_because: str = ""
    review_by: str | None = None
    review_on: date | None = None


class DpiaForm(Form):
    """Everything in an impact assessment that a person must say. What is left out stays visible as a gap."""

    project: str
    controller: str | None = None
    contact: str | None = None
    officer_contact: str | None = None
    aim: str | None = None
    why_needed: str | None = None
    screening: dict[str, bool] = Field(default_factory=dict, description="Question id → yes or no.")
    processing: Processing = Processing()
    consultation: Consultation = Consultation()
    necessity: Necessity = Necessity()
    measures: dict[str, Measure] = Field(default_factory=dict, description="Finding id → what was decided.")
    sign_off: SignOff = SignOff()


def read_dpia(path: str | Path) -> DpiaForm:
    """Read the form from YAML; see ``data/dpia_healthcare.yaml`` for the fields.

    Raises:
        UserError: if the file cannot be read, or a field is unknown or ill typed.
    """
    return read_form(path, DpiaForm)
