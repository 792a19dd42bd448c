"""The examples of a policy: requests that differ in one circumstance, and the emergency drill."""

from datetime import UTC, datetime

import pytest

from secure_ai.access.policy import (
    AccessPolicy,
    BreakGlass,
    answers,
    emergency_drill,
    example_requests,
    sector,
)
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError

POLICIES = {name: AccessPolicy.load(name) for name in ("healthcare", "finance")}
ROLE = {"healthcare": "nurse", "finance": "teller"}
both = pytest.mark.parametrize("name", sorted(POLICIES))


@both
def test_of_the_examples_the_first_and_the_models_own_columns_are_allowed_and_no_other(name):
    requests = example_requests(name, ROLE[name])
    allowed = [policy.allowed for policy in POLICIES[name].decide_many(requests.values())]
    assert allowed == [True, False, False, False, False, True, False]


@both
def test_each_answer_names_its_rule_or_what_was_missing(name):
    table = answers(POLICIES[name], example_requests(name, [ROLE[name]])).set_index("request")["answer"]
    assert table.iloc[0].startswith("Allowed by")
    assert "missing: the relationship" in table["somebody elsewhere"]
    assert "not-own" in table["one's own record"]
    assert "four-eyes" in table.iloc[4] and "It overrides" in table.iloc[4]
    assert "missing: the columns are all among the asker's columns ('religion' is not)." in table.iloc[6]


def test_several_columns_too_many_are_named_and_a_multitude_is_counted():
    house, policy = sector("healthcare"), POLICIES["healthcare"]
    model = {"kind": "ServiceAccount", "columns": ("age",)}

    def missing(*columns):
        request = house.request(model, "read_columns", "Extract", "model_scoring", columns=columns)
        return policy.explain(request).nearest.missing[0]

    assert missing("age", "b", "c").endswith("('b' and 'c' are not)")
    assert missing("a", "b", "c", "d", "e").endswith("('a', 'b', 'c' and 2 more are not)")
    # Nothing asked for is another matter: that all of nothing is held does not name a column.
    assert missing() == "at least one of the columns is given"


@both
def test_the_drill_opens_one_record_for_one_person_and_stands_in_the_trail(name):
    trail = AuditLog(clock=lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))
    glass = BreakGlass(POLICIES[name], trail, minutes=20, clock=lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))
    table = emergency_drill(glass, name)
    texts = table["answer"].tolist()
    assert [text.split()[0] for text in texts[:6]] == [
        "Denied:",
        "The",
        "Open",
        "Allowed",
        "Denied:",
        "No",
    ]
    assert "would fit any case" in texts[1] and texts[2] == "Open for 20 minutes."
    assert texts[6].startswith("Justified. 1 emergency access: 1 reviewed")
    assert [event.alert for event in trail.events] == [False, True, True, True, False]
    assert not glass.pending()


def test_a_sector_of_ones_own_has_no_examples_and_a_policy_without_emergencies_is_told():
    policy = POLICIES["healthcare"]
    with pytest.raises(UserError, match="no sector"):
        example_requests("school", "teacher")
    with pytest.raises(UserError, match="foresees emergencies"):
        emergency_drill(BreakGlass(policy.without("break-glass-views"), AuditLog()), "healthcare")
