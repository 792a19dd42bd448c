"""What the desk refuses: corrections that do not fit, lost registers, unknown purposes; all recorded."""

from __future__ import annotations

import math
import sqlite3
from datetime import date

import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.rights import Register, ReviewQueue


def wanted(field: str, value: str, store: str = "patients", record: str | None = "patients-P1-0") -> dict:
    return {"store": store, "field": field, "value": value, "record": record}


@pytest.fixture
def typed(hospital):
    """A hospital whose patients have a day of birth, a number and a yes or no."""
    for row in hospital.estate.rows["patients"]["P1"]:
        row |= {
            "mrn": "ZZ11111111",
            "birth_date": "1980-02-29 00:00:00",
            "body_mass_index": 24.5,
            "visits": 3,
            "zip": "02110",
            "smoker": False,
            "middle_name": None,
        }
    return hospital


def corrected(setting, tmp_path, field, value):
    case = setting.desk.receive(setting.form("correction", correction=wanted(field, value)))
    setting.desk.correct(case.id, tmp_path, accept=True, actor="u2")
    return setting.estate.rows["patients"]["P1"][0][field]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("birth_date", "not a date", "YYYY-MM-DD"),
        ("birth_date", "9999-99-99", "YYYY-MM-DD"),
        ("birth_date", "2026-03-03", "lies in the past"),
        ("birth_date", "1680-02-29", "lies in the past"),
        ("mrn", "ZZ22222222", "somebody else"),
        ("mrn", "I want none", "another form"),
        ("body_mass_index", "x" * 1999, "numbers"),
        ("body_mass_index", "inf", "numbers"),
        ("visits", "2.5", "whole numbers"),
        ("zip", "elsewhere", "numbers"),
        ("smoker", "at times", "yes or no"),
        ("name", "x" * 1999, "longer"),
        ("name", "A\x00da", "printed"),
        ("name", "", "needs a value"),
        ("nofield", "x", "no such field"),
    ],
)
def test_a_correction_that_does_not_fit_its_column_is_refused_and_recorded(
    typed, tmp_path, field, value, message
):
    before = [dict(row) for row in typed.estate.rows["patients"]["P1"]]
    with pytest.raises(UserError, match=message) as caught:
        corrected(typed, tmp_path, field, value)
    assert not value or value not in str(caught.value)
    assert typed.estate.rows["patients"]["P1"] == before
    assert typed.desk.register.cases()[-1].status == "open"
    last = typed.audit.events[-1]
    assert (last.action, last.outcome, last.actor) == ("rights.correct", "denied", "u2")


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        ("birth_date", "1981-02-28", "1981-02-28 00:00:00"),
        ("mrn", "ZZ55555555", "ZZ55555555"),
        ("body_mass_index", "23.5", 23.5),
        ("visits", "4", 4),
        ("zip", "02111-1234", "02111-1234"),
        ("smoker", "yes", True),
        ("name", "Ada Lovelace Sample", "Ada Lovelace Sample"),
        ("middle_name", "Ann", "Ann"),
    ],
)
def test_a_correction_that_fits_is_written_in_the_type_of_its_column(typed, tmp_path, field, value, written):
    assert corrected(typed, tmp_path, field, value) == written


def test_every_refusal_of_the_desk_stands_in_the_trail_once(hospital, tmp_path):
    desk, form = hospital.desk, hospital.form
    case = desk.receive(form())
    correction = desk.receive(form("correction", correction=wanted("phone", "(617) 555-0199")))
    key = desk.receive(form("correction", correction=wanted("key", "P2")))
    other = desk.receive(form("correction", correction=wanted("phone", "1", record="patients-P2-0")))
    reason = "The paper archive is in another town."
    desk.extend(case.id, reason)
    refused = {
        "rights.extend": lambda: desk.extend(case.id, reason, actor="u9"),
        "rights.receive": lambda: desk.receive(form(received=date(2027, 1, 1)), actor="u9"),
        "rights.copy": lambda: desk.give_copy("RR-999999", tmp_path, actor="u9"),
        "rights.decide": lambda: desk.decide("Ada Sample", actor="u9"),
        "rights.erase": lambda: desk.erase(case.id, tmp_path, actor="u9"),
        "rights.withdraw": lambda: desk.withdraw("RR-999999", actor="u9"),
        "rights.disagree": lambda: desk.disagree(case.id, "no", tmp_path, actor="u9"),
    }
    correct = {
        "unknown ground": lambda: desk.correct(
            correction.id, tmp_path, accept=False, ground="because", actor="u9"
        ),
        "key column": lambda: desk.correct(key.id, tmp_path, accept=True, actor="u9"),
        "somebody else's record": lambda: desk.correct(other.id, tmp_path, accept=True, actor="u9"),
    }
    for action, attempt in (*refused.items(), *(("rights.correct", one) for one in correct.values())):
        before = [event for event in hospital.audit.events if event.outcome == "denied"]
        with pytest.raises(UserError):
            attempt()
        new = [event for event in hospital.audit.events if event.outcome == "denied"][len(before) :]
        assert [(event.action, event.actor) for event in new] == [(action, "u9")]
    # What somebody typed for a number of a case is not written down.
    assert "Ada Sample" not in "".join(event.to_json() for event in hospital.audit.events)


