"""Decisions: never allowed by mistake, exact whatever is remembered, explained, and errors that say where."""

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.request import AccessRequest, Principal, Resource
from secure_ai.access.policy.sectors import FINANCE, HEALTHCARE
from secure_ai.core.errors import UserError

HOSPITAL, BANK = AccessPolicy.load("healthcare"), AccessPolicy.load("finance")
SECRET = "Zaphod-4711"


def nurse_views(**changes):
    what = changes.pop("what", "Chart")
    return HEALTHCARE.request("nurse", "view", what, "treatment", relationship="care_team", **changes)


def changed(request, part, name, value):
    """Return the request with one attribute set, or removed where the value is None."""
    fields = request.model_dump()
    holder = fields["context"] if part == "context" else fields[part]["attributes"]
    holder.pop(name, None)
    if value is not None:
        holder[name] = value
    return AccessRequest.from_mapping(fields)


UNJUDGEABLE = [
    ("unknown action", {"action": "delete"}, "action 'delete'"),
    ("unknown purpose", {"purpose": "curiosity"}, "purpose 'curiosity'"),
    ("unknown role", {"principal": Principal(id="S1", roles=("wizard",))}, "role 'wizard'"),
    ("unknown kind of principal", {"principal": Principal(id="S1", kind="Ghost")}, "principal 'Ghost'"),
    ("unknown kind of record", {"resource": Resource(id="r", kind="Diary")}, "resource 'Diary'"),
    ("action on the wrong kind", {"resource": Resource(id="r", kind="Key")}, "foresees no view"),
]


@pytest.mark.parametrize(("change", "named"), [c[1:] for c in UNJUDGEABLE], ids=[c[0] for c in UNJUDGEABLE])
def test_what_the_policy_does_not_know_is_denied_and_named(change, named):
    decision = HOSPITAL.decide(nurse_views().model_copy(update=change))
    assert not decision.allowed
    assert named in decision.errors[0]
    assert named in HOSPITAL.explain(nurse_views().model_copy(update=change)).sentence()


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("resource", "vip", None),
        ("resource", "vip", "no"),
        ("resource", "sensitivity", "unheard of"),
        ("resource", "shoe_size", 42),
        ("principal", "active", None),
        ("principal", "active", 1),
        ("context", "break_glass", None),
        ("context", "break_glass", "no"),
        ("context", "relationship", "best friend"),
        ("context", "mood", "good"),
    ],
)
def test_a_fact_that_is_missing_unknown_or_of_the_wrong_type_is_a_denial_even_after_good_ones(
    part, name, value
):
    assert HOSPITAL.decide(nurse_views()).allowed
    decision = HOSPITAL.decide(changed(nurse_views(), part, name, value))
    assert not decision.allowed and decision.errors
    assert HOSPITAL.decide(nurse_views()).allowed


def test_a_prohibition_that_fails_to_evaluate_denies_though_cedar_alone_would_allow():
    schema = """entity Role enum ["clerk"]; entity Purpose enum ["work"];
    entity Staff in [Role] = { id: String }; entity File = { id: String, level: Long };
    action view appliesTo { principal: [Staff], resource: [File], context: { purpose: Purpose } };"""
    text = """@id("all") permit (principal, action, resource);
    @id("overflow") forbid (principal, action, resource) when { resource.level * 9223372036854775807 > 5 };"""
    policy = AccessPolicy.from_texts(text, schema)
    clerk = Principal(id="c", roles=("clerk",))

    def ask(level):
        file = Resource(id="f", kind="File", attributes={"level": level})
        return AccessRequest(principal=clerk, action="view", resource=file, purpose="work")

    asked, entities = policy.cedar_request(ask(9))
    assert cedarpy.is_authorized(asked, text, entities, policy.schema).allowed
    decision = policy.decide(ask(9))
    assert not decision.allowed and "overflow" in decision.errors[0]
    assert policy.decide(ask(0)).allowed


def facts(sector, kind):
    return {
        name: st.booleans()
        if isinstance(usual, bool)
        else st.integers(0, 100)
        if isinstance(usual, int)
        else None
        for name, usual in sector.records[kind].items()
    }


