"""Claims about the result: the worst per area, no overall figure, and what follows from gaps."""

from __future__ import annotations

from datetime import date, datetime
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.finding import LEVEL_ORDER, Level, Outcome
from secure_ai.govern.records import to_html, to_markdown
from secure_ai.govern.vendors import (
    Answer,
    Engagement,
    VendorAssessment,
    areas_summary,
    assess_vendor,
    assessment_record,
    changes,
    clauses_record,
    compare_vendors,
    comparison_record,
    contract_clauses,
    example_day,
    example_engagement,
    example_vendors,
    load_questionnaire,
    plot_areas,
    plot_comparison,
)
from tests.govern.vendors.conftest import QUESTION, assess, evidence


def level_of(found, name):
    return next(area.level for area in found.areas if area.area == name)


def test_the_vendor_that_is_good_on_paper_shows_nothing(assessed):
    paper = assessed[1]
    assert all(one.status == "not_shown" for one in paper.results)
    assert paper.decision == "not_before_conditions"
    assert {area.coverage.value for area in paper.areas} == {0.0}
    codes = {flag.code for flag in paper.flags}
    assert {"no_evidence", "statement", "one_passage", "issuer", "wrong_type"} <= codes


def test_the_mixed_vendor_is_caught_at_each_of_its_tricks(assessed):
    codes = {flag.code for flag in assessed[2].flags}
    assert {"expired", "too_old", "hash", "future", "contradiction", "unanswered"} <= codes


def test_the_solid_vendor_may_be_signed_with_clauses_and_its_honest_gaps_stay_visible(assessed):
    solid = assessed[0]
    assert solid.decision == "with_conditions" and not any(one.level is Level.CRITICAL for one in solid.gaps)
    assert {"subprocessors.change_notice", "people.access_count"} <= {one.question for one in solid.gaps}
    assert not solid.flags


def test_one_critical_gap_cannot_be_made_up_for(assessed):
    for found in assessed:
        for area in found.areas:
            open_levels = [one.level for one in found.gaps if one.area == area.area]
            assert area.level == max(open_levels, key=LEVEL_ORDER.index, default=Level.LOW)


def test_findings_carry_counts_and_unseen_documents_are_unassessed(assessed, sector):
    found = assessed[2]
    for area, finding in zip(found.areas, found.findings, strict=True):
        assert finding.measurement.value == area.asked - area.shown and finding.level is area.level
        exceeds = finding.outcome is Outcome.EXCEEDS_THRESHOLD
        assert exceeds == (area.shown < area.asked)
    form = example_vendors(sector)[2]
    unseen = assess_vendor(form, load_questionnaire(sector), example_day())
    assert unseen.findings[-1].outcome is Outcome.UNASSESSED


def test_nobody_having_opened_the_documents_is_a_condition(sector):
    form = example_vendors(sector)[0]
    asked = load_questionnaire(sector)
    found = assess_vendor(form, asked, example_day(), engagement=example_engagement(sector))
    assert found.conditions[0][1].startswith("Obtain the documents")
    assert found.decision != "as_it_stands"


def test_gaps_become_clauses_and_law_asks_for_some_whatever_was_answered(assessed, sector):
    by_law = {clause.id for clause in contract_clauses((), sector)}
    assert "incident_notice" in by_law and "subprocessors" in by_law
    for found in assessed:
        assert by_law <= {clause.id for clause in found.clauses}
        for gap in found.gaps:
            assert any(gap.question in clause.because for clause in found.clauses)


def test_the_day_of_reassessment_is_that_of_the_tier_or_of_an_expiry(sector):
    form, asked = example_vendors(sector)[0], load_questionnaire(sector)
    service = example_engagement(sector).service
    for data, essential, due in (
        ("identified", True, date(2027, 11, 2)),
        ("deidentified", False, date(2028, 11, 2)),
        ("none", False, date(2029, 11, 2)),
    ):
        engagement = Engagement(service=service, data=data, essential=essential)
        assert assess_vendor(form, asked, example_day(), engagement=engagement).reassess_on == due
    found = assess_vendor(form, asked, example_day(), engagement=example_engagement(sector))
    assert found.lapses == (date(2027, 1, 15), "incidents.breaches")


