"""One run leaves a whole folder with nothing private in it; bad input leaves nothing at all."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import nbformat
import pandas as pd
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from secure_ai.assess import run_assessment
from secure_ai.assess.display import ShownSection, cell_text
from secure_ai.assess.notebook import begin
from secure_ai.assess.outputs import OUTPUTS, FindingsFile
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.registry import PARTS
from secure_ai.assess.run import engine
from secure_ai.assess.run.work import WorkFolder
from secure_ai.assess.section import Table, Text
from secure_ai.core import Level, Outcome, UserError
from secure_ai.learn.forkserver import KERNEL_NAME

from .conftest import CANARY, DATE, HOSTILE_COLUMNS, Run, run

IDENTIFIERS = (
    "Id BIRTHDATE SSN DRIVERS PASSPORT FIRST LAST MAIDEN ADDRESS BIRTHPLACE LAT LON HEALTHCARE_EXPENSES"
)


class Page(HTMLParser):
    """Collects the structure of a report."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if "id" in dict(attrs):
            self.ids.append(dict(attrs)["id"] or "")

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


# ------------------------------------------------------------------------- what is left behind


def test_a_run_leaves_exactly_the_stated_files(hostile: Run) -> None:
    assert sorted(path.name for path in hostile.out.iterdir()) == sorted(OUTPUTS)
    assert {path.name for path in hostile.result.files} == set(OUTPUTS)
    assert not [path for path in hostile.out.parent.iterdir() if path.name.startswith(".")]


def test_progress_says_one_line_per_section(hostile: Run) -> None:
    begun = [line.split(":")[0] for line in hostile.progress]
    sections = [part.title for part in PARTS]
    assert begun == [
        "Checked the parameters and the inputs",
        *sections,
        "Mitigated version",
        "Conclusion",
        "Report",
    ]
    assert sum("not assessed: " in line for line in hostile.progress) >= 12


def test_findings_satisfy_the_published_schema_and_load_again(hostile: Run) -> None:
    texts = hostile.texts()
    content = json.loads(texts["findings.json"])
    jsonschema.Draft202012Validator(json.loads(texts["findings.schema.json"])).validate(content)
    assert FindingsFile.model_validate(content).findings == hostile.result.findings


def test_the_manifest_fingerprints_input_and_outputs(hostile: Run) -> None:
    manifest = json.loads(hostile.texts()["manifest.json"])
    digest = hashlib.sha256(hostile.data.read_bytes()).hexdigest()
    assert [part["sha256"] for part in manifest["inputs"]] == [digest]
    assert hostile.data.name not in hostile.texts()["manifest.json"]
    assert manifest["date"] == DATE
    for name, expected in manifest["outputs"].items():
        assert hashlib.sha256((hostile.out / name).read_bytes()).hexdigest() == expected
    assert set(manifest["outputs"]) == set(OUTPUTS) - {"manifest.json"}


def test_the_same_run_again_gives_the_same_bytes_and_replaces_the_folder(hostile: Run) -> None:
    before = hostile.texts()
    run(hostile.data, hostile.out, "healthcare")
    assert hostile.texts() == before


def test_everything_not_given_is_unassessed_and_never_counts_as_a_level(hostile: Run) -> None:
    open_findings = [f for f in hostile.result.findings if f.outcome is Outcome.UNASSESSED]
    absent = {risk for part in PARTS if "data" not in part.needs for risk in part.risks}
    assert {f.id for f in open_findings} >= {*absent, "data.reidentification.journalist"}
    assert hostile.result.unassessed == len(open_findings)
    assert all(f.measurement.reason and f.mitigations for f in open_findings)
    assert not hostile.result.reaches("critical") or hostile.result.worst is Level.CRITICAL
    assert set(hostile.result.open_areas()) == {
        "data", "model", "fairness", "assistant", "controls", "monitoring", "vendor",
    }  # fmt: skip


def test_the_evidence_of_a_finding_is_a_heading_of_the_notebook(hostile: Run) -> None:
    notebook = nbformat.read(hostile.out / "risk_assessment.ipynb", as_version=4)
    headings = {
        line.removeprefix("## ")
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("## ")
    }
    assert {finding.evidence for finding in hostile.result.findings} <= headings


