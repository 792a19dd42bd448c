"""Claims about the budget ledger: never overdrawn, never forgetful, never of another data set."""

from __future__ import annotations

import datetime as dt
import signal
import sqlite3
import stat
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.pool import Pool

from secure_ai.anonymize.differential_privacy import BudgetLedger, Count, Histogram, PrivacyUnit, release
from secure_ai.anonymize.differential_privacy.noise import epsilon_of
from secure_ai.core import UserError
from secure_ai.core.sources import open_source


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk():
    """Let SQLite commit without waiting for the disk: a third of the time of these tests."""

    def hurried(connection, _):
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Pool, "connect", hurried)
    yield
    event.remove(Pool, "connect", hurried)


@pytest.fixture
def ledger(tmp_path, source):
    return BudgetLedger.create(tmp_path / "budget.sqlite", source, epsilon=1, delta=1e-5)


def test_ten_times_a_tenth_is_all_of_one(ledger, source):
    for _ in range(10):
        ledger.spend(source, 0.1, what="count")
    assert ledger.left == (0, 1e-5) and ledger.spent == (1, 0)
    with pytest.raises(UserError, match=r"epsilon 1e-06 asked, epsilon 0\.0 .*left"):
        ledger.spend(source, 1e-6, what="count")


def test_an_overdrawn_query_says_what_is_left_and_spends_nothing(ledger, source):
    release(source, Count(), epsilon=0.75, ledger=ledger)
    with pytest.raises(UserError, match=r"epsilon 0\.5 asked, epsilon 0\.25 and delta 1e-05 left"):
        release(source, Count(), epsilon=0.5, ledger=ledger)
    assert ledger.spent == (0.75, 0) and len(ledger.spends()) == 1
    release(source, Count(), epsilon=0.25, ledger=ledger)


def test_delta_runs_out_as_epsilon_does(ledger, source):
    options = {"mechanism": "gaussian", "ledger": ledger}
    release(source, Count(), epsilon=0.1, delta=9e-6, **options)
    with pytest.raises(UserError, match="delta 1e-06 left"):
        release(source, Count(), epsilon=0.1, delta=2e-6, **options)


def test_the_ledger_survives_a_restart_and_opens_by_its_path(ledger, source, visits):
    release(source, Count(), epsilon=0.5, ledger=ledger, who="ticket 12")
    again = BudgetLedger(ledger.path)
    assert again.spent == (0.5, 0) and again.spends()["who"].tolist() == ["ticket 12"]
    with pytest.raises(UserError, match="does not suffice"):
        release(visits, Count(), epsilon=0.6, ledger=ledger.path)


@settings(max_examples=12, deadline=None)
@given(spends=st.lists(st.floats(1e-3, 0.7), max_size=8))
def test_never_overdrawn_and_the_sum_survives_a_restart(spends, tmp_path_factory, visits):
    source = open_source(visits.head(5))
    path = tmp_path_factory.mktemp("ledger") / "l.sqlite"
    ledger, paid = BudgetLedger.create(path, source, epsilon=1), Decimal(0)
    for epsilon in spends:
        price = Decimal(repr(epsilon))
        if paid + price <= 1:
            ledger.spend(source, epsilon, what="count")
            paid += price
        else:
            with pytest.raises(UserError, match="does not suffice"):
                ledger.spend(source, epsilon, what="count")
        assert ledger.spent[0] <= 1
    assert BudgetLedger(path).spent[0] == float(paid)


SPEND_OFTEN = """
import sys
from secure_ai.anonymize.differential_privacy import BudgetLedger
from secure_ai.core import UserError
from secure_ai.core.sources import open_source

source, ledger = open_source(sys.argv[1]), BudgetLedger(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(8):
    try:
        ledger.spend(source, 0.1, what="count")
        print("paid")
    except UserError as error:
        assert "does not suffice" in str(error), error
"""


