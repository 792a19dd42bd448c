"""Claims about the access explorer: text and widget say what the policy decides, and why."""

from __future__ import annotations

import pytest

from secure_ai.access.policy import AccessPolicy
from secure_ai.core import UserError
from secure_ai.learn.access_explorer import IN_WORDS, MODEL_ACCOUNT, AccessExplorer

SECTORS = ("healthcare", "finance")
REASON = "Patient unconscious in room 4, allergies unknown"


@pytest.fixture(scope="module", params=SECTORS)
def explorer(request):
    return AccessExplorer(request.param)


def test_at_the_start_a_relationship_is_what_is_missing(explorer):
    said = explorer.look().text()
    assert "Denied" in said and "Missing" in said and "the relationship is" in said
    assert not explorer.ask().allowed
    assert explorer.ask(relationship=explorer.choices.relationships[1]).allowed


def test_every_choice_has_an_answer_and_every_fact_a_label(explorer):
    for role in explorer.who:
        for kind in explorer.choices.kinds:
            facts = explorer.facts(role, kind)
            assert set(facts) <= set(IN_WORDS), sorted(set(facts) - set(IN_WORDS))
            for action in explorer.choices.actions(kind):
                assert explorer.ask(role, action, kind).sentence


@pytest.mark.parametrize("sector", SECTORS)
def test_the_last_value_of_every_fact_can_be_asked(sector):
    explorer = AccessExplorer(sector)
    for role in (explorer.who[0], MODEL_ACCOUNT):
        for kind in explorer.choices.kinds:
            action = "read_columns" if role == MODEL_ACCOUNT and kind == "Extract" else None
            for name, values in explorer.facts(role, kind).items():
                action = action or explorer.choices.actions(kind)[0]
                assert explorer.look(role, action, kind, **{name: values[-1]}).text()


def test_an_emergency_opens_only_with_the_purpose_and_a_reason_that_says_something():
    explorer = AccessExplorer("healthcare")
    assert explorer.ask(purpose="emergency", reason=REASON).allowed
    assert "Someone is told" in explorer.look(purpose="emergency", reason=REASON).text()
    for purpose, reason, why in (
        ("emergency", "", "it takes a reason"),
        ("emergency", "emergency", "too short"),
        ("treatment", REASON, "only with the purpose emergency"),
    ):
        assert not explorer.ask(purpose=purpose, reason=reason).allowed
        assert why in explorer.look(purpose=purpose, reason=reason).text()
    registrar = explorer.look("registrar", purpose="emergency", reason=REASON).text()
    assert "does not allow this even in an emergency" in registrar


def test_a_prohibition_says_what_it_overrides():
    said = (
        AccessExplorer("healthcare").look(relationship="care_team", what_sensitivity="substance_use").text()
    )
    assert "substance-use-records" in said and "Overrides" in said and "care-team-views" in said


def test_nobody_approves_what_they_entered():
    explorer = AccessExplorer("finance")
    asked = ("branch manager", "approve", "Payment", "customer request")
    assert explorer.ask(*asked, who_approval_limit=500).allowed
    assert not explorer.ask(*asked, who_approval_limit=50).allowed
    assert not explorer.ask(*asked, who_approval_limit=500, own_work=True).allowed


def test_the_account_of_a_model_reads_its_columns_only(explorer):
    purpose = explorer.choices.sector.service["bound_purpose"]
    asked = (MODEL_ACCOUNT, "read_columns", "Extract", purpose)
    answers = {
        columns: explorer.ask(*asked, columns=columns).allowed
        for columns in explorer.facts(*asked[::2])["columns"]
    }
    assert answers == {"whole records": False, "approved columns": True, "another column": False}


def test_the_widget_shows_the_text_and_follows_the_choices():
    explorer = AccessExplorer("healthcare")
    who, action, what, why, reason, further, answer = explorer.widget().children
    assert explorer.look().html() in answer.value and 'aria-live="polite"' in answer.value
    controls = {control.description: control for control in further.children[0].children}
    controls[IN_WORDS["relationship"]].value = "care_team"
    assert explorer.look(relationship="care_team").text().splitlines()[0].startswith("nurse")
    assert "Allowed by care-team-views" in answer.value
    why.value, reason.value = "emergency", REASON
    assert "Allowed by break-glass-views" in answer.value
    what.value = "Prescription"
    assert action.value in explorer.choices.actions("Prescription") and "status" in answer.value
    who.value = MODEL_ACCOUNT
    assert "Columns asked for" in {control.description for control in further.children[0].children}


def test_circumstances_stay_as_chosen_when_another_record_is_picked():
    _, _, what, _, _, further, _ = AccessExplorer("healthcare").widget().children

    def relationship():
        return next(c for c in further.children[0].children if c.description == IN_WORDS["relationship"])

    relationship().value = "covering"
    what.value = "Labs"
    assert relationship().value == "covering"


def test_an_own_policy_in_the_sectors_words_is_explored():
    policy = AccessPolicy.load("healthcare").without("care-team-views")
    explorer = AccessExplorer("healthcare", policy)
    assert not explorer.ask(relationship="care_team").allowed


def test_what_does_not_exist_is_refused_in_a_sentence():
    with pytest.raises(UserError, match="no sector 'school'"):
        AccessExplorer("school")
    explorer = AccessExplorer("finance")
    with pytest.raises(UserError, match="no fact 'what_color' here: choose from"):
        explorer.look(what_color="red")
    with pytest.raises(UserError, match="no kind of record 'Secret'"):
        explorer.look(kind="Secret")
    assert "not in the policy's vocabulary" in explorer.look("astronaut").text()


def test_without_widgets_only_the_text_is_shown(monkeypatch):
    shown = []
    explorer = AccessExplorer("finance")
    monkeypatch.setenv("SECURE_AI_WIDGETS", "off")
    monkeypatch.setattr("IPython.display.display", shown.append)
    explorer.show()
    assert len(shown) == 1 and shown[0].text() == explorer.look().text()
