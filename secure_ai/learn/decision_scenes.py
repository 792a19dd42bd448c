"""The house of chapter 16 from inside: whom its model decides on, why, and who answers for it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.core.finding import Finding, Level, Outcome, combine_level
from secure_ai.core.measurement import Unassessed
from secure_ai.defend.explanations import explain, explain_rows
from secure_ai.defend.lineage import Lineage
from secure_ai.encrypt.transport.public_keys import generate_signing_key
from secure_ai.govern.fairness import (
    GroupedCases,
    GroupRates,
    TradeOff,
    gap_drivers,
    group_cases,
    group_rates,
    judge_definitions,
    trade_off,
    worst_gap,
)
from secure_ai.govern.fairness.definitions import TOLERANCE
from secure_ai.govern.traceability import ModelRegister, approve_model, code_version, record_model
from secure_ai.learn import attacked_models
from secure_ai.learn.attacked_models import AttackedModel, attacked_model
from secure_ai.learn.frames import as_table
from secure_ai.learn.governance_scenes import TODAY

if TYPE_CHECKING:
    from secure_ai.govern.rights import Review
    from secure_ai.govern.traceability import Trail
    from secure_ai.learn.attacked_models import CaseTable
    from secure_ai.learn.display import Table

BANDS = {
    "healthcare": ((0, 64, 74, 130), ("under 65", "65 to 74", "75 and over")),
    "finance": ((0, 30, 61, 130), ("under 31", "31 to 61", "62 and over")),
}
ROWS_EACH = {"healthcare": 1, "finance": 10}
"""Rows of the sector's data for one row of the lesson's parameter: a bank has many payments for a loan."""
MISSED_COSTS = 4.0
EXPLAINED = 60


@dataclass(frozen=True)
class Decisions:
    """What the model decides about people whom it did not learn from.

    Attributes:
        model: with its words.
        inputs: (cases, columns) what the model sees.
        scores: (cases,) probability of the outcome.
        outcome: (cases,) bool: what turned out to be true.
        group: (cases,) age band of each person.
        age_is_seen: whether the model sees the age.
        people: (cases,) whose case it is.
        learned_from: (rows,) whose rows the model learned from.
    """

    model: AttackedModel
    inputs: pd.DataFrame
    scores: np.ndarray
    outcome: np.ndarray
    group: pd.Series
    age_is_seen: bool
    people: np.ndarray
    learned_from: np.ndarray

    @property
    def decided(self) -> np.ndarray:
        """Whom the decision falls on."""
        return self.scores >= self.model.story.threshold

    def cases(self) -> GroupedCases:
        """Return decisions, outcomes and groups side by side."""
        return group_cases(self.decided, self.outcome, self.group)

    def rates(self) -> GroupRates:
        """Return the rates of every group."""
        return group_rates(self.cases())

    def trade_off(self, seed: int) -> TradeOff:
        """Return what each definition of fairness would cost, a missed case being four false alarms."""
        return trade_off(
            self.scores,
            self.outcome,
            self.group,
            threshold=self.model.story.threshold,
            cost_missed=MISSED_COSTS,
            seed=seed,
        )

    def sentence(self) -> str:
        """Say what is decided, and on whom."""
        story = self.model.story
        seen = "sees" if self.age_is_seen else "does not see"
        return (
            f"{story.decides} From {story.threshold:.0%} on the answer is '{story.yes}'. It falls on "
            f"{self.decided.sum():,} of {len(self.scores):,} people; the model {seen} their age."
        )


def decisions(cases: CaseTable, data: Any, *, seed: int) -> Decisions:
    """Train the model of the sector and let it decide about the people it did not learn from."""
    from sklearn.model_selection import GroupShuffleSplit

    from secure_ai.learn.attacked_models import HELD_OUT

    model = attacked_model(cases, seed=seed)
    split = GroupShuffleSplit(n_splits=1, test_size=HELD_OUT, random_state=seed)
    learned, kept = next(split.split(cases.inputs, cases.outcome, cases.people))
    inputs, outcome = model.test
    people = np.asarray(cases.people)[kept]
    edges, labels = BANDS[data.sector]
    if "age" in inputs:
        ages = inputs["age"].to_numpy()
    else:
        born = data.tables["customers"].set_index("customer_id").loc[people, "birth_date"]
        ages = TODAY.year - born.dt.year.to_numpy()
    return Decisions(
        model=model,
        inputs=inputs,
        scores=model.target().probabilities(inputs)[:, 1],
        outcome=np.asarray(outcome).astype(bool),
        group=pd.Series(pd.cut(ages, edges, labels=labels, include_lowest=True)),
        age_is_seen="age" in inputs,
        people=people,
        learned_from=np.asarray(cases.people)[learned],
    )


def drivers_table(made: Decisions, seed: int) -> Table:
    """Return what drives the difference in the mean score between the two groups furthest apart."""
    rates = made.rates().of("selection_rate").dropna(subset="value").sort_values("value")
    low, high = str(rates["group"].iloc[0]), str(rates["group"].iloc[-1])
    labels = made.group.astype(str).to_numpy()
    rng = np.random.default_rng(seed)
    chosen = np.concatenate(
        [rng.permutation(np.flatnonzero(labels == name))[: EXPLAINED // 2] for name in (high, low)]
    )
    parts = explain_rows(
        made.model.linear, made.inputs.iloc[chosen], made.model.train[0], label=1, method="linear", seed=seed
    )
    assert isinstance(parts, pd.DataFrame)
    found = gap_drivers(parts, labels[chosen], high, low).head(5)
    table = found.assign(**{name: found[name].map("{:+.2f}".format) for name in ("part", "low", "high")})
    return as_table(
        table,
        f"What moves the score of the group '{high}' away from '{low}' (log-odds)",
        f"A linear model on the same rows, {len(chosen)} people; the parts add up to the difference.",
    )


def one_decision(made: Decisions, without: str = "") -> tuple[int, list[str]]:
    """Return the place of the person whom the decision falls on most narrowly, and the reasons in words.

    Args:
        made: the decisions.
        without: key of a person who is not asked.
    """
    margin = np.where(made.decided & (made.people != without), made.scores, np.inf)
    place = int(np.argmin(margin))
    found = explain(
        made.model.linear, made.inputs.iloc[[place]], made.model.train[0], label=1, method="linear"
    )
    if isinstance(found, Unassessed):
        return place, [found.reason]
    frame = found.to_frame()
    against = frame[(frame["contribution"] > 0) & frame["beyond_chance"]].head(3)
    return place, [f"{row.feature} = {row.value} raised the score" for row in against.itertuples()]


def findings(made: Decisions, seed: int) -> list[Finding]:
    """Return two findings for an impact assessment: fairness as judged, leakage not assessed.

    The verdict is that of ``judge_definitions``: what it leaves undecided is not assessed here, either.
    """
    rates, severity = made.rates(), Level.HIGH
    common = {
        "asset": made.model.story.name,
        "attacker_knowledge": "none: people are affected without any attack",
        "owner": "model owner",
    }
    title = "Groups are not found equally often"
    verdict = judge_definitions(rates, definitions=["equal opportunity"]).iloc[0]
    gap = worst_gap(made.cases(), "true_positive_rate", seed=seed)
    if isinstance(gap, Unassessed) or verdict["answer"] in ("undecided", "unassessed"):
        why = gap if isinstance(gap, Unassessed) else Unassessed(f"too few cases: {verdict['because']}")
        fairness = _unassessed("model.equal_opportunity", title, why, common)
    else:
        exceeds = verdict["answer"] == "violated"
        likelihood = Level.HIGH if exceeds else Level.LOW
        fairness = Finding(
            id="model.equal_opportunity",
            title=title,
            threat="Decisions that treat groups unequally",
            measurement=gap,
            threshold=TOLERANCE,
            threshold_source="set by the house before the measurement",
            outcome=Outcome.EXCEEDS_THRESHOLD if exceeds else Outcome.WITHIN_THRESHOLD,
            likelihood=likelihood,
            severity=severity,
            level=combine_level(likelihood, severity),
            mappings=("GDPR Art. 5", "MEASURE 2.11"),
            **common,
        )
    leak = _unassessed(
        "model.membership",
        "Somebody can tell who was in the training data",
        Unassessed("chapter 13 measures it; nobody has run it on this model yet"),
        common,
    )
    return [fairness, leak]


def _unassessed(name: str, title: str, why: Unassessed, common: dict[str, str]) -> Finding:
    level = Level.UNASSESSED
    return Finding(
        id=name, title=title, threat=title, measurement=why, outcome=Outcome.UNASSESSED,
        likelihood=level, severity=level, level=level, **common,
    )  # fmt: skip


# ---------------------------------------------------------------- who answers for a prediction


ROLES = {
    "healthcare": {"dana": "model_developer", "victor": "model_validator"},
    "finance": {"dana": "model developer", "victor": "model validator"},
}
MODEL = "risk@1"
TRAINED, APPROVED = date(2026, 10, 12), date(2026, 10, 20)
ASKED = 3


class ModelHistory:
    """How the house's model came to be, in a folder: lineage, register, signatures, card and code.

    Args:
        folder: where; made if it is not there.
        made: the model, its rows and its decisions.
        person: name of the column that says whose row it is.
        sector: of the house.
        first: place of the case that :attr:`prediction` is about.
    """

    def __init__(self, folder: Path, made: Decisions, person: str, sector: str, first: int = 0) -> None:
        import skops.io

        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.person, self.sector = folder, person, sector
        self._now = _noon(TRAINED)
        self.lineage = Lineage(folder / "lineage", key=bytes(range(32)), clock=lambda: self._now)
        self.register = ModelRegister(folder / "models.jsonl")
        self.dana, self.victor = (generate_signing_key(folder / f"{name}.key") for name in ("dana", "victor"))
        self.artifact, self.card, self.code = folder / "model.skops", folder / "card.md", folder / "code"
        skops.io.dump(made.model.linear, self.artifact)
        self.card.write_text(f"# {made.model.story.name}\n\n{made.model.sentence()}\n", encoding="utf-8")
        self.code.mkdir()
        (self.code / "train.py").write_text(inspect.getsource(attacked_models), encoding="utf-8")
        inputs = made.model.train[0]
        self.source = inputs.assign(**{person: made.learned_from})
        places = [first, *(place for place in range(ASKED) if place != first)]
        self.asked = made.inputs.iloc[places].assign(**{person: made.people[places]}).reset_index(drop=True)
        with self.lineage.job("collect") as job:
            learned = job.write("training table", job.read("records", self.source, identifier=person))
        with self.lineage.job("train") as job:
            model = job.train("risk", learned, version="1", artifact=self.artifact)
        self._now = _noon(TODAY)
        with self.lineage.job("score") as job:
            asked = job.read("requests", self.asked, identifier=person)
            scores = made.model.linear.predict_proba(self.asked[inputs.columns])[:, 1]
            scored = job.predict("scores", asked.assign(score=scores), model=model)
        self.prediction = str(scored["row_of:scores"].iloc[0])

    @property
    def keys(self) -> dict[str, str]:
        """The public signing keys, as a list that is kept apart from the register has them."""
        return {"dana": self.dana.public, "victor": self.victor.public}

    @property
    def roles(self) -> pd.DataFrame:
        """Who holds which role: columns ``staff_id`` and ``role``."""
        return pd.DataFrame(ROLES[self.sector].items(), columns=["staff_id", "role"])

    def record_and_approve(self, purpose: str, *, by: str = "victor") -> None:
        """Enter how the model was made, signed by its trainer, and its approval."""
        if not self.register.entries():
            record_model(
                self.register, MODEL, lineage=self.lineage, artifact=self.artifact,
                code=code_version(self.code), card=self.card, purpose=purpose, trained_by="dana",
                signing_key=self.dana.private, today=TRAINED,
            )  # fmt: skip
        signer = self.victor if by == "victor" else self.dana
        approve_model(
            self.register, MODEL, approved_by=by, policy="AI-7 version 2", until=date(2027, 6, 30),
            keys=self.keys, signing_key=signer.private, today=APPROVED, roles=self.roles, sector=self.sector,
        )  # fmt: skip

    def trail(self, **changes: Any) -> Trail:
        """Ask where the first prediction comes from and who answers for it."""
        from secure_ai.govern.traceability import trace_prediction

        given: dict[str, Any] = {
            "today": TODAY, "register": self.register, "keys": self.keys, "artifact": self.artifact,
            "code": self.code, "card": self.card, "sources": {"records": self.source, "requests": self.asked},
            "roles": self.roles, "sector": self.sector,
        } | changes  # fmt: skip
        return trace_prediction(self.prediction, self.lineage, **given)


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def review_sentence(review: Review) -> str:
    """Say what a second person made of a decision."""
    return f"{review.reviewer} judged '{review.verdict}' after seeing the case: {review.note}"