# ------------------------------------------------------------------------- what must not be in it


def test_no_value_of_the_table_is_in_any_output(hostile: Run) -> None:
    for name, text in hostile.texts().items():
        assert CANARY not in text, name
    assert not any(CANARY in line for line in hostile.progress)


def test_no_folder_of_the_machine_is_in_any_output(hostile: Run, repo_root: Path) -> None:
    private = [str(hostile.data.parent), hostile.data.parent.name, str(hostile.out), hostile.out.parent.name]
    private += [hostile.data.name, "claims &amp; co", ".work", "draft-"]
    for name, text in hostile.texts().items():
        for place in [*private, str(repo_root), str(Path.home()) + "/", 'papermill"', ".partial"]:
            assert place not in text or (name == "manifest.json" and place == 'papermill"'), (name, place)


def test_the_executed_notebook_holds_labels_instead_of_papermills_metadata(hostile: Run) -> None:
    notebook = nbformat.read(hostile.out / "risk_assessment.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    (injected,) = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert "data = 'csv given'" in injected.source
    assert "\nout =" not in injected.source and "\nwork =" not in injected.source
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
    assert not [
        o for c in notebook.cells if c.cell_type == "code" for o in c.outputs if o.get("name") == "stderr"
    ]


def test_hostile_names_are_shown_as_text_and_never_become_markup(hostile: Run) -> None:
    html = hostile.texts()["report.html"]
    page = Page(html)
    assert not page.attributes("script") and not page.attributes("img")
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "{{ 7*7 }}" in html
    assert len(page.attributes("style")) == 1
    for cell in nbformat.read(hostile.out / "risk_assessment.ipynb", as_version=4).cells:
        for output in cell.get("outputs", []):
            assert "<script>alert" not in output.get("data", {}).get("text/html", "")


@pytest.mark.shared_data
def test_no_raw_identifier_of_real_looking_patients_is_in_any_output(synthea: Run) -> None:
    frame = pd.read_csv(synthea.data, dtype=str, keep_default_na=False)
    values = {value.strip() for column in IDENTIFIERS.split() for value in frame[column]} - {""}
    assert len(values) > 200 and min(map(len, values)) >= 5
    for name, text in (synthea.texts() | {"progress": "\n".join(synthea.progress)}).items():
        assert not [value for value in values if value in text], name


# ------------------------------------------------------------------------- the report


@pytest.mark.parametrize(
    "which",
    ["hostile", *(pytest.param(name, marks=pytest.mark.shared_data) for name in ("synthea", "adult"))],
)
def test_the_report_is_self_contained_and_accessible(which: str, request: pytest.FixtureRequest) -> None:
    assessed: Run = request.getfixturevalue(which)
    html = assessed.texts()["report.html"]
    page = Page(html)
    assert page.attributes("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(attrs.get("scope") in {"col", "row"} for attrs in page.attributes("th"))
    assert len(page.attributes("caption")) == len(page.attributes("table"))
    assert len(page.ids) == len(set(page.ids))
    links = [attrs["href"] or "" for attrs in page.attributes("a")]
    assert all(link[1:] in page.ids for link in links if link.startswith("#"))
    assert {link.split("#")[0] for link in links} <= {"", *OUTPUTS}
    assert links[0] == "#summary"
    for drawing in page.attributes("svg"):
        assert drawing["role"] == "img" and set(drawing["aria-labelledby"].split()) <= set(page.ids)
    assert not re.search(r'(src|href)="(https?:)?//', html) and "@import" not in html
    assert "evidence for experts, not legal advice" in html.lower() and "@media print" in html


@pytest.mark.shared_data
def test_adult_is_assessed_as_counting_it_says(adult: Run) -> None:
    frame = pd.read_csv(adult.data, sep=";")
    found = {f.id: f for f in adult.result.findings}
    prosecutor = found["data.reidentification.prosecutor"]
    known = prosecutor.attacker_knowledge.split(": ")[1].rstrip(".").split(", ")
    size = frame.groupby(known)[known[0]].transform("size")
    assert prosecutor.measurement.value == pytest.approx(1 / size.min())
    assert f"{int((1 / size > 0.2).sum()):,} of {len(frame):,} records" in prosecutor.title
    marketer = found["data.reidentification.marketer"].measurement
    assert marketer.value == pytest.approx(frame.groupby(known).ngroups / len(frame))
    assert adult.result.reaches("low") and adult.result.worst is not Level.UNASSESSED


# ------------------------------------------------------------------------- the notebook


def cells() -> list[nbformat.NotebookNode]:
    return nbformat.read(engine.notebook_path(), as_version=4).cells


def test_the_parameters_cell_and_the_parameters_agree() -> None:
    (cell,) = [cell for cell in cells() if cell.metadata.get("tags") == ["parameters"]]
    given: dict = {}
    exec(cell.source, given)
    given.pop("__builtins__")
    fields = AssessmentParameters.model_fields
    assert sorted(given) == sorted(fields)
    assert all(
        " # " in line for line in cell.source.splitlines() if line and line[0] != "#" and "mitig" not in line
    )
    given["data"] = "x.csv"
    made = AssessmentParameters.read(given)
    assert made == AssessmentParameters.read({"sector": "healthcare", "data": "x.csv"})


def test_the_notebook_has_a_heading_and_a_cell_for_each_section_in_order() -> None:
    code = [cell.source for cell in cells() if cell.cell_type == "code"][2:]
    assert code == [*(f'run("{part.id}")' for part in PARTS), "run.again()", "run.conclude()", "run.save()"]
    text = "\n".join(cell.source for cell in cells() if cell.cell_type == "markdown")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        "Parameters", *(part.title for part in PARTS), "After mitigation", "Conclusion", "Report",
    ]  # fmt: skip
    first = cells()[0].source
    assert "in one sentence" in first and "Only `secure-ai assess` removes them" in first


def test_the_mitigated_version_is_measured_where_it_touches_and_with_the_same_quasi_identifiers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(20 + i % 30, f"{i % 10:05}", "fm"[i % 2]) for i in range(120)]
    (tmp_path / "raw.csv").write_text("age,zip,sex\n" + "".join(f"{a},{z},{s}\n" for a, z, s in rows))
    (tmp_path / "safe.csv").write_text("age,sex\n" + "".join(f"{a // 30 * 30},{s}\n" for a, _, s in rows))
    run = begin(
        {
            "data": str(tmp_path / "raw.csv"),
            "mitigated_data": str(tmp_path / "safe.csv"),
            "sector": "finance",
            "quasi_identifiers": ["age", "zip", "sex"],
        }
    )
    assert {part.needs for part in run.touched()} == {("data",)}
    run("data.reidentification")
    run.again()
    before, after = (
        {
            f.id: f.measurement.value
            for f in sections["data.reidentification"].findings
            if f.threshold is not None
        }
        for sections in (run.sections, run.mitigated)
    )
    assert after["data.reidentification.prosecutor"] < before["data.reidentification.prosecutor"]
    assert run.inputs_again.parameters.quasi_identifiers == ("age", "sex")
    made = run.conclude()
    (found,) = [f for f in made.findings if f.id == "data.reidentification.prosecutor"]
    assert found.after.value == after[found.id]
    assert "was not run" in made.section("data.inventory").summary
    assert capsys.readouterr().out.count("After mitigation, ") == 4


