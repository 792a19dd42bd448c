"""Judge a vendor's answers: an answer weighs only by a document that counts on the day."""

from __future__ import annotations

import os
from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from secure_ai.core.audit import AuditLog, recorded_refusals
from secure_ai.core.errors import UserError
from secure_ai.core.finding import Level, worst_level
from secure_ai.core.measurement import Measurement
from secure_ai.core.sources import shown
from secure_ai.govern.retention.periods import checked_day
from secure_ai.govern.vendors.answers import Answers, check_answers
from secure_ai.govern.vendors.assessment import (
    SOURCE,
    AreaResult,
    Decision,
    Flag,
    QuestionResult,
    VendorAssessment,
    slug,
)
from secure_ai.govern.vendors.clauses import contract_clauses
from secure_ai.govern.vendors.evidence import EvidenceJudge, plain, read_date
from secure_ai.govern.vendors.questionnaire import Engagement, Questionnaire
from secure_ai.govern.vendors.weigh import weigh


def assess_vendor(
    answers: Answers,
    questionnaire: Questionnaire,
    today: date,
    evidence_folder: str | Path | None = None,
    *,
    engagement: Engagement | None = None,
    previous: VendorAssessment | None = None,
    passages: Mapping[str, bool] | None = None,
    audit: AuditLog | None = None,
    actor: str = "vendor-due-diligence",
) -> VendorAssessment:
    """Return what a vendor's answers are worth on a day.

    A good answer that no counting document shows weighs as the bad one would; so do contradictory answers,
    and words where a figure was asked. There is no overall score.

    Args:
        answers: as :func:`read_form` returns them.
        questionnaire: of the same sector and release.
        today: the day on which documents are judged.
        evidence_folder: where this vendor's documents are, and no other's; without it nobody has opened
            them, and nothing may be signed.
        engagement: what the organization buys; the strictest by default.
        previous: the last assessment; the same file under a newer date then does not count.
        passages: question id → whether a person of the organization read the document and found the answer
            in it. No program can say that a document says what is claimed, so critical answers that nobody
            read up are a condition, and one that was not found counts as not shown.
        audit: gets the result and each flag, or the refusal.
        actor: the account of who assesses.

    Raises:
        UserError: if the form does not belong to the questionnaire, is empty or is about another service
            than is bought; if ``today`` is no date, the folder is missing, or ``passages`` names an unknown
            question.
    """
    if not isinstance(answers, Answers):
        raise UserError("The answers are those of a form: read it with read_form().")
    with recorded_refusals(audit, "assess vendor", f"vendor:{slug(answers.vendor)}", actor=actor):
        checked_day(today)
        check_answers(answers, questionnaire)
        engagement = engagement or Engagement()
        _check_previous(answers, today, previous)
        passages = dict(passages or {})
        for name in passages:
            questionnaire[name]
        service = _service(answers, engagement)
        folder = _folder(evidence_folder)
        judge = EvidenceJudge(questionnaire, answers.vendor, service, today, folder, _old_dates(previous))
        judge.learn(answers.answers)
        results, flags = weigh(answers, questionnaire, engagement, judge, passages)
        found = _assessment(answers, questionnaire, engagement, judge, (results, flags))
    _log(found, audit, actor)
    return found


def _folder(given: str | Path | None) -> Path | None:
    if given is not None and not isinstance(given, str | os.PathLike):
        raise UserError(f"The folder of evidence is a path, not a {type(given).__name__}: name it.")
    return None if given is None else Path(given)


def _assessment(
    answers: Answers,
    questionnaire: Questionnaire,
    engagement: Engagement,
    judge: EvidenceJudge,
    weighed: tuple[list[QuestionResult], list[Flag]],
) -> VendorAssessment:
    results, flags = weighed
    old_form = _form_flags(answers, questionnaire, judge.today)
    today, seen = judge.today, judge.folder is not None
    left = [one for one in results if one.status != "shown"]
    conditions = [(one.question, one.condition) for one in left if one.condition]
    unread = [one for one in results if one.status == "shown" and not one.read and one.must_be_read]
    if unread:
        names = ", ".join(one.question for one in unread)
        text = f"Have a person read in the documents what is claimed for {names}; and issuer, date and scope."
        conditions.append(("", text))
    conditions += [("", text) for text in _heavy_documents(questionnaire, results)]
    conditions = [*(("", flag.sentence) for flag in old_form), *conditions]
    if not seen:
        conditions.insert(
            0, ("", "Obtain the documents named, open them, and assess again with their folder.")
        )
    if not engagement.service:
        conditions.insert(0, ("", "Say which service is bought, and compare the documents' scope with it."))
    renewals = sorted(
        {
            (one.counts_until, one.document, result.question)
            for result in results
            for one in result.evidence
            if one.counts and one.counts_until
        }
    )
    reassess, because = _reassess(questionnaire, engagement, today, results)
    return VendorAssessment(
        vendor=answers.vendor,
        service=judge.service,
        sector=answers.sector,
        release=answers.release,
        assessed_on=today,
        tier=engagement.tier,
        documents_seen=seen,
        areas=tuple(_areas(questionnaire, results, today)),
        results=tuple(results),
        flags=(*old_form, *flags),
        decision=_decision(left, conditions, seen),
        conditions=tuple(conditions),
        clauses=contract_clauses(left, answers.sector, personal_data=engagement.data != "none"),
        reassess_on=reassess,
        reassess_because=because,
        renewals=tuple(renewals),
    )