def test_two_processes_at_once_cannot_overdraw(ledger, visits, tmp_path):
    visits.to_parquet(tmp_path / "visits.parquet")
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", SPEND_OFTEN, str(tmp_path / "visits.parquet"), str(ledger.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    paid = [worker.communicate(timeout=60)[0].count("paid") for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sum(paid) == 10 == len(ledger.spends()) and ledger.spent[0] == 1


def test_gaussian_answers_cost_less_when_rho_is_added(tmp_path, source):
    def afforded(composition):
        path = tmp_path / f"{composition}.sqlite"
        ledger = BudgetLedger.create(path, source, epsilon=1, delta=1e-5, composition=composition)
        for number in range(25):
            try:
                release(source, Count(), epsilon=0.1, delta=1e-7, mechanism="gaussian", ledger=ledger)
            except UserError:
                return number, ledger
        return 25, ledger

    (basic, _), (tight, ledger) = afforded("basic"), afforded("zcdp")
    assert basic == 10 and tight == 25
    assert ledger.spent[0] <= 1 and ledger.spent[0] == pytest.approx(
        epsilon_of(ledger.spends()["rho"].sum(), 1e-5)
    )
    assert "rho" in ledger.sentence()


def test_a_ledger_that_adds_rho_can_be_overdrawn_by_nobody(tmp_path, source):
    ledger = BudgetLedger.create(tmp_path / "z.sqlite", source, epsilon=1, delta=1e-5, composition="zcdp")
    with pytest.raises(UserError, match="does not suffice"):
        release(source, Count(), epsilon=3, ledger=ledger)
    with pytest.raises(UserError, match="adds up rho, which this mechanism has not"):
        release(source, Histogram("ward"), epsilon=0.1, delta=1e-6, ledger=ledger)
    assert ledger.spends().empty


def test_the_same_data_set_is_recognized_in_another_order_and_format(ledger, visits, tmp_path):
    shuffled = visits.sample(frac=1, random_state=2)[visits.columns[::-1]]
    ledger.spend(shuffled, 0.1, what="count")
    visits.to_parquet(tmp_path / "visits.parquet")
    ledger.spend(tmp_path / "visits.parquet", 0.1, what="count")
    assert ledger.spent[0] == 0.2


def test_another_data_set_is_refused_unless_it_is_a_version_of_this_one(ledger, visits):
    newer = visits.iloc[1:]
    with pytest.raises(UserError, match="belongs to another data set"):
        release(newer, Count(), epsilon=0.1, ledger=ledger)
    assert ledger.spends().empty
    ledger.covers_also(newer)
    ledger.covers_also(newer)
    release(newer, Count(), epsilon=0.1, ledger=BudgetLedger(ledger.path))
    assert ledger.spent[0] == 0.1


def test_the_budget_of_a_person_pays_for_no_other_unit(ledger, source, tmp_path):
    with pytest.raises(UserError, match="protects a row, but this query protects the person in 'person'"):
        release(source, Count(), epsilon=0.1, unit=PrivacyUnit("person"), ledger=ledger)
    people = BudgetLedger.create(tmp_path / "p.sqlite", source, epsilon=1, person="person")
    with pytest.raises(UserError, match="ask with the same person"):
        release(source, Count(), epsilon=0.1, ledger=people)
    assert ledger.spends().empty and people.spends().empty


def test_the_ledger_names_columns_and_no_values(ledger, source):
    release(source, Count(where={"ward": "east", "age": (30, 40)}), epsilon=0.1, ledger=ledger)
    assert ledger.spends()["what"].tolist() == ["count where ward, age is given"]
    assert b"east" not in ledger.path.read_bytes()


