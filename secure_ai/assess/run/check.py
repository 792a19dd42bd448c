"""Open every input cheaply before any work, so that a broken one ends in a sentence and nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.risks import risk_of
from secure_ai.core import UserError
from secure_ai.core.errors import system_reason
from secure_ai.core.sources import open_source
from secure_ai.core.yaml_files import read_yaml

FOLDERS = ("evidence", "vendor_evidence", "previous")
SMALL_FILES = ("token_file", "secret_file", "prompt_file", "log_key")
TABLES = ("training", "held_out", "probabilities")
YAML_FILES = {
    "controls": "questionnaire of controls",
    "mitigated_controls": "questionnaire of controls after mitigation",
    "rules": "rules of what an attacker can change",
    "losses": "file of loss scenarios",
    "plan": "treatment plan",
}
MOST_SMALL_BYTES = 1_000_000


def check_inputs(parameters: AssessmentParameters) -> None:
    """Open everything that the parameters name, without reading it whole.

    Raises:
        UserError: one sentence about the first input that cannot be used.
    """
    for name in parameters.thresholds:
        risk_of(name)
    for name in FOLDERS:
        _check_folder(name, getattr(parameters, name))
    for name in SMALL_FILES:
        _check_small_file(name, getattr(parameters, name))
    for name, what in YAML_FILES.items():
        if place := getattr(parameters, name):
            read_yaml(place, what)
    changed, replaced = parameters.mitigated()
    with Inputs(parameters) as inputs:
        if parameters.data:
            # Opened, with the named columns looked up; the rows are not counted.
            assert inputs.source is not None
            assert parameters.population is None or inputs.population is not None
        for name in TABLES:
            if place := getattr(parameters, name):
                _open_table(parameters, place)
        if "data" in replaced:
            _open_table(parameters, changed.data)
        if parameters.log:
            _check_file("log", parameters.log)
        if parameters.vendor:
            _check_file("vendor", parameters.vendor)
        if parameters.model:
            with _only_sentences("model"):
                assert inputs.model is not None
    if "model" in replaced:
        with Inputs(changed) as inputs, _only_sentences("mitigated_model"):
            assert inputs.model is not None


@contextmanager
def _only_sentences(name: str) -> Iterator[None]:
    """Turn what a library says of a broken input into a sentence; its own words may quote the input."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise UserError(
            f"The input of the parameter '{name}' could not be opened ({type(error).__name__}): check "
            "that it is what the parameter asks for."
        ) from None


def _open_table(parameters: AssessmentParameters, place: str | None) -> None:
    open_source(place, table=parameters.table, delimiter=parameters.delimiter, encoding=parameters.encoding)


def _check_folder(name: str, place: str | None) -> None:
    if place is None:
        return
    try:
        if not Path(place).is_dir():
            raise UserError(f"The parameter '{name}' is the path of a folder that is not there: check it.")
        next(Path(place).iterdir(), None)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The folder of the parameter '{name}' cannot be read ({system_reason(error)}): check its rights."
        ) from None


def _check_file(name: str, place: str) -> int:
    try:
        path = Path(place)
        if not path.is_file():
            raise UserError(f"The parameter '{name}' is the path of a file that is not there: check it.")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise UserError(
            f"The file of the parameter '{name}' cannot be read ({system_reason(error)}): check path and "
            "rights."
        ) from None
    if not size:
        raise UserError(f"The file of the parameter '{name}' is empty: give another one.")
    return size


def _check_small_file(name: str, place: str | None) -> None:
    if place is None:
        return
    if _check_file(name, place) > MOST_SMALL_BYTES:
        raise UserError(f"The file of the parameter '{name}' is larger than a megabyte: it is another file.")
    try:
        Path(place).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(
            f"The file of the parameter '{name}' is no text in UTF-8: give another one."
        ) from None
