"""Chapter 17, hospital and bank: teams in one incident, clocks, a day without the model, sharing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.core.figures import GUIDE, RISK, SCORE
from secure_ai.govern.incidents import (
    ClockState,
    Draft,
    Observed,
    RestoreDrill,
    Tabletop,
    drafts_of,
    indicator_bundle,
    play,
    score,
    timeline,
    write_after_action,
)
from secure_ai.govern.incidents.clocks.state import STATUS_WORDS
from secure_ai.learn.display import Table
from secure_ai.learn.parameters import of_sector
from secure_ai.learn.sentences import outcome

if TYPE_CHECKING:
    import stix2
    from matplotlib.figure import Figure


INCIDENT = "INC-2026-003"
OUTAGE_CASES = 200
LATEST_SHOWN = 200
TEAMS = {
    "does nothing": "nothing",
    "everything at once": "everything",
    "by the plan": "by_plan",
}


@dataclass(frozen=True)
class IncidentScene:
    """What is the hospital's and what is the bank's in the lesson.

    Attributes:
        us, person: words for the organization and for those whose data it keeps.
        incident: the number of the incident that is played; another number is another one. In this one the
            GDPR applies too (and in the bank, the market is told), so that many clocks can run.
        backed_up: the tables that are backed up.
        cases, inputs, target: the table of cases, what a model reads of them and what it foretells.
        case_words: what a case is, and what matters in it.
        rule: the column by which people choose without the model; ``rule_words`` says it in words.
    """

    us: str
    person: str
    incident: int
    backed_up: tuple[str, ...]
    cases: str
    inputs: tuple[str, ...]
    target: str
    case_words: str
    rule: str
    rule_words: str


SCENES = {
    "healthcare": IncidentScene(
        us="hospital",
        person="patient",
        incident=3,
        backed_up=("patients", "encounters"),
        cases="readmissions",
        inputs=("length_of_stay", "prior_admissions", "comorbidity_count", "prior_emergency_visits", "age"),
        target="readmitted_30d",
        case_words="patients go home; what matters is to call those who would be back within 30 days",
        rule="prior_admissions",
        rule_words="whoever was in hospital most often before comes first",
    ),
    "finance": IncidentScene(
        us="bank",
        person="customer",
        incident=3,
        backed_up=("customers", "accounts"),
        cases="loans",
        inputs=("credit_score", "debt_to_income", "delinquencies_2y", "interest_rate", "employment_years"),
        target="defaulted",
        case_words="loans are to be looked at again; what matters is to find those that will not be repaid",
        rule="delinquencies_2y",
        rule_words="whoever was late with payments most often comes first",
    ),
}


def incident_scene(sector: str) -> IncidentScene:
    """Return the scene of a sector.

    Raises:
        UserError: if there is none of this name.
    """
    return of_sector(SCENES, sector)


# ---------------------------------------------------------------- the incident


def play_teams(scenario: str, sector: str, incident: int) -> dict[str, Tabletop]:
    """Let three teams play the same incident to its end: name of the team → its tabletop."""
    return {
        name: play(Tabletop(scenario, sector, seed=incident), policy)  # type: ignore[arg-type]
        for name, policy in TEAMS.items()
    }


def team_table(teams: Mapping[str, Tabletop]) -> pd.DataFrame:
    """Return teams side by side: team, score, records read, steps done, points off."""
    rows = []
    for name, game in teams.items():
        found = score(game)
        done = sum(step.done for step in found.steps)
        off = sum(points for _, points in found.deductions)
        rows.append((name, round(found.total), found.records, f"{done} of {len(found.steps)}", f"{off:.0f}"))
    return pd.DataFrame(rows, columns=["team", "score", "records read", "steps done", "points off"])


def plot_teams(teams: Mapping[str, Tabletop]) -> Figure:
    """Draw the records read over the first hours, one line per team; what it shows: :func:`team_table`."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.8), dpi=80, layout="constrained")
    read = {}
    for (name, game), style, color in zip(
        teams.items(), ("-", "--", "-."), (RISK, GUIDE, SCORE), strict=True
    ):
        minutes = sorted(game.world.records.values())
        read[name] = len(minutes)
        axes.step(
            [-30, *minutes, LATEST_SHOWN],
            [*range(len(minutes) + 1), len(minutes)],
            where="post",
            linestyle=style,
            color=color,
            linewidth=2,
            label=f"{name}: {len(minutes)}",
        )
    axes.axvline(0, color=GUIDE, linestyle=":", linewidth=1)
    axes.annotate("alarm", (0, axes.get_ylim()[1]), (4, -12), textcoords="offset points", fontsize=9)
    axes.set_xlim(-30, LATEST_SHOWN)
    axes.set_ylim(0)
    axes.set_xlabel("minutes after the alarm")
    axes.set_ylabel("records read")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.24, 0.98))
    axes.spines[["top", "right"]].set_visible(False)
    most, least = max(read.values()), min(read.values())
    axes.set_title(f"The same incident, three teams: {least} to {most} records read", loc="left")
    plt.close(figure)
    return figure