def test_time_alone_makes_a_good_vendor_not_shown(sector):
    form, asked = example_vendors(sector)[0], load_questionnaire(sector)
    later = assess_vendor(form, asked, date(2028, 1, 1), engagement=example_engagement(sector))
    assert all(area.shown == 0 for area in later.areas)


def test_a_form_about_another_service_is_refused(sector):
    form, asked = example_vendors(sector)[0], load_questionnaire(sector)
    with pytest.raises(UserError, match="about another service"):
        assess_vendor(form, asked, example_day(), engagement=Engagement(service="Payroll"))


def test_wrong_inputs_are_refused_in_a_sentence(sector, assessed, tmp_path):
    form, asked = example_vendors(sector)[0], load_questionnaire(sector)
    for options, message in (
        ({"evidence_folder": tmp_path / "none"}, "does not exist"),
        ({"passages": {"no.such": True}}, "no question"),
        ({"previous": assessed[1]}, "another vendor"),
    ):
        with pytest.raises(UserError, match=message):
            assess_vendor(form, asked, example_day(), **options)


def test_vendors_stand_side_by_side_without_an_overall_figure(assessed):
    frame = compare_vendors(assessed)
    assert list(frame.columns) == [found.vendor for found in assessed]
    assert not any("score" in str(name).lower() or "total" in str(name).lower() for name in frame.index)
    for found in assessed:
        area = found.areas[0]
        said = frame.loc[area.title, found.vendor]
        assert said == f"{area.level.value}: {area.shown} of {area.asked} shown"


def test_vendors_that_were_asked_different_things_are_not_compared(assessed, sector):
    other = assess_vendor(
        example_vendors(sector)[1],
        load_questionnaire(sector),
        example_day(),
        engagement=Engagement(service=example_engagement(sector).service, ai=False),
    )
    for pair, message in (
        ([], "nothing to compare"),
        ([assessed[0], assessed[0]], "there twice"),
        ([assessed[0], other], "different questions"),
    ):
        with pytest.raises(UserError, match=message):
            compare_vendors(pair)


def test_changes_name_what_got_worse_first(sector, assessed):
    form, asked = example_vendors(sector)[0], load_questionnaire(sector)
    now = assess_vendor(
        form, asked, date(2027, 9, 1), engagement=example_engagement(sector), previous=assessed[0]
    )
    found = changes(assessed[0], now)
    assert found[0].what == "worse" and "older than" in found[0].sentence
    assert any(change.what == "document" for change in found)
    assert changes(now, now) == ()
    with pytest.raises(UserError, match="younger"):
        changes(now, assessed[0])
    with pytest.raises(UserError, match="different vendors"):
        changes(assessed[1], now)


def test_a_saved_assessment_is_read_back_and_anything_else_refused(assessed, tmp_path):
    for found in assessed:
        assert VendorAssessment.load(found.save(tmp_path / "a.json")) == found
    for text in ("", "{}", "[1]", '{"vendor": "x"}'):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(UserError, match="is no assessment"):
            VendorAssessment.load(tmp_path / "b.json")
    with pytest.raises(UserError, match="cannot be read"):
        VendorAssessment.load(tmp_path / "none.json")


def test_documents_say_everything_and_leave_the_decision_open(assessed):
    record = assessment_record(assessed[2])
    page, text = to_html(record), to_markdown(record)
    assert record.open_points() == ("who decides, and when",)
    for gap in assessed[2].gaps:
        assert gap.question in page
    assert "expired on 2026-08-31" in page and "not legal advice" in text
    assert to_html(assessment_record(assessed[2])) == page
    assert "side by side" in to_html(comparison_record(assessed))
    clauses = unescape(to_html(clauses_record(assessed[0].clauses)))
    assert all(clause.title in clauses for clause in assessed[0].clauses)


