"""What one answer weighs: read as it was asked for, compared with the others, and shown or not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from secure_ai.core.finding import Level
from secure_ai.govern.vendors.answers import Answer, Answers
from secure_ai.govern.vendors.assessment import Flag, QuestionResult, Status
from secure_ai.govern.vendors.evidence import EvidenceJudge, JudgedEvidence, read_date
from secure_ai.govern.vendors.questionnaire import (
    NO,
    PARTLY,
    YES,
    Contradiction,
    Engagement,
    Mark,
    Question,
    Questionnaire,
)

WORDS = {"yes": YES, "y": YES, "true": YES, "no": NO, "n": NO, "false": NO, "partly": PARTLY}


class Unreadable:
    """An answer that is not of the kind that was asked for."""


UNREADABLE = Unreadable()
Value = str | int | Unreadable | None


def weigh(
    answers: Answers,
    questionnaire: Questionnaire,
    engagement: Engagement,
    judge: EvidenceJudge,
    passages: Mapping[str, bool],
) -> tuple[list[QuestionResult], list[Flag]]:
    """Return the result of each question that is asked, and what is wrong with answers and documents.

    Args:
        answers: checked with :func:`check_answers`.
        questionnaire: of the same release.
        engagement: decides what is asked.
        judge: that has learned all documents of the form.
        passages: question id → whether a person found the answer in the document.
    """
    given = answers.by_question()
    read = {one.id: read_answer(one, given.get(one.id)) for one in questionnaire.questions}
    asked = questionnaire.asked(engagement)
    unchecked = unchecked_answers(questionnaire.contradictions, read, {one.id for one in asked})
    filled = read_date(answers.completed_on) or judge.today
    scale = _Scale(judge, filled, contradictions(questionnaire.contradictions, read), unchecked, passages)
    results = [scale.result(one, given.get(one.id, Answer(question=one.id)), read[one.id]) for one in asked]
    return results, scale.flags


def read_answer(question: Question, given: Answer | None) -> Value:
    """Return an answer as the question wants it: ``"yes"``, an option, a number; None where there is none.

    Words where a figure was asked, or an option that does not exist, come back as :data:`UNREADABLE`.
    """
    value = None if given is None else given.answer
    if value is None:
        return None
    kind = question.answer.type
    text = " ".join(str(value).split()).casefold()
    if kind == "yes_no":
        return WORDS.get(text, UNREADABLE)
    if kind == "choice":
        options = {" ".join(option.split()).casefold(): option for option in question.answer.options}
        return options.get(text, UNREADABLE)
    whole = text.removesuffix(".0")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 12):
        return UNREADABLE
    return int(whole)


def _is_good(question: Question, value: str | int) -> bool:
    expected = question.answer
    if expected.type == "number":
        return expected.least <= int(value) <= expected.most
    return "any" in expected.good_answers or value in expected.good_answers


@dataclass
class _Scale:
    """Weighs one question after the other, and keeps what is wrong."""

    judge: EvidenceJudge
    filled: date
    contradicted: Mapping[str, tuple[str, ...]]
    unchecked: Mapping[str, str]
    passages: Mapping[str, bool]
    flags: list[Flag] = field(default_factory=list)

    def result(self, question: Question, given: Answer, value: Value) -> QuestionResult:
        judged = [self.judge.judge(question, one) for one in given.evidence if any(one.model_dump().values())]
        status = self._status(question, value, judged)
        for one in judged:
            kind = one.kind.replace("_", " ") if one.kind in self.judge.questionnaire.kinds else "document"
            for code, sentence in one.problems:
                self._flag(question, code, f"The {kind} given for it {sentence}.")
        return QuestionResult(
            question=question.id,
            area=question.area,
            text=question.text,
            answer="" if value is None or isinstance(value, Unreadable) else str(value),
            wanted=question.answer.wanted(),
            status=status,
            level=Level.LOW if status == "shown" else question.level,
            clause=question.clause,
            condition=question.condition,
            ids=question.ids,
            evidence=tuple(judged),
            read=self.passages.get(question.id, False),
            must_be_read=question.level is Level.CRITICAL,
        )

    def _flag(self, question: Question, code: str, sentence: str) -> None:
        self.flags.append(Flag(question.id, code, sentence))

    def _status(self, question: Question, value: Value, judged: list[JudgedEvidence]) -> Status:
        if value is None:
            self._flag(question, "unanswered", "It was not answered.")
            return "unanswered"
        if isinstance(value, Unreadable):
            wanted = question.answer.in_words()
            self._flag(question, "wrong_type", f"The answer is not what was asked for: {wanted}.")
            return "not_shown"
        for says in self.contradicted.get(question.id, ()):
            self._flag(question, "contradiction", f"Two answers cannot both be true: {says}.")
        if not _is_good(question, value):
            return "gap"
        if not judged:
            self._flag(question, "no_evidence", "No document is given for it, so the answer weighs nothing.")
        counting = [one for one in judged if one.counts]
        if question.id in self.unchecked:
            other = self.unchecked[question.id]
            self._flag(question, "unchecked", f"It cannot be checked, because {other} was not answered.")
        if not counting or question.id in self.contradicted or question.id in self.unchecked:
            return "not_shown"
        if not self.passages.get(question.id, True):
            self._flag(question, "refuted", "A person read the passage, and it does not say so.")
            return "not_shown"
        return "shown" if self._dates_agree(question, value, counting) else "not_shown"

    def _dates_agree(self, question: Question, value: str | int, counting: list[JudgedEvidence]) -> bool:
        if not question.dated_by_evidence:
            return True
        months = min(_months(one.dated, self.filled) for one in counting if one.dated)
        if abs(months - int(value)) <= 1:
            return True
        self._flag(
            question, "contradiction", f"By its date the document was {months} months old, not {value}."
        )
        return False


def _months(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def contradictions(rules: Iterable[Contradiction], read: Mapping[str, Value]) -> dict[str, tuple[str, ...]]:
    """Return question id → what contradicts its answer, for all questions that such a rule names."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        if all(_holds(mark, read.get(question), read) for question, mark in rule.when.items()):
            for question in rule.when:
                found[question] = (*found.get(question, ()), rule.says)
    return found


def unchecked_answers(
    rules: Iterable[Contradiction], read: Mapping[str, Value], asked: Collection[str]
) -> dict[str, str]:
    """Return question id → the question left open that could have contradicted its answer.

    Without this, silence would be better than an answer that contradicts another.
    """
    found: dict[str, str] = {}
    for rule in rules:
        left = [name for name in rule.when if name in asked and _is_open(read.get(name))]
        given = {name: mark for name, mark in rule.when.items() if not _is_open(read.get(name))}
        comparable = {name: mark for name, mark in given.items() if mark.above not in left}
        if left and all(_holds(mark, read[name], read) for name, mark in comparable.items()):
            found.update(dict.fromkeys(given, left[0]))
    return found


def _is_open(value: Value) -> bool:
    return value is None or isinstance(value, Unreadable)


def _holds(mark: Mark, value: Value, read: Mapping[str, Value]) -> bool:
    if _is_open(value):
        return False
    if mark.is_ is not None and value != mark.is_:
        return False
    if mark.over is not None and not (isinstance(value, int) and value > mark.over):
        return False
    if mark.above is not None:
        other = read.get(mark.above)
        return isinstance(value, int) and isinstance(other, int) and value > other
    return True
