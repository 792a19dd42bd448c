"""The incident response plan as data: roles, phases and steps, read from YAML and checked before the day."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown

SECTORS = ("healthcare", "finance")
PHASES = ("detect", "contain", "assess", "notify", "recover", "learn")
LARGEST_FILE = 1_000_000
MOST_STEPS = 500

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Words = Annotated[str, Field(min_length=1, max_length=600)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Step(_Part):
    """One step of the plan.

    Attributes:
        id: its name in decisions, prerequisites and scores.
        phase: one of the phases of the plan.
        what: what is done, in a sentence.
        owner: the role that does it, or answers for it.
        within_minutes: until when, in minutes after the alarm; None where a legal clock says so.
        clock: the id of the legal clock that limits it, such as ``"gdpr_authority"``; empty otherwise.
        after: ids of the steps that come first.
        evidence: what shows afterwards that it was done.
        actions: the tabletop's actions that fulfill it; a step without any is not scored in a tabletop.
        references: framework ids.
    """

    id: Name
    phase: Name
    what: Words
    owner: Name
    within_minutes: Annotated[int, Field(ge=1, le=527_040)] | None = None
    clock: Name | None = None
    after: tuple[Name, ...] = ()
    evidence: tuple[Words, ...] = Field(min_length=1)
    actions: tuple[Name, ...] = ()
    references: tuple[Words, ...] = ()


class IncidentPlan(_Part):
    """An incident response plan.

    Attributes:
        name: what it is called.
        sector: ``"healthcare"`` or ``"finance"``.
        version: as the organisation counts.
        roles: role → what it answers for.
        phases: in their order.
        steps: in any order; :meth:`ordered` sorts them.
    """

    name: Words
    sector: Name
    version: Words
    roles: dict[Name, Words] = Field(min_length=1)
    phases: tuple[Name, ...] = Field(default=PHASES, min_length=1)
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS)

    def step(self, identifier: str) -> Step:
        """Return the step of that id.

        Raises:
            UserError: if there is none.
        """
        found = next((step for step in self.steps if step.id == identifier), None)
        if found is None:
            raise UserError(f"The plan has no step '{shown(str(identifier))}': see plan.to_frame().")
        return found

    def ordered(self) -> tuple[Step, ...]:
        """Return the steps so that each comes after its prerequisites, otherwise as the file has them."""
        done: dict[str, Step] = {}
        waiting = list(self.steps)
        while waiting:
            ready = next((step for step in waiting if all(name in done for name in step.after)), None)
            if ready is None:
                raise UserError(_cycle_sentence(self.name, waiting))
            done[ready.id] = ready
            waiting.remove(ready)
        return tuple(done.values())

    def steps_of_action(self, action: str) -> tuple[Step, ...]:
        """Return the steps that a tabletop's action fulfills."""
        return tuple(step for step in self.steps if action in step.actions)

    def to_frame(self) -> pd.DataFrame:
        """Return the plan as a table to hang on a wall.

        Returns:
            One row a step, in order: phase, step, what, owner, deadline (in words), after, evidence.
        """
        rows = [
            (
                step.phase,
                step.id,
                step.what,
                step.owner,
                deadline_in_words(step),
                ", ".join(step.after),
                "; ".join(step.evidence),
            )
            for step in self.ordered()
        ]
        return pd.DataFrame(rows, columns=["phase", "step", "what", "owner", "deadline", "after", "evidence"])

    def sentence(self) -> str:
        """Say how large the plan is."""
        timed = sum(step.clock is not None for step in self.steps)
        return (
            f"{self.name}: {len(self.steps)} steps by {len(self.roles)} roles in {len(self.phases)} phases, "
            f"{timed} of them under a legal clock."
        )


def deadline_in_words(step: Step) -> str:
    """Return until when a step is due, in words."""
    if step.clock is not None:
        return f"legal clock {step.clock}"
    minutes = step.within_minutes or 0
    if minutes % 1_440 == 0:
        return f"{minutes // 1_440} days"
    return f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} minutes"


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice; YAML's own loader takes the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise UserError(
                    f"The plan: '{shown(str(key.value))}' stands twice (line "
                    f"{key.start_mark.line + 1}): keep one."
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def load_plan(plan: str | Path) -> IncidentPlan:
    """Return a checked plan: the kit's for a sector, or an organisation's own file.

    Args:
        plan: ``"healthcare"``, ``"finance"``, or the path of a YAML file of the same form (copy
            ``secure_ai/govern/incidents/plans/healthcare.yaml``).

    Raises:
        UserError: if the file cannot be read, a field is missing or unknown, a step names a role, phase or
            step that is not there, steps wait for one another in a circle, a step stands alone, or a step
            has no deadline or two.
    """
    if isinstance(plan, str) and plan in SECTORS:
        return _kit_plan(plan)
    if not isinstance(plan, str | Path):
        raise UserError(f"Give a plan as {' or '.join(SECTORS)}, or as the path of a YAML file.")
    file = Path(plan)
    name = shown(file.name or str(plan))
    try:
        if file.is_file() and file.stat().st_size > LARGEST_FILE:
            raise UserError(f"The plan {name} is larger than {LARGEST_FILE // 1_000_000} MB: it is no plan.")
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UserError(
            f"The plan {name} cannot be read ({reason}): give {' or '.join(SECTORS)}, or the path "
            f"of a YAML file."
        ) from None
    return parse_plan(text, name)


