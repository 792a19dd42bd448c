"""No raw value of what was assessed stands in any output: marks are planted everywhere and looked for."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from secure_ai.assess import run_assessment
from secure_ai.assess.diff import compare_reports
from secure_ai.assess.display import block_html
from secure_ai.assess.labels import kind_of, shown_parameters
from secure_ai.assess.outputs import OUTPUTS
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.run.many import assess_many
from secure_ai.assess.scrub import safe_sentence
from secure_ai.assess.section import Drawing
from secure_ai.assess.treatment.losses import read_losses, without_people
from secure_ai.core import UserError
from secure_ai.learn.forkserver import KERNEL_NAME
from tests.assess.private_inputs import MACHINE, NAMES, NEVER, WORDS, found_in, write_everything


@dataclass(frozen=True)
class Watched:
    """A finished run, what it printed, and all that lay in its work folder on the way."""

    out: Path
    printed: bytes
    kept: dict[str, bytes]
    rights: frozenset[int]

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.out.iterdir()}


@contextmanager
def printed_to(file: Path) -> Iterator[None]:
    """Send what this process and those that it starts print into a file."""
    sys.stdout.flush(), sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    try:
        with file.open("wb") as target:
            os.dup2(target.fileno(), 1)
            os.dup2(target.fileno(), 2)
            yield
            sys.stdout.flush(), sys.stderr.flush()
    finally:
        for number, descriptor in enumerate(saved, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)


def watched(parameters: dict[str, Any], out: Path) -> Watched:
    work = out.parent / f".{out.name}.work"
    kept: dict[str, bytes] = {}
    rights: set[int] = set()
    lines: list[str] = []

    def look(line: str) -> None:
        lines.append(line)
        rights.add(stat.S_IMODE(work.stat().st_mode))
        for path in work.rglob("*"):
            # The draft is the report, whose notebook is not scrubbed before it is whole.
            if path.is_file() and not path.name.endswith(".ipynb"):
                kept[str(path.relative_to(work))] = path.read_bytes()

    log = out.parent / f"{out.name}.printed"
    with printed_to(log):
        run_assessment(parameters, out, look, kernel_name=KERNEL_NAME)
    return Watched(out, log.read_bytes() + "\n".join(lines).encode(), kept, frozenset(rights))


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return write_everything(tmp_path_factory.mktemp("zqfolder-base"))


@pytest.fixture(scope="module")
def named(everything: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, warm_kernel) -> Watched:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "zqkey-0815-4711")
        # The mitigated version is measured by the strict run: once more would only take longer.
        given = {name: value for name, value in everything.items() if not name.startswith("mitigated")}
        return watched(given, tmp_path_factory.mktemp("reports") / "named")


@pytest.fixture(scope="module")
def strict(everything: dict[str, Any], named: Watched, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "zqkey-0815-4711")
        given = everything | {"redact": "strict", "previous": str(named.out)}
        return watched(given, tmp_path_factory.mktemp("reports") / "strict")


# ------------------------------------------------------------------------- the search itself


@pytest.mark.parametrize(
    "text",
    [
        "zqvalé", "ZQVALÉ", "zqval&eacute;", "zqval&#233;", "zqval%C3%A9", "zqval\\u00e9", "zq val-é",
        base64.b64encode("xzqvaléx and more".encode()).decode(),
        "data:x;base64," + base64.urlsafe_b64encode(b"zqval" * 9).decode(),
    ],
)  # fmt: skip
def test_the_search_finds_a_mark_however_it_is_written(text: str) -> None:
    assert "zqval" in found_in(text.encode(), ("zqval", "nothing"))


def test_the_search_finds_numbers_and_other_encodings_and_nothing_else() -> None:
    assert found_in(b"<text>918,273.6</text> 918 273", NEVER) == {"918,273", "918273"}
    assert found_in("zqval".encode("utf-16"), NEVER) == {"zqval"}
    assert found_in(b"A report of 240 records.", NEVER + MACHINE + NAMES) == set()


# ------------------------------------------------------------------------- everything at once


def assert_clean(run: Watched, marks: tuple[str, ...]) -> None:
    for name, content in run.files().items():
        assert found_in(name.encode() + b" " + content, marks) == set(), name
    for name, content in run.kept.items():
        assert found_in(name.encode() + b" " + content, tuple(set(marks) - {"/tmp/"})) == set(), name
    assert found_in(run.printed, marks) == set()


def test_no_value_name_of_a_file_or_secret_stands_in_any_output(named: Watched) -> None:
    assert {path.name for path in named.out.iterdir()} == set(OUTPUTS)
    assert_clean(named, NEVER + MACHINE)
    # The inputs were read: what may be shown is there.
    page = (named.out / "report.html").read_bytes()
    assert found_in(page, (*NAMES, *WORDS)) == {*NAMES, *WORDS}


def test_the_work_folder_was_private_and_held_sections_alone(named: Watched) -> None:
    assert named.rights == {0o700}
    assert sum(name.startswith("sections/") for name in named.kept) > 10
    assert not (named.out.parent / f".{named.out.name}.work").exists()


@pytest.mark.slow
def test_a_strict_report_shows_no_name_of_a_column_class_or_group(strict: Watched) -> None:
    assert_clean(strict, NEVER + MACHINE + NAMES)
    assert b"column 9" in (strict.out / "report.html").read_bytes()


def test_every_drawing_is_words_and_lines_no_image(named: Watched) -> None:
    content = named.files()
    page, notebook = content["report.html"].decode(), content["risk_assessment.ipynb"].decode()
    assert "<svg" in page and "</text>" in page
    for text in (page, notebook):
        assert not re.search(r"<image|<img|data:image|image/png|image/jpeg|application/pdf", text)
    # Words drawn as outlines of letters could not be searched.
    assert not re.search(r'id="[^"]*(DejaVu|glyph)', page)


def test_the_notebook_keeps_no_metadata_of_the_machine(named: Watched) -> None:
    notebook = nbformat.read(named.out / "risk_assessment.ipynb", as_version=4)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        for output in cell.get("outputs", ()):
            assert output.output_type != "error" and output.get("name") != "stderr"
            assert not output.get("metadata")


@pytest.mark.slow
def test_the_difference_of_two_reports_shows_no_more_than_they_do(named: Watched, strict: Watched) -> None:
    found = compare_reports(named.out, strict.out)
    texts = [
        found.sentence(),
        found.to_markdown(),
        found.to_html(),
        json.dumps(found.to_dict()),
        str(found.to_frame()),
    ]
    assert found_in("\n".join(texts).encode(), NEVER + MACHINE) == set()
    same = compare_reports(strict.out, strict.out)
    assert found_in((same.to_markdown() + same.to_html()).encode(), NEVER + MACHINE + NAMES) == set()


# ------------------------------------------------------------------------- labels of parameters


def test_labels_withhold_names_of_people_and_strict_ones_all_names() -> None:
    given = {
        "sector": "finance", "data": "/home/zqfolder/zqfile.csv", "target": "maria_garcia",
        "groups": ["sex", "john_smith"],
        "favorable": "Dr. Maria Garcia", "classes": [0, 1], "table": "zqtable of Maria Garcia",
        "assistant": "hardened",
    }  # fmt: skip
    shown = shown_parameters(AssessmentParameters.read(given))
    assert shown["groups"] == ["sex", "(name withheld)"] and shown["target"] == "(name withheld)"
    assert shown["classes"] == [0, 1] and shown["assistant"] == "offline stand-in"
    assert found_in(json.dumps(shown).encode(), ("maria", "zqfolder", "zqfile", "smith")) == set()
    hidden = shown_parameters(AssessmentParameters.read(given | {"redact": "strict"}))
    assert hidden["groups"] == "2 given" and hidden["classes"] == "2 given" and hidden["table"] == "1 given"
    assert found_in(json.dumps(hidden).encode(), ("sex", "maria", "zqtable")) == set()


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("data/a.csv", "csv given"), ("Maria.Garcia", "file given"), ("records of st.maria garcia",
        "file given"),
        ("postgresql://u:p@h/d", "database"), ("https://u:p@h/x", "endpoint"), ("hardened",
        "offline stand-in"), ("folder", "folder given"),
    ],
)  # fmt: skip
def test_a_place_is_called_by_its_kind(place: str, kind: str) -> None:
    assert kind_of(place) == kind


def test_people_in_the_owners_losses_are_hidden_and_the_rest_stands(everything: dict[str, Any]) -> None:
    model = without_people(read_losses(everything["losses"], "healthcare"))
    words = repr(model)
    assert "Garcia" not in words and "[PERSON]" in words and "zqwordstory" in words
    assert {name for one in model.controls for name in one.effects} <= {one.name for one in model.scenarios}


# ------------------------------------------------------------------------- what goes wrong


def test_a_drawing_in_the_notebook_keeps_only_what_draws() -> None:
    hostile = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script>'
        '<image href="data:image/png;base64,AAAA"/><text x="1">kept &lt;b&gt;</text></svg>'
    )
    shown = block_html(Drawing(title="<b>Title</b>", svg=hostile))
    assert "script" not in shown and "onload" not in shown and "image" not in shown
    assert "kept &lt;b&gt;" in shown and "<b>" not in shown
    assert "left out" in block_html(Drawing(title="t", svg="<svg><broken"))


BROKEN = """
import secure_ai.assess.registry as _registry
_run = _registry.Part.run
def _broken(part, inputs, progress):
    if part.id == "data.exposure":
        raise ValueError("zqraised Maria Garcia 918273.645 /home/zqfolder")
    return _run(part, inputs, progress)
