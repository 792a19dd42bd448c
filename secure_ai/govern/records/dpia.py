"""The data protection impact assessment: its risks are findings, and what was not measured blocks its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import yaml

from secure_ai.core import Finding, Level, Measurement, Outcome, Unassessed, UserError, worst_level
from secure_ai.discover import Inventory
from secure_ai.govern.records.categories import CategoryFound, found_categories
from secure_ai.govern.records.document import Block, Record
from secure_ai.govern.records.dpia_form import DpiaForm
from secure_ai.govern.records.forms import is_filled

HIGH = frozenset({Level.HIGH, Level.CRITICAL})


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk before and after its measures.

    Attributes:
        finding: as measured before.
        after: the same, measured again with the measures in place; None if it was not.
    """

    finding: Finding
    after: Finding | None = None

    @property
    def residual(self) -> Level:
        """Return the level that is left; without a second measurement the first: words reduce nothing."""
        return self.finding.level if self.after is None else self.after.level

    def effect(self) -> str:
        """Return what the measures did, as far as it was measured."""
        before, left = self.finding.level, self.residual
        if Level.UNASSESSED in (before, left):
            return "cannot be told: it was not assessed before, or is not after"
        if self.after is None:
            return "not measured again: counted as before"
        order = list(Level)
        if order.index(left) < order.index(before):
            return f"reduced from {before.value} to {left.value}, measured again{self._doubt()}"
        return f"not reduced ({left.value}), measured again{self._doubt()}"

    def _doubt(self) -> str:
        first, second = self.finding.measurement, self.after.measurement if self.after else None
        if not isinstance(first, Measurement) or not isinstance(second, Measurement):
            return ""
        apart = first.interval[1] < second.interval[0] or second.interval[1] < first.interval[0]
        return "" if apart else "; the 95 % intervals overlap"


@dataclass(frozen=True, slots=True)
class Dpia:
    """An impact assessment with what it concludes from the findings.

    Attributes:
        form: what people said.
        risks: one a finding, in the order given.
        inventories: what discover found in the files.
        fairness: tables on groups of people, see ``secure_ai.govern.fairness``; empty if none.
        dated: date of the document.
    """

    form: DpiaForm
    risks: tuple[Risk, ...]
    inventories: tuple[Inventory, ...] = ()
    fairness: tuple[Block, ...] = ()
    dated: date | None = None

    @property
    def residual(self) -> Level:
        """Return the worst level left among the risks that were assessed."""
        return worst_level(risk.residual for risk in self.risks)

    @property
    def unassessed(self) -> tuple[Risk, ...]:
        """Return the risks whose level is not known."""
        return tuple(risk for risk in self.risks if risk.residual is Level.UNASSESSED)

    @property
    def high_risk_left(self) -> bool | None:
        """Return whether a high risk is left: True, False, or None where that is not known.

        False needs every risk assessed, and at least one risk: nothing measured is not nothing found.
        """
        if self.residual in HIGH:
            return True
        return None if not self.risks or self.unassessed else False

    @property
    def special(self) -> tuple[CategoryFound, ...]:
        """Return the special categories (Art. 9) that the files hold."""
        return tuple(found for found in found_categories(self.inventories) if found.special)

    def screening(self) -> dict[str, bool | None]:
        """Return question → yes, no, or None where nobody answered.

        The files overrule a no: special categories that discover found make "sensitive data" a yes.
        """
        answers: dict[str, bool | None] = {question["id"]: None for question in questions()}
        answers.update(self.form.screening)
        if self.special:
            answers["sensitive_data"] = True
        return answers

    def contradictions(self) -> tuple[str, ...]:
        """Return the answers of the form that the files contradict."""
        found = []
        if self.special and self.form.screening.get("sensitive_data") is False:
            columns = ", ".join(f"{one.table}.{one.column}" for one in self.special[:5])
            found.append(
                f"The form says that no sensitive data is processed; the files hold some ({columns})."
            )
        return tuple(found)

    def required(self) -> bool | None:
        """Return whether a DPIA is called for: by law (one yes) or guideline (two yes); None if not known."""
        answers, data = self.screening(), words()
        law = [answers[question["id"]] for question in data["screening"]["law"]]
        guide = [answers[question["id"]] for question in data["screening"]["guideline"]]
        if any(law) or sum(answer is True for answer in guide) >= data["guideline_many"]:
            return True
        return None if None in (*law, *guide) else False

    def consult_authority(self) -> bool | None:
        """Return whether the authority must be consulted before the processing begins (Art. 36(1))."""
        return self.high_risk_left

    def blocked_by(self) -> tuple[str, ...]:
        """Return every reason why the processing may not begin on this assessment; empty if there is none."""
        reasons = list(self.contradictions())
        if not self.risks:
            reasons.append("No risk was assessed: give the findings of an assessment.")
        reasons += [
            f"{risk.finding.title}: not assessed, so the risk is not known ({_why(risk)})."
            for risk in self.unassessed
        ]
        reasons += [
            f"{risk.finding.title}: the residual risk is {risk.residual.value}; reduce it and measure again, "
            "or consult the supervisory authority first (GDPR Art. 36(1))."
            for risk in self.risks
            if risk.residual in HIGH
        ]
        return (*reasons, *_content_gaps(self), *_sign_off_gaps(self.form, self.dated))