def test_a_purpose_is_one_word_and_one_of_the_organization(make_desk, tmp_path):
    setting, stopped = make_desk("finance"), []
    ask = lambda: setting.desk.receive(setting.form("objection", "eu"))  # noqa: E731
    terms = {"stop": lambda _, purpose: stopped.append(purpose), "actor": "u1"}
    found = setting.desk.answer_objection(ask().id, tmp_path, stopped="marketing", **terms)
    assert stopped == ["marketing"] and found.reason == "We stop using your data for: marketing."
    for bad in (["marketing", "gossip"], "gossip", [5], [""]):
        with pytest.raises(UserError, match="purpose"):
            setting.desk.answer_objection(
                ask().id, tmp_path, stopped=bad, purposes=["marketing", "research"], **terms
            )
    assert stopped == ["marketing"] and setting.audit.events[-1].outcome == "denied"


def test_a_register_that_was_lost_is_not_begun_anew(tmp_path):
    path = tmp_path / "register.sqlite"
    Register.create(path).close()
    with pytest.raises(UserError, match="there already"):
        Register.create(path)
    for lose in (lambda: path.write_bytes(b""), path.unlink):
        lose()
        with pytest.raises(UserError, match="Put it back"):
            Register(path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [("received", "xx"), ("received", None), ("due", 5), ("citations", "{"), ("status", "gone"),
     ("outcome", "maybe"), ("attempts", "x"), ("law", None), ("held", "[")],
)  # fmt: skip
def test_a_register_that_somebody_changed_is_a_sentence(make_desk, tmp_path, column, value):
    path = tmp_path / "register.sqlite"
    setting = make_desk("healthcare", register=Register.create(path))
    case = setting.desk.receive(setting.form("correction", correction=wanted("phone", "1")))
    with sqlite3.connect(path) as base:
        base.execute(f"UPDATE cases SET {column} = ?", (value,))
    with pytest.raises(UserError, match="cannot be read"):
        setting.desk.correct(case.id, tmp_path, accept=True, actor="u2")
    if column != "held":
        with pytest.raises(UserError, match="cannot be read"):
            Register(path).statistics(date(2026, 3, 2))


@pytest.mark.parametrize(
    "reasons", [[math.nan], [None], [5], math.nan, None, {"a": 1}, ["Income.", math.nan]]
)
def test_a_reason_that_is_no_sentence_stays_out_of_the_queue_and_in_the_trail(bank, reasons):
    queue = ReviewQueue(bank.desk.register, audit=bank.audit, clock=lambda: bank.now)
    form = bank.form("automated_decision", decision="D-1", decided_on="2026-02-01")
    case = bank.desk.receive(form)
    with pytest.raises(UserError):
        bank.desk.open_review(
            case.id, queue, owner="P1", outcome="refused", reasons=reasons, decided_by="m", actor="u1"
        )
    assert not queue.waiting()
    assert any((e.action, e.outcome) == ("rights.review.open", "denied") for e in bank.audit.events)


def test_a_judgment_that_is_refused_stands_in_the_trail(bank):
    queue = ReviewQueue(bank.desk.register, audit=bank.audit, clock=lambda: bank.now, least_seconds=0)
    form = bank.form("automated_decision", decision="D-1", decided_on="2026-02-01")
    case = bank.desk.receive(form)
    terms = {"owner": "P1", "outcome": "refused", "reasons": ["Income too low."], "decided_by": "m"}
    bank.desk.open_review(case.id, queue, **terms)
    queue.see(case.id, "u2")
    for verdict, note in (("maybe", "I read the whole file again."), ("upheld", "ok")):
        before = len(bank.audit.events)
        with pytest.raises(UserError):
            queue.confirm(case.id, "u2", verdict, note)
        assert [event.outcome for event in bank.audit.events[before:]] == ["denied"]