_registry.Part.run = _broken
"""


@pytest.mark.usefixtures("warm_kernel")
def test_an_error_inside_a_section_leaves_its_type_alone(
    tmp_path: Path, small_file: Path, changed_notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secure_ai.assess.run import engine

    changed = changed_notebook(BROKEN)
    monkeypatch.setattr(engine, "notebook_path", lambda: changed)
    run = watched({"data": str(small_file), "sector": "finance", "date": "2026-03-31"}, tmp_path / "out")
    for name, content in run.files().items():
        # The cell that breaks the section stands in this notebook; what it raised does not.
        text = content.replace(json.dumps(BROKEN)[1:-1].encode(), b"").decode()
        if name != "risk_assessment.ipynb":
            assert found_in(text.encode(), (*NEVER, "traceback")) == set(), name
    assert "(ValueError)" in (run.out / "report.html").read_text(encoding="utf-8")
    assert found_in(run.printed, NEVER + MACHINE) == set()


@pytest.mark.usefixtures("warm_kernel")
def test_a_strict_report_on_data_hides_hostile_names_and_the_table_of_a_database(tmp_path: Path) -> None:
    import sqlite3

    import pandas as pd

    frame = pd.DataFrame(
        {"zqcolsex": ["zqgroupf", "zqgroupm"] * 40, "=zqcol<b>": ["zqval"] * 80, "zqcolage": range(80)}
    )
    with sqlite3.connect(tmp_path / "zqfile.db") as database:
        frame.to_sql("zqtable", database, index=False)
    given = {
        "sector": "finance", "date": "2026-03-31", "data": f"sqlite://{tmp_path}/zqfile.db",
        "table": "zqtable",
        "redact": "strict", "quasi_identifiers": ["zqcolsex", "zqcolage"],
    }  # fmt: skip
    run = watched(given, tmp_path / "out")
    assert_clean(run, (*NEVER, *MACHINE, *NAMES))
    assert b"column 1" in (run.out / "report.html").read_bytes()


@pytest.mark.parametrize(
    "given",
    [
        {"data": "postgresql://zqone:zqsecret@127.0.0.1:1/zqfolder", "table": "zqtable"},
        {"model": "http://zqone:zqsecret@127.0.0.1:1/zqfolder", "data": "DATA", "target": "sex"},
        {"model": "https://127.0.0.1:1/zqfolder?key=zqsecret", "data": "DATA", "target": "sex"},
        {"data": "zqfolder Maria Garcia/zqfile.csv"},
        {"data": "zqfolder/maria"},
        {"data": "DATA", "population": "zqfolder/zqfile.parquet"},
        {"data": "DATA", "plan": "BROKEN"},
        {"data": "DATA", "losses": "BROKEN"},
        {"controls": "BROKEN"},
        {"vendor": "BROKEN"},
        {"log": "BROKEN"},
        {"data": "DATA", "rules": "BROKEN"},
        {"model": "BROKEN", "data": "DATA"},
        {"data": "DATA", "training": "BROKEN", "model": "BROKEN"},
        {"data": "DATA", "previous": "zqfolder"},
        {"data": "DATA", "token_file": "zqfolder/zqfile"},
    ],
    ids=lambda given: " ".join(f"{name}={value[:12]}" for name, value in given.items()),
)
def test_the_sentence_of_a_failure_names_no_place_password_or_value(
    given: dict[str, str], tmp_path: Path, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "zqfile.yaml"
    broken.write_text("zqval: [918273.645, {zqraised Maria Garcia: \n", encoding="utf-8")
    places = {"DATA": str(small_file), "BROKEN": str(broken)}
    asked = {name: places.get(value, value) for name, value in given.items()}
    with pytest.raises(UserError) as caught:
        run_assessment({"sector": "finance", "seed": 1, **asked}, tmp_path / "out", lambda _: None)
    # To the assessor, who gave it, a file or a table may be called by its own name: never by its folder.
    assert found_in(str(caught.value).encode(), (*NEVER, *MACHINE)) <= {"zqfile", "zqtable", "maria"}
    parameters = AssessmentParameters.read({"sector": "finance", **asked})
    handed_on = safe_sentence(str(caught.value), parameters, tmp_path, redact="strict")
    assert found_in(handed_on.encode(), (*NEVER, *MACHINE)) == set()
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_the_summary_of_a_portfolio_names_no_input_of_what_failed(
    tmp_path: Path, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yaml

    folder = tmp_path / "zqfolder maria"
    folder.mkdir()
    monkeypatch.chdir(folder)
    data = {"sector": "finance", "data": str(small_file), "redact": "strict"}
    long = "zqfile Maria Garcia " + "long " * 20
    content = [
        {"name": "absent", "parameters": data | {"data": str(folder / f"{long}.csv")}},
        {"name": "column", "parameters": data | {"quasi_identifiers": ["zqcolone", "age"]}},
        {"name": "ill typed", "parameters": data | {"data": [str(folder / "zqfile.csv")]}},
        {"name": "no file", "file": str(folder / "zqfile maria.yaml")},
    ]
    (folder / "zqfile.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    lines: list[str] = []
    found = assess_many(
        folder / "zqfile.yaml", tmp_path / "out", progress=lines.append, kernel_name=KERNEL_NAME
    )
    assert [bool(row.failed) for row in found.rows] == [True] * 4
    for path in (tmp_path / "out").rglob("*"):
        assert found_in(path.name.encode() + path.read_bytes(), (*NEVER, *MACHINE, *NAMES)) == set(), (
            path.name
        )
    assert found_in("\n".join(lines).encode(), (*NEVER, *MACHINE, *NAMES)) == set()


KILLED = """
import os as _os
import secure_ai.assess.registry as _registry
_run = _registry.Part.run
def _killed(part, inputs, progress):
    if part.id == "data.anonymization":
        list(inputs.source.to_pandas().itertuples())
        _os._exit(9)
    return _run(part, inputs, progress)