def _heavy_documents(questionnaire: Questionnaire, results: list[QuestionResult]) -> list[str]:
    """Return a condition for each document that carries many answers of which nobody has read up all."""
    carried: dict[str, list[QuestionResult]] = {}
    for result in results:
        for name in {f"{one.document} ({one.kind})" for one in result.evidence if one.counts}:
            carried.setdefault(name, []).append(result)
    return [
        f"Have a person read all of {shown(name)}: {len(resting)} answers rest on it."
        for name, resting in carried.items()
        if len(resting) > questionnaire.one_document_most and not all(one.read for one in resting)
    ]


def _areas(questionnaire: Questionnaire, results: list[QuestionResult], today: date) -> Iterable[AreaResult]:
    for area, title in questionnaire.areas.items():
        mine = [one for one in results if one.area == area]
        if not mine:
            continue
        count = {
            name: sum(one.status == name for one in mine)
            for name in ("shown", "gap", "not_shown", "unanswered")
        }
        share = sum(one.documented for one in mine) / len(mine)
        coverage = Measurement(
            name="coverage_of_evidence",
            value=share,
            unit="share of questions",
            n=len(mine),
            baseline=0.0,
            interval=(share, share),
            method=f"questions with a document that counts on {today}",
            source=SOURCE,
        )
        level = worst_level(one.level for one in mine)
        yield AreaResult(
            area,
            title,
            level,
            len(mine),
            count["shown"],
            count["gap"],
            count["not_shown"],
            count["unanswered"],
            coverage,
        )


def _decision(left: list[QuestionResult], conditions: list[tuple[str, str]], seen: bool) -> Decision:
    if not seen or any(one.level is Level.CRITICAL for one in left):
        return "not_before_conditions"
    if conditions or any(one.level is Level.HIGH for one in left):
        return "with_conditions"
    return "with_clauses" if left else "as_it_stands"


def _reassess(
    questionnaire: Questionnaire, engagement: Engagement, today: date, results: list[QuestionResult]
) -> tuple[date, str]:
    rule = questionnaire.tiers[engagement.tier]
    planned = add_months(today, rule.months)
    expiring = [
        one.expires for result in results for one in result.evidence if one.counts and one.expires is not None
    ]
    if expiring and min(expiring) < planned:
        return min(expiring), "a document that counts expires"
    return planned, f"every {rule.months} months in the tier {engagement.tier}, sooner if something changes"


def add_months(day: date, months: int) -> date:
    """Return the same day ``months`` later, or the month's last day where it has none such."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _form_flags(answers: Answers, questionnaire: Questionnaire, today: date) -> list[Flag]:
    filled = read_date(answers.completed_on)
    if filled is None:
        return [Flag("", "undated_form", "Ask on which day the form was filled in, and state it.")]
    if filled > today:
        raise UserError(f"The vendor's form was filled in on {filled}, after the day of the assessment.")
    if (today - filled).days > questionnaire.form_most_days:
        return [Flag("", "old_form", f"Send a new form: this one was filled in on {filled}.")]
    return []


def _service(answers: Answers, engagement: Engagement) -> str:
    bought, answered = plain(engagement.service), plain(answers.service)
    if bought and answered and f" {bought} " not in f" {answered} ":
        raise UserError(
            "The vendor's form is about another service than the engagement: ask for one about "
            f"{shown(engagement.service)}."
        )
    return engagement.service or answers.service


def _check_previous(answers: Answers, today: date, previous: VendorAssessment | None) -> None:
    if previous is None:
        return
    if slug(previous.vendor) != slug(answers.vendor):
        raise UserError("The previous assessment is of another vendor: name the right one.")
    if previous.assessed_on > today:
        raise UserError(f"The previous assessment is of {previous.assessed_on}, after today.")


def _old_dates(previous: VendorAssessment | None) -> dict[str, date]:
    if previous is None:
        return {}
    judged = [one for result in previous.results for one in result.evidence]
    return {one.sha256: one.dated for one in judged if one.sha256 and one.dated}


def _log(found: VendorAssessment, audit: AuditLog | None, actor: str) -> None:
    if audit is None:
        return
    target = f"vendor:{slug(found.vendor)}"
    for flag in found.flags:
        audit.record(actor, "weigh answer", target, "denied", reason=flag.code, question=flag.question)
    open_critical = found.decision == "not_before_conditions"
    audit.record(
        actor,
        "assess vendor",
        target,
        "denied" if open_critical else "allowed",
        reason=found.decision,
        gaps=len(found.gaps),
        conditions=len(found.conditions),
    )