@cache
def _kit_plan(sector: str) -> IncidentPlan:
    text = resources.files(__package__).joinpath(f"plans/{sector}.yaml").read_text("utf-8")
    return parse_plan(text, f"{sector}.yaml")


def parse_plan(text: str, name: str = "plan") -> IncidentPlan:
    """Return the checked plan of a YAML text; see :func:`load_plan`."""
    try:
        # Aliases could blow a small file up to gigabytes, and no plan needs them.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise UserError(
                f"The plan {name} uses YAML aliases (*), which a plan does not need: write it out."
            )
        content = yaml.load(text, Loader=_UniqueKeys)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" near line {mark.line + 1}" if mark is not None else ""
        raise UserError(f"The plan {name} is no valid YAML{place}: check indents and colons there.") from None
    if not isinstance(content, dict):
        raise UserError(f"The plan {name} is no mapping: it needs name, sector, version, roles and steps.")
    try:
        plan = IncidentPlan.model_validate(content)
    except ValidationError as error:
        raise UserError(_field_sentence(name, content, error)) from None
    _check(plan, name)
    return plan


def _field_sentence(name: str, content: dict[Any, Any], error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = list(first["loc"])
    where = ".".join(shown(str(part)) for part in place)
    if len(place) > 1 and place[0] == "steps" and isinstance(place[1], int):
        step = content["steps"][place[1]]
        label = step.get("id") if isinstance(step, dict) else None
        where = f"step {place[1] + 1}" + (f" ({shown(str(label))})" if label else "")
        where += "".join(f", {shown(str(part))}" for part in place[2:])
    problem = {"extra_forbidden": "is no field of a plan", "missing": "is missing"}.get(
        first["type"], first["msg"][:120].lower()
    )
    return f"The plan {name}: {where}: {problem}; compare it with the kit's plan."


def _check(plan: IncidentPlan, name: str) -> None:
    ids = [step.id for step in plan.steps]
    problem = (
        _repeated(ids, "Two steps are called")
        or _repeated(plan.phases, "Two phases are called")
        or next((found for step in plan.steps if (found := _step_problem(plan, step, set(ids)))), "")
    )
    if not problem:
        idle = next((role for role in plan.roles if all(step.owner != role for step in plan.steps)), None)
        problem = f"the role '{idle}' owns no step: give it one, or strike it out" if idle else ""
    if problem:
        raise UserError(f"The plan {name}: {problem}.")
    plan.ordered()


def _step_problem(plan: IncidentPlan, step: Step, ids: set[str]) -> str:
    if step.owner not in plan.roles:
        known = ", ".join(plan.roles)
        return (
            f"step '{step.id}' is owned by '{step.owner}', which is no role of the plan (there are {known})"
        )
    if step.phase not in plan.phases:
        return f"step '{step.id}' is in phase '{step.phase}', which the plan does not have"
    missing = next((before for before in step.after if before not in ids), None)
    if missing is not None:
        return f"step '{step.id}' comes after '{missing}', which is no step of the plan"
    if not step.after and step.phase != plan.phases[0]:
        return (
            f"step '{step.id}' stands alone: nothing leads to it; name the steps that come before it (after)"
        )
    later = next(
        (
            before
            for before in step.after
            if plan.phases.index(plan.step(before).phase) > plan.phases.index(step.phase)
        ),
        None,
    )
    if later is not None:
        return f"step '{step.id}' waits for '{later}', which is of a later phase"
    if (step.within_minutes is None) == (step.clock is None):
        return f"step '{step.id}' needs one deadline: within_minutes, or the name of a clock"
    if step.clock is not None:
        from secure_ai.govern.incidents.clocks import CLOCK_IDS

        if step.clock not in CLOCK_IDS:
            return f"step '{step.id}' names the clock '{step.clock}' (there are {', '.join(CLOCK_IDS)})"
    return ""


def _repeated(names: Iterable[str], words: str) -> str:
    seen: set[str] = set()
    for one in names:
        if one in seen:
            return f"{words} '{one}': give each its own name"
        seen.add(one)
    return ""


def _cycle_sentence(name: str, waiting: list[Step]) -> str:
    """Name one circle: follow prerequisites among those that wait until one comes again."""
    left = {step.id: step for step in waiting}
    trail = [waiting[0].id]
    while True:
        following = next(before for before in left[trail[-1]].after if before in left)
        if following in trail:
            circle = [*trail[trail.index(following) :], following]
            return f"The plan {shown(name)}: these steps wait for one another: {' → '.join(circle)}."
        trail.append(following)
