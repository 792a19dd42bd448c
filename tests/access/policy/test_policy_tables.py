"""Who may do what in the hospital and the bank: tables of cases; every rule of a policy is needed."""

from pathlib import Path

import cedarpy
import pytest
import yaml

from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.sectors import sector
from secure_ai.core import frameworks

SECTORS = ("healthcare", "finance")


def cases(name):
    return yaml.safe_load(Path(__file__).with_name(f"cases_{name}.yaml").read_text())


def request_of(name, case):
    return sector(name).request(case["who"], case["do"], case["what"], case["for"], **case.get("with", {}))


POLICIES = {name: AccessPolicy.load(name) for name in SECTORS}
TABLE = [(name, case) for name in SECTORS for case in cases(name)]


@pytest.mark.parametrize(("name", "case"), TABLE, ids=[f"{name}: {case['case']}" for name, case in TABLE])
def test_who_may_what(name, case):
    policy = POLICIES[name]
    request = request_of(name, case)
    decision = policy.decide(request)
    assert not decision.errors
    assert decision.allowed is case["allowed"], decision.sentence()
    if case["rule"] == "none":
        assert decision.rules == ()
        assert policy.explain(request).nearest is None or policy.explain(request).nearest.missing
    else:
        assert case["rule"] in decision.rules


@pytest.mark.parametrize("name", SECTORS)
def test_there_are_at_least_sixty_cases_and_no_two_alike(name):
    table = cases(name)
    assert len(table) >= 60
    assert len({case["case"] for case in table}) == len(table)


@pytest.mark.parametrize("name", SECTORS)
def test_every_rule_is_the_only_one_that_decides_some_case(name):
    policy = POLICIES[name]
    alone = {
        d.rules[0] for d in policy.decide_many(request_of(name, c) for c in cases(name)) if len(d.rules) == 1
    }
    assert {rule.id for rule in policy.rules} == alone


@pytest.mark.parametrize("name", SECTORS)
def test_striking_out_any_one_rule_changes_the_answer_to_some_case(name):
    policy = POLICIES[name]
    table = [(case["rule"], request_of(name, case)) for case in cases(name)]
    before = {id(request): policy.decide(request).allowed for _, request in table}
    unneeded = []
    for rule in policy.rules:
        weaker = policy.without(rule.id)
        likely_first = sorted(table, key=lambda row, rule=rule: row[0] != rule.id)
        if all(weaker.decide(request).allowed is before[id(request)] for _, request in likely_first):
            unneeded.append(rule.id)
    assert unneeded == []


@pytest.mark.parametrize("name", SECTORS)
def test_the_answer_is_that_of_cedar_on_all_policies_with_the_schema(name):
    policy = POLICIES[name]
    everything = cedarpy.PolicySet.from_str("\n".join(rule.text for rule in policy.rules))
    for case in cases(name):
        request = request_of(name, case)
        asked, entities = policy.cedar_request(request)
        plain = cedarpy.is_authorized(asked, everything, entities, policy.schema)
        decision = policy.decide(request)
        assert plain.allowed is decision.allowed
        assert set(plain.diagnostics.id_annotations_by_reason.values()) == set(decision.rules)


@pytest.mark.parametrize("name", SECTORS)
def test_every_rule_has_a_reason_and_cites_frameworks_that_the_kit_knows(name):
    for rule in POLICIES[name].rules:
        assert len(rule.reason.split()) >= 4 and rule.reason.endswith("."), rule.id
        assert rule.references, rule.id
        for reference in rule.references:
            frameworks.entry(reference)
