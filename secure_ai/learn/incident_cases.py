"""What the tasks of chapter 17 on incidents are checked on: facts, a tabletop to lead, findings to share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.govern.incidents.clocks import ClockState, clocks_for
from secure_ai.govern.incidents.facts import IncidentFacts
from secure_ai.govern.incidents.indicators import PartnerBundle, match_events
from secure_ai.govern.incidents.tabletop import play, score
from secure_ai.govern.incidents.tabletop.actions import BY_ID, CLOCK_ACTIONS
from secure_ai.govern.incidents.tabletop.engine import REPEATABLE, Decision, Tabletop
from secure_ai.govern.incidents.tabletop.exposed_store import ADDRESS, EXPORTER, ExposedStore
from secure_ai.govern.incidents.tabletop.insider import Insider
from secure_ai.learn.engine import fresh

# ------------------------------------------------------------------------------------ facts of an incident

TOLD = {"authority": "gdpr_authority", "secretary": "hipaa_secretary", "regulator": "bank_regulator"}
"""The three notices of the task, and the kit's clock of each."""


def draw_facts(rng: np.random.Generator) -> IncidentFacts:
    """Draw facts of an incident, some of them not known; all times are in UTC."""

    # In many cases all is known and every duty exists: only those tell one slip about a time from another.
    clear = bool(rng.random() < 0.6)

    def maybe(value: Any, chance: float = 0.15) -> Any:
        return None if not clear and rng.random() < chance else value

    def yes(chance: float = 0.8) -> bool | None:
        return maybe(bool(clear or rng.random() < chance))

    noon = datetime(int(rng.integers(2024, 2028)), 1, 1, 12, tzinfo=UTC)
    occurred = noon + timedelta(days=int(rng.integers(20, 340)), minutes=int(rng.integers(-700, 700)))
    discovered, could_have, aware, determined = (
        occurred + timedelta(minutes=int(minutes)) for minutes in rng.integers(60, 40_000, 4)
    )
    disrupted, known = yes(0.7), maybe(discovered)
    few = int(rng.choice([int(rng.integers(20, 499)), 499, 500, int(rng.integers(501, 9000))]))
    return IncidentFacts(
        timezone="America/New_York",
        occurred=occurred,
        discovered=known,
        should_have_known=maybe(could_have, 0.4),
        # The kit takes the discovery for it where nobody noted when certainty came.
        aware=maybe(aware, 0.5) if known is None else aware,
        gdpr_applies=yes(),
        gdpr_role="controller",
        personal_data=yes(),
        risk_to_persons=maybe(str(rng.choice(["unlikely", "risk", "high"], p=[0.1, 0.45, 0.45]))),
        hipaa_role="covered_entity",
        phi=yes(),
        data_unintelligible=False if clear else maybe(bool(rng.random() < 0.3)),
        hipaa_exception="none",
        low_probability_of_compromise=False,
        individuals=maybe(few),
        bank_role="banking_organization",
        actual_harm=True,
        material_disruption=disrupted,
        notification_incident_determined=maybe(determined, 0.25) if disrupted else None,
    )


def kit_clock(clocks: Sequence[ClockState], name: str) -> ClockState:
    """Return the kit's clock of a notice of ``TOLD``."""
    return next(clock for clock in clocks if clock.id == TOLD[name])


def expected_notices(facts: IncidentFacts) -> dict[str, Any]:
    """Return what the kit's own clocks say: a day or a moment in UTC, ``"no"`` or ``"undecided"``."""
    clocks, found = clocks_for(facts), {}
    for name in TOLD:
        clock = kit_clock(clocks, name)
        if clock.status != "applies" or clock.deadline is None:
            found[name] = "no" if clock.status == "not_applicable" else "undecided"
        else:
            day = clock.deadline.date()
            found[name] = day if name == "secretary" else clock.deadline.astimezone(UTC)
    return found


# -------------------------------------------------------------------------------------- a tabletop to lead


POOL = 5


