"""From receipt to decision: who is there, what law says, by when, and what nobody learns."""

from __future__ import annotations

from datetime import date

import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.store import Block


def test_a_person_with_three_details_is_identified_and_has_a_due_date(hospital):
    case = hospital.desk.receive(hospital.form())
    assert (case.status, case.law, case.pseudonym, case.due) == ("open", "HIPAA", "p-P1", date(2026, 4, 1))


def test_namesakes_strangers_and_too_few_details_get_the_same_letter(hospital):
    stated = [
        {"name": "Ada Sample"},
        {"name": "Nobody Here"},
        {"name": "Eve Other"},
        {"name": "Eve Other", "birth_date": "1975-01-09"},
        {"name": "Ada Sample", "birth_date": "1980-02-29", "mrn": "ZZ22222222"},
        {"name": "Ada Sample", "shoe_size": "39"},
        {},
    ]
    cases = [hospital.desk.receive(hospital.form(stated=one)) for one in stated]
    assert {(case.status, case.reason, case.citations, case.pseudonym) for case in cases} == {
        ("identify", cases[0].reason, ("164.514(h)(1)",), "")
    }


def test_one_more_detail_tells_two_people_of_one_name_apart(hospital):
    case = hospital.desk.receive(hospital.form(stated={"name": "Ada Sample"}))
    assert hospital.desk.identify(case.id, hospital.form(who="P2")).pseudonym == "p-P2"


def test_guessing_ends_after_three_attempts_with_an_alert(hospital):
    wrong = hospital.form(stated={"name": "Ada Sample"})
    case = hospital.desk.receive(wrong)
    for _ in range(2):
        case = hospital.desk.identify(case.id, wrong)
    # Even the right details come too late.
    case = hospital.desk.identify(case.id, hospital.form())
    assert (case.status, case.outcome, case.pseudonym) == ("closed", "refused", "")
    assert hospital.audit.events[-2].alert


@pytest.mark.parametrize(
    ("requester", "authority", "who", "opens"),
    [
        ("other", None, "P1", False),
        ("other", {"document": "birth certificate", "signed": "2020-01-01", "checked_by": "u1"}, "P1", False),
        ("agent", None, "P1", False),
        ("agent", {"document": "power of attorney", "signed": "2026-01-01", "checked_by": "u1"}, "P1", True),
        ("agent", {"document": "power of attorney", "signed": "2027-01-01", "checked_by": "u1"}, "P1", False),
        (
            "agent",
            {
                "document": "power of attorney",
                "signed": "2020-01-01",
                "expires": "2026-03-01",
                "checked_by": "u1",
            },
            "P1",
            False,
        ),
        ("parent", {"document": "birth certificate", "signed": "2015-06-01", "checked_by": "u1"}, "P3", True),
        (
            "parent",
            {"document": "birth certificate", "signed": "2015-06-01", "checked_by": "u1"},
            "P1",
            False,
        ),
        ("parent", None, "P3", False),
    ],
)
def test_who_asks_for_another_needs_a_paper_that_holds(hospital, requester, authority, who, opens):
    form = hospital.form(who=who, requester=requester, authority=authority)
    case = hospital.desk.receive(form)
    assert (case.status == "open") is opens
    if not opens:
        assert (case.outcome, case.pseudonym) == ("refused", "")


def test_nobody_is_looked_up_for_somebody_without_authority_or_right(hospital):
    refused = hospital.desk.receive(hospital.form(requester="other"))
    no_right = hospital.desk.receive(hospital.form("erasure"))
    assert hospital.estate.people.searches == 0
    assert refused.outcome == no_right.outcome == "refused"
    assert "no right to have them erased" in no_right.reason


def test_the_account_of_one_person_does_not_open_the_data_of_another(hospital):
    case = hospital.desk.receive(hospital.form(who="P2", signed_in="P1"))
    assert (case.outcome, case.pseudonym) == ("refused", "")
    assert any(event.alert for event in hospital.audit.events)
    nobody = hospital.form(signed_in="P1") | {"stated": {"name": "Nobody Here", "mrn": "ZZ99999999"}}
    assert hospital.desk.receive(nobody).reason == case.reason
    assert hospital.desk.receive(hospital.form(who="P1", signed_in="P1")).status == "open"


