"""Teams that play by themselves: by the plan, not at all, and everything at once; to try plans and scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.incidents.tabletop.actions import ACTIONS, BY_ID, CLOCK_ACTIONS, QUESTIONS
from secure_ai.govern.incidents.tabletop.engine import LENGTH, Tabletop
from secure_ai.govern.incidents.tabletop.scoring import CONTAIN, LARGE

Policy = Callable[[Tabletop], None]
PolicyName = Literal["by_plan", "nothing", "everything"]


def play(tabletop: Tabletop, policy: PolicyName | Policy = "by_plan") -> Tabletop:
    """Play a tabletop to its end and return it.

    Args:
        tabletop: is played from where it stands.
        policy: ``"by_plan"``, ``"nothing"``, ``"everything"``, or a function that decides, asks and advances.

    Raises:
        UserError: if there is no such policy.
    """
    known: dict[str, Policy] = {"by_plan": _by_plan, "nothing": _nothing, "everything": _everything}
    chosen = known.get(policy) if isinstance(policy, str) else policy
    if chosen is None or not callable(chosen):
        raise UserError(f"There is no policy '{shown(str(policy))}': choose from {', '.join(known)}.")
    chosen(tabletop)
    if not tabletop.over:
        tabletop.advance(LENGTH - tabletop.minute)
    return tabletop


def _nothing(tabletop: Tabletop) -> None:
    del tabletop


def _everything(tabletop: Tabletop) -> None:
    """Decide all there is in the first minutes, each by the role that the plan names."""
    taken = {one.action for one in tabletop.decisions}
    for action in ACTIONS:
        if action.id not in taken and not tabletop.over:
            tabletop.decide(action.id, by=tabletop.owner_of(action))


def _by_plan(tabletop: Tabletop) -> None:
    """Take the steps of the plan as soon as what comes before them is done; look at the clocks "
    "before telling."""
    useful = tabletop.world.useful
    _do(tabletop, "confirm_alert")
    _until(tabletop, "confirm_alert")
    for action in ("disable_account", "close_share", "preserve_logs", "open_incident", "start_continuity"):
        if action in useful or action not in CONTAIN:
            _do(tabletop, action)
    for question in QUESTIONS:
        if question.id != "which_laws" and not tabletop.over:  # counsel's review says that
            tabletop.ask(question.id)
    _do(tabletop, "legal_review")
    for action in ("preserve_logs", "count_records", "assess_risk", "legal_review"):
        _do(tabletop, action)
        _until(tabletop, action)
    for action in ("decide_disclosure", "debrief", "rotate_key", "rebuild_server", "prepare_statement"):
        if tabletop.plan.steps_of_action(action) and (action in useful or action not in CONTAIN):
            _do(tabletop, action)
    _until(tabletop, "decide_disclosure")
    for clock in tabletop.clocks():
        if clock.status == "applies":
            for action in _notices(tabletop, clock.id):
                _do(tabletop, action)


def _notices(tabletop: Tabletop, clock: str) -> tuple[str, ...]:
    actions = CLOCK_ACTIONS.get(clock, ())
    if clock != "hipaa_secretary":
        return actions
    large = (tabletop.facts.least_individuals() or 0) >= LARGE
    return actions[:1] if large else actions[1:]


def _do(tabletop: Tabletop, action: str) -> None:
    if not tabletop.over and all(one.action != action for one in tabletop.decisions):
        tabletop.decide(action, by=tabletop.owner_of(BY_ID[action]))


def _until(tabletop: Tabletop, action: str) -> None:
    waiting = next((one for one in tabletop.decisions if one.action == action and not one.done), None)
    if waiting is not None and not tabletop.over and waiting.finished > tabletop.minute:
        tabletop.advance(waiting.finished - tabletop.minute)
