"""The model behind a prediction: its file, code, trainer, approval, policy and card."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from secure_ai.core.sources import shown
from secure_ai.defend.lineage.row_files import file_digest
from secure_ai.defend.lineage.tracing import Trace
from secure_ai.govern.traceability.code import code_version
from secure_ai.govern.traceability.entries import Approval, ModelRecord, Withdrawal
from secure_ai.govern.traceability.evidence import Evidence, fact, gap
from secure_ai.govern.traceability.register import Signed, duties_problem
from secure_ai.govern.traceability.trail import Fact


def model_facts(
    trace: Trace, model: str, made: date, today: date, given: Evidence
) -> tuple[Signed | None, list[Fact]]:
    records = given.register.of(model, ModelRecord) if given.register is not None else []
    if not records:
        missing = (
            "no register of models was given"
            if given.register is None
            else f"the register has no record of {model}"
        )
        gaps = [
            gap(question, f"Not known: {missing}.", model)
            for question in ("code", "trained by", "approval", "duties", "policy", "card")
        ]
        return None, [_file_fact(trace, model, None, given), *gaps]
    record = records[-1]
    entry: ModelRecord = record.entry
    problem = record.problem(given.keys)
    trained = fact(
        "trained by", f"The record of {model} does not count: {problem}." if problem else "",
        f"{entry.trained_by} trained it and signed so on {entry.day}.", entry.trained_by, model,
    )  # fmt: skip
    facts = [_file_fact(trace, model, entry, given), _code_fact(entry, given), trained]
    return record, facts + _approval_facts(model, record, made, today, given) + [_card_fact(entry, given)]


def _file_fact(trace: Trace, model: str, entry: ModelRecord | None, given: Evidence) -> Fact:
    rows = trace.graph.dataset(model).rows
    recorded = rows.artifact if rows is not None else None
    wanted = entry.artifact if entry is not None else recorded
    if wanted is None:
        return gap("model file", "The training recorded no model file.", model)
    if entry is not None and recorded is not None and recorded != entry.artifact:
        return Fact(
            "model file",
            "problem",
            f"Lineage and register name two different files for {model}.",
            "two files",
            model,
        )
    if given.artifact is None:
        return gap(
            "model file", "Nobody gave the model file, so that it is not compared with the record.", model
        )
    same = file_digest(given.artifact) == wanted
    return fact(
        "model file", "" if same else f"The file of {model} was changed or replaced since it was recorded.",
        f"The file of {model} is the one that was recorded (SHA-256 {wanted[:12]}…).",
        f"file {wanted[:8]}" if same else "file changed", model,
    )  # fmt: skip


def _code_fact(entry: ModelRecord, given: Evidence) -> Fact:
    if given.code is None:
        return gap("code", f"It was trained with {entry.code}; nobody gave the code to compare.", entry.model)
    is_place = isinstance(given.code, Path) or os.path.isdir(given.code)  # noqa: PTH112  # never raises
    now = code_version(given.code) if is_place else str(given.code)
    return fact(
        "code",
        "" if now == entry.code else f"It was trained with {entry.code}, the code is now {shown(now)}.",
        f"It was trained with {entry.code}, which is the code that was given.", entry.code, entry.model,
    )  # fmt: skip


def _card_fact(entry: ModelRecord, given: Evidence) -> Fact:
    if entry.card is None:
        return gap("card", f"{entry.model} was recorded without a model card.", entry.model)
    if given.card is None:
        return gap("card", "Nobody gave the model card to compare.", entry.model)
    same = file_digest(given.card) == entry.card
    return fact(
        "card", "" if same else f"The card of {entry.model} was changed since it was recorded.",
        f"The card of {entry.model} is the one that was recorded.", "as recorded" if same else "changed",
        entry.model,
    )  # fmt: skip


def _approval_facts(model: str, record: Signed, made: date, today: date, given: Evidence) -> list[Fact]:
    approvals = given.register.of(model, Approval)
    if not approvals:
        return [
            Fact("approval", "problem", f"Nobody approved {model}.", "not approved", model),
            gap("duties", "Without an approval there is nobody to be separate from the trainer.", model),
            gap("policy", "Without an approval no policy is known.", model),
        ]
    # A later valid approval takes the place of earlier ones; a forged one takes the place of none.
    valid = [one for one in approvals if not one.problem(given.keys)]
    approval = (valid or approvals)[-1]
    entry: Approval = approval.entry
    problem = _approval_problem(approval, record, made, today, given)
    forged = len(approvals) - len(valid)
    known = f"{entry.approved_by} approved it on {entry.day} until {entry.until}"
    facts = [
        fact(
            "approval", f"The approval of {model} does not count: {problem}." if problem else "",
            f"{known}{f' ({entry.conditions})' if entry.conditions else ''}.",
            problem or f"{entry.approved_by}, {entry.day}", model,
        )
    ]  # fmt: skip
    if forged and valid:
        facts.append(
            Fact(
                "approval",
                "problem",
                f"{forged} further approval(s) of {model} are forged or altered.",
                "forged",
                model,
            )
        )
    facts.append(_duties_fact(model, record.entry, entry, given))
    policy = gap("policy", "The approval does not count, so neither does the policy that it names.", model)
    if not problem:
        policy = Fact("policy", "known", f"It was approved under {entry.policy}.", entry.policy, model)
    return [*facts, policy]


def _duties_fact(model: str, record: ModelRecord, approval: Approval, given: Evidence) -> Fact:
    problem = duties_problem(record.trained_by, approval.approved_by, given.keys, given.roles, given.sector)
    if problem:
        return Fact("duties", "problem", f"Duties for {model} are not separate: {problem}.", problem, model)
    two = f"{record.trained_by} and {approval.approved_by} are two accounts"
    if given.roles is None or given.sector is None:
        return gap("duties", f"{two}; nobody gave the roles that they hold.", model)
    return Fact(
        "duties", "known", f"{two}, and the approver holds a validator's role alone.", "separate", model
    )


def _approval_problem(approval: Signed, record: Signed, made: date, today: date, given: Evidence) -> str:
    entry: Approval = approval.entry
    if problem := approval.problem(given.keys):
        return problem
    if problem := record.problem(given.keys):
        return f"what it approves does not count ({problem})"
    of_duties = record.entry.trained_by, entry.approved_by, given.keys, given.roles, given.sector
    if problem := duties_problem(*of_duties):
        return problem
    if entry.record != record.entry.digest():
        return "the model was recorded anew since it was approved"
    if made < entry.day:
        return f"the prediction was made on {made}, before the approval of {entry.day}"
    withdrawn = [
        one.entry
        for one in given.register.of(entry.model, Withdrawal)
        if not one.problem(given.keys) and one.entry.day >= entry.day
    ]
    if withdrawn:
        first: Withdrawal = withdrawn[0]
        when = "before" if made >= first.day else "after"
        return f"{first.withdrawn_by} withdrew it on {first.day}, {when} the prediction was made"
    if made > entry.until:
        return f"the prediction was made on {made}, after it ended on {entry.until}"
    if today > entry.until:
        return f"it ended on {entry.until}"
    return ""
