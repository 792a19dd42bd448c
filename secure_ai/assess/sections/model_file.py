"""The model's file: what it is, what it asks for, what scanners say, and how it was opened."""

from __future__ import annotations

import hashlib
from pathlib import Path

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.names import Names
from secure_ai.assess.opening.models import ModelNotOpened, read_model_file
from secure_ai.assess.opening.onnx_models import looks_like_onnx
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import judge
from secure_ai.assess.section import Section, Table, Text, blocks
from secure_ai.assess.sections.asking import left_open
from secure_ai.core import Level, Measurement, UserError
from secure_ai.defend.model_files.inspection import Inspection, inspect_content
from secure_ai.defend.model_files.scanners import FLAGGED, NOT_READ, scan_files

PART = "model.file"
RISK = "model.unsafe_file"
SOURCE = "Python documentation, pickle, warning; skops documentation, Secure persistence"
MOST_NAMES = 20
CODE = "opening it runs whatever code it holds"
SAYS_NOTHING = "it is of no format that says whether opening it runs code"
FORMATS = {
    "skops": "a skops file", "pickle": "a pickle", "compressed pickle": "a compressed pickle",
    "zip": "an archive", "npy": "a numpy array", "hdf5": "an HDF5 file", "gguf": "a GGUF file",
    "safetensors": "a safetensors file", "json": "JSON", "unknown": "of an unknown format",
}  # fmt: skip


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Inspect the model's file without running anything in it, and say how it was opened.

    Raises:
        UserError: if the file is absent, empty or cannot be read.
    """
    parameters = inputs.parameters
    place = str(parameters.model)
    if "://" in place:
        return left_open(inputs, PART, "The model was given by its address: its file was not seen.")
    progress("reading the file", 0.0)
    content = read_model_file(place)
    found = inspect_content(content, "file")
    onnx = found.format.name == "unknown" and looks_like_onnx(content)
    unexpected = [name for name in found.unexpected() if name not in (parameters.trusted_types or ())]
    scanners: dict[str, str] = {}
    if found.format.acts == "yes":
        progress("asking two scanners", 0.4)
        verdicts = scan_files({"model": Path(place)}).iloc[0]
        scanners = {name: str(verdicts[name]) for name in ("fickling", "modelscan")}
    signs = _signs(found, onnx, unexpected, scanners)
    what = "an ONNX file" if onnx else FORMATS[found.format.name]
    title = f"The model's file is {what}: {_in_words(signs)}"
    finding = judge(
        RISK,
        title,
        _measured(len(signs), len(content)),
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        severity=Level.CRITICAL if len(signs) > 1 else None,
        severity_reason="besides being able to run code, the file asks for what no model needs."
        if len(signs) > 1
        else None,
    )
    progress("opening it", 0.8)
    guards, opened = _opened(inputs)
    digest = hashlib.sha256(content).hexdigest()
    return Section(
        id=PART,
        title=part_of(PART).title,
        summary=title + ".",
        assessed=f"the model's file: {what}, {len(content):,} bytes",
        findings=(finding,),
        blocks=blocks(
            Text(
                text=f"{title}. Its SHA-256 digest is {digest}: whoever loads it later can see whether it is "
                f"still this file. {opened}"
            ),
            Table(
                title="What the file shows without being opened",
                columns=("sign", "how it was found"),
                formats=("text", "text"),
                rows=tuple(signs.items()) or (("none", "inspection of its content"),),
            ),
            _scanners(scanners),
            _names(unexpected, inputs.names),
        ),
        facts={"format": what, "digest": digest, "signs": len(signs), "guards": guards},
    )


def _signs(found: Inspection, onnx: bool, unexpected: list[str], scanners: dict[str, str]) -> dict[str, str]:
    """Return each sign that the file can run code, with how it was found."""
    signs: dict[str, str] = {}
    if found.format.acts == "yes":
        signs[CODE] = "its format, by content"
    elif found.format.acts == "not known" and not onnx:
        signs[SAYS_NOTHING] = "its format, by content"
    if unexpected:
        count = len(unexpected)
        words = "a name that no" if count == 1 else f"{count} names that no"
        signs[f"it asks for {words} model of scikit-learn needs"] = "inspection of what it asks for"
    if found.problem and found.format.acts == "yes":
        signs["it could not be read to its end"] = "inspection of what it asks for"
    for name, verdict in scanners.items():
        # fickling flags every pickle of scikit-learn: alone it says nothing beyond the format.
        if verdict == FLAGGED and name == "modelscan":
            signs["a scanner flags it"] = name
    return signs


def _in_words(signs: dict[str, str]) -> str:
    if not signs:
        return "no sign that opening it runs code was found"
    first, *others = signs
    return first if not others else f"{first}, and {len(others)} more sign{'s' if len(others) > 1 else ''}"


def _measured(signs: int, size: int) -> Measurement:
    return Measurement(
        name="signs_of_code_in_the_model_file",
        value=float(signs),
        unit="signs",
        n=1,
        baseline=0.0,
        interval=(float(signs), float(signs)),
        method=f"inspection of {size:,} bytes without opening them; baseline: a file of numbers",
        source=SOURCE,
    )


def _opened(inputs: Inputs) -> tuple[str, str]:
    """Return what was closed to the model's process, and a sentence on how it was opened."""
    try:
        model = inputs.model
    except ModelNotOpened as error:
        return "not opened", str(error)
    except UserError as error:
        return "not opened", f"It could not be opened: {error}"
    if model.guards is None:
        return "checked types", model.sentence()
    left = model.guards.open()
    more = (
        f" What is open to it on this system ({', '.join(left)}) must be closed around it: run the "
        f"assessment where "
        "the model can do no harm."
        if left
        else ""
    )
    return "all closed" if not left else f"open: {', '.join(left)}", model.sentence() + more


def _scanners(verdicts: dict[str, str]) -> Table | None:
    if not verdicts:
        return None
    return Table(
        title="What scanners say; fickling flags honest models as well, and no scanner knows every attack",
        columns=("scanner", "verdict"),
        formats=("text", "text"),
        rows=tuple(
            (name, "not read: it says nothing about this file" if verdict == NOT_READ else verdict)
            for name, verdict in verdicts.items()
        ),
    )


def _names(unexpected: list[str], names: Names) -> Table | None:
    """Return the names as a table; what is no name of Python was chosen to be read, and is only counted."""
    if not unexpected or names.redact == "strict":
        return None
    shown = [name for name in unexpected if all(part.isidentifier() for part in name.split("."))]
    rest = len(unexpected) - len(shown)
    if rest:
        shown = [*shown[: MOST_NAMES - 1], f"{rest} that {'is' if rest == 1 else 'are'} no name of Python"]
    return Table(
        title="Names that the file asks for and that no model of scikit-learn needs",
        columns=("name",),
        formats=("text",),
        rows=tuple((name,) for name in shown[:MOST_NAMES]),
    )
