"""Claims about the house of chapter 16: what happens in the lesson happens for real, in both sectors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from secure_ai.core import UserError
from secure_ai.core.finding import Level
from secure_ai.govern.rights import RequestForm
from secure_ai.learn import decision_scenes, governance_scenes, governance_trials
from secure_ai.learn.governance_scenes import LATER, TODAY, House
from secure_ai.learn.tasks import vendors_and_compliance as lab
from synthetic_data import load
from synthetic_data.learning_tables import learning_table

SECTORS = ("healthcare", "finance")
WHOLE = ("birth_date", "number", "phone")


@pytest.fixture(scope="module", params=SECTORS)
def house(request) -> Iterator[House]:
    data = load(request.param, rows=60 if request.param == "healthcare" else 400, seed=5)
    made = House(data, seed=5)
    yield made
    made.close()


@pytest.fixture(scope="module", params=SECTORS)
def made(request) -> decision_scenes.Decisions:
    data = load(request.param, rows=1_200 if request.param == "healthcare" else 12_000, seed=5)
    task = "readmission" if request.param == "healthcare" else "credit"
    return decision_scenes.decisions(learning_table(data, task), data, seed=5)


def test_the_best_sounding_form_shows_the_least(house):
    found = governance_scenes.assessed(house)
    shown = [sum(result.status == "shown" for result in one.results) for one in found]
    sounds = [sum(result.status in ("shown", "not_shown") for result in one.results) for one in found]
    assert max(range(3), key=sounds.__getitem__) == min(range(3), key=shown.__getitem__) == 1
    assert str(shown[0]) in str(governance_scenes.promises(found))


def test_the_package_arrives_and_what_is_not_on_the_list_does_not_leave(house):
    parties, purpose = governance_scenes.meet(house, "Castellane Risk Systems")
    package = governance_scenes.prepare(house, parties, purpose)
    expired = governance_scenes.refused(
        lambda: governance_scenes.prepare(house, parties, purpose, name="second", vendor=parties.expired)
    )
    assert "has expired" in expired
    assert governance_scenes.deliver(house, parties, package).receipt


def test_a_withdrawn_consent_is_out_of_what_was_read_before(house):
    ledger, gate = governance_scenes.ask_for_consent(house)
    wanted = governance_scenes.CONSENT_PURPOSE[house.sector]
    reading = gate.read(governance_scenes.training_table(house), wanted, "trainer", person=house.key)
    before = reading.frame
    somebody = before[house.key].iloc[0]
    ledger.withdraw(somebody, wanted, actor="enrollment")
    assert somebody not in set(reading.frame[house.key])
    assert 0 < len(reading.frame) < len(before)


def test_a_request_is_answered_by_law_and_an_erasure_years_later_leaves_no_byte(house):
    person = house.somebody()
    other = house.namesake(person)
    house.mention(person)
    assert house.estate.subject(other).identifiers["name"] == person.identifiers["name"]
    desk = house.desk()

    def ask(*kinds, residence="eu", **more):
        stated = governance_scenes.stated(person, house.sector, *kinds)
        form = RequestForm(right="erasure", residence=residence, received=TODAY, stated=stated, **more)
        return desk.receive(form)

    named, stranger, known = ask(), ask(*WHOLE, requester="other"), ask(*WHOLE)
    assert (named.status, stranger.outcome, known.status) == ("identify", "refused", "open")
    assert "granted" in str(governance_scenes.decision_table(desk.decide(known.id), "x"))
    partial = desk.erase(known.id, house.folder / "letters", search=False)
    assert partial.blocked and partial.removals
    assert "stays" in str(governance_scenes.receipt_table(partial, "x"))

    whole = house.estate.subject(person.key)
    governance_scenes.delete_the_row(house.estate, person, house.sector)
    left = house.estate.search(whole)
    place = "hospital.sqlite" if house.sector == "healthcare" else "bank.sqlite"
    assert left and place in str(governance_scenes.trace_table(left, "x"))
    last = house.estate.erase(whole, [house.holds, house.schedule], today=LATER, reference="RR-1")
    assert not last.traces and not last.blocked
    # Where only the name stands, and two people have it, a person has to look.
    assert last.complete == (last.ambiguous == 0)
    assert last.mentions >= 1
    assert "(none)" in str(governance_scenes.trace_table(last.traces, "x"))
    assert house.estate.subject(other).identifiers["name"] == person.identifiers["name"]


def test_what_is_not_refused_is_an_error_of_the_lesson():
    with pytest.raises(AssertionError, match="expected to be refused"):
        governance_scenes.refused(lambda: None)
    with pytest.raises(UserError, match="no such sector"):
        governance_scenes.of_sector(governance_scenes.HOUSE, "retail")


def test_decisions_are_about_people_whom_the_model_did_not_learn_from(made):
    assert not set(made.people) & set(made.learned_from)
    assert len(made.people) == len(made.scores) == len(made.group) == len(made.outcome)
    assert made.age_is_seen == ("age" in made.inputs)
    assert str(made.decided.sum()) in made.sentence()


def test_reasons_and_drivers_name_columns_and_show_no_person(made):
    _, reasons = decision_scenes.one_decision(made)
    assert reasons and all(reason.split(" = ")[0] in made.inputs for reason in reasons)
    shown = str(decision_scenes.drivers_table(made, 5))
    assert any(column in shown for column in made.inputs)
    assert not any(person in shown for person in made.people)


def test_what_nobody_measured_stays_unassessed_in_the_findings(made):
    fairness, leak = decision_scenes.findings(made, 5)
    assert leak.level is Level.UNASSESSED
    assert fairness.id == "model.equal_opportunity"


def test_a_prediction_is_answered_for_only_after_record_and_approval(made, tmp_path):
    sector = "healthcare" if made.age_is_seen else "finance"
    history = decision_scenes.ModelHistory(tmp_path / "model", made, "person", sector)
    assert not history.trail().complete
    assert "cannot approve" in governance_scenes.refused(
        lambda: history.record_and_approve("research", by="dana")
    )
    history.record_and_approve("research")
    agreed = history.trail(consent=lambda people, purpose: [True] * len(people), head=history.register.head())
    assert agreed.complete
    refused = history.trail(
        consent=lambda people, purpose: [False] * len(people), head=history.register.head()
    )
    assert [fact.question for fact in refused.problems] == ["consent of training", "consent of prediction"]


def test_the_learners_rules_are_tried_beside_the_kits(house, made):
    from secure_ai.govern.vendors import example_vendors, load_questionnaire

    forms, questions = example_vendors(house.sector), load_questionnaire(house.sector)
    answers = governance_trials.forms_as_answers(forms, questions)
    counted = {
        vendor: sum(lab._counts(answer, TODAY) for answer in given) for vendor, given in answers.items()
    }
    assert max(counted.values()) > 0
    sizes = made.group[made.outcome].astype(str).value_counts()
    one, other = sizes.index[:2]
    table = str(governance_trials.compared(lab._gap, made, one, other))
    yours, kits = (
        next(line for line in table.splitlines() if line.startswith(who)) for who in ("yours", "the kit's")
    )
    assert yours.removeprefix("yours").split()[0] == kits.removeprefix("the kit's").split()[0]


def test_a_day_that_is_no_day_counts_for_nothing():
    assert governance_trials._day("soon", governance_trials.FOREVER) == governance_trials.FOREVER
    assert governance_trials._day("2026-02-03", TODAY) == date(2026, 2, 3)
