"""Open every input cheaply before any work, so that a broken one ends in a sentence and nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from secure_ai.assess.fhir_tables import open_fhir
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.risks import risk_of
from secure_ai.core import UserError
from secure_ai.core.errors import system_reason
from secure_ai.core.sources import Source, open_source

FOLDERS = ("evidence", "vendor_evidence", "previous")
SMALL_FILES = ("token_file", "secret_file", "prompt_file", "log_key")
TABLES = ("training", "held_out", "probabilities")
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
    _check_forms(parameters)
    changed, replaced = parameters.mitigated()
    with Inputs(parameters) as inputs:
        if parameters.data:
            # Opened, with the named columns looked up; the rows are not counted.
            assert inputs.source is not None
            assert parameters.population is None or inputs.population is not None
        for name in TABLES:
            if place := getattr(parameters, name):
                open_table(parameters, place)
        if "data" in replaced:
            open_table(parameters, changed.data)
        if parameters.log:
            _check_file("log", parameters.log)
        if parameters.model:
            _check_model("model", inputs)
    if "model" in replaced:
        with Inputs(changed) as inputs:
            _check_model("mitigated_model", inputs)


def _check_forms(parameters: AssessmentParameters) -> None:
    from secure_ai.assess.controls.form import read_controls
    from secure_ai.assess.earlier import read_report
    from secure_ai.assess.sections.evasion import read_rules
    from secure_ai.assess.treatment.losses import read_losses
    from secure_ai.assess.treatment.plan import read_plan
    from secure_ai.govern.vendors.forms import read_form

    sector = parameters.sector
    readers: dict[str, Callable[[str], object]] = {
        "controls": lambda place: read_controls(place, sector),
        "mitigated_controls": lambda place: read_controls(place, sector),
        "losses": lambda place: read_losses(place, sector),
        "plan": read_plan,
        "previous": read_report,
        "rules": read_rules,
        "vendor": read_form,
    }
    for name, read in readers.items():
        if place := getattr(parameters, name):
            with _only_sentences(name):
                read(place)


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
