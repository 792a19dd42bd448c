"""Tickets of training runs: a model is published only if everybody in it may still be used at that moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts.alert import counted

if TYPE_CHECKING:
    from secure_ai.govern.consent.gate import ConsentGate, Reading

MOST_ROUNDS = 20


class _PublishError(Exception):
    """Carries what ``publish`` raised past the ledger's store, which would take it for its own."""

    def __init__(self, reason: Exception) -> None:
        super().__init__()
        self.reason = reason


class TrainingTicket:
    """The right to train on some rows, to be shown again before the model is published.

    Attributes:
        run, artifact, purpose, actor: which run.
        left_out: rows that may not be used.
    """

    def __init__(self, gate: ConsentGate, reading: Reading, run: str, artifact: str) -> None:
        self._gate, self._reading = gate, reading
        self.run, self.artifact = run, artifact
        self.purpose, self.actor, self.left_out = reading.purpose, reading.actor, reading.left_out
        self._used = dict(reading.used)
        self._handed_out = False
        self._started: frozenset[str] = frozenset(self._used)
        self._state = "open"

    @classmethod
    def start(cls, gate: ConsentGate, reading: Reading, *, run: str, artifact: str) -> TrainingTicket:
        """Record that a run starts; the rows are checked once more while the ledger is held."""
        ticket = cls(gate, reading, run, artifact)
        with gate.ledger.recording() as recorder:
            if gate.ledger.purposes[ticket.purpose].decided_by_the_person:
                still = recorder.allowed(ticket._used, ticket.purpose)
                ticket._used = {person: key for person, key in ticket._used.items() if person in still}
                ticket._started = frozenset(ticket._used)
            recorder.record(
                "started",
                ticket.actor,
                people=ticket._used,
                run=run,
                artifact=artifact,
                purpose=ticket.purpose,
            )
        return ticket

    @property
    def rows(self) -> pd.DataFrame:
        """The rows that may be trained on, as of now: train on these, and on nothing else."""
        self._check_open()
        frame = self._reading.frame
        if not self._handed_out:
            # Who withdrew before the first look is in no model that is made of them.
            self._used, self._handed_out = dict(self._reading.used), True
        return frame

    def finish(
        self,
        model: Any,
        publish: Callable[[Any], Any],
        *,
        unlearn: Callable[[Any, Sequence[str]], Any] | None = None,
    ) -> Any:
        """Publish the model; where somebody in it withdrew meanwhile, unlearn them first or discard it.

        The ledger is held while ``publish`` runs: a withdrawal is recorded before (and found here) or after
        (and the model is then listed as one to unlearn). Let ``publish`` be short, such as a rename.
        Somebody who withdrew and gave consent anew in between counts as one who consents.

        Args:
            model: what was trained.
            publish: called with the model that may be used.
            unlearn: takes a model and the keys of people, returns the model without them; without it the
                model is discarded.

        Returns:
            What ``publish`` returns.

        Raises:
            UserError: if the model was discarded, or the ticket was used before.
        """
        self._check_open()
        try:
            return self._finished(model, publish, unlearn)
        except _PublishError as failed:
            raise failed.reason from None

    def _finished(
        self, model: Any, publish: Callable[[Any], Any], unlearn: Callable[[Any, Sequence[str]], Any] | None
    ) -> Any:
        ledger, used = self._gate.ledger, dict(self._used)
        decided = ledger.purposes[self.purpose].decided_by_the_person
        for _ in range(MOST_ROUNDS):
            with ledger.recording() as recorder:
                gone = used.keys() - (recorder.allowed(used, self.purpose) if decided else used.keys())
                if not gone:
                    self._note(
                        "publish",
                        "allowed",
                        f"{counted(len(self._used) - len(used), 'person', 'people')} unlearned",
                    )
                    result = _published(publish, model)
                    self._state = "published"
                    recorder.record(
                        "published", self.actor, people=self._started - used.keys(), run=self.run,
                        artifact=self.artifact, purpose=self.purpose,
                    )  # fmt: skip
                    return result
            if unlearn is None:
                break
            model = unlearn(model, sorted(used[person] for person in gone))
            used = {person: key for person, key in used.items() if person not in gone}
        self.discard()
        raise UserError(
            f"{counted(len(gone), 'person', 'people')} in {self.artifact} may no longer be used for "
            f"{self.purpose}: the model was not published; train it again, or hand finish() a way to unlearn."
        )

    def discard(self) -> None:
        """Record that nothing came of the run."""
        self._check_open()
        self._state = "discarded"
        with self._gate.ledger.recording() as recorder:
            recorder.record(
                "discarded", self.actor, run=self.run, artifact=self.artifact, purpose=self.purpose
            )
        self._note("publish", "denied", "the run was discarded")

    def _check_open(self) -> None:
        if self._state != "open":
            raise UserError(f"This run of {self.artifact} was {self._state} already: start another.")

    def _note(self, action: str, outcome: Any, reason: str) -> None:
        self._gate.note(self.actor, action, self.artifact, outcome, purpose=self.purpose, reason=reason)


def _published(publish: Callable[[Any], Any], model: Any) -> Any:
    try:
        return publish(model)
    except Exception as error:
        raise _PublishError(error) from None
