"""Claims about shared indicators: valid, repeatable, without persons; and a partner's bundle is "
"read with suspicion."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import stix2
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.core.audit import AuditLog
from secure_ai.govern.incidents import (
    Observed,
    bundle_text,
    check_no_personal_data,
    indicator_bundle,
    match_events,
    read_bundle,
    write_bundle,
)

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
OBSERVED = (
    Observed("ip", "203.0.113.45", "Reads of an exposed store from outside", ("AML.T0036",)),
    Observed("ip", "2001:db8::/48"),
    Observed("domain", "portal-login.example"),
    Observed("sha256", "ab" * 32),
    Observed("model_query", "triage@3", "Many queries close to one another", ("AML.T0024.002",), 60),
)


@pytest.fixture(scope="module")
def bundle():
    return indicator_bundle("INC-2026-014", OBSERVED, at=AT)


def test_the_bundle_is_valid_stix_and_says_who_may_see_it(bundle):
    parsed = stix2.parse(bundle_text(bundle), version="2.1")
    kinds = [item.type for item in parsed.objects]
    assert kinds.count("indicator") == 5 and kinds.count("attack-pattern") == 2
    assert all(
        stix2.TLP_AMBER.id in item.object_marking_refs
        for item in parsed.objects
        if item.type != "marking-definition"
    )


def test_techniques_carry_their_atlas_id_and_name(bundle):
    found = {
        item.external_references[0].external_id: item.name
        for item in bundle.objects
        if item.type == "attack-pattern"
    }
    assert found == {"AML.T0036": "Data from Information Repositories", "AML.T0024.002": "Extract AI Model"}


def test_the_same_incident_gives_the_same_bundle_and_another_another(bundle):
    again = indicator_bundle("INC-2026-014", reversed(OBSERVED), at=AT)
    other = indicator_bundle("INC-2026-015", OBSERVED, at=AT)
    ids = [{item.id for item in one.objects} for one in (bundle, again, other)]
    assert bundle_text(bundle) == bundle_text(indicator_bundle("INC-2026-014", OBSERVED, at=AT))
    assert ids[0] == ids[1] and len(ids[0] & ids[2]) == 1, "only the marking is common"
    assert "INC-2026-014" not in bundle_text(bundle)


@pytest.mark.parametrize(
    "description",
    [
        "Opened by Anna Meyer at night",
        "staff-0417 opened it",
        "Record of patient 20417",
        "MRN 0012345 was read",
        "Sent to anna.meyer@example.org",
        "With the number 900-12-3456",
        "From the colleague of the victim, telephone 212-555-0142",
        "Customer C-88214 and others",
    ],
)
def test_personal_data_is_refused_and_not_repeated(description):
    with pytest.raises(UserError, match="not shared") as caught:
        indicator_bundle("INC-1", [Observed("ip", "203.0.113.45", description)], at=AT)
    assert not any(word in str(caught.value) for word in ("Meyer", "0417", "20417", "3456", "0142", "88214"))


def test_own_identifiers_are_refused_wherever_they_stand():
    with pytest.raises(UserError, match="identifier of a person"):
        indicator_bundle("INC-1", [Observed("domain", "wk42.example")], at=AT, own_identifiers=["WK42"])
    with pytest.raises(UserError, match="identifier of a person"):
        indicator_bundle("INC-1", OBSERVED[:1], at=AT, producer="Team of qx77", own_identifiers=["qx77"])


def test_personal_data_hides_nowhere_in_a_structure():
    for content in (
        {"a": [{"b": "write to anna.meyer@example.org"}]},
        {"anna.meyer@example.org": 1},
        {"labels": ["staff-0417-x", "patient 4711"]},
    ):
        with pytest.raises(UserError, match="not shared"):
            check_no_personal_data(content)
    check_no_personal_data({"type": "indicator", "created": "2026-03-02T12:00:00.000Z", "n": [True, None, 3]})


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Observed("ip", "300.1.1.1"), "no IP address"),
        (lambda: Observed("ip", "203.0.113.45' OR '1'='1"), "no IP address"),
        (lambda: Observed("ip", "203.0.113.45/24"), "no IP address"),
        (lambda: Observed("domain", "a b.example"), "no domain name"),
        (lambda: Observed("domain", "x" * 300 + ".example"), "no domain name"),
        (lambda: Observed("sha256", "AB" * 32), "no SHA-256"),
        (lambda: Observed("sha256", None), "no SHA-256"),
        (lambda: Observed("model_query", "triage@3"), "queries_per_minute"),
        (lambda: Observed("model_query", "a'] OR [x", "", (), 5), "name of a model"),
        (lambda: Observed("mutex", "x"), "kind of an indicator"),
        (lambda: Observed("ip", "203.0.113.45", "", ("AML.T9999",)), "AML"),
        (lambda: Observed("ip", "203.0.113.45", "", ("GDPR Art. 33",)), "no technique"),
        (lambda: indicator_bundle("INC-1", [], at=AT), "1 to 5000"),
        (lambda: indicator_bundle("INC 1", OBSERVED, at=AT), "id of an incident"),
        (lambda: indicator_bundle("INC-1", OBSERVED, at=datetime(2026, 1, 1)), "time zone"),
        (lambda: indicator_bundle("INC-1", OBSERVED, at=AT, tlp="blue"), "marking is one of"),
    ],
)
def test_bad_indicators_are_said(make, sentence):
    with pytest.raises(UserError, match=sentence):
        make()


# ---------------------------------------------------------------- a partner's


def indicator(pattern: str, number: int = 1, **fields) -> dict:
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012d}",
        "created": "2026-03-01T00:00:00.000Z", "modified": "2026-03-01T00:00:00.000Z", "pattern": pattern,
        "pattern_type": "stix", "valid_from": "2026-03-01T00:00:00Z", **fields,
    }  # fmt: skip


def wrap(*objects) -> bytes:
    content = {
        "type": "bundle",
        "id": "bundle--00000000-0000-4000-8000-000000000000",
        "objects": list(objects),
    }
    return json.dumps(content).encode()


def test_what_one_house_writes_another_reads(bundle, tmp_path):
    read = read_bundle(write_bundle(bundle, tmp_path / "shared.json"))
    assert [(one.kind, one.value) for one in read.indicators] == [(one.kind, one.value) for one in OBSERVED]
    assert read.tlp == "amber" and not read.left_out and read.indicators[0].techniques == ("AML.T0036",)
    assert "5 indicators taken" in read.sentence() and len(read.to_frame()) == 5


def test_indicators_are_found_in_the_own_log(bundle):
    now = [AT]
    log = AuditLog(clock=lambda: now[0])
    log.record("svc-a", "read", "notes", "allowed", source="203.0.113.45")
    log.record("svc-b", "read", "notes", "allowed", source="203.0.113.46")
    log.record("svc-c", "export", "notes", "allowed", destination="https://a.portal-login.example/x?y=1")
    log.record("svc-d", "export", "notes", "allowed", destination="not-portal-login.example")
    log.record("svc-e", "write", "file", "allowed", digest="AB" * 32)
    log.record("svc-f", "read", "notes", "denied", source="2001:db8::17")
    for client, queries in (("svc-g", 61), ("svc-h", 60)):
        for _ in range(queries):
            log.record(client, "query", "triage", "allowed", model="triage@3")
    found = match_events(read_bundle(bundle_text(bundle).encode()), log.events)
    assert sorted(found["actor"]) == ["svc-a", "svc-c", "svc-e", "svc-f", "svc-g"]
    assert set(found.loc[found["actor"] == "svc-g", "techniques"]) == {"AML.T0024.002"}


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (indicator("[ipv4-addr:value = '0.0.0.0/0']"), "match too much"),
        (indicator("[ipv4-addr:value = '10.1.2.3']"), "match too much"),
        (indicator("[ipv4-addr:value = '127.0.0.1']"), "match too much"),
        (indicator("[ipv6-addr:value = '::/0']"), "match too much"),
        (indicator("[domain-name:value = 'com']"), "match too much"),
        (indicator("[file:hashes.'SHA-256' = 'zz']"), "not valid STIX"),
        (indicator("[file:name = 'x'] AND [file:size = 3]"), "not understood"),
        (indicator("[ipv4-addr:value LIKE '%']"), "not understood"),
        (indicator("[" * 40 + "("* 40), "not understood"),
        (indicator("[file:name = '" + "a" * 3_000 + "']"), "too long"),
        (indicator("alert tcp", pattern_type="snort"), "another language"),
        (indicator("[ipv4-addr:value = '203.0.113.1']", revoked=True), "revoked"),
        (indicator("[url:value = 'http://x.test']", valid_until="2026-03-02T00:00:00Z"), "no longer valid"),
        (indicator("[ipv4-addr:value = '203.0.113.1']", valid_from="soon"), "not valid STIX"),
        (indicator("[ipv4-addr:value = '203.0.113.1']", x_own=1), "not valid STIX"),
        (indicator("[ipv4-addr:value = '203.0.113.1']", modified=3), "without a time of change"),
        (indicator(7), "not valid STIX"),
        ({"type": "x-own", "id": "x-own--1", "modified": "2026-03-01T00:00:00.000Z"}, "not valid STIX"),
        ({"type": "indicator"}, "without type or id"),
        ("text", "without type or id"),
        (None, "without type or id"),
        ([], "without type or id"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_counted_and_the_rest_taken(one, reason):
    good = indicator("[ipv4-addr:value = '203.0.113.9'] OR [domain-name:value = 'bad.example']", 2)
    read = read_bundle(wrap(one, good), now=AT)
    assert [item.value for item in read.indicators] == ["203.0.113.9", "bad.example"]
    assert len(read.left_out) == 1 and reason in next(iter(read.left_out))


def test_a_newer_version_of_an_indicator_takes_the_place_of_the_older():
    old = indicator("[ipv4-addr:value = '203.0.113.1']")
    new = indicator("[ipv4-addr:value = '203.0.113.2']", modified="2026-03-05T00:00:00.000Z")
    for order in ((old, new), (new, old)):
        assert [one.value for one in read_bundle(wrap(*order)).indicators] == ["203.0.113.2"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b"[]", "no STIX bundle"),
        (b'{"type": "bundle"}', "no objects"),
        (b'{"type": "bundle", "objects": {}}', "no objects"),
        (b" " * 5_000_001, "larger than 5 MB"),
        (b'{"type": "bundle", "objects": [' + b"1," * 5_001 + b"1]}", "more than 5,000"),
    ],
)
def test_what_is_no_bundle_is_refused(content, sentence):
    with pytest.raises(UserError, match=sentence):
        read_bundle(content)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(UserError, match=r"gone\.json cannot be read"):
        read_bundle(tmp_path / "gone.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


FIELDS = (
    "type", "id", "modified", "pattern", "pattern_type", "object_marking_refs", "external_references",
    "revoked", "source_ref", "relationship_type", "valid_until",
)  # fmt: skip


@settings(max_examples=20, deadline=timedelta(seconds=10))
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON), max_size=4))
def test_hostile_objects_never_break_the_reader(objects):
    base = indicator("[ipv4-addr:value = '203.0.113.9']")
    content = wrap(*({**base, **one} for one in objects), indicator("[ipv4-addr:value = '203.0.113.7']", 9))
    assert "203.0.113.7" in [one.value for one in read_bundle(content, now=AT).indicators]


@pytest.mark.parametrize(
    "text",
    [
        "staff-0417",  # one word is text too, not structure
        "used by \u0455taff-0417 at night",
        "used by st\u200baff-0417",
        "used by \uff53taff\u20110417",
        "s t a f f - 0 4 1 7",
        "xSTAFF 04 17x",
        "ref c3RhZmYtMDQxNw==",
        "ref 73746166662d30343137",
        "see %73taff-0417 or staff&#45;0417",
    ],
)
def test_a_hidden_identifier_is_found_in_text_and_in_the_name_of_the_team(text):
    for bundle in (
        lambda: indicator_bundle(
            "INC-1", [Observed("ip", "203.0.113.9", text)], at=AT, own_identifiers=["staff-0417"]
        ),
        lambda: indicator_bundle("INC-1", OBSERVED, at=AT, producer=text, own_identifiers=["staff-0417"]),
    ):
        with pytest.raises(UserError, match="not shared") as error:
            bundle()
        assert "0417" not in str(error.value)


def test_a_model_is_not_called_after_a_person():
    with pytest.raises(UserError, match="not a model"):
        Observed("model_query", "staff-0417", queries_per_minute=5)


def test_markings_of_any_kind_and_ends_of_domains_do_no_harm(bundle):
    content = json.loads(bundle_text(bundle))
    mark = next(iter(item for item in content["objects"] if item["type"] == "marking-definition"))
    sample = next(item for item in content["objects"] if "domain-name" in item.get("pattern", ""))
    odd = {
        **sample,
        "id": "indicator--11111111-1111-4111-8111-111111111111",
        "pattern": "[domain-name:value = 'co.uk']",
    }
    content["objects"] += [{**mark, "modified": 5}, {**mark, "modified": []}, odd]
    read = read_bundle(json.dumps(content).encode())
    assert len(read.indicators) == 5 and sum(read.left_out.values()) == 1


@pytest.mark.parametrize("source", [None, 5, {}, ["x"]])
def test_what_is_no_source_is_said(source):
    with pytest.raises(UserError, match="as a path, or as bytes"):
        read_bundle(source)
    with pytest.raises(UserError, match="time zone"):
        read_bundle(b"{}", now=datetime(2026, 3, 2))
