"""What papermill and a kernel store of the machine does not leave it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

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


@pytest.mark.parametrize("data", ["data/a.csv", "a.csv"])
def test_a_folder_with_an_everyday_name_does_not_blank_out_the_word(data: str) -> None:
    assert "data" not in private_strings(Path(data), data)
    assert str(Path(data).resolve()) in private_strings(data)


def test_an_address_of_a_database_is_private() -> None:
    assert "postgresql://u:p@h/db" in private_strings("postgresql://u:p@h/db")
