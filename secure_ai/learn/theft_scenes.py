"""The scoring service of chapter 12: whose it is, who asks it, and who takes the model home."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.access.scoring import (
    AnswerPolicy,
    ModelCard,
    Query,
    QueryLog,
    RateLimit,
    RunningModel,
    ServiceAccount,
    run_model,
)
from secure_ai.attack.targets import ScoringEndpoint, Target, open_target
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport import CertificateAuthority, lesson_authority
from secure_ai.learn.attacked_models import AttackedModel, CaseTable, attacked_model
from secure_ai.learn.parameters import of_sector
from secure_ai.monitor.alerts import ManualClock

OWN, JUDGED = 200, 400
BEGIN = "2026-03-02T08:00:00"
PLENTY = RateLimit(10**6, 10**7)


@dataclass(frozen=True)
class TheftScene:
    """What is the hospital's and what is the bank's in the lesson and the lab.

    Attributes:
        us, person: words for the organization and for those whose cases the model sees.
        task: of the learning table.
        rows_each: how many rows of data make one row of the lesson.
        model, purpose: id of the model and what it was assessed for, as the service registers them.
        honest: the organization's own service accounts.
        thief: the registered account that asks more than its contract meant.
        story: who the thief is, and what for.
        price: USD that the organization charges for 1,000 answers.
    """

    us: str
    person: str
    task: str
    rows_each: int
    model: str
    purpose: str
    honest: tuple[str, str, str]
    thief: str
    story: str
    price: float

    @property
    def spare(self) -> dict[str, str]:
        """The accounts whose limit no alert lowers, each with the reason."""
        return dict.fromkeys(self.honest, SPARED)


SCENES = {
    "healthcare": TheftScene(
        us="hospital",
        person="patient",
        task="readmission",
        rows_each=1,
        model="readmission@4",
        purpose="operations",
        honest=("ward-dashboard", "discharge-desk", "home-care"),
        thief="planning-vendor",
        story="A vendor of bed planning pays for each answer of the readmission model and wants to own it.",
        price=20.0,
    ),
    "finance": TheftScene(
        us="bank",
        person="applicant",
        task="credit",
        rows_each=10,
        model="credit@4",
        purpose="credit_decision",
        honest=("branch-dashboard", "online-desk", "dealer-desk"),
        thief="broker-portal",
        story="A broker pays for each answer of the credit model and wants to own it.",
        price=20.0,
    ),
}


SPARED = "own work must not wait for an alert that may be wrong"


def theft_scene(sector: str) -> TheftScene:
    """Return the scene of a sector.

    Raises:
        UserError: if there is none of this name.
    """
    return of_sector(SCENES, sector)


@dataclass(frozen=True)
class TheftCase:
    """A model, and whose rows are whose.

    Attributes:
        scene: the words.
        attacked: the models, gradient boosting and linear.
        own: rows that the thief has, without outcomes.
        held_out, truth: rows that copies are judged by, and their outcomes; the thief has neither.
        past: rows that honest accounts asked about before the lesson begins.
        today: rows that they ask about while it runs.
    """

    scene: TheftScene
    attacked: AttackedModel
    own: pd.DataFrame = field(repr=False)
    held_out: pd.DataFrame = field(repr=False)
    truth: np.ndarray = field(repr=False)
    past: pd.DataFrame = field(repr=False)
    today: pd.DataFrame = field(repr=False)

    @property
    def threshold(self) -> float:
        """The probability from which the answer is yes."""
        return self.attacked.story.threshold

    def quality(self, model: Any) -> float:
        """Return the area under the ROC curve of a model, or of a copy, on the rows held out."""
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(self.truth, model.predict_proba(self.held_out)[:, 1]))

    def sentence(self) -> str:
        """Say whose rows are whose."""
        return (
            f"{self.scene.story} It owns {len(self.own):,} {self.scene.person} records without outcomes. "
            f"Copies are judged on {len(self.held_out):,} others."
        )


def theft_case(cases: CaseTable, scene: TheftScene, *, seed: int = 0) -> TheftCase:
    """Train the models and share out the rows; no row is anybody else's.

    Raises:
        UserError: if there are too few rows.
    """
    attacked = attacked_model(cases, seed=seed)
    inputs, outcome = attacked.test
    least = OWN + JUDGED + 100
    if len(inputs) < least:
        raise UserError(f"The scene needs {least:,} held-out cases and has {len(inputs):,}: raise `rows`.")
    order = np.random.default_rng(seed).permutation(len(inputs))
    own, judged, today = np.split(order, [OWN, OWN + JUDGED])

    def part(places: np.ndarray) -> pd.DataFrame:
        return inputs.iloc[places].reset_index(drop=True)

    return TheftCase(
        scene, attacked, part(own), part(judged), outcome[judged], attacked.train[0], part(today)
    )


@dataclass(frozen=True)
class House:
    """The organization's scoring service while it runs, and its clock.

    Attributes:
        case: the model's.
        service: the service.
        clock: set by hand; limits, the audit trail and alerts go by it.
    """

    case: TheftCase
    service: RunningModel
    clock: ManualClock
    _authority: CertificateAuthority = field(repr=False)
    _open: ExitStack = field(repr=False)

    def endpoint(self, account: str, *, batch: int = 500, patience: float = 0.0) -> ScoringEndpoint:
        """Return a connection of an account; where a limit is reached the clock is moved on.

        Args:
            account: one that is registered.
            batch: rows in one question.
            patience: seconds of the clock that the account waits in all.
        """
        made = ScoringEndpoint(
            self.service.address,
            self._authority.client(account),
            purpose=self.case.scene.purpose,
            batch=batch,
            longest_wait=patience,
            # A wait below a microsecond would not move this clock.
            sleep=lambda seconds: self.clock.advance(seconds=seconds + 0.001),
        )
        return self._open.enter_context(made)

    def target(self, account: str, **options: Any) -> Target:
        """Return the same as something that an attack asks, at the model's threshold."""
        return open_target(
            self.endpoint(account, **options), threshold=self.case.threshold, name=self.case.scene.model
        )