@pytest.mark.parametrize("call", [lambda run: run("nonsense"), lambda run: run.save()])
def test_a_call_out_of_place_is_a_sentence(small_file: Path, call) -> None:
    with pytest.raises(UserError, match=r"There is no section|Nothing is concluded"):
        call(begin({"data": str(small_file), "sector": "finance"}))


def test_a_notebook_shows_text_as_text() -> None:
    hostile = '<script>alert(1)</script> & "x"'
    table = Table(title=hostile, columns=(hostile,), formats=("text",), rows=((hostile,), (None,)))
    section = ShownSection(id="a", title=hostile, summary=hostile, blocks=(Text(text=hostile), table))
    html = section._repr_html_()
    assert "<script" not in html and html.count("&lt;script&gt;") == 5
    shown = ((0.998, "share"), (1234, "count"), (0.12345, "figure"), (True, "text"))
    assert [cell_text(*given) for given in shown] == ["99.8%", "1,234", "0.123", "yes"]


# ------------------------------------------------------------------------- the notebook by itself


def test_papermill_alone_runs_the_notebook_and_can_write_the_report(hostile: Run, tmp_path: Path) -> None:
    papermill.execute_notebook(
        str(engine.notebook_path()),
        str(tmp_path / "out.ipynb"),
        parameters={"data": str(hostile.data), "sector": "finance", "out": str(tmp_path / "new")},
        kernel_name=KERNEL_NAME,
        progress_bar=False,
    )
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(OUTPUTS) - {"risk_assessment.ipynb"}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"quasi_identifer": "age"}, "no parameter 'quasi_identifer'"),
        ({"sample": "many"}, "'sample' must be"),
    ],
)
def test_papermill_alone_stops_at_a_wrong_parameter_with_a_sentence(
    hostile: Run, tmp_path: Path, extra: dict, words: str
) -> None:
    with pytest.raises(PapermillExecutionError) as caught:
        papermill.execute_notebook(
            str(engine.notebook_path()),
            str(tmp_path / "out.ipynb"),
            parameters={"data": str(hostile.data), "sector": "finance", **extra},
            kernel_name=KERNEL_NAME,
            progress_bar=False,
        )
    assert caught.value.ename == "UserError" and words in caught.value.evalue
    assert "The parameters are: sector, subject, data" in caught.value.evalue
    (failed,) = [
        output
        for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert "Traceback" not in "".join(failed.traceback)


def test_a_cell_that_fails_gives_a_sentence_without_its_message_and_keeps_the_old_report(
    hostile: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(engine.notebook_path(), as_version=4)
    notebook.cells[-1].source = f"raise ValueError('{CANARY}')"
    nbformat.write(notebook, tmp_path / "broken.ipynb")
    monkeypatch.setattr(engine, "notebook_path", lambda: tmp_path / "broken.ipynb")
    before = hostile.texts()
    for out in (hostile.out, tmp_path / "fresh"):
        with pytest.raises(UserError, match="ValueError") as caught:
            run(hostile.data, out, "healthcare")
        assert CANARY not in str(caught.value) and caught.value.__cause__ is None
        WorkFolder.beside(out).remove()
    assert hostile.texts() == before
    assert [path.name for path in tmp_path.iterdir()] == ["broken.ipynb"]


def test_a_kernel_that_does_not_exist_is_a_sentence(hostile_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="kernel 'none-such'"):
        run_assessment(
            {"data": str(hostile_file), "sector": "finance"}, tmp_path / "out", kernel_name="none-such"
        )
    assert not list(tmp_path.iterdir())


def test_an_installed_package_runs_its_own_copy_of_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "secure_ai" / "assess"
    monkeypatch.setattr(engine.resources, "files", lambda _: package)
    with pytest.raises(UserError, match="is not installed"):
        engine.notebook_path()
    (package / "notebooks").mkdir(parents=True)
    (package / "notebooks" / "risk_assessment.ipynb").touch()
    assert engine.notebook_path() == package / "notebooks" / "risk_assessment.ipynb"


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    hostile_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(engine, "execute", full)
    with pytest.raises(UserError, match="no space left on device"):
        run(hostile_file, tmp_path / "out", "finance")
    assert not list(tmp_path.iterdir())


def test_hostile_columns_are_all_in_the_inventory(hostile: Run) -> None:
    (cell,) = [c for c in executed(hostile).cells if c.source == 'run("data.inventory")']
    html = next(output.data["text/html"] for output in cell.outputs if "data" in output)
    assert html.count("<tr>") >= len(HOSTILE_COLUMNS) + 1


def executed(assessed: Run) -> nbformat.NotebookNode:
    return nbformat.read(assessed.out / "risk_assessment.ipynb", as_version=4)
