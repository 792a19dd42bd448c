"""The guards by name: made for a world, all of them or some, and listed in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from secure_ai.attack.assistant.hooks import Guard
from secure_ai.attack.assistant.worlds import stored_world
from secure_ai.core.audit import AuditLog, utc_now
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.assistant.confirmation import USUAL_LIMIT, Confirmation
from secure_ai.defend.assistant.fairness import EvenHanded
from secure_ai.defend.assistant.grounding import GroundedAnswers
from secure_ai.defend.assistant.intent import Intent
from secure_ai.defend.assistant.known import Known, known_of
from secure_ai.defend.assistant.limits import Limits, RateAndCost
from secure_ai.defend.assistant.links import LinkAllowList
from secure_ai.defend.assistant.log import ConversationLog
from secure_ai.defend.assistant.outputs import OutputFilter
from secure_ai.defend.assistant.permissions import RowFilter, ToolPermissions
from secure_ai.defend.assistant.provenance import ProvenanceMarking
from secure_ai.defend.assistant.queue import ApprovalQueue
from secure_ai.defend.assistant.remembering import MemoryGuard

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.attack.assistant.world import World
    from secure_ai.defend.assistant.screening import Thresholds

USER_FROM = 0.85
"""From which score on a message of the user is refused: above the usual 0.5, as other guards stand behind."""


@dataclass(frozen=True)
class _Setting:
    known: Known
    queue: ApprovalQueue
    audit: AuditLog
    masked: bool
    clock: Callable[[], datetime]
    hosts: tuple[str, ...]
    limits: Limits | None
    confirm_from: Decimal | int | str
    marking: Any
    detect: bool
    seed: int | None
    thresholds: Any


@dataclass(frozen=True)
class _Kind:
    make: Callable[[_Setting], Guard]
    does: str
    cost: str
    frameworks: str


def _input_screening(setting: _Setting) -> Guard:
    from secure_ai.defend.assistant.screening import InputScreening

    return InputScreening(_thresholds(setting))


def _document_screening(setting: _Setting) -> Guard:
    from secure_ai.defend.assistant.screening import DocumentScreening

    return DocumentScreening(_thresholds(setting))


def _thresholds(setting: _Setting) -> Any:
    from secure_ai.defend.assistant.screening import Thresholds

    return setting.thresholds or Thresholds(user=USER_FROM)


_KINDS: dict[str, _Kind] = {
    "limits": _Kind(
        lambda s: RateAndCost(s.limits, s.clock),
        "ends messages, turns, calls and replies that are too long, too many or too dear",
        "long honest messages", "LLM10:2025 AML.M0004",
    ),
    "input_screening": _Kind(
        _input_screening, "refuses messages of the user that are "
                          "attacks", "unusual wording", "LLM01:2025 AML.M0020 AML.M0015"
    ),
    "row_filter": _Kind(
        lambda s: RowFilter(s.known), "keeps records that the user may not see out of ranking and results",
        "none, if roles are right", "LLM02:2025 LLM08:2025 AML.M0019",
    ),
    "document_screening": _Kind(
        _document_screening, "cuts sentences that speak to the assistant out of what others wrote",
        "documents that give instructions", "LLM01:2025 AML.M0033",
    ),
    "even_handed": _Kind(
        lambda s: EvenHanded(s.queue), "drops rules to treat a group worse; refusals that name a "
                                       "group go to a person",
        "texts on eligibility by age", "LLM09:2025 AML.M0022",
    ),
    "provenance": _Kind(
        lambda s: ProvenanceMarking(s.marking, s.seed), "marks what others wrote, with a mark that "
                                                        "nobody can foresee",
        "tokens; helps only models that heed it", "LLM01:2025 AML.M0025",
    ),
    "tool_permissions": _Kind(
        lambda s: ToolPermissions(s.known), "judges each call by the user's role and relationship, in Cedar",
        "none, if roles are right", "LLM06:2025 AML.M0026 AML.M0028",
    ),
    "output_filter": _Kind(
        lambda s: OutputFilter(s.known, s.detect), "withholds values of others, the system prompt, "
                                                   "active content",
        "some time for each reply", "LLM02:2025 LLM05:2025 LLM07:2025 AML.M0033",
    ),
    "links": _Kind(
        lambda s: LinkAllowList(s.known, s.hosts), "lets only links to listed hosts pass, without "
                                                   "data in them",
        "links to honest pages elsewhere", "LLM02:2025 LLM05:2025 AML.M0033",
    ),
    "intent": _Kind(
        lambda s: Intent(s.known, s.queue), "holds calls that the user did not ask for, or with "
                                            "values from elsewhere",
        "errands whose values stand in a mail", "LLM01:2025 LLM06:2025 AML.M0030",
    ),
    "confirmation": _Kind(
        lambda s: Confirmation(s.known, s.queue, s.confirm_from), "lets risky calls wait for a "
                                                                  "person; tells one where needed",
        "a person's time", "LLM06:2025 AML.M0029",
    ),
    "memory": _Kind(
        lambda s: MemoryGuard(s.known), "remembers nothing but short preferences in the user's own words",
        "longer notes", "LLM04:2025 AML.M0031",
    ),
    "grounded_answers": _Kind(
        lambda s: GroundedAnswers(s.known, s.queue), "withholds what no source supports, and advice "
                                                     "without a trusted source",
        "free conversation", "LLM09:2025 AML.M0033",
    ),
    "conversation_log": _Kind(
        lambda s: ConversationLog(s.audit, s.masked), "records every turn, with hashes and masked "
                                            "text", "storage", "AML.M0024",
    ),
}  # fmt: skip
GUARDS: tuple[str, ...] = tuple(_KINDS)
"""The names of the guards, in the order in which they act."""


def make_guards(
    world: Any,
    names: str | Sequence[str] = "all",
    *,
    audit: AuditLog | None = None,
    queue: ApprovalQueue | None = None,
    clock: Callable[[], datetime] | None = None,
    allowed_hosts: Iterable[str] = (),
    limits: Limits | None = None,
    confirm_from: Decimal | int | str = USUAL_LIMIT,
    marking: str = "delimit",
    detect: bool = True,
    seed: int | None = 0,
    thresholds: Thresholds | None = None,
) -> list[Guard]:
    """Return guards for the assistant over a world, in the order in which they act.

    Args:
        world: the assistant's world (or a :class:`Known`).
        names: ``"all"``, one name, or a list of names of :data:`GUARDS`.
        audit: where turns and decisions are recorded; where none is given, a log in memory that holds
            hashes and no text.
        queue: where what needs a person waits; a queue in memory where none is given.
        clock: gives the time of limits, queue and log.
        allowed_hosts: hosts that may be linked besides the organization's own.
        limits: see :class:`~secure_ai.defend.assistant.limits.Limits`.
        confirm_from: money from this amount on waits for a person.
        marking: ``"delimit"`` or ``"datamark"``.
        detect: whether replies are searched with our detector besides (it takes a second to load).
        thresholds: of the two screenings; None takes :data:`USER_FROM` for messages, as the other guards
            stand behind them, and the usual ones for documents.
        seed: of the marks; None draws a secret key, as in real use.

    Raises:
        UserError: if a name is unknown (the message lists the known ones) or a setting is not of its form.
    """
    chosen = list(GUARDS) if names == "all" else [names] if isinstance(names, str) else list(names)
    for name in chosen:
        if name not in _KINDS:
            raise UserError(
                f"There is no guard '{shown(str(name))}': choose from {', '.join(GUARDS)}, or \"all\"."
            )
    time = clock or utc_now
    log = audit or AuditLog(clock=time)
    setting = _Setting(
        known_of(world), queue or ApprovalQueue(clock=time, audit=log), log, audit is not None, time,
        tuple(allowed_hosts), limits, confirm_from, marking, detect, seed, thresholds,
    )  # fmt: skip
    return [_KINDS[name].make(setting) for name in GUARDS if name in chosen]


def guard_maker(names: str) -> Callable[[World], Sequence[Guard]]:
    """Return what makes guards for a world.

    Args:
        names: ``"all"``, or names of guards separated by commas.

    Raises:
        UserError: if a name is not known; told at once, before anything runs.
    """
    chosen: str | list[str] = "all" if names.strip() == "all" else [name.strip() for name in names.split(",")]
    make_guards(stored_world("finance"), chosen)
    return lambda world: make_guards(world, chosen)


def guards_table() -> pd.DataFrame:
    """Return what each guard does, what it costs, and the entries of frameworks it answers, as a table."""
    import pandas as pd

    from secure_ai.core.frameworks import entry

    rows = [
        (
            name,
            kind.does,
            kind.cost,
            ", ".join(entry(identifier).id for identifier in kind.frameworks.split()),
        )
        for name, kind in _KINDS.items()
    ]
    return pd.DataFrame(rows, columns=["guard", "does", "cost", "frameworks"])