def test_a_vendors_name_cannot_bring_markup_into_a_page(sector):
    form = example_vendors(sector)[0].model_copy(update={"vendor": "<script>alert(1)</script>"})
    found = assess_vendor(form, load_questionnaire(sector), example_day())
    assert "<script>alert" not in to_html(assessment_record(found))
    assert all(finding.id.startswith("vendor.script-alert") for finding in found.findings)


def test_pictures_say_the_same_as_their_words(assessed):
    figure = plot_areas(assessed[2])
    bars = figure.axes[0].patches
    assert len(bars) == 4 * len(assessed[2].areas)
    assert sum(bar.get_width() for bar in bars) == len(assessed[2].results)
    for area in assessed[2].areas:
        assert f"{area.title}: {area.level.value}; {area.shown} of {area.asked}" in areas_summary(assessed[2])
    words = [text.get_text() for text in plot_comparison(assessed).axes[0].texts]
    assert len(words) == 3 * len(assessed[0].areas)


@settings(max_examples=40, deadline=None)
@given(
    left_out=st.sets(st.integers(0, 40)),
    stripped=st.sets(st.integers(0, 40)),
    which=st.sampled_from([0, 2]),
)
def test_leaving_answers_or_documents_out_never_makes_a_vendor_look_better(left_out, stripped, which):
    form, asked = example_vendors("healthcare")[which], load_questionnaire("healthcare")
    engagement = example_engagement("healthcare")
    full = assess_vendor(form, asked, example_day(), engagement=engagement)
    fewer = tuple(
        one.model_copy(update={"evidence": ()}) if place in stripped else one
        for place, one in enumerate(form.answers)
        if place not in left_out
    )
    if not fewer:
        return
    less = assess_vendor(
        form.model_copy(update={"answers": fewer}), asked, example_day(), engagement=engagement
    )
    for before, after in zip(full.areas, less.areas, strict=True):
        assert LEVEL_ORDER.index(after.level) >= LEVEL_ORDER.index(before.level)
        assert after.shown <= before.shown and after.coverage.value <= before.coverage.value


def test_a_document_that_carries_many_answers_has_to_be_read_in_full(sector):
    form, asked = example_vendors(sector)[0], load_questionnaire(sector)
    engagement = example_engagement(sector)
    found = assess_vendor(form, asked, example_day(), engagement=engagement)
    heavy = [text for _, text in found.conditions if text.startswith("Have a person read all of")]
    assert heavy and all("answers rest on it" in text for text in heavy)
    everything = {question.id: True for question in asked.questions}
    read = assess_vendor(form, asked, example_day(), engagement=engagement, passages=everything)
    assert not [text for _, text in read.conditions if "Have a person" in text]


def test_nothing_is_signed_on_documents_that_nobody_opened(sector):
    for form in example_vendors(sector):
        found = assess_vendor(form, load_questionnaire(sector), example_day())
        assert found.decision == "not_before_conditions"


@pytest.mark.parametrize("today", [None, "2026-11-02", datetime(2026, 11, 2)])
def test_a_day_that_is_no_date_is_refused_and_recorded(today):
    trail = AuditLog()
    with pytest.raises(UserError, match="date"):
        assess(Answer(question=QUESTION, answer="yes", evidence=(evidence(),)), today=today, audit=trail)
    assert [(one.action, one.outcome) for one in trail.events] == [("assess vendor", "denied")]


@pytest.mark.parametrize("folder", [5, True, b"x"])
def test_a_folder_that_is_no_path_is_refused(folder):
    with pytest.raises(UserError, match="folder of evidence"):
        assess(Answer(question=QUESTION, answer="yes"), folder=folder)


def test_the_trail_says_who_assessed_and_whose_form_was_refused():
    trail = AuditLog()
    assess(Answer(question=QUESTION, answer="yes"), audit=trail, actor="ann")
    assert {event.actor for event in trail.events} == {"ann"}
    with pytest.raises(UserError, match="empty"):
        assess(audit=trail, actor="ben")
    last = trail.events[-1]
    assert (last.actor, last.target, last.outcome) == ("ben", "vendor:thornfield-clinical-ai", "denied")