def clock_table(stages: Mapping[str, Iterable[ClockState]]) -> pd.DataFrame:
    """Return duties that run or are undecided at some later stage than the first, one column per stage.

    A cell says ``undecided``, ``does not apply``, or until when it runs.
    """
    found = {name: {clock.id: clock for clock in clocks} for name, clocks in stages.items()}
    later = list(found.values())[1:] or list(found.values())
    last = later[0]
    rows = []
    for number in next(iter(found.values())):
        if all(states[number].status == "not_applicable" for states in later):
            continue
        # The regulator that counts, and its rule, are known only later.
        known = last[number]
        cells = [_until(states[number]) for states in found.values()]
        rows.append((known.name, known.reference, *cells))
    return pd.DataFrame(rows, columns=["duty", "source", *found])


def _until(clock: ClockState) -> str:
    if clock.status != "applies":
        return STATUS_WORDS[clock.status]
    return f"by {clock.deadline:%d %b %Y %H:%M}" if clock.deadline else clock.limit


def first_facts(sector: str, incident: int) -> tuple[Tabletop, list[ClockState], list[ClockState]]:
    """Play the first half hour: the alarm is confirmed, and two questions are asked.

    Returns:
        The tabletop, the clocks at the alarm, and the clocks once it is known which laws apply.
    """
    game = Tabletop("exposed_store", sector, seed=incident)
    at_alarm = list(game.clocks())
    for question in ("since_when", "which_laws"):
        game.ask(question)
    return game, at_alarm, list(game.clocks())


def draft_gaps(early: Tabletop, late: Tabletop) -> pd.DataFrame:
    """Return drafts with the facts that they wait for: draft, source, gaps early, gaps in the end."""
    end = {draft.clock: draft.open_points for draft in drafts_of(late)}
    rows = [
        (draft.subject, draft.reference, draft.open_points, end.get(draft.clock, "not sent"))
        for draft in drafts_of(early)
    ]
    early_words = f"gaps after {early.minute} minutes"
    return pd.DataFrame(rows, columns=["draft", "source", early_words, "gaps in the end"])


def draft_text(draft: Draft) -> str:
    """Return a draft as plain text, one line per heading."""
    head = [draft.subject, f"To: {draft.recipient} ({draft.reference})"]
    head += ["Not decided yet whether this has to be sent."] if draft.provisional else []
    return "\n".join([*head, *(f"- {title} {text}" for title, text in draft.parts)])


def done_table(game: Tabletop) -> pd.DataFrame:
    """Return what a team did, in order: time, minute, who, what."""
    done = timeline(game).query("kind == 'done'")
    what = done["what"].str.split(". ", regex=False).str[0].str.rstrip(".")
    return done.assign(who=done["who"].str.replace("_", " "), what=what)[["time", "minute", "who", "what"]]