def test_times_come_from_the_clock_that_was_given(tmp_path, source):
    clock = lambda: dt.datetime(2026, 3, 31, tzinfo=dt.UTC)  # noqa: E731
    ledger = BudgetLedger.create(tmp_path / "l.sqlite", source, epsilon=1, clock=clock)
    ledger.spend(source, 0.1, what="count")
    assert "at" not in ledger.spends()
    assert ledger.spends(times=True)["at"].dt.strftime("%Y-%m-%d").tolist() == ["2026-03-31"]


def test_a_failure_after_paying_keeps_the_payment(ledger, source, monkeypatch):
    def fails(*_):
        raise RuntimeError("out of randomness")

    monkeypatch.setattr("secure_ai.anonymize.differential_privacy.releases._noisy", fails)
    with pytest.raises(RuntimeError):
        release(source, Count(), epsilon=0.1, ledger=ledger)
    assert ledger.spent[0] == 0.1


def test_only_the_owner_reads_the_file_and_it_is_never_overwritten(ledger, source):
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    before = ledger.path.read_bytes()
    with pytest.raises(UserError, match="exists: open it"):
        BudgetLedger.create(ledger.path, source, epsilon=5)
    assert ledger.path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epsilon": 0}, "Epsilon is 0"),
        ({"epsilon": float("nan")}, "Epsilon is nan"),
        ({"epsilon": 1, "delta": 1}, "Delta is 1"),
        ({"epsilon": 1, "composition": "magic"}, "no composition 'magic'"),
        ({"epsilon": 1, "composition": "zcdp"}, "needs a delta"),
        ({"epsilon": 1, "person": "nobody"}, "no column 'nobody'"),
    ],
)
def test_a_budget_that_makes_no_sense_leaves_no_file(tmp_path, source, options, says):
    with pytest.raises(UserError, match=says):
        BudgetLedger.create(tmp_path / "l.sqlite", source, **options)
    assert not list(tmp_path.iterdir())


DAMAGES = {
    "no database": None,
    "a spend was taken out": "DELETE FROM spend WHERE number = 1",
    "a price below zero": "UPDATE spend SET epsilon = '-5'",
    "a price that is no number": "UPDATE spend SET epsilon = 'NaN'",
    "a budget without end": "UPDATE budget SET epsilon = 'Infinity'",
    "no budget": "DELETE FROM budget",
    "no table": "DROP TABLE spend",
    "no time": "UPDATE spend SET at = 'yesterday'",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_is_one_sentence_and_releases_nothing(ledger, source, damage):
    ledger.spend(source, 0.1, what="count")
    ledger.spend(source, 0.1, what="count")
    if DAMAGES[damage] is None:
        ledger.path.write_bytes(b"these are not the bytes of a database " * 200)
    else:
        with sqlite3.connect(ledger.path) as connection:
            connection.execute(DAMAGES[damage])
        connection.close()
    for attempt in (
        lambda: BudgetLedger(ledger.path),
        lambda: release(source, Count(), epsilon=0.1, ledger=ledger),
    ):
        with pytest.raises(UserError, match="damaged or no budget ledger"):
            attempt()


def test_a_ledger_that_is_not_there_is_not_made(tmp_path, source):
    with pytest.raises(UserError, match=r"no budget ledger new\.sqlite"):
        release(source, Count(), epsilon=0.1, ledger=tmp_path / "new.sqlite")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, source):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        BudgetLedger.create(tmp_path / "file" / "l.sqlite", source, epsilon=1)


def test_an_older_copy_of_the_file_is_noticed_by_whoever_has_it_open(ledger, source):
    ledger.spend(source, 0.3, what="count")
    older = ledger.path.read_bytes()
    ledger.spend(source, 0.6, what="count")
    ledger.path.write_bytes(older)
    with pytest.raises(UserError, match="fewer answers than before, so it is an older copy"):
        release(source, Count(), epsilon=0.5, ledger=ledger)