_registry.Part.run = _killed
"""


@pytest.mark.usefixtures("warm_kernel")
def test_what_a_killed_run_leaves_is_private_and_holds_no_value(
    tmp_path: Path, everything: dict[str, Any], changed_notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secure_ai.assess.run import engine

    changed = changed_notebook(KILLED)
    monkeypatch.setattr(engine, "notebook_path", lambda: changed)
    given = {name: everything[name] for name in ("sector", "data", "quasi_identifiers", "sensitive", "plan")}
    with pytest.raises(UserError, match="ended by itself") as caught:
        run_assessment(given, tmp_path / "out", lambda _: None, kernel_name=KERNEL_NAME)
    assert found_in(str(caught.value).encode(), (*NEVER, *MACHINE)) == set()
    work = tmp_path / ".out.work"
    assert stat.S_IMODE(work.stat().st_mode) == 0o700 and not (tmp_path / "out").exists()
    files = [path for path in work.rglob("*") if path.is_file()]
    assert len([path for path in files if path.parent.name == "sections"]) == 3
    for path in files:
        assert found_in(path.name.encode() + path.read_bytes(), (*NEVER, *MACHINE)) == set(), path.name


def test_columns_of_one_category_are_called_by_it_where_members_at_risk_are_told() -> None:
    from types import SimpleNamespace

    import pandas as pd

    from secure_ai.assess.names import Names
    from secure_ai.assess.sections.membership import _traits

    sick = {"zqcoldx_zqonegout": [0, 1] * 60, "zqcoldx_zqoneflu": [1, 0] * 60}
    rows = pd.DataFrame(sick | {"zqcolage": range(120)})
    shared = pd.DataFrame({"column": list(rows.columns), "value": ["1", "1", "7"], "times": [3.0, 4.0, 2.0]})
    worst = SimpleNamespace(
        leaks=lambda: True, records_at_risk=lambda *_, **__: SimpleNamespace(shared=shared)
    )
    members = type("Members", (), {"rows": rows, "__len__": lambda _: len(rows)})()
    attacked = SimpleNamespace(worst=worst, members=members)
    table = _traits(SimpleNamespace(names=Names()), attacked)
    assert table.rows == (("zqcoldx", 2, 4.0), ("zqcolage", 1, 2.0))