def assess_impact(
    form: DpiaForm,
    findings: Sequence[Finding],
    after: Mapping[str, Finding] | None = None,
    *,
    inventories: Sequence[Inventory] = (),
    fairness: Sequence[Block] = (),
    dated: date | None = None,
) -> Dpia:
    """Return an impact assessment from what people said and what was measured.

    Args:
        form: what people said, see :func:`~secure_ai.govern.records.dpia_form.read_dpia`.
        findings: of the system as it is, without the measures; what an assessment measured again on a
            mitigated version counts as the second measurement.
        after: finding id → the same finding, measured again with the measures in place; goes before that.
        inventories: what discover found in the files of the project.
        fairness: blocks on groups of people for step 5.
        dated: date of the document.

    Raises:
        UserError: if two findings have one id; ``after`` or a measure names none of the findings; a second
            measurement is of another thing (name, unit or threshold) than the first; or a screening
            question is unknown.
    """
    after = after or {}
    ids = [finding.id for finding in findings]
    repeated = next((one for one in ids if ids.count(one) > 1), None)
    if repeated is not None:
        raise UserError(f"Two findings have the id '{repeated}': give each risk once.")
    for kind, named in (("The second measurement", after), ("The measure", form.measures)):
        stray = next((one for one in named if one not in ids), None)
        if stray is not None:
            raise UserError(f"{kind} '{stray}' belongs to none of the findings: use the id of a finding.")
    known = {question["id"] for question in questions()}
    stray = next((one for one in form.screening if one not in known), None)
    if stray is not None:
        raise UserError(f"'{stray}' is no screening question: choose from {', '.join(sorted(known))}.")
    for finding in findings:
        if finding.id in after:
            _check_comparable(finding, after[finding.id])
    # What one run measured twice needs no such check: its rule gave both levels.
    risks = tuple(Risk(finding, after.get(finding.id) or measured_again(finding)) for finding in findings)
    return Dpia(form, risks, tuple(inventories), tuple(fairness), dated)


def measured_again(finding: Finding) -> Finding | None:
    """Return the finding of the mitigated version that an assessment measured in the same run, if it did.

    One that was to be measured again and was not is unassessed; another figure than the first is no second
    measurement.
    """
    found, first = finding.after, finding.measurement
    if found is None:
        return None
    if isinstance(found, Unassessed) or finding.residual_level is Level.UNASSESSED:
        reason = found if isinstance(found, Unassessed) else Unassessed("its level is not stated")
        left: dict[str, Any] = {
            "measurement": reason,
            "outcome": Outcome.UNASSESSED,
            "level": Level.UNASSESSED,
        }
        return finding.model_copy(update=left | {"after": None})
    if isinstance(first, Measurement) and (first.name, first.unit) != (found.name, found.unit):
        return None
    outcome = finding.outcome
    if finding.threshold is not None:
        above, below = found.value > finding.threshold, found.value < finding.threshold
        exceeds = above if _high_is_bad(finding) else below
        outcome = Outcome.EXCEEDS_THRESHOLD if exceeds else Outcome.WITHIN_THRESHOLD
    again = {"measurement": found, "outcome": outcome, "level": finding.residual_level, "after": None}
    return finding.model_copy(update=again)


