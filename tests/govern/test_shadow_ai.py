"""Claims about shadow AI: what leaves is counted, never shown, and what a detector misses is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core import Document, Span, UserError
from secure_ai.core.text import mask_spans
from secure_ai.govern.acceptable_use import decide, load_policy
from secure_ai.govern.shadow_ai import (
    SimulatedChatbot,
    most_revealing,
    paste_request,
    unseen,
    what_would_leave,
)

NOTE = "Mr. Jonas Albrecht, SSN 912-34-5678, called from 555-0142; he wrote to jonas@example.org."


def span(value: str, entity: str) -> Span:
    start = NOTE.index(value)
    return Span(start, start + len(value), entity)


TRUTH = [
    span("Jonas Albrecht", "PERSON"),
    span("912-34-5678", "US_SSN"),
    span("555-0142", "PHONE_NUMBER"),
    span("jonas@example.org", "EMAIL_ADDRESS"),
]


def blind(texts):
    return [[] for _ in texts]


def half_blind(texts):
    return [TRUTH[1:2] for _ in texts]


def test_the_chatbot_keeps_what_it_was_given_and_says_that_it_is_a_simulation():
    chatbot = SimulatedChatbot()
    assert "(simulated)" in chatbot.paste(NOTE)
    assert chatbot.received == [NOTE]
    assert SimulatedChatbot.__doc__.startswith("A simulation")


def test_the_real_detector_finds_the_number_that_opens_an_identity():
    counts = what_would_leave(NOTE).set_index("identifier")
    assert counts.loc["Social Security number", "count"] == 1
    assert counts.loc["Social Security number", "HIPAA"] == "G Social security numbers"
    assert counts.loc["Social Security number", "tier"] == "restricted"


def test_what_the_detector_misses_is_counted_where_the_truth_is_known():
    counts = what_would_leave(NOTE, truth=TRUTH, detector=half_blind)
    assert counts["count"].sum() == 4
    assert counts["missed"].sum() == 3
    assert "missed" not in what_would_leave(NOTE, detector=half_blind).columns


def test_the_table_never_holds_the_values_themselves():
    shown = what_would_leave(NOTE, truth=TRUTH).to_string()
    assert not any(NOTE[item.start : item.end] in shown for item in TRUTH)


def test_a_clean_text_gives_an_empty_table_with_its_columns():
    table = what_would_leave("The weather was fine.", detector=blind)
    assert table.empty and list(table.columns) == ["identifier", "count", "HIPAA", "bank", "tier"]


def test_an_entity_that_nobody_classified_is_named_and_not_hidden():
    table = what_would_leave(NOTE, truth=[Span(0, 2, "LOYALTY_CARD")], detector=blind)
    assert table.loc[0, "identifier"] == "loyalty card"


@given(st.lists(st.sampled_from(TRUTH), unique=True))
def test_masking_removes_what_was_found_and_keeps_the_rest(found):
    masked = mask_spans(NOTE, found)
    for item in TRUTH:
        assert (NOTE[item.start : item.end] in masked) == (item not in found)
    assert masked.count("[") == len(found)


def test_touching_a_true_span_counts_as_seen_and_standing_beside_it_does_not():
    true = Span(5, 10, "PERSON")
    assert unseen([true], [Span(9, 12, "DATE_TIME")]) == []
    assert unseen([true], [Span(10, 12, "PERSON"), Span(0, 5, "PERSON")]) == [true]


def test_the_paste_is_refused_and_the_masked_text_in_the_approved_tool_is_not():
    policy = load_policy()
    assert decide(policy, paste_request(NOTE)).effect == "deny"
    assert decide(policy, paste_request(mask_spans(NOTE, TRUTH), tool="approved_assistant")).effect == "allow"


def test_a_text_in_which_nothing_was_found_is_not_public_for_that():
    request = paste_request("Our prices next year", detector=blind)
    assert (request.tier, request.identifiers) == ("internal", 0)
    assert decide(load_policy(), request).effect == "deny"


def test_a_declared_tier_is_never_lowered_by_the_detector():
    assert paste_request(NOTE, tier_if_nothing_found="restricted", detector=blind).tier == "restricted"
    assert paste_request(NOTE, tier_if_nothing_found="public", detector=half_blind).tier == "restricted"


@pytest.mark.parametrize("value", [None, 5, [NOTE]])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(UserError, match="takes one text"):
        what_would_leave(value)


def test_what_says_nothing_about_a_person_is_not_counted():
    table = what_would_leave(NOTE, truth=[TRUTH[0], Span(0, 2, "ORGANIZATION")], detector=blind)
    assert table["identifier"].tolist() == ["Name of a person"]


def test_a_date_alone_does_not_make_a_text_a_record():
    request = paste_request("See you on", detector=lambda texts: [[Span(0, 3, "DATE_TIME")] for _ in texts])
    assert (request.identifiers, request.tier) == (0, "internal")


def test_the_most_revealing_text_has_the_worst_tier_before_the_most_kinds():
    names = Document(NOTE, [TRUTH[0], TRUTH[2], TRUTH[3]])
    number = Document(NOTE, [TRUTH[1]])
    both = Document(NOTE, TRUTH)
    assert most_revealing([names, number]) is number
    assert most_revealing([number, both, names, Document("nothing")]) is both
    with pytest.raises(UserError, match="no text"):
        most_revealing([])