@st.composite
def requests(draw, policy, sector):
    words = policy.vocabulary
    action = draw(st.sampled_from(sorted(words.actions)))
    principals, kinds = words.actions[action]
    kind = draw(st.sampled_from(kinds))
    what = {n: draw(s) for n, s in facts(sector, kind).items() if s is not None}
    what |= {n: draw(st.sampled_from(["a", "b"])) for n in ("entered_by",) if n in sector.records[kind]}
    if "sensitivity" in sector.records[kind]:
        what["sensitivity"] = draw(st.sampled_from(words.enumerations["Sensitivity"]))
    who = {"id": draw(st.sampled_from(["a", "b"])), "active": draw(st.booleans())}
    if draw(st.sampled_from(principals)) == "ServiceAccount":
        who |= {"kind": "ServiceAccount", "columns": draw(st.lists(st.sampled_from(["age", "ssn"])))}
    else:
        who |= {"roles": draw(st.lists(st.sampled_from(words.roles), max_size=2, unique=True))}
    return sector.request(
        who,
        action,
        {"kind": kind, **what},
        draw(st.sampled_from(words.purposes)),
        relationship=draw(st.sampled_from(words.enumerations["Relationship"])),
        break_glass=draw(st.booleans()),
        managed_device=draw(st.booleans()),
        approved_by=draw(st.sampled_from([None, "", "a", "b"])),
        columns=draw(st.lists(st.sampled_from(["age", "ssn"]))),
    )


FULL = {p: cedarpy.PolicySet.from_str("\n".join(r.text for r in p.rules)) for p in (HOSPITAL, BANK)}


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_grouping_and_remembering_never_change_an_answer_of_cedar(data):
    policy, sector = data.draw(st.sampled_from([(HOSPITAL, HEALTHCARE), (BANK, FINANCE)]))
    request = data.draw(requests(policy, sector))
    asked, entities = policy.cedar_request(request)
    plain = cedarpy.is_authorized(asked, FULL[policy], entities, policy.schema)
    assert not plain.diagnostics.errors
    for decision in (policy.decide(request), policy.decide(request)):  # the second time from memory
        assert not decision.errors
        assert decision.allowed is plain.allowed
        assert set(decision.rules) == set(plain.diagnostics.id_annotations_by_reason.values())


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_an_explanation_agrees_with_the_decision(data):
    request = data.draw(requests(HOSPITAL, HEALTHCARE))
    explanation = HOSPITAL.explain(request)
    met = [c.rule for c in explanation.candidates if not c.missing]
    if explanation.decision.allowed:
        assert set(met) == set(explanation.decision.rules)
    else:
        assert tuple(met) == explanation.overridden
        assert met == [] or explanation.decision.rules  # only a prohibition overrides what is permitted


def test_a_role_that_is_unknown_stays_unknown_after_the_matrix_asked_for_it():
    policy = AccessPolicy.load("healthcare")
    assert policy.decide(nurse_views()).allowed
    policy.permissions("Staff", ("wizard",), "view", "Chart")
    decision = policy.decide(
        nurse_views().model_copy(update={"principal": Principal(id="S1", roles=("wizard",))})
    )
    assert "wizard" in decision.errors[0]


def test_remembering_asks_cedar_once_for_facts_that_the_rules_cannot_tell_apart():
    policy = AccessPolicy.load("healthcare")
    for number in range(50):
        assert policy.decide(nurse_views(what={"kind": "Chart", "id": f"P{number}"})).allowed
    assert policy.evaluations == 1
    assert not policy.decide(
        nurse_views(what={"kind": "Chart", "locked": True, "vip": False}, break_glass=True)
    ).errors
    forgetful = AccessPolicy.load("healthcare", remember=False)
    forgetful.decide_many([nurse_views()] * 3)
    assert forgetful.evaluations == 3


def test_a_denial_names_the_condition_that_was_missing():
    request = HEALTHCARE.request("nurse", "view", "Chart", "treatment", relationship="none")
    explanation = HOSPITAL.explain(request)
    assert explanation.nearest.rule == "care-team-views"
    assert explanation.nearest.missing == ("the relationship is care team or covering",)
    assert "missing: the relationship is care team or covering" in explanation.sentence()
    frame = explanation.to_frame()
    assert not frame[frame["rule"] == "care-team-views"]["holds"].all()