def _high_is_bad(finding: Finding) -> bool:
    """Return which side of its threshold a finding was judged bad on: some figures ought to be high."""
    found, limit = finding.measurement, finding.threshold
    if not isinstance(found, Measurement) or limit is None or found.value == limit:
        return True
    return (found.value > limit) == (finding.outcome is Outcome.EXCEEDS_THRESHOLD)


def dpia_record(dpia: Dpia) -> Record:
    """Return the assessment as a document in ICO's seven steps."""
    from secure_ai.govern.records.dpia_document import to_record

    return to_record(dpia)


def questions() -> list[dict[str, str]]:
    """Return the screening questions: id, asks, source."""
    data = words()
    guide = [{"source": data["guideline_source"], **question} for question in data["screening"]["guideline"]]
    return [*data["screening"]["law"], *guide]


@cache
def words() -> dict[str, Any]:
    """Return the texts of the assessment: steps, questions, scales."""
    return yaml.safe_load(resources.files(__package__).joinpath("data/dpia.yaml").read_text("utf-8"))


def _check_comparable(before: Finding, after: Finding) -> None:
    if before.threshold != after.threshold:
        raise UserError(
            f"The second measurement of '{before.id}' has another threshold: a moved bar reduces no risk."
        )
    first, second = before.measurement, after.measurement
    if isinstance(first, Measurement) and isinstance(second, Measurement):
        order = list(Level)
        fell = order.index(after.level) < order.index(before.level)
        change = second.value - first.value
        no_better = change >= 0 if _high_is_bad(before) else change <= 0
        if fell and after.outcome is Outcome.EXCEEDS_THRESHOLD and no_better:
            raise UserError(
                f"The level of '{before.id}' fell from {before.level.value} to {after.level.value}, and its "
                "figure did not: give the level that follows from the measurement."
            )
    if (
        isinstance(first, Measurement)
        and isinstance(second, Measurement)
        and (first.name, first.unit) != (second.name, second.unit)
    ):
        raise UserError(
            f"The second measurement of '{before.id}' is of another figure ({second.name}, {second.unit}) "
            f"than the first ({first.name}, {first.unit}): measure the same thing again."
        )


def _why(risk: Risk) -> str:
    found = (risk.after or risk.finding).measurement
    return found.reason.rstrip(".") if isinstance(found, Unassessed) else "no reason given"


def _content_gaps(dpia: Dpia) -> list[str]:
    """Return what Art. 35(7) asks for and the form leaves out."""
    form, gaps = dpia.form, []
    if not (is_filled(form.processing.purposes) and is_filled(form.processing.collection)):
        gaps.append("The processing and its purposes are not described (GDPR Art. 35(7)(a)).")
    if not (is_filled(form.necessity.achieves_purpose) and is_filled(form.necessity.alternatives)):
        gaps.append("Necessity and proportionality are not assessed (GDPR Art. 35(7)(b)).")
    if not is_filled(form.necessity.lawful_basis):
        gaps.append("No lawful basis is named (GDPR Art. 6).")
    if dpia.special and not is_filled(form.necessity.article_9_case):
        gaps.append("The files hold special categories, and no case of GDPR Art. 9(2) is named.")
    return gaps


def _sign_off_gaps(form: DpiaForm, dated: date | None) -> list[str]:
    sign, gaps = form.sign_off, []
    for what, approval in (
        ("The measures", sign.measures_approved),
        ("The residual risks", sign.residual_risks_approved),
    ):
        if not is_filled(approval.by) or approval.on is None:
            gaps.append(f"{what} are not approved: a name and a date are needed.")
        elif dated is not None and approval.on > dated:
            gaps.append(f"{what} carry an approval of a later day than this document.")
        elif _same_person(approval.by, sign.officer):
            gaps.append(
                f"{what} were approved by the data protection officer, who advises and may not decide "
                "(GDPR Art. 38(6))."
            )
    if not (is_filled(sign.advice) and is_filled(sign.officer)):
        gaps.append("The advice of the data protection officer is missing (GDPR Art. 35(2)).")
    elif sign.advice_accepted is None:
        gaps.append("Whether the advice of the data protection officer was accepted is not said.")
    elif sign.advice_accepted is False and not is_filled(sign.overruled_because):
        gaps.append("The advice of the data protection officer was overruled without a reason.")
    return gaps


def _same_person(one: str | None, other: str | None) -> bool:
    return bool(one and other) and " ".join(one.casefold().split()) == " ".join(other.casefold().split())
