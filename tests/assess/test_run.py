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

from secure_ai.assess import run as run_module
from secure_ai.assess import run_assessment
from secure_ai.assess.findings import FindingsFile
from secure_ai.assess.outputs import OUTPUTS
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
    begun = [line.split(" ")[0].rstrip(":") for line in hostile.progress]
    assert begun == ["Opened", "Inventory", "Exposure", "Re-identification", "Findings", "Report"]


def test_findings_satisfy_the_published_schema_and_load_again(hostile: Run) -> None:
    texts = hostile.texts()
    content = json.loads(texts["findings.json"])
    jsonschema.Draft202012Validator(json.loads(texts["findings.schema.json"])).validate(content)
    assert FindingsFile.model_validate(content).findings == hostile.result.findings


def test_the_manifest_fingerprints_input_and_outputs(hostile: Run) -> None:
    manifest = json.loads(hostile.texts()["manifest.json"])
    digest = hashlib.sha256(hostile.data.read_bytes()).hexdigest()
    assert [(part["label"], part["sha256"]) for part in manifest["inputs"]] == [(hostile.data.name, digest)]
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
    assert {f.id for f in open_findings} >= {
        *(f"model.{name}" for name in ("membership_inference", "attribute_inference", "extraction")),
        *(f"model.{name}" for name in ("evasion", "poisoning", "unsafe_file")),
        *(f"assistant.{name}" for name in ("prompt_injection", "leakage", "agency")),
        "controls.questionnaire",
        "monitoring.audit_log",
        "data.reidentification.journalist",
    }
    assert hostile.result.unassessed == len(open_findings)
    assert all(f.measurement.reason and f.mitigations for f in open_findings)
    assert not hostile.result.reaches("critical") or hostile.result.worst is Level.CRITICAL


# ------------------------------------------------------------------------- what must not be in it


def test_no_value_of_the_table_is_in_any_output(hostile: Run) -> None:
    for name, text in hostile.texts().items():
        assert CANARY not in text, name
    assert not any(CANARY in line for line in hostile.progress)


def test_no_folder_of_the_machine_is_in_any_output(hostile: Run, repo_root: Path) -> None:
    private = [str(hostile.data.parent), hostile.data.parent.name, str(hostile.out), hostile.out.parent.name]
    for name, text in hostile.texts().items():
        for place in [*private, str(repo_root), str(Path.home()) + "/", 'papermill"', ".partial"]:
            assert place not in text or (name == "manifest.json" and place == 'papermill"'), (name, place)


def test_the_executed_notebook_holds_labels_instead_of_papermills_metadata(hostile: Run) -> None:
    notebook = nbformat.read(hostile.out / "risk_assessment.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    (injected,) = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert f"data = {hostile.data.name!r}" in injected.source
    assert "out =" not in injected.source
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
    assert all(link.startswith("#") and link[1:] in page.ids for link in links)
    assert links[0] == "#summary"
    for drawing in page.attributes("svg"):
        assert drawing["role"] == "img" and set(drawing["aria-labelledby"].split()) <= set(page.ids)
    assert not re.search(r'(src|href)="(https?:)?//', html) and "@import" not in html
    assert "evidence for experts, not legal advice" in html and "@media print" in html


@pytest.mark.shared_data
def test_the_first_page_names_what_was_not_assessed_and_gives_three_things_to_do(adult: Run) -> None:
    html = adult.texts()["report.html"]
    first = html[html.index('id="summary"') : html.index('class="detail"')]
    assert first.count("<li><b>") == 3
    for words in (
        "What was not assessed",
        "Model:",
        "Assistant:",
        "Controls",
        "Audit log",
        "no overall score",
    ):
        assert words in first


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


# ------------------------------------------------------------------------- the notebook by itself


def test_papermill_alone_runs_the_notebook_and_can_write_the_report(hostile: Run, tmp_path: Path) -> None:
    papermill.execute_notebook(
        str(run_module.notebook_path()),
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
            str(run_module.notebook_path()),
            str(tmp_path / "out.ipynb"),
            parameters={"data": str(hostile.data), "sector": "finance", **extra},
            kernel_name=KERNEL_NAME,
            progress_bar=False,
        )
    assert caught.value.ename == "UserError" and words in caught.value.evalue
    assert "The parameters are: data, sector" in caught.value.evalue
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
    notebook = nbformat.read(run_module.notebook_path(), as_version=4)
    notebook.cells[-1].source = f"raise ValueError('{CANARY}')"
    nbformat.write(notebook, tmp_path / "broken.ipynb")
    monkeypatch.setattr(run_module, "notebook_path", lambda: tmp_path / "broken.ipynb")
    before = hostile.texts()
    for out in (hostile.out, tmp_path / "fresh"):
        with pytest.raises(UserError, match="ValueError") as caught:
            run(hostile.data, out, "healthcare")
        assert CANARY not in str(caught.value) and caught.value.__cause__ is None
    assert hostile.texts() == before
    assert not (tmp_path / "fresh").exists()
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
    monkeypatch.setattr(run_module.resources, "files", lambda _: package)
    with pytest.raises(UserError, match="is not installed"):
        run_module.notebook_path()
    (package / "notebooks").mkdir(parents=True)
    (package / "notebooks" / "risk_assessment.ipynb").touch()
    assert run_module.notebook_path() == package / "notebooks" / "risk_assessment.ipynb"


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    hostile_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_module, "_execute", full)
    with pytest.raises(UserError, match="no space left on device"):
        run(hostile_file, tmp_path / "out", "finance")
    assert not list(tmp_path.iterdir())


def test_hostile_columns_are_all_in_the_inventory(hostile: Run) -> None:
    content = json.loads(hostile.texts()["findings.json"])
    assert content["columns"] == len(HOSTILE_COLUMNS)
