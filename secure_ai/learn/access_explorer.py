"""A what-if for a policy: pick who, what and why, and see the decision, its rule, and what was missing."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from secure_ai.access.policy import AccessExplorer as Choices
from secure_ai.access.policy import AccessPolicy, Answer
from secure_ai.access.policy.break_glass import EMERGENCY, check_reason
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.learn.display import Note, Table, show_with_text

START = {
    "healthcare": ("nurse", "view", "Chart", "treatment"),
    "finance": ("teller", "view", "CustomerProfile", "customer request"),
}
MODEL_ACCOUNT = "account of a model"  # no role: what it may, its own attributes say
PLACES = ("department", "branch")
AUTHORS = ("entered_by", "developed_by")
ASKER = "asking person"
COLUMNS = {"whole records": (), "approved columns": ("approved",), "another column": ("other",)}
IN_WORDS = {
    "who_active": "The account is switched on",
    "who_training_current": "This year's privacy training is done",
    "who_approval_limit": "Approves amounts up to",
    "who_bound_purpose": "Purpose the account was made for",
    "elsewhere": "Works in another department or branch than the one the record belongs to",
    "own_work": "Entered or developed what is asked for",
    "columns": "Columns asked for",
    "what_admitted": "The patient is in the house now",
    "what_sensitivity": "Especially private content",
    "what_vip": "The patient is prominent",
    "what_consent": "The patient agreed to the use of substance-use records",
    "what_research_consent": "The patient agreed to research",
    "what_restricted": "The patient paid and asked that the insurer is not told",
    "what_locked": "Under a legal hold",
    "what_controlled": "A controlled drug",
    "what_prominent": "The customer is prominent",
    "what_processing_restricted": "The customer had the processing restricted",
    "what_case_open": "A fraud case is open",
    "what_amount": "Amount",
    "what_suspicious": "The payment looks suspicious",
    "what_model_only": "Only a model has looked at the application",
    "what_about_staff": "The report is about a member of staff",
    "what_deidentified": "The extract has no names",
    "what_approved": "The extract is approved",
    "what_assessed": "The model's risks are assessed",
    "what_bound_purpose": "Purpose the key was made for",
    "what_holds_patient_data": "The system holds patients' data",
    "what_holds_customer_data": "The system holds customers' data",
    "managed_device": "The device is one the house manages",
    "second_person": "A second person has agreed",
    "records": "Records at once",
    "relationship": "Relationship to the person",
}


class AccessExplorer:
    """What a policy says to any request: the room's choices, with widgets and a text equivalent.

    Args:
        sector: ``"healthcare"`` or ``"finance"``.
        policy: another policy in the sector's words, such as the learner's; the kit's by default.

    Raises:
        UserError: if there is no such sector.
    """

    def __init__(self, sector: str, policy: AccessPolicy | None = None) -> None:
        self.choices = Choices(sector, policy)
        role, action, kind, purpose = START[self.choices.sector.name]
        roles, purposes = self.choices.roles, self.choices.purposes
        self.start = {
            "role": role if role in roles else roles[0],
            "action": action,
            "kind": kind,
            "purpose": purpose if purpose in purposes else purposes[0],
        }

    @property
    def who(self) -> tuple[str, ...]:
        """Return who can ask: the roles, and the account of a model."""
        return (*self.choices.roles, MODEL_ACCOUNT)

    def facts(self, role: str, kind: str) -> dict[str, tuple[Any, ...]]:
        """Return every further fact that :meth:`ask` takes, with its values, the usual one first.

        A whole number has its usual value alone. The emergency access is not among them: it takes a reason.

        Raises:
            UserError: if there is no such kind of record.
        """
        sector = self.choices.sector
        found = self.choices.choices(kind)
        found.pop("break_glass", None)
        if role == MODEL_ACCOUNT:
            purposes = [
                purpose for purpose in self.choices.purposes if purpose != sector.service["bound_purpose"]
            ]
            found = {name: values for name, values in found.items() if not name.startswith("who_")}
            found["who_active"] = (True, False)
            found["who_bound_purpose"] = (sector.service["bound_purpose"], *purposes)
            found["columns"] = tuple(COLUMNS)
        elif any(place in sector.records[kind] for place in PLACES):
            found["elsewhere"] = (False, True)
        if any(author in sector.records[kind] for author in AUTHORS):
            found["own_work"] = (False, True)
        for prefix, facts in (("who_", sector.staff), ("what_", sector.records[kind]), ("", sector.context)):
            if prefix == "who_" and role == MODEL_ACCOUNT:
                continue
            for name, usual in facts.items():
                if isinstance(usual, int) and not isinstance(usual, bool):
                    found[prefix + name] = (usual,)
        return found

    def ask(
        self,
        role: str | None = None,
        action: str | None = None,
        kind: str | None = None,
        purpose: str | None = None,
        *,
        reason: str = "",
        **facts: Any,
    ) -> Answer:
        """Return the policy's answer to one choice; what is not given is as at the start.

        Args:
            role: a role, or ``"account of a model"``.
            action: such as ``"view"``.
            kind: of record.
            purpose: why.
            reason: for an emergency access; it opens only with the purpose ``"emergency"`` and a reason that
                says something.
            facts: as in :meth:`facts`.

        Raises:
            UserError: if a fact is not known.
        """
        role, kind = role or self.start["role"], kind or self.start["kind"]
        action, purpose = action or self.start["action"], purpose or self.start["purpose"]
        known = self.facts(role, kind)
        unknown = [name for name in facts if name not in known]
        if unknown:
            raise UserError(
                f"The explorer knows no fact '{shown(unknown[0])}' here: choose from {', '.join(known)}."
            )
        given = {
            name: value for name, value in facts.items() if name not in ("elsewhere", "own_work", "columns")
        }
        records, staff = self.choices.sector.records[kind], self.choices.sector.staff
        if facts.get("elsewhere"):
            given.update({f"who_{place}": "elsewhere" for place in PLACES if place in staff})
        if facts.get("own_work"):
            given.update({f"what_{author}": ASKER for author in AUTHORS if author in records})
        given["break_glass"] = purpose == EMERGENCY and not self._glass_problem(purpose, reason)
        if role != MODEL_ACCOUNT:
            return self.choices.ask(role, action, kind, purpose, **given)
        asked = facts.get("columns", next(iter(COLUMNS)))
        if asked not in COLUMNS:
            raise UserError(f"The columns asked for are one of {', '.join(COLUMNS)}.")
        given.update(
            who_kind="ServiceAccount", who_columns=COLUMNS["approved columns"], columns=COLUMNS[asked]
        )
        return self.choices.ask((), action, kind, purpose, **given)

    def look(
        self,
        role: str | None = None,
        action: str | None = None,
        kind: str | None = None,
        purpose: str | None = None,
        *,
        reason: str = "",
        **facts: Any,
    ) -> Note:
        """Return the answer in words: the text equivalent of the widget; arguments as in :meth:`ask`."""
        role, kind = role or self.start["role"], kind or self.start["kind"]
        action, purpose = action or self.start["action"], purpose or self.start["purpose"]
        answer = self.ask(role, action, kind, purpose, reason=reason, **facts)
        varied = [
            _said(name, value) for name, value in facts.items() if value != self.facts(role, kind)[name][0]
        ]
        caption = "; ".join([f"{role}: {action} {spaced(kind)} for {purpose}", *varied])
        tables = [Table(caption, ("Question", "Answer"), self._rows(answer, purpose, reason))]
        conditions = self._conditions(answer)
        if conditions:
            tables.append(conditions)
        title = "The rule as the policy has it" if answer.rule else "The nearest rule as the policy has it"
        if not answer.rule_text:
            return Note("No rule", "The policy has no rule that came near.", before=tuple(tables))
        return Note(title, code=answer.rule_text, before=tuple(tables))

    def show(self) -> None:
        """Show the widget, and under it the same as text for the choice at the start.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, self.look())

    def widget(self) -> Any:
        """Return the ipywidgets version: who, what, why, the circumstances, and the answer."""
        from secure_ai.learn.access_widget import AccessControls

        return AccessControls(self).box

    def sentence(self, answer: Answer, purpose: str, reason: str) -> str:
        """Return the answer in one sentence or two, with what became of the emergency access."""
        problem = self._glass_problem(purpose, reason)
        return f"{answer.sentence} Emergency access {problem}" if problem else answer.sentence

    def _rows(self, answer: Answer, purpose: str, reason: str) -> list[tuple[str, str]]:
        explanation = answer.explanation
        decision, nearest = explanation.decision, explanation.nearest
        rows = [("Decision", "Allowed" if answer.allowed else "Denied")]
        if decision.errors:
            rows.append(("Why", f"the request cannot be judged: {decision.errors[0]}"))
        else:
            rows.append(("Rule that decided", ", ".join(decision.rules) or "none: no rule permits it"))
            rows += [("Why", " ".join(decision.reasons))] if decision.reasons else []
        if not answer.allowed and explanation.overridden:
            rows.append(("Overrides", ", ".join(explanation.overridden)))
        if not answer.allowed and nearest is not None:
            rows += [("Nearest rule that permits", nearest.rule), ("Missing", "; ".join(nearest.missing))]
        problem = self._glass_problem(purpose, reason)
        if purpose == EMERGENCY and not problem and not answer.allowed:
            problem = "not opened: the policy does not allow this even in an emergency."
        if problem:
            rows.append(("Emergency access", problem))
        if decision.alert:
            rows.append(("Alert", "Someone is told about this access and reviews it"))
        return rows

    @staticmethod
    def _conditions(answer: Answer) -> Table | None:
        name = answer.rule
        candidates = {candidate.rule: candidate for candidate in answer.explanation.candidates}
        nearest = answer.explanation.nearest
        if name not in candidates and nearest is not None:
            name = nearest.rule
        if name not in candidates:
            return None
        rows = [
            (condition.text, "holds" if condition.holds else "does not hold")
            for condition in candidates[name].conditions
        ]
        return Table(f"Conditions of {name}", ("Condition", "In this request"), rows)

    @staticmethod
    def _glass_problem(purpose: str, reason: str) -> str:
        """Return why a stated reason opens no emergency access; empty if it does, or none was stated."""
        if not reason.strip():
            return "not opened: it takes a reason." if purpose == EMERGENCY else ""
        if purpose != EMERGENCY:
            return f"not opened: it counts only with the purpose {EMERGENCY}."
        try:
            check_reason(reason)
        except UserError as error:
            text = str(error)
            return f"not opened: {text[0].lower()}{text[1:]}"
        return ""


def spaced(kind: str) -> str:
    """Return a kind of record as words: ``"CustomerProfile"`` is ``"Customer profile"``."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f" {found[1].lower()}", kind)


def in_words(fact: str) -> str:
    """Return a fact's label."""
    return IN_WORDS.get(fact, fact.removeprefix("who_").removeprefix("what_").replace("_", " ").capitalize())


def _said(name: str, value: Any) -> str:
    label = in_words(name)
    if isinstance(value, bool):
        return label if value else f"{label}: no"
    return f"{label}: {str(value).replace('_', ' ')}"


def status(sentence: str, allowed: bool, edges: Mapping[str, str]) -> str:
    """Return the answer as HTML that screen readers announce when a choice changes."""
    edge = edges["correct" if allowed else "error"]
    return (
        f'<div role="status" aria-live="polite" style="border-left:6px solid {edge};padding:0.4em 0.8em">'
        f"{html.escape(sentence)}</div>"
    )
