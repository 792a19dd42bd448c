"""Claims about the acceptable-use policy: who may use what, and that a refusal always offers something."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.core.frameworks import entry
from secure_ai.discover.classification import Tier
from secure_ai.govern.acceptable_use import (
    TIERS,
    Request,
    Rule,
    decide,
    decisions_frame,
    load_policy,
    policy_frame,
    tools,
)

POLICY = load_policy()
requests = st.builds(
    Request,
    tool=st.sampled_from([*tools(), "a tool nobody listed"]),
    tier=st.sampled_from(TIERS),
    identifiers=st.integers(0, 50),
    task=st.sampled_from(["draft", "translate", "summarize", "code", "decide"]),
    human_review=st.booleans(),
)


@pytest.mark.parametrize(
    ("tool", "tier", "identifiers", "task", "human_review", "effect"),
    [
        ("public_chatbot", "public", 0, "draft", True, "allow"),
        ("public_chatbot", "public", 1, "draft", True, "deny"),
        ("public_chatbot", "internal", 0, "code", True, "deny"),
        ("public_chatbot", "restricted", 9, "summarize", True, "deny"),
        ("approved_assistant", "public", 0, "draft", True, "allow"),
        ("approved_assistant", "confidential", 7, "summarize", True, "allow"),
        ("approved_assistant", "restricted", 7, "summarize", True, "ask"),
        ("approved_model", "confidential", 7, "decide", True, "allow"),
        ("approved_model", "confidential", 7, "decide", False, "deny"),
        ("approved_model", "restricted", 7, "decide", False, "deny"),
        ("meeting recorder", "public", 0, "draft", True, "deny"),
    ],
)
def test_the_policy_decides(tool, tier, identifiers, task, human_review, effect):  # noqa: PLR0917
    assert decide(POLICY, Request(tool, tier, identifiers, task, human_review)).effect == effect


@given(requests)
def test_nothing_that_identifies_a_person_ever_goes_to_a_public_tool(request):
    if request.tool == "public_chatbot" and request.identifiers:
        assert decide(POLICY, request).effect == "deny"


@given(requests)
def test_whoever_is_refused_hears_why_and_what_to_do_instead(request):
    decision = decide(POLICY, request)
    assert decision.reason
    assert bool(decision.alternative) == (decision.effect != "allow")
    assert decision.reason in str(decision)


@given(requests, st.permutations(POLICY))
def test_the_order_of_the_rules_does_not_change_what_is_allowed(request, shuffled):
    assert decide(shuffled, request).effect == decide(POLICY, request).effect


@given(requests)
def test_more_sensitive_data_is_never_treated_more_freely(request):
    strictness = {"allow": 0, "ask": 1, "deny": 2}
    ladder = [
        strictness[
            decide(
                POLICY, Request(request.tool, tier, request.identifiers, request.task, request.human_review)
            ).effect
        ]
        for tier in TIERS
    ]
    assert all(lower <= higher for lower, higher in itertools.pairwise(ladder))


def test_deny_beats_ask_and_ask_beats_allow():
    rules = load_policy(
        [
            {"name": effect, "effect": effect, "reason": "because", "alternative": "something else"}
            for effect in ("allow", "ask", "deny")
        ]
    )
    assert decide(rules, Request("x", "public")).effect == "deny"
    assert decide(rules[:2], Request("x", "public")).effect == "ask"


def test_what_no_rule_speaks_of_is_denied():
    assert decide((), Request("public_chatbot", "public")).effect == "deny"


def test_the_tiers_are_those_of_the_inventory():
    assert [tier.name.lower() for tier in Tier] == list(TIERS)


def test_every_rule_that_refuses_says_what_asks_for_it():
    refusing = [rule for rule in POLICY if rule.effect != "allow"]
    assert all(rule.references for rule in refusing)
    assert all(entry(identifier) for rule in refusing for identifier in rule.references)


def test_every_rule_of_the_policy_decides_something():
    deciding = {
        decide(POLICY, Request(tool, tier, count, task, review)).rule
        for tool in tools()
        for tier in TIERS
        for count in (0, 1)
        for task in ("draft", "decide")
        for review in (True, False)
    }
    assert {rule.name for rule in POLICY} <= deciding


def test_the_policy_fits_on_a_wall():
    frame = policy_frame(POLICY)
    assert list(frame["rule"]) == [rule.name for rule in POLICY]
    assert set(frame["effect"]) == {"allowed", "ask first", "not allowed"}


def test_decisions_are_tabled_in_the_order_of_the_requests():
    frame = decisions_frame(
        POLICY,
        {
            "leaflet": Request("public_chatbot", "public"),
            "record": Request("public_chatbot", "restricted", 3),
        },
    )
    assert frame[["request", "decision"]].to_numpy().tolist() == [
        ["leaflet", "allowed"],
        ["record", "not allowed"],
    ]
    assert frame["instead"].tolist()[0] == "" and frame["instead"].tolist()[1]


GOOD = {"name": "r", "effect": "deny", "reason": "because", "alternative": "this"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"effect": "deni"}, "Rule 'r': effect"),
        ({"at_least": "secret"}, "Rule 'r': at_least"),
        ({"reason": ""}, "Rule 'r': reason"),
        ({"alternative": "  "}, "what to do instead"),
        ({"toolz": ["x"]}, "Rule 'r': toolz"),
        ({"identifiers": "some"}, "Rule 'r': identifiers"),
        ({"name": ""}, "name"),
    ],
)
def test_a_malformed_rule_is_refused_with_its_name_and_field(change, message):
    with pytest.raises(UserError, match=message):
        load_policy([GOOD | change])


def test_rules_that_are_no_rules_or_share_a_name_are_refused():
    with pytest.raises(UserError, match="number 1"):
        load_policy(["deny everything"])
    with pytest.raises(UserError, match="Two rules are called 'r'"):
        load_policy([GOOD, Rule(**GOOD)])


@pytest.mark.parametrize(("tier", "identifiers"), [("secret", 0), ("PUBLIC", 0), ("public", -1)])
def test_an_impossible_request_is_refused(tier, identifiers):
    with pytest.raises(UserError):
        Request("public_chatbot", tier, identifiers)