@pytest.mark.parametrize(
    ("asked", "law", "outcome"),
    [
        (("healthcare", "access", "us"), "HIPAA", "partly"),  # the log is no designated record set
        (("healthcare", "access", "us-ca"), "HIPAA", "partly"),
        (("healthcare", "access", "eu"), "GDPR", "granted"),
        (("healthcare", "erasure", "us"), "HIPAA", "refused"),
        (("healthcare", "erasure", "us-ca"), "HIPAA", "refused"),
        (("healthcare", "erasure", "eu"), "GDPR", "granted"),
        (("finance", "access", "us"), "US credit law", "refused"),
        (("finance", "access", "us-ca"), "CCPA", "partly"),
        (("finance", "access", "eu"), "GDPR", "granted"),
        (("finance", "erasure", "us"), "US credit law", "refused"),
        (("finance", "erasure", "us-ca"), "CCPA", "partly"),
        (("finance", "erasure", "eu"), "GDPR", "granted"),
        (("finance", "portability", "us"), "US credit law", "refused"),
        (("finance", "portability", "eu"), "GDPR", "partly"),
        (("finance", "objection", "us"), "US credit law", "refused"),
    ],
)
def test_each_right_is_given_by_its_law_alone(make_desk, asked, law, outcome):
    sector, right, residence = asked
    setting = make_desk(sector)
    case = setting.desk.receive(setting.form(right, residence))
    assert case.law == law
    found = case.outcome or setting.desk.decide(case.id).outcome
    assert found == outcome


def test_the_exemption_of_health_data_is_named_in_california(hospital):
    case = hospital.desk.receive(hospital.form("erasure", "us-ca"))
    assert "CCPA 1798.145(c)(1)" in case.citations and "164.526" in case.citations


@pytest.mark.parametrize(
    ("kind", "reference", "cited"),
    [("hold", "HOLD-7", "GDPR Art. 17(3)(e)"), ("duty", "GDPR Art. 5", "GDPR Art. 17(3)(b)")],
)
def test_a_hold_or_duty_keeps_what_it_names_and_the_rest_goes(make_desk, blocker, kind, reference, cited):
    block = Block(kind, reference, "It must be kept.", date(2030, 1, 1), "" if kind == "hold" else "EU")
    setting = make_desk("healthcare", blockers=[blocker(block, data_class="claim")])
    case = setting.desk.receive(setting.form("erasure", "eu"))
    found = setting.desk.decide(case.id)
    kept = [part for part in found.parts if not part.granted]
    assert (found.outcome, [part.store for part in kept]) == ("partly", ["claims"])
    assert kept[0].citation == cited and reference in kept[0].reason and kept[0].until == date(2030, 1, 1)


@pytest.mark.parametrize("jurisdiction", ["US", "US-CA", ""])
def test_a_us_duty_keeps_under_its_own_name_and_goes_to_the_privacy_office(make_desk, blocker, jurisdiction):
    ours = Block("duty", "42 CFR 482.24", "Keep it five years.", date(2031, 1, 1), jurisdiction)
    setting = make_desk("healthcare", blockers=[blocker(ours, data_class="medical_record")])
    case = setting.desk.receive(setting.form("erasure", "eu"))
    kept = [part for part in setting.desk.decide(case.id).parts if not part.granted]
    assert {part.citation for part in kept} == {"42 CFR 482.24"} and all(p.to_privacy_office for p in kept)
    for part in kept:
        assert "speaks of Union or Member State law only" in part.reason and "privacy office" in part.reason
    assert any(event.alert and "privacy office" in event.reason for event in setting.audit.events)


def test_where_a_european_duty_stands_beside_a_us_one_both_are_told_and_each_under_its_name(
    make_desk, blocker
):
    ours = Block("duty", "42 CFR 482.24", "Keep it five years.", date(2031, 1, 1), "US")
    theirs = Block("duty", "EU AI Act Art. 26(6)", "Keep it six months.", date(2027, 1, 1), "EU")
    setting = make_desk("healthcare", blockers=[blocker(ours, theirs, data_class="claim")])
    case = setting.desk.receive(setting.form("erasure", "eu"))
    part = next(part for part in setting.desk.decide(case.id).parts if not part.granted)
    assert (part.citation, part.until) == ("GDPR Art. 17(3)(b)", date(2031, 1, 1))
    assert "42 CFR 482.24 is a law of the United States" in part.reason


def test_a_hold_stops_no_copy(make_desk, blocker):
    setting = make_desk("healthcare", blockers=[blocker(Block("hold", "HOLD-7", "A lawsuit."))])
    case = setting.desk.receive(setting.form("access", "eu"))
    assert setting.desk.decide(case.id).outcome == "granted"


