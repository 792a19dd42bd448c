"""A person's folder goes whole: whatever its files are called, however deep they lie, and its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_ai.govern.estate import Estate, Subject, TextFolder
from secure_ai.govern.estate.search import search_files
from tests.govern.estate.conftest import DAY

Build = Callable[..., Estate]
SECTORS = ("healthcare", "finance")


def _writer(estate: Estate) -> tuple[Subject, Path]:
    """Return somebody with messages, and their folder."""
    messages = next(one for one in estate.stores if one.data_class == "message" and hasattr(one, "folder"))
    folder = next(path for path in sorted(messages.folder.iterdir()) if any(path.iterdir()))
    return estate.subject(folder.name), folder


@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("place", ["scan.pdf", "letter.bak", "old/G1.txt", "old/older/note", ".hidden.txt"])
def test_every_file_in_the_folder_goes_with_the_folder(build: Build, sector: str, place: str) -> None:
    estate = build(sector, backup=False)
    person, folder = _writer(estate)
    store = next(one for one in estate.stores if folder.parent == getattr(one, "folder", None))
    count = store.holding(person).records
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(b"%PDF \xff nothing that names anybody")
    (folder / "empty").mkdir()
    assert store.holding(person).records == count + 1
    assert len(store.export(person)) == count + 1
    receipt = estate.erase(person, today=DAY, reference="R-1", search=False)
    assert receipt.complete
    assert not folder.exists()
    assert not [path for path in estate.folder.rglob("*") if person.key in str(path)]


def test_a_link_in_the_folder_goes_and_what_it_points_to_is_told(build: Build, tmp_path: Path) -> None:
    estate = build(backup=False)
    person, folder = _writer(estate)
    outside = tmp_path / "outside.txt"
    outside.write_text(f"Letter to {person.identifiers['name'][0]}.", encoding="utf-8")
    (folder / "link.txt").symlink_to(outside)
    assert any(one.file == "outside.txt" for one in estate.search(person).found)
    receipt = estate.erase(person, today=DAY, reference="R-1", search=False)
    assert not folder.exists()
    assert outside.exists()
    assert "1 link" in next(one.note for one in receipt.removals if one.store == "messages")


def test_a_folder_named_by_the_person_is_a_trace_and_the_trace_names_nobody(
    build: Build, tmp_path: Path
) -> None:
    estate = build(backup=False)
    person = _writer(estate)[0]
    name = person.identifiers["name"][0]
    place = tmp_path / "exports" / name / "2025" / "a.csv"
    place.parent.mkdir(parents=True)
    place.write_text("x", encoding="utf-8")
    found = search_files([place], person, root=tmp_path)
    assert {(one.file, one.where, one.kind) for one in found.found} == {
        ("exports/[ERASED]/2025/a.csv", "file name", "name")
    }
    assert name not in json.dumps(found.to_dict())


def test_a_folder_of_the_person_within_a_folder_of_a_year_goes_alone(tmp_path: Path) -> None:
    (tmp_path / "2025" / "P-1" / "old").mkdir(parents=True)
    (tmp_path / "2025" / "P-2").mkdir()
    for name in ("P-1/a.txt", "P-1/old/b.doc", "P-2/c.txt"):
        (tmp_path / "2025" / name).write_text("x", encoding="utf-8")
    assert TextFolder(tmp_path).erase([Subject("P-1", "")]).records == 2
    assert [path.name for path in (tmp_path / "2025").iterdir()] == ["P-2"]
