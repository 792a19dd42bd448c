"""Agendas: those of the kit add up and name what exists; a path is fitted into any number of minutes."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.learn.map import ASSESSMENT, CHAPTERS, ROLES
from secure_ai.project import project_root
from secure_ai.workshop.agenda import SECTORS, agenda_names, for_path, read_agenda
from secure_ai.workshop.hub.room import Step

ROOT = project_root()
HEAD = "title: x\nfor_whom: y\npath: full\n"
OTHER = {"healthcare": "19_capstone_bank", "finance": "18_capstone_hospital"}
PART = "{title: t, minutes: 5}"


def of_part(given):
    """An agenda of one part, with ``given`` in it."""
    minutes = "" if given.startswith("minutes") else "minutes: 5, "
    return HEAD + f"days: [{{title: d, minutes: 5, parts: [{{title: t, {minutes}{given}}}]}}]"


def written(tmp_path, text):
    file = tmp_path / "own.yaml"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return file


def test_the_four_agendas_are_there():
    assert set(agenda_names()) == {"executives", "half_day", "one_day", "three_days"}


@pytest.mark.parametrize("name", agenda_names())
@pytest.mark.parametrize("sector", SECTORS)
def test_an_agenda_sums_to_its_minutes_and_names_what_exists(name, sector):
    agenda = read_agenda(name)
    for number, day in enumerate(agenda.days, start=1):
        steps = agenda.steps(sector, number)
        assert all(isinstance(step, Step) for step in steps)
        assert sum(step.minutes for step in steps) == day.minutes
        for step in steps:
            assert not step.lab or (ROOT / "labs" / f"{step.lab}.ipynb").is_file()
        for part in day.parts:
            lesson = part.lesson[sector] if isinstance(part.lesson, dict) else part.lesson
            assert not lesson or (ROOT / "notebooks" / f"{lesson}.ipynb").is_file()


@pytest.mark.parametrize("name", agenda_names())
def test_nobody_works_longer_than_two_hours_without_a_break(name):
    for day in read_agenda(name).days:
        without = 0
        for part in day.parts:
            without = 0 if part.rest else without + part.minutes
            assert without <= 150, day.title


def test_no_lab_is_longer_than_the_map_says_and_none_comes_before_its_lesson():
    for name in agenda_names():
        taught = set()
        for day in read_agenda(name).days:
            for part in day.parts:
                for sector in SECTORS:
                    lesson, lab = (
                        given[sector] if isinstance(given, dict) else given
                        for given in (part.lesson, part.lab)
                    )
                    taught.add((sector, lesson))
                    if lab:
                        assert (sector, lab) in taught, (name, lab)
                        assert part.minutes <= CHAPTERS[lab[:2]].lab_minutes


def test_the_sectors_differ_in_the_capstone_alone():
    agenda = read_agenda("three_days")
    healthcare, finance = (agenda.steps(sector, 3) for sector in SECTORS)
    differing = [(one.lab, other.lab) for one, other in zip(healthcare, finance, strict=True) if one != other]
    assert differing == [("18_capstone_hospital", "19_capstone_bank")]


def test_half_a_day_fits_half_a_day_and_the_executives_have_an_hour_without_a_lab():
    assert read_agenda("half_day").minutes == 240
    assert read_agenda("executives").minutes == 60
    assert not any(step.lab for step in read_agenda("executives").steps())
    assert len(read_agenda("three_days").days) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at the top"),
        ("- just\n- a list\n", "at the top"),
        ("title: [1\n", "not valid YAML"),
        (HEAD.replace("full", "nobody") + f"days: [{{title: d, minutes: 5, parts: [{PART}]}}]", "no path"),
        (HEAD + "days: []", "days"),
        (HEAD + f"days: [{{title: d, minutes: 9, parts: [{PART}]}}]", "sum to 5"),
        (of_part("lab: 99_x"), "no lab"),
        (of_part("lab: assessments/risk_assessment"), "no lab"),
        (of_part("minutes: -5"), "minutes"),
        (of_part("minutes: five"), "minutes"),
        (of_part("minutes: true"), "minutes"),
        (of_part("lesson: 07_encryption, lab: 07_encryption"), "make two"),
        (of_part("coffee: 1"), "coffee"),
        (of_part("lab: {healthcare: 18_capstone_hospital}"), "both"),
        (of_part("rest: true, lab: 07_encryption"), "a break"),
        ("[" * 3000, "not valid YAML"),
        ("title: 2026-99-99\n", ""),
    ],
)
def test_a_wrong_agenda_is_told_in_one_sentence(tmp_path, text, said):
    with pytest.raises(UserError) as told:
        read_agenda(written(tmp_path, text))
    message = str(told.value)
    assert said in message
    assert str(tmp_path) not in message and "\n" not in message


def test_an_agenda_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_agenda(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="choose from executives"):
        read_agenda("two_days")
    with pytest.raises(UserError, match="cannot be read"):
        read_agenda((tmp_path / "folder.yaml").mkdir() or tmp_path / "folder.yaml")
    noise = tmp_path / "noise.yaml"
    noise.write_bytes(bytes(range(128, 256)))
    with pytest.raises(UserError, match="cannot be read"):
        read_agenda(noise)
    with pytest.raises(UserError, match="days 1 to 1"):
        read_agenda("half_day").steps("finance", 2)
    with pytest.raises(UserError, match="no such sector"):
        read_agenda("half_day").steps("church")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(ROLES)), st.integers(45, 960), st.sampled_from(SECTORS))
def test_a_fitted_path_sums_to_the_minutes_and_drops_nothing_in_silence(path, minutes, sector):
    fitted = for_path(path, minutes, sector=sector)
    assert sum(step.minutes for step in fitted.steps) == minutes
    assert all(step.minutes > 0 for step in fitted.steps)
    titles = [step.title for step in fitted.steps]
    assert titles[-1] not in ("Break", "Lunch") and titles[0] not in ("Break", "Lunch")
    for number in ROLES[path].chapters:
        chapter = CHAPTERS[number]
        if (
            path != "full"
            and chapter.key == {"healthcare": "19_capstone_bank", "finance": "18_capstone_hospital"}[sector]
        ):
            assert not any(title.startswith(chapter.title) for title in titles)
            continue
        there = any(title.startswith(chapter.title) for title in titles)
        assert there != (chapter.title in fitted.dropped)
        if not there:
            assert chapter.title in fitted.sentence
    labs = {step.lab for step in fitted.steps if step.lab}
    assert labs <= {chapter.key for chapter in CHAPTERS.values()} and ASSESSMENT not in labs
    assert ROLES[path].labs or not labs


def test_more_minutes_never_lose_a_chapter():
    for path in ROLES:
        taken = [len(for_path(path, minutes).dropped) for minutes in (45, 80)]
        assert taken == sorted(taken, reverse=True)


def test_an_hour_of_the_executives_is_their_path_as_it_is():
    fitted = for_path("executive", 60)
    assert [(step.minutes, step.lab) for step in fitted.steps] == [(10, ""), (25, ""), (25, "")]
    assert fitted.sentence.endswith("Nothing is dropped.")


def test_three_hours_of_security_say_what_is_dropped():
    fitted = for_path("security", 180)
    assert "Dropped: " in fitted.sentence and "People and incidents" in fitted.dropped
    assert "Data inventory" in fitted.shortened


def test_minutes_that_no_chapter_fills_are_open_time_and_are_told():
    fitted = for_path("executive", 180)
    assert [(step.minutes, step.title) for step in fitted.steps][-3:] == [
        (10, "Break"),
        (90, "Open time: questions"),
        (10, "Closing: what each of us does on Monday"),
    ]
    assert "1 h 30 min are left as open time: fewer minutes are enough" in fitted.sentence
    day = for_path("instructor", 480).steps
    assert max(step.minutes for step in day) <= 90 and [step.title for step in day].count("Lunch") == 1
    assert "open time" not in for_path("security", 240).sentence


@pytest.mark.parametrize("minutes", [0, -5, 961, 10**9, "180", 3.5, True, None])
def test_minutes_that_are_none_are_refused(minutes):
    with pytest.raises(UserError):
        for_path("security", minutes)


def test_too_few_minutes_and_unknown_names_are_told():
    with pytest.raises(UserError, match="15 or more"):
        for_path("security", 14)
    with pytest.raises(UserError, match="no such role"):
        for_path("nobody", 60)
    with pytest.raises(UserError, match="no such sector"):
        for_path("security", 60, sector="church")