def harm_table(game: Tabletop) -> pd.DataFrame:
    """Return what was taken off a team's score: what was done, and what it did; points."""
    return pd.DataFrame(score(game).deductions, columns=["what was done, and what it did", "points"])


def write_report(game: Tabletop, sector: str) -> Table:
    """Write the after-action report into ``reports/``, and return where it is, with a link."""
    from secure_ai.project import work_folder

    place = Path("reports") / "17_people_and_incidents" / sector
    folder = work_folder() / place
    folder.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        (path.suffix[1:], (f"{place.as_posix()}/{path.name}", f"../{place.as_posix()}/{path.name}"))
        for path in write_after_action(game, folder)
    ]
    return Table("The after-action report", ("kind", "where"), rows)


# ---------------------------------------------------------------- continuity


def damaged_copy(backup: Path) -> Path:
    """Copy a backup with its wrapped key into a folder beside it, and change one byte of the copy.

    The name stays the same, so that the log knows its age.
    """
    from secure_ai.encrypt.stores import keys_path

    copy = backup.parent / "damaged" / backup.name
    copy.parent.mkdir()
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(bytes(content))
    keys_path(copy).write_bytes(keys_path(backup).read_bytes())
    return copy


def drill_table(drills: Mapping[str, RestoreDrill]) -> pd.DataFrame:
    """Return drills side by side: backup, found, sentence."""
    rows = [(name, "passed" if one.passed else "failed", one.sentence()) for name, one in drills.items()]
    return pd.DataFrame(rows, columns=["backup", "drill", "what it found"])


def shared_indicators(
    address: str, domain: str, description: str = "It read an export of notes on an open share."
) -> list[Observed]:
    """Return what the lesson shares: the address of the intruder, and the domain of a phish."""
    return [
        Observed("ip", address, description, ("AML.T0025",)),
        Observed("domain", domain, "Mails from it ask for a password.", ("AML.T0052",)),
    ]


def sharing_attempts(
    address: str, domain: str, staff: Sequence[str], at: datetime
) -> tuple[pd.DataFrame, stix2.Bundle]:
    """Try to share what was seen, with and without a staff id in it, with and without a list of them.

    Returns:
        bundle and outcome of each attempt, and the bundle that may leave the house.
    """
    helpful = shared_indicators(address, domain, f"It used the account of {staff[0]}.")
    careful = shared_indicators(address, domain)
    attempts: tuple[tuple[str, list[Observed], Sequence[str]], ...] = (
        ("with the staff id, search alone", helpful, ()),
        ("with the staff id, and our own list", helpful, staff),
        ("without a person, and our own list", careful, staff),
    )
    rows = []
    for words, observed, own in attempts:
        came = outcome(indicator_bundle, INCIDENT, observed, at=at, own_identifiers=own)
        rows.append((words, "may be shared" if came == "opens" else came))
    bundle = indicator_bundle(INCIDENT, careful, at=at, own_identifiers=staff)
    return pd.DataFrame(rows, columns=["bundle", "outcome"]), bundle


def source_address(game: Tabletop) -> str:
    """Return the address from which the intruder came, as the log has it."""
    return next(
        str(event.details["source"])
        for _, event in game.world.visible_events()
        if game.world.is_hostile(event) and "source" in event.details
    )


def outage_cases(cases: pd.DataFrame, scene: IncidentScene, *, seed: int) -> pd.DataFrame:
    """Return the cases of one day, with the score of a model that never saw them in ``model_score``.

    The rows are drawn with ``seed``; the model is a logistic regression that was fitted to the other rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs = list(scene.inputs)
    known, today = train_test_split(
        cases, test_size=OUTAGE_CASES, random_state=seed, stratify=cases[scene.target]
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(known[inputs], known[scene.target])
    return today.assign(
        **{scene.target: today[scene.target].astype(int)},
        model_score=model.predict_proba(today[inputs])[:, 1],
    )
