"""The table of laws: complete, cited, and honest about what was read in the source."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern.rights.laws import RIGHTS, answering_laws, laws_for, never_given, read_laws, rule


def citations():
    for law, sector in product(read_laws(), ("healthcare", "finance")):
        yield from (one.citation for one in never_given(law, sector))
    for law in read_laws().values():
        yield from (law.identity_citation, law.minors_own_care, *law.proxies.values())
        yield from (exempt.citation for exempt in law.exemptions)
        for right in law.rights.values():
            yield from (right.citation, right.disagreement, right.withheld, right.formats)
            yield from (*right.blocked.values(), *right.refusals.values())
            yield right.inspection_citation
            if right.clock:
                yield from (right.clock.citation, right.clock.acknowledge_citation)


@pytest.mark.parametrize("citation", sorted(set(citations()) - {""}))
def test_every_citation_is_one_that_the_kit_knows(citation):
    assert entry(citation).name


def test_every_law_answers_every_right_with_a_clock_or_a_reason():
    for law in read_laws().values():
        assert set(law.rights) == set(RIGHTS) and law.source.startswith("https://")
        for right in law.rights.values():
            assert bool(right.clock) if right.given else right.reason.endswith(".")
            assert isinstance(right.verified, bool)


@pytest.mark.parametrize(
    ("sector", "residence", "names"),
    [
        ("healthcare", "us", ["HIPAA"]),
        ("healthcare", "us-ca", ["HIPAA", "California health records", "CCPA"]),
        ("healthcare", "eu", ["GDPR"]),
        ("finance", "us", ["US credit law"]),
        ("finance", "us-ca", ["CCPA", "US credit law"]),
        ("finance", "eu", ["GDPR"]),
    ],
)
def test_the_laws_of_a_person_follow_from_sector_and_residence(sector, residence, names):
    assert [law.name for law in laws_for(sector, residence)] == names


def test_hipaa_gives_access_and_amendment_and_no_erasure():
    given = {name for name, right in read_laws()["HIPAA"].rights.items() if right.given}
    assert given == {"access", "correction", "portability"}
    assert not answering_laws("erasure", "healthcare", "us-ca")


def test_a_patient_in_california_has_copies_in_15_days_and_a_look_in_5_working_days(hospital):
    case = hospital.desk.receive(hospital.form("access", "us-ca"))
    assert (case.due - case.received).days == 15
    letter = str(hospital.desk.letter(case.id, "receipt"))
    assert "2026-03-17 (Cal. HSC 123110(b))" in letter and "2026-03-09 (Cal. HSC 123110(a))" in letter
    with pytest.raises(UserError, match="allows no extension"):
        hospital.desk.extend(case.id, "The paper archive is in another town.")
    elsewhere = hospital.desk.receive(hospital.form("access", "us"))
    assert elsewhere.due == date(2026, 4, 1)
    assert "on the spot" not in str(hospital.desk.letter(elsewhere.id, "receipt"))


@pytest.mark.parametrize(
    ("law", "sector", "citation", "column", "named"),
    [
        ("GDPR", "finance", "31 CFR 1020.320(e)", "sar", "privacy office"),
        ("GDPR", "finance", "GDPR Art. 15(4)", "fraud", "privacy office"),
        ("CCPA", "finance", "31 CFR 1020.320(e)", "sar", "neither"),
    ],
)
def test_secrecy_of_a_report_covers_the_report_and_other_markers_have_a_ground_of_their_own(
    law, sector, citation, column, named
):
    found = [one for one in never_given(law, sector) if column in one.columns]
    assert [one.citation for one in found] == [citation] and named in found[0].reason


def test_a_ground_of_us_law_is_no_ground_of_european_law():
    for sector in ("healthcare", "finance"):
        for one in never_given("GDPR", sector):
            assert one.citation.startswith("GDPR") or "GDPR Art. 15 names no such ground" in one.reason


def test_no_law_states_a_fact_about_the_organization_that_nobody_stated():
    reasons = " ".join(right.reason for law in read_laws().values() for right in law.rights.values())
    assert "we do not do" not in reasons and "asks us to keep medical records" not in reasons


def test_credit_law_claims_no_rule_on_agents_parents_or_identity():
    law = read_laws()["US credit law"]
    assert {*law.proxies.values(), law.identity_citation} == {"12 CFR 30 App. B III.C"}


def test_a_customer_in_california_has_the_shorter_clock_of_two_laws(bank):
    correction = {"store": "loans", "field": "phone", "value": "x", "record": "loans-P1-0"}
    case = bank.desk.receive(bank.form("correction", "us-ca", correction=correction))
    assert (case.due - case.received).days == 30


def test_an_extension_of_credit_law_needs_further_information(bank):
    correction = {"store": "loans", "field": "phone", "value": "x", "record": "loans-P1-0"}
    case = bank.desk.receive(bank.form("correction", correction=correction))
    with pytest.raises(UserError, match="further information"):
        bank.desk.extend(case.id, "The branch is closed now.")
    later = bank.desk.extend(case.id, "You sent us statements.", further_information=True)
    assert (later.due - later.received).days == 45


@pytest.mark.parametrize(
    "asked", [("fame", "finance", "us"), ("access", "retail", "us"), ("access", "finance", "mars")]
)
def test_an_unknown_right_sector_or_residence_is_a_sentence(asked):
    with pytest.raises(UserError):
        rule(*asked)