def test_a_prohibition_names_what_it_overrides():
    request = nurse_views(what={"kind": "Chart", "sensitivity": "substance_use"})
    explanation = HOSPITAL.explain(request)
    assert explanation.decision.rules == ("substance-use-records",)
    assert explanation.overridden == ("care-team-views",)
    assert "overrides care-team-views" in explanation.sentence()


def test_break_glass_asks_for_an_alert():
    request = HEALTHCARE.request("physician", "view", "Chart", "emergency", break_glass=True)
    assert HOSPITAL.decide(request).alert and not HOSPITAL.decide(nurse_views()).alert


def test_no_value_of_a_request_stands_in_an_error():
    request = changed(nurse_views(what={"kind": "Chart", "id": SECRET}), "resource", "vip", SECRET)
    assert SECRET not in HOSPITAL.explain(request).sentence() + repr(HOSPITAL.decide(request))
    for fields in ({"id": SECRET, SECRET: 1}, {"id": "x", "roles": {SECRET: 1}}, {"id": 7}):
        with pytest.raises(UserError) as caught:
            Principal(**fields)
        assert caught.value.__suppress_context__
    with pytest.raises(UserError, match="'purpose'"):
        AccessRequest(**{**nurse_views().model_dump(), "context": {"purpose": "treatment"}})
    with pytest.raises(UserError, match="mapping"):
        AccessRequest.from_mapping([SECRET])


SCHEMA = """entity Role enum ["clerk"]; entity Purpose enum ["work"];
entity Staff in [Role] = { id: String }; entity File = { id: String };
action view appliesTo { principal: [Staff], resource: [File], context: { purpose: Purpose } };"""
GOOD = '@id("one")\npermit (principal, action == Action::"view", resource);\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "has no policy"),
        (
            GOOD + '// a note\n@id("two")\npermit (principal, action, resource) whn {};',
            "line 4, policy 'two'",
        ),
        (GOOD + "permit (principal, action, resource);", "line 3: the policy has no id"),
        (GOOD + GOOD, "line 3: the id 'one' is used in line 1"),
        (GOOD + '@id("two") permit (principal, action == Action::"vew", resource);', "line 3, policy 'two'"),
        (GOOD + '@id("two") permit (principal in Role::"clerck", action, resource);', "line 3, policy 'two'"),
        (GOOD + '@id("two") permit (principal, action, resource) when { resource.size > 3 };', "'two'"),
        (GOOD + '@id("two") permit (principal == ?principal, action, resource);', "slots"),
    ],
)
def test_a_faulty_policy_file_is_told_with_line_and_policy(tmp_path, text, named):
    (tmp_path / "own.cedar").write_text(text)
    (tmp_path / "own.cedarschema").write_text(SCHEMA)
    with pytest.raises(UserError) as caught:
        AccessPolicy.from_files(tmp_path / "own.cedar", tmp_path / "own.cedarschema")
    assert "own.cedar" in str(caught.value) and named in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("schema", ["entity A = {;", "namespace N { entity A; }", "{}x", "\x00"])
def test_a_faulty_schema_is_a_sentence(schema):
    with pytest.raises(UserError):
        AccessPolicy.from_texts(GOOD, schema)


def test_an_organisation_brings_its_own_policy(tmp_path):
    (tmp_path / "own.cedar").write_text(GOOD)
    (tmp_path / "own.cedarschema").write_text(SCHEMA)
    policy = AccessPolicy.from_files(tmp_path / "own.cedar", tmp_path / "own.cedarschema")
    request = AccessRequest(
        principal=Principal(id="c", roles=("clerk",)), action="view",
        resource=Resource(id="f", kind="File"), purpose="work",
    )  # fmt: skip
    assert policy.decide(request).allowed
    assert policy.fingerprint != HOSPITAL.fingerprint
    with pytest.raises(UserError, match="cannot be read"):
        AccessPolicy.from_files(tmp_path / "absent.cedar", tmp_path / "own.cedarschema")
    with pytest.raises(UserError, match="healthcare, finance"):
        AccessPolicy.load("space")