def test_an_extension_needs_notice_within_the_first_period_and_comes_once(hospital):
    case = hospital.desk.receive(hospital.form())
    with pytest.raises(UserError, match="in a sentence"):
        hospital.desk.extend(case.id, "busy")
    longer = hospital.on("2026-04-01").desk.extend(case.id, "The paper archive is in another town.")
    assert (longer.due, longer.extended) == (date(2026, 5, 1), True)
    with pytest.raises(UserError, match="extended before"):
        hospital.desk.extend(case.id, "The paper archive is in another town.")
    late = hospital.desk.receive(hospital.form(received="2026-03-01"))
    with pytest.raises(UserError, match="was due"):
        hospital.desk.extend(late.id, "The paper archive is in another town.")


def test_the_european_clock_stands_still_while_identity_is_open(make_desk):
    for sector, residence, due in (("finance", "eu", "2026-04-10"), ("finance", "us-ca", "2026-04-16")):
        setting = make_desk(sector)
        case = setting.desk.receive(setting.form(residence=residence, stated={"name": "Ada Sample"}))
        setting.on("2026-03-10")
        case = setting.desk.identify(case.id, setting.form(residence=residence, received="2026-03-02"))
        assert case.due == date.fromisoformat(due)


def test_the_reason_of_an_extension_names_nobody_and_is_not_kept(hospital):
    case = hospital.desk.receive(hospital.form())
    with pytest.raises(UserError, match="names a person"):
        hospital.desk.extend(case.id, "We wait for Dr. Helen Marsh to come back.")
    hospital.desk.extend(case.id, "The paper archive is far away.")
    assert "archive" not in "".join(event.to_json() for event in hospital.audit.events)


def test_many_requests_that_identify_nobody_raise_an_alert(hospital):
    for number in range(11):
        hospital.desk.receive(hospital.form(stated={"name": "Ada Sample", "mrn": f"ZZ{number:08d}"}))
    assert any(event.alert and "guessing" in event.reason for event in hospital.audit.events)


@pytest.mark.parametrize(
    ("sector", "residence", "open_on", "refused_on"),
    [("healthcare", "us", "2026-03-31", "2026-04-01"), ("healthcare", "eu", "2026-05-02", "2026-05-03")],
)
def test_who_never_says_who_they_are_is_refused_when_it_is_due(
    make_desk, sector, residence, open_on, refused_on
):
    setting = make_desk(sector)
    case = setting.desk.receive(setting.form(residence=residence, stated={"name": "Ada Sample"}))
    assert not setting.on(open_on).desk.close_unidentified()
    assert [one.id for one in setting.on(refused_on).desk.close_unidentified()] == [case.id]
    row = setting.desk.register.statistics(setting.now.date()).iloc[0]
    assert (row["overdue"], row["refused"], row["in_time"]) == (0, 1, 1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"right": "everything"},
        {"residence": "moon"},
        {"received": "yesterday"},
        {"received": "2026-03-03"},
        {"stated": {"DROP TABLE": "x"}},
        {"stated": {"name": "x" * 5000}},
        {"stated": "Ada Sample"},
        {"surprise": 1},
        {"requester": "judge"},
        {"right": "correction"},
        {"right": "automated_decision"},
        {"authority": {"document": "x"}},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_a_sentence_without_its_values(hospital, change):
    with pytest.raises(UserError) as caught:
        hospital.desk.receive(hospital.form() | change)
    assert "Ada Sample" not in str(caught.value) and "DROP" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_neither_register_nor_audit_trail_keeps_what_was_stated(make_desk, tmp_path):
    from secure_ai.govern.rights import Register

    setting = make_desk("healthcare", register=Register.create(tmp_path / "register.sqlite"))
    for form in (
        setting.form(),
        setting.form(stated={"name": "Ada Sample"}),
        setting.form(requester="other"),
    ):
        setting.desk.receive(form)
    assert (tmp_path / "register.sqlite").stat().st_mode & 0o077 == 0
    kept = (tmp_path / "register.sqlite").read_bytes().decode("latin-1")
    kept += "".join(event.to_json() for event in setting.audit.events)
    for value in ("Ada", "Sample", "1980-02-29", "ZZ11111111"):
        assert value not in kept


def test_a_register_outlives_its_process_and_another_file_is_refused(make_desk, tmp_path):
    from secure_ai.govern.rights import Register

    path = tmp_path / "register.sqlite"
    setting = make_desk("healthcare", register=Register.create(path))
    case = setting.desk.receive(setting.form())
    setting.desk.register.close()
    assert Register(path).case(case.id) == case
    with pytest.raises(UserError, match="cannot be opened"):
        Register(tmp_path / "no such folder" / "register.sqlite")
    other = tmp_path / "other.sqlite"
    other.write_bytes(b"no database at all, but long enough to be looked at" * 30)
    with pytest.raises(UserError, match="cannot be opened"):
        Register(other)
