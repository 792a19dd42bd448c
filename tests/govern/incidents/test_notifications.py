"""Claims about drafts: each law's contents in its order, gaps left open, nothing decided that is not."""

from __future__ import annotations

import pytest

from secure_ai.govern.incidents import IncidentFacts, Story, clocks_for, notification_drafts

STORY = Story("An export lay open.", ("notes",), "Others may know.", ("the export is closed",), ("be wary",))
KNOWN = {
    "discovered": "2026-03-02T10:00:00-05:00", "occurred": "2026-03-01T10:00:00-05:00",
    "hipaa_role": "covered_entity", "phi": True, "data_unintelligible": False, "individuals": 900,
    "residents_by_state": {"NY": 501, "NJ": 399}, "gdpr_applies": True, "gdpr_role": "controller",
    "personal_data": True, "risk_to_persons": "high",
    "bank_role": "banking_organization", "bank_regulator": "FRB",
    "notification_incident_determined": "2026-03-02T12:00:00-05:00", "sec_registrant": True,
    "materiality_determined": "2026-03-02T12:00:00-05:00",
}  # fmt: skip


def drafts(story=STORY, **changes):
    facts = IncidentFacts(**{**KNOWN, **changes})
    return {draft.clock: draft for draft in notification_drafts(clocks_for(facts), facts, story)}


def test_every_clock_that_applies_has_its_draft_and_no_gap():
    found = drafts()
    assert set(found) == {
        "gdpr_authority", "gdpr_persons", "hipaa_individuals", "hipaa_media", "hipaa_secretary",
        "bank_regulator",
        "sec_8k",
    }  # fmt: skip
    assert all(draft.open_points == 0 and not draft.provisional for draft in found.values())


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        ("gdpr_authority", ["Nature", "900 persons", "Data protection officer", "consequences", "Measures"]),
        ("hipaa_individuals", ["01 March 2026", "02 March 2026", "notes", "be wary", "toll-free"]),
        ("hipaa_media", ["NY", "What happened"]),
        ("bank_regulator", ["02 March 2026, 12:00 EST", "notification incident"]),
        ("sec_8k", ["Nature", "Scope", "Timing", "FINANCIAL CONDITION"]),
    ],
)
def test_a_draft_says_what_its_law_asks_for(clock, words):
    text = drafts()[clock].to_text()
    assert all(word in text for word in words)


def test_the_media_of_states_with_fewer_are_not_named():
    assert "NJ" not in dict(drafts()["hipaa_media"].parts)["For the media of."]


def test_what_is_not_known_stays_open():
    found = drafts(Story(), individuals=None, residents_by_state=None, risk_to_persons=None)
    assert found["gdpr_authority"].provisional and found["gdpr_authority"].open_points >= 4
    assert "how many persons" in found["hipaa_secretary"].to_text()


def test_what_does_not_apply_has_no_draft():
    assert "hipaa_individuals" not in drafts(low_probability_of_compromise=True)
    assert "gdpr_persons" not in drafts(data_unintelligible=True)


def test_names_are_placeholders():
    for draft in drafts().values():
        assert "@" not in draft.to_text()
    assert "[NAME]" in drafts()["hipaa_individuals"].to_text()