def test_groups_of_actions_count_as_in_cedar():
    schema = SCHEMA.replace("action view appliesTo", 'action read; action view in [Action::"read"] appliesTo')
    policy = AccessPolicy.from_texts(
        '@id("group") permit (principal, action in Action::"read", resource);', schema
    )
    clerk = Principal(id="c", roles=("clerk",))
    request = AccessRequest(
        principal=clerk, action="view", resource=Resource(id="f", kind="File"), purpose="work"
    )
    assert policy.decide(request).rules == ("group",)


LEVELS = """entity Role enum ["clerk"]; entity Purpose enum ["work", "rest"];
entity Staff in [Role] = { id: String, level: Long, chief?: Staff, note?: String };
action view appliesTo { principal: [Staff], resource: [Staff], context: { purpose: Purpose } };"""


def views(policy, who, whom, purpose="work"):
    people = {name: {"level": level} for name, level in (who, whom)}
    principal = Principal(id=who[0], roles=("clerk",), attributes=people[who[0]])
    resource = Resource(id=whom[0], kind="Staff", attributes=people[whom[0]])
    return policy.decide(
        AccessRequest(principal=principal, action="view", resource=resource, purpose=purpose)
    )


@pytest.mark.parametrize("remember", [True, False])
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("permit (principal, action, resource) when { resource.level == 3 };", [False, True, True]),
        ("permit (principal, action, resource) when { principal == resource };", [False, False, True]),
        ('permit (principal in Role::"clerk", action, resource == Staff::"b");', [True, True, False]),
        ("permit (principal, action, resource) when { resource.level > 2 };", [False, True, True]),
        ('permit (principal, action, resource) unless { context.purpose == Purpose::"work" };', [False] * 3),
        (
            'permit (principal, action, resource) when { Purpose::"work" == context.purpose && '
            '(if true then principal else resource) in Role::"clerk" };',
            [True, True, True],
        ),
    ],
)  # fmt: skip
def test_an_answer_is_the_same_the_first_and_every_later_time(rule, expected, remember):
    policy = AccessPolicy.from_texts(f'@id("one") {rule}', LEVELS, remember=remember)
    asked = [(("a", 2), ("b", 1)), (("a", 2), ("b", 3)), (("a", 3), ("a", 3))]
    for _ in range(3):
        answers = [views(policy, who, whom) for who, whom in asked]
        assert [answer.allowed for answer in answers] == expected
        assert not any(answer.errors for answer in answers)


def test_a_purpose_that_no_schema_lists_is_told_from_others():
    schema = LEVELS.replace('entity Purpose enum ["work", "rest"];', "entity Purpose;")
    policy = AccessPolicy.from_texts(
        '@id("one") permit (principal, action, resource) when { context.purpose == Purpose::"work" };', schema
    )
    for _ in range(2):
        assert views(policy, ("a", 1), ("b", 1), "work").allowed
        assert not views(policy, ("a", 1), ("b", 1), "Work").allowed


@pytest.mark.parametrize(
    "condition",
    ["(" * 100_000 + "true" + ")" * 100_000, "||".join(["resource.size == 1"] * 3_000), "1" + "+1" * 50_000,
     "resource" + ".a" * 50_000, "if true then true else " * 20_000 + "true"],
    ids=["brackets", "or", "plus", "attributes", "if"],
)  # fmt: skip
def test_a_policy_that_would_end_the_parser_and_the_program_with_it_is_refused(condition):
    rule = f'@id("one") permit (principal, action, resource) when {{ {condition} }};'
    with pytest.raises(UserError, match=r"line 1.*split it"):
        AccessPolicy.from_texts(rule, SCHEMA)
    with pytest.raises(UserError, match="split it"):
        AccessPolicy.from_texts(GOOD, "entity A = " + "{a:" * 9_000 + "Long" + "}" * 9_000 + ";")


def test_what_is_asked_fills_no_memory_and_holds_no_half_characters():
    for value in ("x" * 1_001, "\ud800", ("a",) * 1_001):
        with pytest.raises(UserError, match=r"context\.mood"):
            AccessRequest.from_mapping({**nurse_views().model_dump(), "context": {"mood": value}})