class LedTabletop(Tabletop):
    """A tabletop that notes what was known of a clock when somebody was told.

    Attributes:
        told_while: for each notice that was decided, the states that its clocks had in that minute.
    """

    def __init__(self, scenario: str, sector: str, *, seed: int) -> None:
        super().__init__(scenario, sector, seed=seed)
        self.told_while: dict[str, set[str]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> LedTabletop:
        # A check hands over copies; of an exercise, the one that is looked at afterwards has to be led.
        return self

    def decide(self, action: str, by: str) -> Decision:
        """Decide as in :meth:`Tabletop.decide`."""
        notices = {name for names in CLOCK_ACTIONS.values() for name in names}
        states = (
            {clock.status for clock in self.clocks() if action in CLOCK_ACTIONS.get(clock.id, ())}
            if action in notices
            else set()
        )
        made = super().decide(action, by)
        if action in notices:
            self.told_while[action] = states
        return made


def start(game: Tabletop, *actions: str) -> None:
    """Decide ``actions``, each for the role that the plan names.

    What is decided already stays so; an empty name is passed over.
    """
    for action in filter(None, actions):
        decided = action not in REPEATABLE and any(one.action == action for one in game.decisions)
        if not decided and not game.over:
            game.decide(action, by=game.owner_of(BY_ID[action]) if action in BY_ID else "")


def finish(game: Tabletop, *actions: str) -> None:
    """Decide ``actions`` and wait until every one of them is done."""
    start(game, *actions)
    waiting = [one.finished for one in game.decisions if one.action in actions and not one.done]
    minutes = max(waiting, default=0) - game.minute
    if minutes > 0 and not game.over:
        game.advance(minutes)


def notice_of(game: Tabletop, clock: ClockState) -> str:
    """Return the action that meets a clock, by the facts that are known; empty if there is none."""
    return _notice(clock, game.facts)


def _notice(clock: ClockState, facts: IncidentFacts) -> str:
    actions = CLOCK_ACTIONS.get(clock.id, ("",))
    if clock.id != "hipaa_secretary":
        return actions[0]
    # 500 or more are told of with the individuals, fewer once a year (164.408).
    return actions[0] if (facts.least_individuals() or 0) >= 500 else actions[1]


def wanted_notices(game: Tabletop) -> dict[str, datetime | None]:
    """Return what has to be told in truth, whatever the team knows: action → last moment, None if unnamed."""
    truth = game.world.truth()
    due: dict[str, datetime | None] = {}
    for clock in clocks_for(truth):
        action = _notice(clock, truth) if clock.status == "applies" else ""
        if action:
            due[action] = min(filter(None, (due.get(action), clock.deadline)), default=None)
    return due


GAMES = {"insider": ("insider", "healthcare"), "store": ("exposed_store", "finance")}
"""The incidents that a leader has to stand: a colleague in a hospital, and a thief in a bank."""


@cache
def seed_pools() -> dict[str, tuple[int, ...]]:
    """Draw, once a session, seeds of incidents in which all that the task speaks of occurs.

    Returns:
        For each of ``GAMES``: seeds of an insider under the GDPR, and of an exposed store of a bank whose
        business is disrupted and to which the GDPR does not apply.
    """
    rng = fresh()
    pools: dict[str, list[int]] = {name: [] for name in GAMES}
    while any(len(pool) < POOL for pool in pools.values()):
        seed = int(rng.integers(1, 2**31))
        if Insider("healthcare", seed).laws["gdpr_applies"]:
            pools["insider"].append(seed)
        elif len(pools["store"]) < POOL and ExposedStore("finance", seed).disruptive:
            pools["store"].append(seed)
    return {name: tuple(pool) for name, pool in pools.items()}


# --------------------------------------------------------------------------------------- findings to share

FREEMAIL = ("mailbox.example", "freepost.test", "inbox.example.org")
"""Providers at which anybody has a mailbox; all of these are invented."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found while an incident was looked into.

    Attributes:
        kind: ``ip``, ``domain``, ``mail`` (an address), ``file_sha256``, ``record_sha256`` (of the number
            of a record), ``account`` or ``record``.
        value: what it is.
        note: what somebody of the team wrote beside it, for the team.
    """

    kind: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class OwnHouse:
    """What belongs to the house itself.

    Attributes:
        networks: its networks, such as ``10.20.0.0/16``.
        domain: its domain.
        freemail: domains at which anybody has a mailbox.
    """

    networks: tuple[str, ...]
    domain: str
    freemail: tuple[str, ...] = FREEMAIL


ATTACKERS = ("192.0.2", "203.0.113")
NETWORK_OF_OURS = "198.51.100.0/25"


def draw_findings(rng: np.random.Generator) -> tuple[list[Finding], OwnHouse, dict[str, str]]:
    """Draw the findings of an incident, the house, and what each finding is.

    Returns:
        The findings in any order, the house, and value → sort: ``attacker``, ``own``, ``lookalike``,
        ``sender`` (an address at a domain of the attacker's), ``freemail``, ``file``, ``hashed`` or
        ``person``.
    """

    def number(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    def digest() -> str:
        return rng.bytes(32).hex()

    first, second = f"10.{number(0, 250)}", f"172.{number(16, 31)}"
    label = f"{rng.choice(('ashgrove', 'lakemere', 'fernhollow'))}-{rng.choice(('clinic', 'bank', 'union'))}"
    house = OwnHouse((f"{first}.0.0/16", f"{second}.0.0/16", NETWORK_OF_OURS), f"{label}.example")
    person, staff = f"rec-{number(10_000, 99_999)}", f"staff-{number(1000, 9999)}"
    note = f"opened from the workstation of {staff}, about {person}"
    evil = f"{rng.choice(('parcel', 'claims', 'update'))}-{rng.choice(('desk', 'point', 'hub'))}.test"
    lookalike = str(rng.choice([f"{house.domain}.id-check.test", f"my-{house.domain}", f"{label}.test"]))
    sorts = [
        ("ip", f"{rng.choice(ATTACKERS)}.{number(1, 250)}", "attacker"),
        ("ip", f"198.51.100.{number(130, 250)}", "attacker"),
        ("ip", f"{first}.{number(0, 250)}.{number(1, 250)}", "own"),
        ("ip", f"{second}.{number(0, 250)}.{number(1, 250)}", "own"),
        ("ip", f"198.51.100.{number(1, 120)}", "own"),
        ("domain", evil, "attacker"),
        ("domain", lookalike, "lookalike"),
        ("domain", f"{rng.choice(('portal', 'www', 'files'))}.{house.domain}", "own"),
        ("mail", f"office@{rng.choice(('pay', 'post'))}{number(10, 99)}-notice.test", "sender"),
        ("mail", f"jo.{rng.choice(('smith', 'jones'))}{number(10, 99)}@{rng.choice(FREEMAIL)}", "freemail"),
        ("mail", f"{staff}@{house.domain}", "own"),
        ("file_sha256", digest(), "file"),
        ("record_sha256", digest(), "hashed"),
        ("account", staff, "person"),
        ("record", person, "person"),
    ]
    findings = [
        Finding(kind, value, note if place % 2 else "") for place, (kind, value, _) in enumerate(sorts)
    ]
    order = rng.permutation(len(findings))
    return [findings[place] for place in order], house, {value: sort for _, value, sort in sorts}


def findings_of(game: Tabletop, sender: str) -> list[Finding]:
    """Return the findings of an exposed store that was played, and the address of a mail that came along.

    Args:
        game: a tabletop of the scenario ``exposed_store``.
        sender: address of a phishing mail of the same morning.
    """
    records = [record for _, event in game.world.visible_events() for record in event.records][:3]
    return [
        Finding("ip", ADDRESS, f"read the export, the first record was {(records or ['none'])[0]}"),
        Finding("ip", "10.20.7.31", "our server with the share"),
        Finding("account", EXPORTER, "its key lay beside the export"),
        *(Finding("record", record, "read from outside") for record in dict.fromkeys(records)),
        Finding("mail", sender, "came to several of us this morning"),
    ]


# --------------------------------------------------------------------------------------- for the use cells


def what_if(facts: IncidentFacts, sector: str) -> dict[str, IncidentFacts]:
    """Return facts at the alarm, all of them, and with one changed at a time, by what is changed."""
    found = facts.discovered or facts.aware
    stages = {
        "at the alarm": IncidentFacts(discovered=found, aware=facts.aware),
        "all facts known": facts,
        "if the GDPR applies": facts.with_facts(gdpr_applies=True),
    }
    if sector == "finance":
        disrupted = facts.with_facts(material_disruption=True, notification_incident_determined=None)
        determined = found + timedelta(hours=5) if found is not None else None
        return stages | {
            "if business is disrupted": disrupted,
            "and that was determined": disrupted.with_facts(notification_incident_determined=determined),
        }
    large = facts.with_facts(individuals=(facts.individuals or 0) + 500)
    earlier = found - timedelta(days=7) if found is not None else None
    return stages | {
        "with 500 persons more": large,
        "and visible a week earlier": large.with_facts(occurred=earlier, should_have_known=earlier),
        "had it been unreadable": facts.with_facts(data_unintelligible=True),
    }


def notice_table(
    stages: Mapping[str, IncidentFacts], notices: Callable[[IncidentFacts], Any]
) -> pd.DataFrame:
    """Return what ``notices`` says of facts at several stages, in words and in the house's own time.

    Returns:
        facts (the stage), and a column for each notice of ``TOLD``.
    """
    rows = []
    for stage, facts in stages.items():
        answer = notices(facts)
        rows.append({"facts": stage, **{name: _in_words(answer[name], facts) for name in TOLD}})
    return pd.DataFrame(rows)


def _in_words(answer: Any, facts: IncidentFacts) -> str:
    if isinstance(answer, datetime):
        return f"{answer.astimezone(facts.zone):%d %b %Y, %H:%M}"
    return f"{answer:%d %b %Y}" if isinstance(answer, date) else str(answer)


def led_table(lead: Callable[[Tabletop], Any], sector: str, seed: int) -> tuple[pd.DataFrame, dict[str, str]]:
    """Play both scenarios of a sector with ``lead``.

    Returns:
        incident, records read, if nobody had acted, points by the whole plan; and incident → the steps of the
        plan that were left out.
    """
    rows, left_out = [], {}
    for scenario in ("exposed_store", "insider"):
        played = play(Tabletop(scenario, sector, seed=seed), lead)
        found, title = score(played), played.world.title
        rows.append((title, found.records, found.records_without_team, f"{found.total:.0f} of 100"))
        steps = sorted(step.step.replace("_", " ") for step in found.steps if not step.done)
        left_out[title] = ", ".join(steps) or "nothing"
    columns = ["incident", "records read", "if nobody had acted", "points by the whole plan"]
    return pd.DataFrame(rows, columns=columns), left_out


def neighbor_hits(received: PartnerBundle, sector: str, seed: int) -> int:
    """Return how many events of a neighbor of the other sector match, whom the same intruder reads."""
    elsewhere = "finance" if sector == "healthcare" else "healthcare"
    neighbor = Tabletop("exposed_store", elsewhere, seed=seed)
    return len(match_events(received, [event for _, event in neighbor.world.visible_events()]))