BAD_PRICES = {
    "a price below zero": {"epsilon": -0.1},
    "no number": {"epsilon": "0.1"},
    "not a number": {"epsilon": float("nan")},
    "next to nothing": {"epsilon": 1e-300},
    "a delta below zero": {"epsilon": 0.1, "delta": -1e-6},
    "a rho that gives budget back": {"epsilon": 0.1, "rho": -1.0},
    "a rho that is no number": {"epsilon": 0.1, "rho": float("nan")},
    "a rho of nothing": {"epsilon": 0.1, "rho": 0.0},
    "more than all": {"epsilon": 1.0000000001},
}


@pytest.mark.parametrize("name", BAD_PRICES)
def test_a_price_that_makes_no_sense_changes_nothing(ledger, source, name):
    before = ledger.path.read_bytes()
    for attempt in (ledger.check, lambda *a, **k: ledger.spend(*a, what="count", **k)):
        with pytest.raises(UserError):
            attempt(source, **BAD_PRICES[name])
    assert ledger.path.read_bytes() == before and ledger.spends().empty


def test_the_smallest_price_counts_beside_a_large_one(ledger, source):
    ledger.spend(source, 0.1, 1e-5, what="count")
    with pytest.raises(UserError, match="does not suffice"):
        ledger.spend(source, 0.1, 1e-40, what="count")


def test_an_exact_answer_for_teaching_is_noted_in_the_ledger(ledger, source):
    release(source, Count(), epsilon=0.1, ledger=ledger, exact_for_teaching=True)
    assert ledger.spends()["what"].tolist() == ["count, exact answer shown for teaching"]


def test_a_ledger_that_somebody_else_holds_is_one_sentence(ledger, source, monkeypatch):
    monkeypatch.setattr("secure_ai.anonymize.differential_privacy.ledger_tables.BUSY_SECONDS", 0.1)
    waiting = BudgetLedger(ledger.path)
    with sqlite3.connect(ledger.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match="Another program holds the ledger"):
            waiting.spend(source, 0.1, what="count")
        other.execute("ROLLBACK")
    other.close()
    assert ledger.spends().empty


def test_a_link_leads_to_the_same_budget(ledger, source, tmp_path):
    link = tmp_path / "link.sqlite"
    link.symlink_to(ledger.path)
    BudgetLedger(link).spend(source, 0.4, what="count")
    assert ledger.spent[0] == 0.4
    dangling = tmp_path / "dangling.sqlite"
    dangling.symlink_to(tmp_path / "nowhere.sqlite")
    with pytest.raises(UserError, match="cannot be written"):
        BudgetLedger.create(dangling, source, epsilon=1)
    assert not (tmp_path / "nowhere.sqlite").exists()


DIE_AFTER_PAYING = """
import os, signal, sys
from secure_ai.anonymize.differential_privacy import Count, release, releases

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[3] == "before the noise":
    releases._noisy = die
else:
    # In the middle of the transaction: the spend is written and not yet committed.
    from sqlalchemy import event
    from secure_ai.anonymize.differential_privacy import BudgetLedger
    budget = BudgetLedger(sys.argv[2])
    event.listen(budget._engine, "commit", die)
    budget.spend(sys.argv[1], 0.25, what="count")
release(sys.argv[1], Count(), epsilon=0.25, ledger=sys.argv[2])
"""


@pytest.mark.parametrize(("moment", "paid"), [("before the noise", 0.25), ("before the commit", 0.0)])
def test_a_process_that_is_killed_leaves_a_whole_ledger(ledger, visits, tmp_path, moment, paid):
    visits.to_parquet(tmp_path / "visits.parquet")
    died = subprocess.run(
        [sys.executable, "-c", DIE_AFTER_PAYING, str(tmp_path / "visits.parquet"), str(ledger.path), moment],
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    # No answer was seen where nothing was paid; where it was, the payment stays.
    assert died.returncode == -signal.SIGKILL and died.stdout == b""
    again = BudgetLedger(ledger.path)
    assert again.spent[0] == paid
    again.spend(tmp_path / "visits.parquet", 0.1, what="count")
