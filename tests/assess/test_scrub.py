"""What papermill and a kernel store of the machine does not leave it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from secure_ai.assess.parameters import BELONGS_TO, PLACES, AssessmentParameters
from secure_ai.assess.scrub import private_strings, scrub


def executed() -> nbformat.NotebookNode:
    injected = new_code_cell("data = '/secret/place/a.csv'", metadata={"tags": ["injected-parameters"]})
    times = {"papermill": {"start_time": "now"}, "execution": {"iopub.status.busy": "now"}}
    cell = new_code_cell("print(1)", metadata=times)
    cell.outputs = [
        new_output("stream", name="stdout", text="read "),
        new_output("stream", name="stdout", text="/secret/place/a.csv\n"),
        new_output("stream", name="stderr", text="/secret/lib/module.py:1: Warning"),
        new_output("display_data", {"text/html": "<a href='/secret/place/a.csv'>"}),
    ]
    metadata = {
        "papermill": {"input_path": "/secret/place/n.ipynb"},
        "widgets": {},
        "kernelspec": {"name": "odd", "display_name": "Odd"},
    }
    return new_notebook(cells=[injected, cell], metadata=metadata)


def test_no_private_string_remains_and_the_input_is_not_changed() -> None:
    notebook = executed()
    before = nbformat.writes(notebook)
    clean = scrub(notebook, {"data": "a.csv"}, ["/secret/place/a.csv", "/secret/place"])
    assert "secret" not in nbformat.writes(clean)
    assert nbformat.writes(notebook) == before
    assert clean.cells[0].source.endswith("data = 'a.csv'")


def test_a_line_sent_in_pieces_is_one_output() -> None:
    clean = scrub(executed(), {}, ["/secret/place/a.csv"])
    assert [output.output_type for output in clean.cells[1].outputs] == ["stream", "display_data"]
    assert clean.cells[1].outputs[0].text == "read …\n"


def test_times_of_execution_and_papermills_metadata_are_gone() -> None:
    clean = scrub(executed(), {}, [])
    assert set(clean.metadata) == {"kernelspec", "language_info"}
    assert clean.cells[1].metadata == {}


def private(**places: str) -> set[str]:
    return private_strings(AssessmentParameters.read({"sector": "finance", **places}))


@pytest.mark.parametrize("data", ["data/a.csv", "a.csv"])
def test_a_folder_with_an_everyday_name_does_not_blank_out_the_word(data: str) -> None:
    assert "data" not in private(data=data)
    assert {str(Path(data).resolve()), "a.csv"} <= private(data=data)


@pytest.mark.parametrize("name", PLACES)
def test_every_place_is_private(name: str, tmp_path: Path) -> None:
    place = tmp_path / "jane doe" / "claims.of.jane"
    needed = {BELONGS_TO[name]: "y.csv"} if name in BELONGS_TO else {}
    needed |= {"log": "y.csv", "log_key": "k.pem"} if name == "log_witness" else {}
    found = private(**{"data": "x.csv", **needed, name: str(place)})
    text = f"{place} {place.name} {place.parent}"
    for hidden in sorted(found, key=len, reverse=True):
        text = text.replace(hidden, "…")
    assert text == "… … …"


@pytest.mark.parametrize(
    ("place", "hidden", "left"),
    [
        (
            "postgresql://u:passw0rd@db.bank.example/claims",
            "db.bank.example passw0rd u:passw0rd@db.bank.example",
            "",
        ),
        ("https://10.0.0.7:8000/v1/score", "10.0.0.7 10.0.0.7:8000", ""),
        ("http://model:8000/score", "model:8000", "model"),
        ("http://[::1/score", "http://[::1/score", ""),
    ],
)
def test_host_and_password_of_an_address_are_private(place: str, hidden: str, left: str) -> None:
    found = private(model=place)
    assert {place, *hidden.split()} <= found and not set(left.split()) & found


def test_the_content_of_secret_files_is_private_and_stand_ins_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").write_text("sk-abcdef\n")
    (tmp_path / "p").write_text("You are kind.\nThe code is 4711-0815.\nok\n")
    monkeypatch.setenv("OPENAI_API_KEY", "key-from-env")
    found = private(data="x.csv", token_file=str(tmp_path / "t"), prompt_file=str(tmp_path / "p"))
    assert {"sk-abcdef", "The code is 4711-0815.", "key-from-env"} <= found and "ok" not in found
    assert "hardened" not in private(assistant="hardened")
