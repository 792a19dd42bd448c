"""Malformed parameters end in a sentence before any work, from Python, YAML or the command line."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from secure_ai import cli
from secure_ai.assess.parameters import AssessmentParameters, read_parameters
from secure_ai.assess.run.check import check_inputs
from secure_ai.core import UserError
from tests.assess.malformed.case import CANARY, Case, good
from tests.assess.malformed.running import bounded, check_sentence
from tests.assess.malformed_parameters import SEED, parameter_cases

MUST_REACH = 60
CASES = parameter_cases()
# All of them through YAML and the command line would take a minute; which go there is drawn.
THROUGH_YAML = {one.id for one in random.Random(SEED).sample(CASES, len(CASES) // 3)}
THROUGH_THE_COMMAND_LINE = random.Random(SEED).sample([one for one in CASES if one.ends == "sentence"], 25)


def ids(cases: list[Case]) -> list[Any]:
    return [pytest.param(one, id=one.id) for one in cases]


def ended(read: Any, folder: Path) -> str:
    try:
        with bounded():
            check_inputs(read())
    except UserError as error:
        check_sentence(str(error), folder)
        return "sentence"
    return "report"


def in_yaml(values: dict[Any, Any], folder: Path) -> Path | None:
    """Write the parameters as somebody would; None where YAML has no way to say them."""
    try:
        text = yaml.safe_dump(values, allow_unicode=True)
        (folder / "parameters.yaml").write_text(text, encoding="utf-8")
    except (yaml.YAMLError, UnicodeEncodeError, ValueError):
        return None
    return folder / "parameters.yaml"


@pytest.mark.parametrize("case", ids(CASES))
def test_malformed_parameters_end_in_a_sentence_before_any_work(case: Case, tmp_path: Path) -> None:
    given = {"sector": "healthcare"} | case.make(tmp_path)
    assert case.ends in ("either", ended(lambda: AssessmentParameters.read(given), tmp_path))
    file = in_yaml(given, tmp_path) if case.id in THROUGH_YAML else None
    if file is not None:
        assert case.ends in ("either", ended(lambda: read_parameters(file, {}), tmp_path))


@pytest.mark.parametrize("case", ids(THROUGH_THE_COMMAND_LINE))
def test_the_command_line_ends_with_two_and_writes_nothing(
    case: Case, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("a kernel was started")

    monkeypatch.setattr("secure_ai.assess.run.engine.execute", started)
    file = in_yaml({"sector": "healthcare"} | case.make(tmp_path), tmp_path)
    if file is None:
        pytest.skip("YAML cannot say this")
    before = sorted(tmp_path.rglob("*"))
    with bounded():
        code = cli.invoke(["assess", "-f", str(file), "--out", str(tmp_path / "out")])
    printed = capfd.readouterr()
    assert code == 2 and printed.out == ""
    assert printed.err.startswith("Error: ") and printed.err.count("\n") == 1
    check_sentence(printed.err.removeprefix("Error: ").strip(), tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


FILES = {
    "empty": b"", "blank": b" \n\n", "list": b"- data\n", "one word": CANARY.encode(), "number": b"7",
    "twice": b"sector: finance\ndata: good.csv\ndata: other.csv\n", "binary": bytes(range(256)) * 20,
    "latin": "sector: finance\nsubject: M\u00fcller\n".encode("latin-1"),
    "utf-16": "sector: finance".encode("utf-16"), "bomb": b"a: &a [1,1]\nb: &b [*a,*a]\n",
    "tag": f"sector: !!python/object/apply:os.system ['{CANARY}']".encode(),
    "itself": b"a: &a [*a]", "brackets": b"[" * 50_000, "nul": b"sector: finance\0",
    "tabs": b"\tsector: finance",
    "two documents": b"sector: finance\n---\nsector: healthcare\n", "large": b"a: 1\n" * 300_000,
    "day": b"sector: finance\ndate: 2026-02-31\n", "key is a list": b"? [a, b]\n: 1\n",
    "key is a mapping": b"? {a: b}\n: 1\n", "merged": b"<<: [1]\nsector: finance\n",
    "long key": b"k" * 5000 + b": 1",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_parameters_is_a_sentence(name: str, tmp_path: Path) -> None:
    file = tmp_path / "parameters.yaml"
    file.write_bytes(FILES[name])
    assert ended(lambda: read_parameters(file, {}), tmp_path) == "sentence"


@pytest.mark.parametrize("place", ["nothing.yaml", ".", "\0", "x" * 5000, "loop.yaml"])
def test_a_file_of_parameters_that_is_none_is_a_sentence(place: str, tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    assert ended(lambda: read_parameters(tmp_path / place, {}), tmp_path) == "sentence"


def test_a_name_that_is_near_is_told() -> None:
    with pytest.raises(UserError, match=r"Perhaps 'quasi_identifiers' was meant\.$"):
        AssessmentParameters.read({"sector": "finance", "data": "a.csv", "quasi_identifer": "age"})


def test_what_goes_together_is_taken(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_bytes(good("csv"))
    place = str(tmp_path / "good.csv")
    values = {"sector": "finance", "data": place, "mitigated_data": place, "population": place}
    parameters = AssessmentParameters.read(values | {"date": "20260331", "subject": "a\nb\u202ec\x00"})
    check_inputs(parameters)
    assert parameters.date == "2026-03-31" and parameters.subject == "a b c"


def test_there_are_sixty_of_them_or_more() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= MUST_REACH
    assert min(Counter(case.kind for case in CASES).values()) >= 5
