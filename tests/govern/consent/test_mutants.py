"""The random histories notice each fault that would let a withdrawn consent be used."""

# A row of the table is read as one line.
# ruff: noqa: E501

from __future__ import annotations

import inspect
import textwrap

import pytest
from hypothesis import Phase

from secure_ai.core.errors import UserError
from secure_ai.govern.consent import chain, gate, ledger, runs, standings, training
from tests.govern.consent.test_histories import run_histories

# Module, class (or none), function, what stands in its source, what a mistake would have put there.
MUTANTS = {
    "the last look lets all through": (runs, "Recorder", "allowed", "if self._ledger._stands(p, asked, now)", ""),
    "of two merged, who consents wins": (
        standings, None, "_stricter", '{"withdrawn": 0, "given": 1, "expired": 2}',
        '{"given": 0, "expired": 1, "withdrawn": 2}',
    ),
    "no model has to unlearn": (ledger, "ConsentLedger", "models_to_unlearn", "return debts_of(self)", "return []"),
    "a run starts without a second look": (
        training, "TrainingTicket", "start", "recorder.allowed(ticket._used, ticket.purpose)", "ticket._used.keys()",
    ),
    "a withdrawn consent is renewed": (
        ledger, "ConsentLedger", "_given", 'before is None or before.status == "withdrawn"', "before is None",
    ),
    "no second look after unlearning": (
        training, "TrainingTicket", "_finished", "if not gone:", "if not gone or len(used) < len(self._used):",
    ),
    "of the people in a model one is known": (
        runs, None, "people_in", "for person in listed - run.unlearned", "for person in sorted(listed - run.unlearned)[:1]",
    ),
    "an unlearned key takes who is merged with it along": (
        runs, None, "people_in", "for person in listed - run.unlearned",
        "for person in listed if resolved(person) not in map(resolved, run.unlearned)",
    ),
    "former names are lost": (standings, "Standings", "purpose", "self.former.get(word, word)", "word"),
    "files are read unfiltered": (gate, "ConsentGate", "_filtered_source", "np.logical_and.reduce([answer.mask for answer in answers])", "np.ones(len(table), bool)"),
    "expiry is not recorded": (chain, "ChainedLog", "record_expiry", "if not self.standings.due(self.now()):", "if self.now():"),
}  # fmt: skip


def mutate(monkeypatch, mutant) -> None:
    module, owner, name, old, new = mutant
    place = getattr(module, owner) if owner else module
    source = textwrap.dedent(inspect.getsource(inspect.getattr_static(place, name)
                             if not isinstance(inspect.getattr_static(place, name), classmethod)
                             else getattr(place, name)))  # fmt: skip
    assert old in source
    made: dict = {}
    exec(compile(source.replace(old, new), "mutant", "exec"), module.__dict__, made)
    monkeypatch.setattr(place, name, made[name])


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_histories_notice(mutant, monkeypatch):
    mutate(monkeypatch, MUTANTS[mutant])
    with pytest.raises((AssertionError, UserError, pytest.fail.Exception)):
        run_histories(1000, derandomize=True, phases=(Phase.generate,))
