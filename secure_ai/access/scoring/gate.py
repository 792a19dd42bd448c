"""The gate of a model: policy, limits and answer policy, in this order, and what the audit trail is told."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.access.policy import AccessPolicy, AccessRequest, Principal, Resource
from secure_ai.access.scoring.accounts import ModelCard, ServiceAccount
from secure_ai.access.scoring.limits import LimitReached, RateLimiter
from secure_ai.access.scoring.queries import InputScale, Query, as_frame
from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.batches import Batch
from secure_ai.encrypt.transport.gate import Admitted, Refused

OnQuery = Callable[[Query], None]


def scoring_policy() -> AccessPolicy:
    """Return the kit's policy of a scoring service: its accounts, models and purposes of use."""
    folder = resources.files(__package__)
    texts = [
        (folder / f"scoring.{ending}").read_text(encoding="utf-8") for ending in ("cedar", "cedarschema")
    ]
    return AccessPolicy.from_texts(*texts, names=("scoring.cedar", "scoring.cedarschema"))


class ModelGate:
    """Lets registered accounts ask a model, as :class:`secure_ai.encrypt.transport.gate.Gate` foresees.

    Args:
        model: a fitted classifier with ``predict_proba`` and ``classes_``.
        card: what the organization has decided about it.
        accounts: who is registered.
        reference: rows that show the model's columns and the scale of its inputs, such as its training data
            (a frame, or an array rows x features).
        policy: decides who may; the kit's own if None.
        threshold: probability of the second of two classes from which it is the label.
        clock: seconds of the limits.
        on_query: called with each answered batch before the answer leaves the house.
        on_trouble: called with the type of an error that ``on_query`` raised: a watch that fails must not
            stop the service, and must not fail in silence.

    Raises:
        UserError: if the model gives no probabilities, or two accounts have one name.
    """

    def __init__(
        self,
        model: Any,
        card: ModelCard,
        accounts: Sequence[ServiceAccount],
        reference: Any,
        *,
        policy: AccessPolicy | None = None,
        threshold: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        on_query: OnQuery | None = None,
        on_trouble: Callable[[str], None] | None = None,
    ) -> None:
        if not callable(getattr(model, "predict_proba", None)) or not hasattr(model, "classes_"):
            raise UserError("The service needs a fitted classifier with predict_proba: give another model.")
        if not 0 < threshold < 1:
            raise UserError(f"threshold={threshold!r}: choose a probability between 0 and 1.")
        self.model, self.card, self.policy = model, card, policy or scoring_policy()
        self.accounts = {account.name: account for account in accounts}
        if len(self.accounts) < len(accounts):
            raise UserError("Two service accounts have one name: register each once.")
        self.classes, self.threshold = np.asarray(model.classes_), threshold
        self.scale = InputScale.learn(reference)
        self._frames = isinstance(reference, pd.DataFrame)
        self._dtypes = as_frame(reference).dtypes
        self.limiter = RateLimiter(
            {name: account.limit for name, account in self.accounts.items()}, clock=clock
        )
        self.on_query, self.on_trouble = on_query, on_trouble
        self._numbers, self._lock = itertools.count(1), threading.Lock()

    def describe(self, caller: str) -> dict[str, Any]:
        """Return the model's id, columns and classes, and what the caller gets of an answer.

        Raises:
            Refused: if the policy does not allow it.
        """
        account = self._permitted(caller, "describe", "")[0]
        return {
            "model": self.card.id,
            "columns": list(self.scale.columns),
            "classes": self.classes.tolist(),
            "answer": account.answer.answer,
            "policy": account.answer.kind,
        }

    def admit(self, caller: str, batch: Batch) -> Admitted:
        """Decide about a batch: first the policy, then the columns, then the limits.

        Raises:
            Refused: with the reason.
        """
        account, reason = self._permitted(caller, "score", batch.purpose)
        details = {"rows": len(batch)}
        if set(batch.columns) != set(self.scale.columns):
            missing = [name for name in self.scale.columns if name not in batch.columns]
            what = f"has no column '{missing[0]}'" if missing else "has columns that the model does not take"
            raise Refused(
                f"The batch {what}: GET /model lists the columns.",
                status=400, reason="other columns than the model's", purpose=batch.purpose, details=details,
            )  # fmt: skip
        try:
            self.limiter.take(account.name, len(batch))
        except LimitReached as error:
            raise Refused(
                str(error),
                status=413 if error.retry_after is None else 429,
                reason=f"limit of rows a {error.window} reached",
                retry_after=error.retry_after,
                purpose=batch.purpose,
                details=details,
            ) from None
        return Admitted(reason, batch.purpose, f"query-{next(self._numbers):06d}", details)

    def answer(self, caller: str, batch: Batch, event: AuditEvent) -> dict[str, Any]:
        """Ask the model, tell the watch, and return what leaves the house."""
        frame = pd.DataFrame(batch.rows, columns=list(batch.columns))[list(self.scale.columns)]
        for name, kind in self._dtypes.items():
            if frame[name].dtype != kind and pd.api.types.is_numeric_dtype(kind):
                frame[name] = pd.to_numeric(frame[name]).astype(float)
        rows = frame if self._frames else np.ascontiguousarray(frame.to_numpy(dtype=float))
        probabilities = np.asarray(self.model.predict_proba(rows), dtype=float)
        if probabilities.shape != (len(batch), len(self.classes)) or not np.isfinite(probabilities).all():
            raise ValueError("the model's answers are no probabilities")
        if self.on_query is not None:
            self._tell(caller, frame, probabilities, event)
        policy = self.accounts[caller].answer
        return {
            "model": self.card.id,
            "event": event.event_id,
            "answers": policy.plain(probabilities, self.classes, self.threshold),
        }

    def _tell(self, caller: str, frame: pd.DataFrame, probabilities: np.ndarray, event: AuditEvent) -> None:
        query = Query(
            event.event_id, event.time, caller, self.card.id, event.purpose,
            self.scale.apply(frame), probabilities[:, -1],
        )  # fmt: skip
        try:
            with self._lock:
                self.on_query(query)
        except Exception as error:
            # The text of the exception may hold a value of a record.
            if self.on_trouble is not None:
                self.on_trouble(type(error).__name__)

    def _permitted(self, caller: str, action: str, purpose: str) -> tuple[ServiceAccount, str]:
        account = self.accounts.get(caller)
        if account is None:
            raise Refused("This service account is not registered.", reason="account not registered")
        known = purpose if purpose in {*account.purposes, *self.card.purposes} else ""
        decision = self.policy.decide(
            AccessRequest(
                principal=Principal(
                    id=account.name,
                    kind="ServiceAccount",
                    attributes={
                        "active": account.active, "models": account.models, "purposes": account.purposes,
                    },
                ),
                action=action,
                resource=Resource(
                    id=self.card.id,
                    kind="Model",
                    attributes={
                        "purposes": self.card.purposes,
                        "assessed": self.card.assessed,
                        "withdrawn": self.card.withdrawn,
                    },
                ),
                purpose=purpose,
            )
        )  # fmt: skip
        if not decision.allowed:
            # The trail has the rule; a caller learns nothing of the policy.
            raise Refused(
                f"This service account may not {action} the model"
                + (" for this purpose." if action == "score" else "."),
                reason=decision.sentence(),
                purpose=known,
            )
        return account, ", ".join(decision.rules)
