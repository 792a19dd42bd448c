"""Two who work in one estate at the same time: one waits for the other, and nobody is half erased."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.estate import Estate, Removal
from tests.govern.estate.conftest import DAY, busiest

Build = Callable[..., Estate]


def _at_once(work: Callable[[int], object], count: int) -> list[object]:
    """Run work in threads that start together; return results or exceptions."""
    start, found = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        start.wait()
        try:
            found[number] = work(number)
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_erasures_of_three_people_at_once_leave_no_trace_of_any(build: Build, sector: str) -> None:
    estate = build(sector, backup=False)
    people = [estate.subject(key) for key in estate.people.keys()[:3]]

    def erase(number: int) -> object:
        person = estate.subject(people[number].key)
        return estate.erase(person, today=DAY, reference=f"R-{number}", search=False)

    receipts = _at_once(erase, 3)
    assert [getattr(one, "complete", one) for one in receipts] == [True] * 3
    assert list(estate.resume()) == []
    for person in people:
        assert not estate.people.knows(person.key)
        assert {held.store for held in estate.holdings(person)} <= {"access log"}
    assert not estate.search(people[0])


def test_the_same_person_twice_at_once_is_erased_once(build: Build) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    receipts = _at_once(lambda n: estate.erase(person, today=DAY, reference=f"R-{n % 2}", search=False), 2)
    assert [getattr(one, "complete", one) for one in receipts] == [True, True]
    assert sorted(one.records > 0 for one in receipts) == [False, True]


def test_who_reads_waits_until_the_file_is_whole_again(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = build(backup=False)
    person, other = busiest(estate), estate.subject(estate.people.keys()[0])
    before = estate.holdings(other)
    table, inside, go_on = estate.store("encounters"), threading.Event(), threading.Event()
    work = table.remove

    def slow(subjects: list) -> Removal:
        inside.set()
        go_on.wait(30)
        return work(subjects)

    monkeypatch.setattr(table, "remove", slow)
    found: list[object] = []
    eraser = threading.Thread(target=lambda: estate.erase(person, today=DAY, reference="R-1", search=False))
    reader = threading.Thread(target=lambda: found.append(estate.holdings(other)))
    eraser.start()
    assert inside.wait(30)
    reader.start()
    reader.join(0.3)
    assert found == [], "the reader looked into an estate that is being written"
    go_on.set()
    eraser.join(60)
    reader.join(60)
    assert found == [before]


def test_another_process_that_works_is_waited_for_and_then_told(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    program = (
        "import sys, filelock\n"
        "with filelock.FileLock(sys.argv[1]):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(estate.lock_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout.readline() == "held\n"
        monkeypatch.setattr("secure_ai.govern.estate.locking.LOCK_SECONDS", 0.2)
        with pytest.raises(UserError, match="at work in this estate"):
            estate.erase(person, today=DAY, reference="R-1")
    finally:
        other.communicate("")
    assert estate.erase(person, today=DAY, reference="R-1", search=False).complete


def test_what_came_back_after_it_was_noted_as_done_is_erased_again(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    extract = estate.store("extract of readmissions")
    content = extract.path.read_bytes()
    assert extract.holding(person).records
    finish, calls = extract.erase, []

    def erase(subjects: list) -> Removal:
        done = finish(subjects)
        if not calls:
            # A program that knows no lock wrote the file as it had read it before.
            extract.path.write_bytes(content)
        calls.append(done)
        return done

    monkeypatch.setattr(extract, "erase", erase)
    receipt = estate.erase(person, today=DAY, reference="R-1")
    assert len(calls) == 2
    assert receipt.complete
    assert receipt.traces.found == ()


def test_nobody_is_unlinked_while_a_store_still_holds_something_and_resuming_does_it_again(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = build(backup=False)
    person = busiest(estate)
    rows = estate.store("extract of readmissions")
    with monkeypatch.context() as patch:
        patch.setattr(rows, "erase", lambda subjects: Removal(rows.name, "nothing", 0))
        with pytest.raises(UserError, match="still holds records"):
            estate.erase(person, today=DAY, reference="R-1")
    assert estate.people.pseudonym_of(person.key) == person.pseudonym
    (receipt,) = estate.resume(search=True)
    assert receipt.complete
    assert estate.people.pseudonym_of(person.key) == ""


def test_one_erasure_that_cannot_go_on_does_not_keep_the_others_waiting(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = build(backup=False)
    first, second = (estate.subject(key) for key in estate.people.keys()[:2])
    rows = estate.store("statistics")

    def fail(subjects: list) -> Removal:
        raise UserError("The statistics cannot be written.")

    with monkeypatch.context() as patch:
        patch.setattr(rows, "erase", fail)
        for number, person in enumerate((first, second)):
            with pytest.raises(UserError):
                estate.erase(person, today=DAY, reference=f"R-{number}")
    work = rows.erase
    monkeypatch.setattr(
        rows, "erase", lambda subjects: fail(subjects) if subjects[0].key == first.key else work(subjects)
    )
    with pytest.raises(UserError, match="cannot be written"):
        list(estate.resume())
    left = [entry.subject.key for entry in estate.journal.entries()]
    assert left == [first.key]


def test_a_reference_belongs_to_one_person(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = build(backup=False)
    first, second = (estate.subject(key) for key in estate.people.keys()[:2])
    with monkeypatch.context() as patch:
        patch.setattr(estate, "_carry_out", lambda *args, **options: None)
        estate.erase(first, today=DAY, reference="R-1")
    with pytest.raises(UserError, match="another person"):
        estate.erase(second, today=DAY, reference="R-1")
    assert estate.people.knows(second.key)


def test_a_key_that_was_cut_off_before_its_journal_was_written_stops_nobody(
    build: Build, tmp_path: Path
) -> None:
    estate = build(backup=False)
    _, key_path = estate.journal._paths("R-1")
    key_path.parent.mkdir(parents=True, exist_ok=True)
    key_path.write_bytes(b"")
    assert estate.erase(busiest(estate), today=DAY, reference="R-1", search=False).complete
