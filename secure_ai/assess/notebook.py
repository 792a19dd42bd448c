"""What the assessment notebook calls: a line to begin, one for each section, to conclude, to save."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from secure_ai.assess.assessment import conclude
from secure_ai.assess.display import ShownAssessment, ShownSection
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters, parameters_of_notebook
from secure_ai.assess.registry import PARTS, Part, part_of
from secure_ai.assess.run.check import check_inputs, open_table
from secure_ai.assess.run.checkpoints import Checkpoints
from secure_ai.assess.run.told import telling
from secure_ai.assess.run.work import WorkFolder
from secure_ai.assess.section import Section
from secure_ai.core import UserError
from secure_ai.core.laid_aside import lay_aside_in

# What a replaced input touches, where that is not the input that the sections need.
TOUCHES = {"guards": "assistant"}
AGAIN = "after."


class Run:
    """One assessment in a notebook: call it with the id of a section to run that section.

    Attributes:
        parameters: what was asked for.
        sections: finished sections by their id, in the order in which they were run.
        mitigated: the same for the mitigated version.
    """

    def __init__(self, parameters: AssessmentParameters) -> None:
        self.parameters = parameters
        self.sections: dict[str, Section] = {}
        self.mitigated: dict[str, Section] = {}
        self.work = WorkFolder(Path(parameters.work)) if parameters.work else None
        self.inputs = Inputs(parameters)
        self._kept = None if self.work is None else Checkpoints(self.work, parameters)
        self.changed, self.replaced = parameters.mitigated()
        self._assessment: ShownAssessment | None = None

    def __call__(self, name: str, *, raising: bool = False) -> ShownSection:
        """Run one section, or read it again if an interrupted run finished it; print its summary.

        Args:
            name: id of :mod:`secure_ai.assess.registry`.
            raising: whether an error of the kit itself is shown in full, instead of a section left open.

        Raises:
            UserError: if an input cannot be read, or there is no section of this name.
        """
        part = _part(name)
        section = self._finished(part, part.id, self.parameters, lambda: self.inputs, raising)
        self.sections[part.id] = section
        print(_line(section))
        return section

    def again(self, *, raising: bool = False) -> None:
        """Run the sections that the mitigated version touches once more, on that version.

        Raises:
            UserError: if its input cannot be read.
        """
        touched = self.touched()
        if not touched:
            print("Mitigated version: none was given; nothing is measured again.")
        for part in touched:
            name = f"{AGAIN}{part.id}"
            section = self._finished(part, name, self.changed, lambda: self.inputs_again, raising)
            self.mitigated[part.id] = section
            print(f"After mitigation, {_line(section)}")

    def touched(self) -> list[Part]:
        """Return the sections that the mitigated version touches."""
        names = {TOUCHES.get(name, name) for name in self.replaced}
        return [part for part in PARTS if names & set(part.needs) and part.given(self.changed)]

    @cached_property
    def inputs_again(self) -> Inputs:
        """The inputs of the mitigated version, with the same quasi-identifiers: else nothing is comparable.

        Named columns that the mitigated table no longer has are left out: that was the mitigation.
        """
        if "data" not in self.replaced or not self.parameters.data:
            return Inputs(self.changed)
        there = set(open_table(self.changed, self.changed.data).columns)
        named = {name: getattr(self.changed, name) for name in ("sensitive", "drop", "attributes")}
        named["quasi_identifiers"] = self.inputs.quasi_identifiers[0]
        kept = {
            name: tuple(column for column in columns if column in there) or None
            for name, columns in named.items()
            if columns
        }
        return Inputs(self.changed.model_copy(update=kept))

    def conclude(self) -> ShownAssessment:
        """Return the assessment: findings worst first, and what follows from them; print the verdict."""
        telling(self.work, "Conclusion", 0, 0)
        sections = [self.sections.get(part.id) or _with_evidence(part, self._not_run(part)) for part in PARTS]
        made = conclude(self.parameters, sections, list(self.mitigated.values()))
        self._assessment = ShownAssessment(**vars(made))
        print(f"Conclusion: {made.verdict()}")
        return self._assessment

    def save(self) -> None:
        """Write the report to the folder of the parameter ``out``, if one was named, and say so.

        Raises:
            UserError: if the folder cannot be written, or nothing was concluded.
        """
        from secure_ai.assess.outputs import save

        if self._assessment is None:
            raise UserError("Nothing is concluded yet: run the cell with run.conclude() first.")
        telling(self.work, "Report", 0, 0)
        print(save(self._assessment))
        self.inputs.close()
        if "inputs_again" in vars(self):
            self.inputs_again.close()
        if self.work is not None:
            self.work.close()

    def _finished(
        self,
        part: Part,
        key: str,
        parameters: AssessmentParameters,
        inputs: Callable[[], Inputs],
        raising: bool,
    ) -> ShownSection:
        given = part.given(parameters)
        kept = self._kept.read(key) if self._kept is not None and given else None
        if kept is not None:
            return ShownSection(**vars(kept))
        if given:
            section, whole = self._assess(part, inputs, raising)
        else:
            section, whole = part.left_open(parameters, part.absent), False
        # Written and read again even where nothing is kept: a resumed run sees the very same values.
        section = ShownSection.model_validate_json(_with_evidence(part, section).model_dump_json())
        if self._kept is not None and whole:
            self._kept.keep(key, section)
        return section

    def _assess(self, part: Part, inputs: Callable[[], Inputs], raising: bool) -> tuple[Section, bool]:
        given = [one.id for one in PARTS if one.given(self.parameters)]
        number = given.index(part.id) + 1 if part.id in given else 0
        progress = telling(self.work, part.title, number, len(given))
        try:
            with _quiet():
                return part.run(inputs(), progress), True
        except UserError:
            raise
        except Exception as error:
            if raising:
                raise
            # Its message may quote a value of the data.
            reason = (
                f"The section could not be finished ({type(error).__name__}), which is an error of the kit, "
                f'not of the input: run("{part.id}", raising=True) in JupyterLab shows where.'
            )
            return part.left_open(self.parameters, reason), False

    def _not_run(self, part: Part) -> Section:
        given = part.given(self.parameters)
        return part.left_open(self.parameters, "The section was not run." if given else part.absent)


def begin(variables: Mapping[str, Any]) -> Run:
    """Begin an assessment from a notebook's variables: ``run = begin(globals())``.

    Raises:
        UserError: one sentence about a parameter or an input that is wrong.
    """
    parameters = parameters_of_notebook(variables)
    run = Run(parameters)
    if run.work is not None:
        run.work.make()
        lay_aside_in(run.work.path)
        telling(run.work, "Inputs", 0, 0)
    # `secure-ai assess` has opened the inputs a moment ago.
    if run.work is None or not run.work.state().get("checked"):
        check_inputs(parameters)
    given = sum(part.given(parameters) for part in PARTS)
    print(
        f"Checked the parameters and the inputs: {given} of {len(PARTS)} sections have something to assess."
    )
    return run


def _part(name: str) -> Part:
    try:
        return part_of(name)
    except StopIteration:
        known = ", ".join(part.id for part in PARTS)
        raise UserError(f"There is no section '{str(name)[:40]}'. The sections are: {known}.") from None


def _line(section: Section) -> str:
    return f"{section.title}: {section.summary}"


def _with_evidence(part: Part, section: Section) -> Section:
    """Return a section whose findings say where in the executed notebook the evidence is."""
    found = tuple(
        one if one.evidence else one.model_copy(update={"evidence": part.title}) for one in section.findings
    )
    return section.model_copy(update={"findings": found})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries print out of the notebook: it may quote values and name files of the machine."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
