"""The answer about one prediction: facts with their state, what is wrong, and what nobody can say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from secure_ai.defend.lineage.tracing import Trace

State = Literal["known", "problem", "unassessed"]
Question = Literal[
    "prediction", "model", "model file", "training data", "data versions", "code", "trained by", "approval",
    "duties", "policy", "card", "consent of training", "consent of prediction", "lineage", "register",
]  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One part of the answer.

    Attributes:
        question: what is asked.
        state: known, problem (something is wrong), or unassessed (nobody can say from what was given).
        answer: in a sentence; for a gap it says what is missing.
        short: the answer in a few words, for a picture.
        subject: the data set or model that it is about, ``name@version``; empty for the whole.
    """

    question: Question
    state: State
    answer: str
    short: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Trail:
    """Where a prediction comes from and who answers for it.

    Attributes:
        prediction: ``scores@3f2a91c0b7d1#17``.
        model: ``name@version``; empty where none is recorded.
        facts: the parts, in the order of the questions.
        trace: what the lineage says, row by row.
    """

    prediction: str
    model: str
    facts: tuple[Fact, ...]
    trace: Trace

    @property
    def problems(self) -> tuple[Fact, ...]:
        """What is wrong."""
        return tuple(fact for fact in self.facts if fact.state == "problem")

    @property
    def unassessed(self) -> tuple[Fact, ...]:
        """What nobody can say."""
        return tuple(fact for fact in self.facts if fact.state == "unassessed")

    @property
    def complete(self) -> bool:
        """Whether every question has an answer and nothing is wrong."""
        return not self.problems and not self.unassessed

    def fact(self, question: Question) -> Fact:
        """Return the first answer to a question, the worst first.

        Raises:
            KeyError: if it is no question of a trail.
        """
        order = {"problem": 0, "unassessed": 1, "known": 2}
        found = sorted(
            (one for one in self.facts if one.question == question), key=lambda one: order[one.state]
        )
        if not found:
            raise KeyError(question)
        return found[0]

    def sentence(self) -> str:
        """Say how much of the answer holds, and what does not."""
        known = sum(fact.state == "known" for fact in self.facts)
        by = self.model or "no recorded model"
        text = f"The prediction was made by {by}: {known} of {len(self.facts)} facts hold"
        for name, facts in (("wrong", self.problems), ("unassessed", self.unassessed)):
            if facts:
                text += f"; {name}: {', '.join(dict.fromkeys(fact.question for fact in facts))}"
        return text + "."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per fact: question, state, answer."""
        import pandas as pd

        rows = [(fact.question, fact.state, fact.answer) for fact in self.facts]
        return pd.DataFrame(rows, columns=["question", "state", "answer"])

    def plot(self) -> Figure:
        """Draw it; see :func:`~secure_ai.govern.traceability.charts.plot_trail`."""
        from secure_ai.govern.traceability.charts import plot_trail

        return plot_trail(self)
