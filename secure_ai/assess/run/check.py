"""Open every input cheaply before any work, so that a broken one ends in a sentence and nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.fhir_tables import open_fhir
from secure_ai.assess.opening.naming import called_by
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.risks import check_thresholds
from secure_ai.core import UserError
from secure_ai.core.errors import system_reason
from secure_ai.core.sources import Source, open_source

FOLDERS = ("evidence", "vendor_evidence", "previous")
SMALL_FILES = ("token_file", "secret_file", "prompt_file", "log_key")
TABLES = ("training", "held_out", "probabilities")
# Parameter → module and function that reads its file; imported only where the file is given.
READERS = {
    "losses": ("assess.treatment.losses", "read_losses"),
    "plan": ("assess.treatment.plan", "read_plan"),
    "previous": ("assess.earlier", "read_report"),
    "rules": ("assess.sections.evasion", "read_rules"),
}
# Parameter → section that judges its answers once without the documents, which costs next to nothing.
ANSWERED = {"controls": "controls", "mitigated_controls": "controls", "vendor": "vendor"}
MOST_SMALL_BYTES = 1_000_000


def check_inputs(parameters: AssessmentParameters) -> None:
    """Open everything that the parameters name, without reading it whole.

    Raises:
        UserError: one sentence about the first input that cannot be used.
    """
    check_thresholds(parameters.thresholds)
    for name in FOLDERS:
        _check_folder(name, getattr(parameters, name))
    for name in SMALL_FILES:
        _check_small_file(name, getattr(parameters, name))
    _check_forms(parameters)
    _check_log(parameters)
    changed, replaced = parameters.mitigated()
    with Inputs(parameters) as inputs:
        if parameters.data:
            # Opened, with the named columns looked up; the rows are not counted.
            assert inputs.source is not None
            assert parameters.population is None or inputs.population is not None
        for name in TABLES:
            if place := getattr(parameters, name):
                _check_table(parameters, name, place)
        if "data" in replaced:
            open_table(parameters, changed.data)
        if parameters.model:
            _check_model("model", inputs)
    if "model" in replaced:
        with Inputs(changed) as inputs:
            _check_model("mitigated_model", inputs)


def _check_forms(parameters: AssessmentParameters) -> None:
    for name, (module, function) in READERS.items():
        if place := getattr(parameters, name):
            sector = (parameters.sector,) if name == "losses" else ()
            with _only_sentences(name):
                getattr(import_module(f"secure_ai.{module}"), function)(place, *sector)
    for name, module in ANSWERED.items():
        if place := getattr(parameters, name):
            with _only_sentences(name):
                import_module(f"secure_ai.assess.sections.{module}").check_answered(parameters, place)


def _check_log(parameters: AssessmentParameters) -> None:
    if not parameters.log:
        return
    if "://" not in parameters.log:
        _check_file("log", parameters.log)
    with _only_sentences("log"):
        from secure_ai.assess.opening.logs import check_log

        check_log(
            parameters.log,
            key=parameters.log_key,
            witness=parameters.log_witness,
            quarter=parameters.quarter,
        )


def _check_model(name: str, inputs: Inputs) -> None:
    from secure_ai.attack.targets.errors import TargetError

    try:
        with _only_sentences(name):
            assert inputs.model is not None
    except TargetError:
        # A file that is not opened or does not answer is a finding, not a broken input; an address is one.
        if "://" in str(inputs.parameters.model):
            raise


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


def open_table(parameters: AssessmentParameters, place: str | None) -> Source:
    """Return a table beside the assessed one, opened as the parameters say that tables are read.

    Raises:
        UserError: if it cannot be read.
    """
    return open_fhir(place, parameters.table) or open_source(
        place, table=parameters.table, delimiter=parameters.delimiter, encoding=parameters.encoding
    )


def _check_table(parameters: AssessmentParameters, name: str, place: str) -> None:
    try:
        open_table(parameters, place)
    except UserError as error:
        raise called_by(error, place, name) from None


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