def account(case: TheftCase, name: str, answer: str = "probability", **more: Any) -> ServiceAccount:
    """Return a service account for the model.

    Args:
        case: whose model.
        name: of the account.
        answer: ``"probability"``, ``"label"`` or a number of decimals such as ``"1 decimal"``.
        more: further fields, such as ``limit``; without one there is plenty.
    """
    digits = answer.split(maxsplit=1)[0]
    policy = AnswerPolicy("rounded", int(digits)) if digits.isdecimal() else AnswerPolicy(answer)
    fields = {"limit": PLENTY, **more}
    return ServiceAccount(
        name=name, models=case.scene.model, purposes=case.scene.purpose, answer=policy, **fields
    )


@contextmanager
def open_house(
    case: TheftCase,
    accounts: Sequence[ServiceAccount],
    *,
    model: Any = None,
    on_query: Callable[[Query], object] | None = None,
) -> Iterator[House]:
    """Run the scoring service: mutual TLS, policy, limits by account, audit trail.

    Args:
        case: whose model.
        accounts: who is registered.
        model: gradient boosting of the case if None.
        on_query: a watch or a log.
    """
    clock = ManualClock(BEGIN)
    card = ModelCard(id=case.scene.model, purposes=case.scene.purpose)
    with (
        lesson_authority(f"Example {case.scene.us}") as authority,
        run_model(
            case.attacked.model if model is None else model,
            card,
            accounts,
            case.past,
            authority.server(),
            audit=AuditLog(clock=clock),
            on_query=on_query,
            threshold=case.threshold,
            clock=lambda: clock().timestamp(),
        ) as service,
        ExitStack() as stack,
    ):
        yield House(case, service, clock, authority, stack)


def kept_questions(house: House, log: QueryLog, name: str) -> pd.DataFrame:
    """Return the records that an account asked about, as the service's own log has them.

    The log holds them on the scale of the watch; they are brought back to the model's columns.
    """
    scale, like = house.service.gate.scale, house.case.past
    raw = np.concatenate([query.inputs for query in log.queries if query.actor == name])
    raw = raw * scale.spreads + scale.means
    made = {}
    for place, column in enumerate(scale.columns):
        if column in scale.categories:
            values = list(scale.categories[column])
            made[column] = [values[round(number)] for number in raw[:, place]]
        else:
            made[column] = np.round(raw[:, place], 9)
    return pd.DataFrame(made).astype(like.dtypes.to_dict())
