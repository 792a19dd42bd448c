"""A withdrawn consent is never used again: random histories, and an oracle that was written apart."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from secure_ai.core.errors import UserError
from secure_ai.core.sources import open_source
from secure_ai.govern.consent import ConsentGate, ConsentLedger, ConsentText
from tests.govern.consent.rule_book import DECIDED, NAMES, PEOPLE, Oracle, vocabulary

KEY = bytes(range(32))
START = datetime(2026, 1, 1, tzinfo=UTC)
FAST = Path("/dev/shm")
STEPS = 10
FORMS: tuple[Callable[[int], Any], ...] = (
    int, str, float, np.int64, lambda n: f" {n} ", lambda n: f"{n}.0", lambda n: chr(0xFF10 + n),
    lambda n: f"{n}\u200b",
)  # fmt: skip

# Whom a row is about, by its value; of an account with two owners both count.
OWNERS = {0: {1}, 1: {1}, 2: {2}, 3: {3}, 4: {4}, 10: {1, 2}, 11: {3}, 12: {4}}
ROWS = pd.DataFrame({"key": [1, 1, 2, 3, 4], "value": range(5)})
SPELLED = ROWS.assign(key=["1.0", " 1", "\uff12", "3\u200b", "4"])
ACCOUNTS = pd.DataFrame({"account": ["A1", "A1 ", "A2", "A3"], "owner": PEOPLE})
MOVES = pd.DataFrame({"account": ["A1", " A2", "A3"], "value": [10, 11, 12]})
TABLES = ("rows", "spelled", "moves")

# How often each thing must have happened in a hundred histories, so that they test what they say.
FLOORS = {
    "published": 13, "refused": 1, "unlearned": 5, "unlearned again": 2, "withdrew at the start": 8,
    "withdrew while training": 2, "ended while training": 1, "merged while training": 1, "file read": 2,
    "frame read": 2, "query": 8, "query through accounts": 2, "withdrew while read": 13, "looked again": 1,
    "recovered": 1, "merged": 8, "merged with a withdrawal": 5, "renewed": 1, "renewal refused": 2,
    "clock put back after an end": 5, "expired": 6, "rename": 1, "models must unlearn": 10,
}  # fmt: skip

person = st.sampled_from(PEOPLE)
form = st.sampled_from(FORMS)
which = st.sampled_from((0, 1))
decided = st.sampled_from(DECIDED)
table = st.sampled_from(TABLES)
hours = st.integers(1, 30)
number = st.integers(0, 3)
plans = st.integers(0, 2**32)
often = st.sampled_from((True, False))  # Hypothesis prefers the first


@cache
def files() -> tempfile.TemporaryDirectory:
    """The folder of the file that is read; gone with the process."""
    folder = tempfile.TemporaryDirectory(dir=FAST if FAST.is_dir() else None)
    SPELLED.to_csv(Path(folder.name) / "spelled.csv", index=False)
    return folder


@cache
def sources() -> dict[str, Any]:
    """The tables: two in memory, one in a file, opened once."""
    tables = {"rows": ROWS, "spelled": Path(files().name) / "spelled.csv"}
    return {name: open_source(one) for name, one in (tables | {"accounts": ACCOUNTS, "moves": MOVES}).items()}


class Interrupted(ConsentLedger):
    """A ledger between whose answer and its use something happens."""

    interruption: Callable[[], None] | None = None

    def answer(self, *arguments: Any, **options: Any):
        found = super().answer(*arguments, **options)
        happens, self.interruption = self.interruption, None
        if happens is not None:
            happens()
        return found


class Histories(RuleBasedStateMachine):
    """Two processes on one ledger; whatever is used is compared with the oracle at that moment."""

    happened: Counter

    @initialize(people=st.sets(person, min_size=2), ends=st.none() | hours)
    def begin(self, people, ends) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=FAST if FAST.is_dir() else None))
        self.path, self.witness = self.folder / "consent.db", self.folder / "witness.jsonl"
        self.now = self.latest = START
        self.renamed = 0
        self.oracle = Oracle()
        self.copies: list[tuple[bytes, int, set[str]]] = []
        self.lost: set[str] = set()  # runs whose list of people no copy has
        self.runs: dict[str, tuple[str, set[int]]] = {}  # purpose and people of what was not discarded
        ConsentLedger.create(self.path, actor="dpo", **self.options)
        self.open()
        for who in people:
            self.give(who, int, "study", 0, ends)
        for who in PEOPLE:
            self.give(who, int, "offers", 0, None)

    @property
    def options(self) -> dict[str, Any]:
        return {
            "key": KEY, "witness": self.witness, "purposes": vocabulary(self.renamed),
            "clock": lambda: self.now,
        }  # fmt: skip

    def open(self) -> None:
        self.ledgers = [Interrupted(self.path, **self.options) for _ in range(2)]
        self.seen = [self.latest, self.latest]
        self.gates = []
        for ledger in self.ledgers:
            gate = ConsentGate(ledger)
            gate.register("rows", sources()["rows"], person="key")
            gate.register("spelled", sources()["spelled"], person="key")
            gate.register("accounts", sources()["accounts"], person="owner")
            gate.register("moves", sources()["moves"], person=None, through=("accounts", "account"))
            self.gates.append(gate)
        self.readings: list[tuple[Any, str, int]] = []
        self.tickets: list[tuple[Any, str, int, set[int]]] = []

    def word(self, purpose: str) -> str:
        # An old name goes on to be understood.
        return NAMES[purpose][self.renamed // 2] if purpose in NAMES else purpose

    def text(self, purpose: str) -> ConsentText:
        return ConsentText("leaflet", "1", "What is done with it.", (self.word(purpose),))

    # ------------------------------------------------------------------ what the ledger can know of time

    def time(self, on: int) -> datetime:
        """The time in a process: never before what it saw, or an event says."""
        return max(self.now, self.seen[on], self.latest)

    def looked(self, on: int) -> None:
        """A process was asked: what ended is recorded, so that it has ended for all."""
        self.seen[on] = self.time(on)
        if self.oracle.ends_by(self.seen[on]):
            self.latest = self.seen[on]
            self.oracle.add("seen", self.latest)
            self.happened["expired"] += 1

    def wrote(self, on: int) -> None:
        """A process recorded an event: every other reads its time."""
        self.seen[on] = self.latest = self.time(on)

    def may(self, purpose: str, on: int) -> set[int]:
        return {who for who in PEOPLE if self.oracle.used_with(who, purpose, self.time(on))}

    # ------------------------------------------------------------------ people decide

    @rule(who=person, form=form, purpose=decided, on=which, ends=st.none() | hours)
    def give(self, who, form, purpose, on, ends) -> None:
        end = None if ends is None else self.time(on) + timedelta(hours=ends)
        ledger = self.ledgers[on]
        ledger.give(form(who), self.word(purpose), text=self.text(purpose), actor="desk", expires=end)
        self.wrote(on)
        self.oracle.add("give", who, purpose, end)

    @rule(who=person, purpose=decided, on=which, ends=st.none() | hours, withdrawn=often)
    def renew(self, who, purpose, on, ends, withdrawn) -> None:
        if withdrawn:
            self._withdraw(1 - on, who, purpose)
        end = None if ends is None else self.time(on) + timedelta(hours=ends)
        status, _ = self.oracle.state(who, purpose)
        options = {"text": self.text(purpose), "actor": "desk", "expires": end}
        if status in ("never", "withdrawn"):
            with pytest.raises(UserError, match="to renew"):
                self.ledgers[on].renew(who, self.word(purpose), **options)
            self.seen[on] = self.time(on)
            self.happened["renewal refused"] += status == "withdrawn"
        else:
            self.ledgers[on].renew(who, self.word(purpose), **options)
            self.wrote(on)
            self.oracle.add("give", who, purpose, end)
            self.happened["renewed"] += 1
        self.ask(on)

    @rule(who=person, form=form, purpose=st.none() | decided, on=which)
    def withdraw(self, who, form, purpose, on) -> None:
        self._withdraw(on, who, purpose, form)

    def _withdraw(self, on, who, purpose, form=int) -> None:
        word = None if purpose is None else self.word(purpose)
        known = self.oracle.known(who)
        done = self.ledgers[on].withdraw(form(who), word, actor="desk")
        assert done.found <= known
        self.wrote(on)
        for one in DECIDED if purpose is None else (purpose,):
            self.oracle.add("withdraw", who, one)

    @rule(who=person, other=person, on=which, purpose=decided | st.none())
    def merge(self, who, other, on, purpose) -> None:
        if purpose is not None and who != other:
            self._withdraw(on, other, purpose)
        self._merge(who, other, on)
        self.ask(on)

    def _merge(self, who, other, on) -> None:
        if len(self.oracle.identities({who, other})) == 1:
            with pytest.raises(UserError, match="same person"):
                self.ledgers[on].merge(who, other, actor="desk")
            return
        states = {self.oracle.state(one, purpose)[0] for one in (who, other) for purpose in DECIDED}
        self.ledgers[on].merge(who, other, actor="desk")
        self.wrote(on)
        self.oracle.add("merge", who, other)
        self.happened["merged"] += 1
        self.happened["merged with a withdrawal"] += {"given", "withdrawn"} <= states

    # ------------------------------------------------------------------ time

    @rule(by=st.integers(-30, 30))
    def clock_moves(self, by) -> None:
        self.now += timedelta(hours=by)

    @rule(who=person, purpose=st.sampled_from(("study", "offers")), on=which, ends=hours)
    def a_consent_ends_and_the_clock_is_put_back(self, who, purpose, on, ends) -> None:
        self.give(who, int, purpose, on, ends)
        self.now = self.time(on) + timedelta(hours=ends)
        self.ask(on)
        assert who not in self.may(purpose, on)
        self.now -= timedelta(hours=ends)
        self.ask(1 - on)
        self.happened["clock put back after an end"] += 1

    # ------------------------------------------------------------------ use

    def ask(self, on) -> None:
        for purpose in (*DECIDED, "care"):
            mask = self.ledgers[on].allowed(PEOPLE, self.word(purpose))
            self.looked(on)
            used = {who for who, ok in zip(PEOPLE, mask, strict=True) if ok}
            expected = self.may(purpose, on)
            assert used <= expected, "a consent that does not stand was used"
            assert used >= expected, "a consent that stands was refused"

    @rule(purpose=decided, on=which, late=often, who=number, file=often)
    def read(self, purpose, on, late, who, file) -> None:
        self._interrupt(late, on, who, purpose)
        source = sources()["spelled"] if file else ROWS
        reading = self.gates[on].read(source, self.word(purpose), "analyst", person="key")
        self.readings.append((reading, purpose, on))
        self.happened["file read" if file else "frame read"] += 1
        self._look(*self.readings[-1], ROWS if not late else None)

    @rule(purpose=decided, on=which, late=often, who=number, table=table)
    def query(self, purpose, on, late, who, table) -> None:
        self._interrupt(late, on, who, purpose)
        result = self.gates[on].query(f"SELECT value FROM {table}", self.word(purpose), "analyst")
        self.ledgers[on].interruption = None
        self.readings.append((result, purpose, on))
        self.happened["query"] += 1
        self.happened["query through accounts"] += table == "moves"
        self._look(*self.readings[-1], {"moves": MOVES}.get(table, ROWS) if not late else None)

    @rule(number=number, who=number, withdrawn=often)
    @precondition(lambda self: self.readings)
    def look_again_at_what_was_read(self, number, who, withdrawn) -> None:
        reading, purpose, on = self.readings[number % len(self.readings)]
        before = len(reading.frame)
        self.looked(on)
        if withdrawn and (standing := sorted(self.may(purpose, on))):
            self._withdraw(1 - on, standing[who % len(standing)], purpose)
        after = self._look(reading, purpose, on)
        self.happened["looked again"] += 1
        self.happened["lost from what was read"] += after < before

    def _look(self, reading, purpose, on, whole=None) -> int:
        values = set(reading.frame["value"])
        self.looked(on)
        may = self.may(purpose, on)
        assert all(OWNERS[value] <= may for value in values), "a consent that does not stand was used"
        if whole is not None:
            assert values == {value for value in whole["value"] if OWNERS[value] <= may}
        return len(values)

    def _interrupt(self, wanted, on, who, purpose) -> None:
        """Let somebody withdraw elsewhere after the ledger answered and before the answer is used."""
        standing = sorted(self.may(purpose, on))
        if not wanted or not standing:
            return

        def withdraw() -> None:
            self.looked(on)
            self._withdraw(1 - on, standing[who % len(standing)], purpose)
            self.happened["withdrew while read"] += 1

        self.ledgers[on].interruption = withdraw

    # ------------------------------------------------------------------ training

    @rule(purpose=decided, on=which, plan=plans)
    def train(self, purpose, on, plan) -> None:
        # From a seed: drawn one by one, Hypothesis would take the same few of these ways most of the time.
        draw = Random(plan)
        at_start, unlearns, late, afterwards = (draw.random() < 0.6 for _ in range(4))
        who, meanwhile = (
            draw.randrange(4),
            draw.choice(("withdrawal", "end", "end", "merge", "nothing")),
        )
        if not self._start(purpose, on, at_start, who):
            return
        ticket, _, _, model = self.tickets.pop()
        somebody, other = sorted(model)[who % len(model)], sorted(model)[who % len(model) - 1]
        if meanwhile == "withdrawal":
            self._withdraw(1 - on, somebody, purpose)
            self.happened["withdrew while training"] += 1
        elif meanwhile == "end":
            self.give(somebody, int, purpose, 1 - on, 2)
            self.now = self.time(1 - on) + timedelta(hours=2)
            self.happened["ended while training"] += 1
        elif meanwhile == "merge":
            # With somebody who withdrew, where there is one.
            absent = sorted(set(PEOPLE) - model)
            self._merge(somebody, absent[0] if absent else other, 1 - on)
            self.happened["merged while training"] += 1
        self._finish(ticket, purpose, on, model, unlearns=unlearns, late=late)
        if afterwards and ticket.run in self.runs:
            _, rest = self.runs[ticket.run]
            if gone := sorted(model - rest):
                self._merge(gone[0], min(rest, default=gone[0]), on)
            if rest:
                self._withdraw(on, min(rest), purpose)
            self.models_with_people_who_may_not_be_used_are_known(1 - on)

    @rule(purpose=decided, on=which, late=often, who=number)
    def start_training(self, purpose, on, late, who) -> None:
        self._start(purpose, on, late, who)

    def _start(self, purpose, on, late, who) -> bool:
        self._interrupt(late, on, who, purpose)
        try:
            ticket = self.gates[on].training_rows(
                ROWS, self.word(purpose), "engineer", person="key", artifact="model"
            )
        except UserError as error:
            assert "nothing to train on" in str(error)
            self.looked(on)
            self.ledgers[on].interruption = None
            return False
        self.looked(on)
        self.wrote(on)
        self.happened["withdrew at the start"] += late
        self.runs[ticket.run] = (purpose, self.may(purpose, on))
        self.models_with_people_who_may_not_be_used_are_known(1 - on)
        model = set(ticket.rows["key"])
        self.looked(on)
        assert model <= self.may(purpose, on), "a consent that does not stand was used"
        if model:
            self.tickets.append((ticket, purpose, on, model))
        return bool(model)

    @rule(unlearns=often, late=often)
    @precondition(lambda self: self.tickets)
    def finish_training(self, unlearns, late) -> None:
        ticket, purpose, on, model = self.tickets.pop()
        self._finish(ticket, purpose, on, model, unlearns=unlearns, late=late)

    def _finish(self, ticket, purpose, on, model, *, unlearns, late) -> None:
        published: list[set[int]] = []
        gone = model - self.may(purpose, on)
        rounds: list[set[int]] = []

        def publish(model):
            assert model <= self.may(purpose, on), "a model of somebody who withdrew was published"
            published.append(model)

        def unlearn(model, keys):
            people = {int(key) for key in keys}
            rounds.append(people)
            rest = model - people
            if late and rest and len(rounds) == 1:
                self._withdraw(1 - on, min(rest), purpose)
            return rest

        try:
            ticket.finish(model, publish, unlearn=unlearn if unlearns else None)
        except UserError as error:
            assert "was not published" in str(error)
            assert gone and not unlearns and not published
            del self.runs[ticket.run]
            self.happened["refused"] += 1
        else:
            (rest,) = published
            assert not gone or (unlearns and rounds[0] == gone)
            self.runs[ticket.run] = (purpose, rest)
            self.happened["published"] += 1
            self.happened["unlearned"] += bool(rounds)
            self.happened["unlearned again"] += len(rounds) > 1
        self.wrote(on)
        self.models_with_people_who_may_not_be_used_are_known(1 - on)

    def models_with_people_who_may_not_be_used_are_known(self, on) -> None:
        found = {debt.run: debt.people for debt in self.ledgers[on].models_to_unlearn()}
        self.looked(on)
        expected = {}
        for run, (purpose, model) in self.runs.items():
            if gone := self.oracle.identities(model - self.may(purpose, on)):
                expected[run] = len(gone)
        # Where the list is lost, the run stands for everybody.
        expected |= dict.fromkeys(self.lost & self.runs.keys())
        assert found == expected
        self.happened["models must unlearn"] += bool(expected)

    @rule(on=which, number=number)
    @precondition(lambda self: self.runs)
    def a_model_unlearns_who_may_not_be_used(self, on, number) -> None:
        run = sorted(self.runs)[number % len(self.runs)]
        purpose, model = self.runs[run]
        gone = model - self.may(purpose, on)
        if not gone or run in self.lost or any(ticket.run == run for ticket, *_ in self.tickets):
            return
        self.ledgers[on].settle(run, sorted(gone), actor="engineer", reference="receipt")
        self.wrote(on)
        self.runs[run] = (purpose, model - gone)
        self.happened["settled"] += 1
        self.models_with_people_who_may_not_be_used_are_known(1 - on)

    # ------------------------------------------------------------------ what goes wrong

    @rule(who=person, purpose=decided, number=number, plan=plans, on=which)
    def something_goes_wrong(self, who, purpose, number, plan, on) -> None:
        what = Random(plan).choice(
            ("put back", "put back", "rename", "restart", "damage", "absence", "backup")
        )
        if what == "put back":
            self._old_copy_is_put_back(who, purpose, number if plan % 2 and self.copies else None)
        elif what == "rename" and self.renamed < 2:
            self._purposes_are_renamed()
        elif what == "damage":
            self._ledger_is_damaged_for_a_while(Random(plan).uniform(0.2, 1))
        elif what == "absence":
            away = self.path.rename(self.folder / "elsewhere")
            self._nothing_is_allowed()
            assert not self.path.exists()
            away.rename(self.path)
        elif what == "backup":
            self._back_up()
        else:
            self.open()
        self.happened[what] += 1
        self.ask(on)
        self.train(purpose, on, plan)

    def _purposes_are_renamed(self) -> None:
        self.renamed += 1
        ConsentLedger.adopt(self.path, actor="dpo", **self.options)
        self.latest = max(self.now, self.latest)
        for ledger in self.ledgers:
            with pytest.raises(UserError, match="vocabulary"):
                ledger.allowed(PEOPLE, "offers")
        self.open()

    def _back_up(self) -> None:
        self.ask(0)
        self.copies.append((self.path.read_bytes(), self.ledgers[0].epoch.sequence, set(self.runs)))

    def _old_copy_is_put_back(self, who, purpose, number) -> None:
        if number is None:
            self._back_up()
            self._withdraw(0, who, purpose)
            number = len(self.copies) - 1
        content, sequence, runs = self.copies[number % len(self.copies)]
        self.ask(0)
        behind = self.ledgers[0].epoch.sequence > sequence
        self.ask(1)
        self.path.write_bytes(content)
        if behind:
            self._nothing_is_allowed()
            with pytest.raises(UserError):
                ConsentLedger(self.path, **self.options)
            ConsentLedger.recover(self.path, actor="dpo", **self.options)
            self.happened["recovered"] += 1
            self.lost |= self.runs.keys() - runs

    def _ledger_is_damaged_for_a_while(self, place) -> None:
        self.ask(0)
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[: max(1, int(len(whole) * place) - 4096)])
        try:
            mask = self.ledgers[0].allowed(PEOPLE, self.word("study"))
        except UserError:
            pass
        else:
            assert {who for who, ok in zip(PEOPLE, mask, strict=True) if ok} <= self.may("study", 0)
        self.path.write_bytes(whole)
        for journal in self.folder.glob("consent.db-*"):
            journal.unlink()

    def _nothing_is_allowed(self) -> None:
        for ledger, gate in zip(self.ledgers, self.gates, strict=True):
            for purpose in DECIDED:
                with pytest.raises(UserError):
                    ledger.allowed(PEOPLE, self.word(purpose))
                with pytest.raises(UserError):
                    gate.query("SELECT * FROM rows", self.word(purpose), "analyst")
        for reading, *_ in self.readings:
            with pytest.raises(UserError):
                _ = reading.frame

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


def run_histories(histories: int, *, derandomize: bool, phases: Any = tuple(Phase)) -> Counter:
    """Run random histories; return how often each thing happened."""
    counted = type("Counted", (Histories,), {"happened": Counter()})
    run_state_machine_as_test(
        counted,
        settings=settings(
            max_examples=histories, stateful_step_count=STEPS, deadline=None, database=None,
            derandomize=derandomize, suppress_health_check=list(HealthCheck), phases=phases,
        ),
    )  # fmt: skip
    return counted.happened


def check_floors(happened: Counter, histories: int) -> None:
    """Refuse a run that did not do what it is there to test."""
    lacking = {
        what: happened[what] for what, least in FLOORS.items() if happened[what] < least * histories / 100
    }
    assert not lacking, f"too seldom in {histories} histories: {lacking}"


def test_a_withdrawn_consent_is_never_used_again_in_a_hundred_histories():
    check_floors(run_histories(100, derandomize=True), 100)


@pytest.mark.slow
def test_a_withdrawn_consent_is_never_used_again_in_a_thousand_histories():
    check_floors(run_histories(1000, derandomize=False), 1000)


def test_histories_that_never_train_do_not_pass():
    enough = Counter(FLOORS)
    check_floors(enough, 100)
    with pytest.raises(AssertionError, match="published"):
        check_floors(enough - Counter(published=FLOORS["published"]), 100)
