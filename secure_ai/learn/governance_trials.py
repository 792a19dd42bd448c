"""What learners' functions of chapter 16 are tried on: the forms of vendors, decisions about groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.govern.fairness import Gap, compare_groups, group_cases, group_rates
from secure_ai.govern.vendors import Answers, Questionnaire, VendorAssessment
from secure_ai.learn.display import Table
from secure_ai.learn.frames import as_table
from secure_ai.learn.governance_cases import Paper, VendorAnswer
from secure_ai.learn.governance_scenes import TODAY, House, assessed

if TYPE_CHECKING:
    from secure_ai.learn.decision_scenes import Decisions

FOREVER = date(2999, 12, 31)
SELF = ("statement", "policy")


def forms_as_answers(forms: Sequence[Answers], questions: Questionnaire) -> dict[str, list[VendorAnswer]]:
    """Return the vendors' forms in the words of the task: topic, what is said, papers with their dates."""
    wanted = {one.id for one in questions.questions}
    return {
        form.vendor: [
            VendorAnswer(
                topic=answer.question,
                says="yes",
                papers=tuple(_paper(answer.question, each, form.vendor) for each in answer.evidence),
            )
            for answer in form.answers
            if answer.question in wanted and answer.answer is not None
        ]
        for form in forms
    }


def _paper(topic: str, evidence: Any, vendor: str) -> Paper:
    own = evidence.kind in SELF or vendor.casefold() in evidence.issuer.casefold()
    return Paper(
        covers=(topic,),
        issuer="the vendor" if own else evidence.issuer or "the vendor",
        issued=_day(evidence.date, FOREVER),
        expires=_day(evidence.expires, _day(evidence.date, TODAY) + timedelta(days=365)),
    )


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise


def vendors_by(
    counts: Callable[[VendorAnswer, date], bool],
    house: House,
    forms: Sequence[Answers],
    questions: Questionnaire,
) -> Table:
    """Return how many answers count by a learner's rule, beside the kit's own assessment."""
    found: Mapping[str, VendorAssessment] = {one.vendor: one for one in assessed(house)}
    rows = []
    for vendor, answers in forms_as_answers(forms, questions).items():
        shown = sum(result.status == "shown" for result in found[vendor].results)
        rows.append((vendor, len(answers), sum(counts(answer, TODAY) for answer in answers), shown))
    table = pd.DataFrame(
        rows, columns=["vendor", "answers", "count by your rule", "shown by the kit's rules"]
    )
    return as_table(
        table,
        "Three vendors",
        "The kit's rules differ: for some questions a paper of the vendor is the right one, and one page "
        "cannot answer many questions.",
    )


def compared(gap: Callable[..., float | None], made: Decisions, one: str, other: str) -> Table:
    """Return a learner's gap between two groups beside the kit's, with its interval."""
    labels = made.group.astype(str).to_numpy()
    inside = np.isin(labels, (one, other))
    letters = np.where(labels[inside] == one, "A", "B").tolist()
    yours = gap(made.decided[inside].tolist(), made.outcome[inside].tolist(), letters)
    rates = group_rates(group_cases(made.decided[inside], made.outcome[inside], labels[inside]))
    found = [
        item
        for item in compare_groups(rates, "true_positive_rate", other)
        if isinstance(item, Gap) and item.group == one
    ]
    kit = "unassessed" if not found else _points(found[0].difference, found[0].interval)
    return as_table(
        pd.DataFrame(
            [("yours", "unassessed" if yours is None else f"{100 * yours:+.1f} points"), ("the kit's", kit)],
            columns=["by", f"{one} against {other}"],
        ),
        "How much more often the cases of one group are found",
    )


def _points(difference: float, interval: tuple[float, float]) -> str:
    low, high = (100 * bound for bound in interval)
    return f"{100 * difference:+.1f} points ({low:+.0f} to {high:+.0f})"
