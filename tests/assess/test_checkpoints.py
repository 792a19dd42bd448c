"""A finished section is read again as long as nothing it rests on has changed; whatever is damaged is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from secure_ai.assess.notebook import Run
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.registry import Part
from secure_ai.assess.run import checkpoints
from secure_ai.assess.section import Section
from secure_ai.core import UserError


class Counted:
    """Stands in for the sections and counts how often each was run."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def __call__(self, part: Part, inputs, progress) -> Section:
        self.runs.append(part.id)
        return Section(
            id=part.id, title=part.title, summary="done", facts={"f": 1.0, "n": 1, "b": True, "x": 0.1 + 0.2}
        )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted()

    def run(part: Part, inputs, progress) -> Section:
        return found(part, inputs, progress)

    monkeypatch.setattr(Part, "run", run)
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("age,sex\n1,f\n2,m\n")
    return path


def run_of(table: Path, **options) -> Run:
    work = str(table.parent / "work")
    values = {"data": str(table), "sector": "finance", "work": work, **options}
    return Run(AssessmentParameters.read(values))


def test_a_finished_section_is_read_again_and_is_the_same(table: Path, counted: Counted) -> None:
    first = run_of(table)("data.exposure")
    again = run_of(table)("data.exposure")
    assert counted.runs == ["data.exposure"]
    assert again == first and again.model_dump_json() == first.model_dump_json()
    assert [type(value) for value in again.facts.values()] == [float, int, bool, float]


def test_another_parameter_another_content_another_kit_run_again(
    table: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(table)("data.exposure")
    run_of(table, seed=8)("data.exposure")
    run_of(table)("data.exposure")
    assert len(counted.runs) == 3  # one file per section: the second took the place of the first
    table.write_text("age,sex\n1,f\n2,f\n")
    run_of(table)("data.exposure")
    assert len(counted.runs) == 4
    monkeypatch.setattr(checkpoints, "__version__", "0.0.0")
    run_of(table)("data.exposure")
    assert len(counted.runs) == 5


def test_out_and_work_do_not_matter(table: Path) -> None:
    plain = AssessmentParameters.read({"data": str(table), "sector": "finance"})
    placed = plain.model_copy(update={"out": "a", "work": "b"})
    assert checkpoints.run_digest(plain) == checkpoints.run_digest(placed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("done", "gone"),
        lambda text: "[]",
        lambda text: '{"key": 1}',
        lambda text: "[" * 100_000,
        lambda text: "\x00\xff",
    ],
    ids=["empty", "half", "changed", "a list", "without a section", "nested", "binary"],
)
def test_a_damaged_checkpoint_is_run_again(
    table: Path, counted: Counted, damage: Callable[[str], str]
) -> None:
    run_of(table)("data.exposure")
    (file,) = (table.parent / "work" / "sections").iterdir()
    file.write_text(damage(file.read_text()))
    assert run_of(table)("data.exposure").summary == "done"
    assert len(counted.runs) == 2
    run_of(table)("data.exposure")
    assert len(counted.runs) == 2  # and it was kept anew


def test_what_an_endpoint_answered_is_read_again_by_the_same_run_only(table: Path, counted: Counted) -> None:
    options = {"data": None, "assistant": "http://127.0.0.1:9/v1"}
    run_of(table, **options)("assistant.redteam")
    going_on = run_of(table, **options)
    going_on("assistant.redteam")
    assert len(counted.runs) == 1
    going_on.work.close()  # as after the report was written
    run_of(table, **options)("assistant.redteam")
    assert len(counted.runs) == 2


def test_a_section_with_an_error_of_the_kit_is_left_open_and_not_kept(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(self, inputs, progress):
        print("value of Jane Doe")
        raise ValueError("Jane Doe")

    monkeypatch.setattr(Part, "run", failing)
    section = run_of(table)("data.reidentification")
    assert section.summary.startswith("not assessed") and "ValueError" in section.summary
    assert "Jane" not in section.model_dump_json() + capsys.readouterr().out
    assert len(section.findings) == 3
    assert not (table.parent / "work" / "sections").exists()
    with pytest.raises(ValueError, match="Jane"):
        run_of(table)("data.reidentification", raising=True)


def test_a_wrong_input_of_a_section_is_a_sentence_and_not_an_open_section(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(self, inputs, progress):
        raise UserError("The table is broken: export it again.")

    monkeypatch.setattr(Part, "run", refusing)
    with pytest.raises(UserError, match="broken"):
        run_of(table)("data.exposure")


@pytest.mark.parametrize("kind", ["file", "pattern", "folder"])
def test_a_fingerprint_sees_content_and_names(tmp_path: Path, kind: str) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(name)
    place = {"file": tmp_path / "a.csv", "pattern": tmp_path / "*.csv", "folder": tmp_path}[kind]
    before = checkpoints.fingerprint(str(place))
    assert before == checkpoints.fingerprint(str(place))
    (tmp_path / "a.csv").write_text("other")
    changed = checkpoints.fingerprint(str(place))
    assert changed not in {before, None}
    (tmp_path / "a.csv").write_text("b.csv")
    (tmp_path / "b.csv").write_text("other")  # the contents are swapped
    assert checkpoints.fingerprint(str(place)) not in {before, changed, None}


@pytest.mark.parametrize(
    "place", ["https://host/score", "postgresql://u:p@h/db", "hardened", "none.csv", "a\0b"]
)
def test_what_has_no_content_has_no_fingerprint(place: str) -> None:
    assert checkpoints.fingerprint(place) is None
