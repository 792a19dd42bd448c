"""Claims about the vendor scorecard: the widget says what the text says, and both follow the day."""

from __future__ import annotations

import re

import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.vendors import Engagement, example_vendors, write_example_evidence
from secure_ai.learn.vendor_scorecard import ALL_AREAS, VendorScorecard


@pytest.fixture(params=["healthcare", "finance"])
def scorecard(request):
    return VendorScorecard(request.param)


def test_by_its_word_the_paper_vendor_is_the_best_and_by_documents_the_worst(scorecard):
    solid, paper, _ = (scorecard.table(scorecard.assess(name)).rows for name in scorecard.forms)
    said, shown = (
        [sum(int(row[column].split()[0]) for row in rows) for rows in (solid, paper)] for column in (1, 2)
    )
    assert said[1] > said[0] and shown[1] == 0 < shown[0]


def test_documents_grow_old_as_the_months_pass(scorecard):
    name = next(iter(scorecard.forms))
    now, later = (scorecard.assess(name, months_later=months) for months in (0, 13))
    assert now.decision != "not_before_conditions" and later.decision == "not_before_conditions"


def test_every_choice_gives_a_text(scorecard):
    for name in scorecard.forms:
        for area in (ALL_AREAS, *scorecard.questionnaire.areas):
            assert name in scorecard.look(name, area=area).text()
    assert "Nothing is added up" in scorecard.compare().text()


def test_the_widget_shows_what_the_text_says_and_follows_each_control(scorecard):
    vendor, months, data, essential, ai, area, result = scorecard.widget().children
    first, second, _ = scorecard.forms

    def expected(name, **chosen):
        note = scorecard.look(name, **chosen)
        return [table.html() for table in note.before]

    assert all(part in result.value for part in expected(first))
    assert 'role="status"' in result.value and re.search(r'<img alt="[^"]{50,}', result.value)
    vendor.value, area.value = second, "ai"
    assert all(part in result.value for part in expected(second, area="ai"))
    months.value = 13
    assert all(part in result.value for part in expected(second, area="ai", months_later=13))
    ai.value, essential.value, data.value = False, False, "none"
    changed = {"ai": False, "essential": False, "data": "none"}
    assert all(part in result.value for part in expected(second, area="ai", months_later=13, **changed))
    for control in (vendor, months, data, essential, ai, area):
        assert control.description  # a label that a screen reader says


def test_own_vendors_and_documents_are_taken_with_the_strictest_engagement(tmp_path):
    forms = example_vendors("healthcare")
    folders = write_example_evidence("healthcare", tmp_path / "evidence")
    card = VendorScorecard("healthcare", forms, folders=folders)
    assert card.engagement == Engagement() and card.assess().documents_seen
    assert not VendorScorecard("healthcare", forms).assess().documents_seen
    assert VendorScorecard("healthcare").assess().documents_seen


def test_a_vendors_name_brings_no_markup_into_the_page():
    form = example_vendors("healthcare")[0].model_copy(update={"vendor": '"><script>x</script>'})
    card = VendorScorecard("healthcare", [form])
    assert "<script>" not in card.widget().children[-1].value and "<script>" not in card.look().html()


def test_what_does_not_exist_is_refused_in_a_sentence(scorecard):
    for call, message in (
        (lambda: VendorScorecard("school"), "no sector 'school'"),
        (lambda: VendorScorecard("healthcare", []), "at least one vendor"),
        (lambda: VendorScorecard("healthcare", example_vendors("finance")), "is for another sector"),
        (lambda: VendorScorecard("finance", [example_vendors("finance")[0]] * 2), "each name once"),
        (lambda: scorecard.assess("Nobody"), "no vendor 'Nobody'"),
        (lambda: scorecard.look(area="weather"), "no area 'weather'"),
        (lambda: scorecard.assess(months_later=99), "0 to 24"),
        (lambda: scorecard.assess(color="red"), "no fact 'color'"),
        (lambda: scorecard.assess(data="everything"), "An engagement has"),
    ):
        with pytest.raises(UserError, match=message):
            call()


def test_without_widgets_only_the_text_is_shown(scorecard, monkeypatch):
    shown = []
    monkeypatch.setenv("SECURE_AI_WIDGETS", "off")
    monkeypatch.setattr("IPython.display.display", shown.append)
    scorecard.show()
    assert len(shown) == 1 and shown[0].text() == scorecard.compare().text()
