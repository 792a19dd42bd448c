"""Membership inference: how well the model tells who was in its training data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.assess.change import shown_figure
from secure_ai.assess.inputs import Inputs
from secure_ai.assess.intervals import ORDER_STATISTICS, found_interval
from secure_ai.assess.opening.models import Cases, ModelCases, OpenedModel, model_and_cases
from secure_ai.assess.opening.probabilities import read_probabilities, without_names
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import judge, risk_of
from secure_ai.assess.section import Drawing, Section, Table, Text, blocks
from secure_ai.assess.sections.asking import features_of, left_open, reason_instead
from secure_ai.assess.sections.feature_names import FeatureNames, categories_of
from secure_ai.assess.sections.membership_plan import MOST_ATTACKED, Plan, plan
from secure_ai.attack.membership import measure_membership, membership_from_table
from secure_ai.attack.membership.charts import plot_membership
from secure_ai.attack.membership.judging import FALSE_ALARMS, FEWER_ALARMS, MembershipAttack
from secure_ai.core import Measurement, Unassessed, UserError

PART = "model.membership"
RISK = "model.membership_inference"
MOST_ASKED_AT_ENDPOINT = 1_000
ADVANTAGE = 0.1
ADVANTAGE_SOURCE = (
    "the kit's own, and meant to be argued with: an attacker who is right in 55 of 100 cases where a guess "
    "is right "
    "in 50; the advantage of the simplest attack is the gap between training and test accuracy or more (Yeom "
    "et al., "
    "2018), and well-fitted models have gaps below it"
)
WITH_REFERENCES = (
    "Can query the model, holds the person's record, knows how the model is trained, and has records of the "
    "same "
    "population to train models of their own."
)
OF_THE_ANSWER = "Can query the model and holds the person's record; trains no model of their own."
SHARE_TRAITS, LEAST_AT_RISK = 50, 20


@dataclass(frozen=True)
class Attacked:
    """Every attack that was carried out, the one that tells most first."""

    attacks: tuple[MembershipAttack, ...]
    bounded: str = ""
    members: Cases | None = None

    @property
    def worst(self) -> MembershipAttack:
        return self.attacks[0]


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Attack the model, or the table of its answers, and judge what tells its members.

    Raises:
        UserError: if what was given cannot be read.
    """
    parameters = inputs.parameters
    notes: tuple[str, ...] = ()
    if parameters.model:
        both = model_and_cases(inputs, both=True)
        if isinstance(both, Unassessed):
            if not parameters.probabilities:
                return left_open(inputs, PART, both.reason)
            found = _from_table(inputs)
        else:
            model, cases = both
            notes = cases.notes
            with threadpool_limits(1):
                found = reason_instead(
                    lambda: attack_model(model, cases, progress), features_of(inputs, cases), cases.features
                )
    else:
        found = _from_table(inputs)
    if isinstance(found, Unassessed):
        return left_open(inputs, PART, found.reason)
    attacks = tuple(with_intervals(one) for one in found.attacks)
    return _told(inputs, replace(found, attacks=attacks), notes)


def attack_model(model: OpenedModel, cases: ModelCases, progress: Progress) -> Attacked | Unassessed:
    """Carry out the attack on the answers alone and, where models like it can be trained, with references."""
    assert cases.training is not None and cases.held_out is not None
    seed = cases.seed
    recipe = model.recipe()
    planned = None if recipe is None else plan(recipe, model.estimator, cases.training, cases.held_out)
    most = MOST_ATTACKED if planned is None else planned.attacked
    if model.kind == "endpoint":
        most = MOST_ASKED_AT_ENDPOINT
    members, others = cases.training.drawn(most, seed), cases.held_out.drawn(most, seed)
    progress("asking the model about both groups", 0.05)
    plain = measure_membership(
        model.target(), members.pair(), others.pair(), overlap="leave out", seed=seed, n_jobs=1
    )
    if isinstance(plain, Unassessed):
        return plain
    bounded = _bounded(planned, len(members), len(others), cases)
    if planned is None or not planned.references:
        return Attacked((plain,), bounded, members)
    progress(f"training {planned.references} models like it", 0.2)
    population = _population(cases, members, others, planned, seed)
    strong = measure_membership(
        model.target(),
        members.pair(),
        others.pair(),
        recipe=recipe,
        references=planned.references,
        population=population,
        overlap="leave out",
        seed=seed,
        n_jobs=1,
    )
    progress("judging", 0.95)
    if isinstance(strong, Unassessed):
        return Attacked((plain,), f"{bounded} With reference models: {strong.reason}".strip(), members)
    ordered = sorted((strong, plain), key=lambda one: -_worst(one)[2])
    return Attacked(tuple(ordered), bounded, members)


def _population(
    cases: ModelCases, members: Cases, others: Cases, planned: Plan, seed: int
) -> tuple[pd.DataFrame, np.ndarray] | None:
    """Return records of neither group, which make the references as large as the plan wants them."""
    assert cases.training is not None and cases.held_out is not None
    rows, labels = [], []
    rng = np.random.default_rng(seed)
    left = planned.population
    for whole, attacked in ((cases.training, members), (cases.held_out, others)):
        rest = np.setdiff1d(np.arange(len(whole)), whole.drawn_places(len(attacked), seed))
        chosen = whole.take(np.sort(rng.permutation(rest)[:left]))
        left -= len(chosen)
        rows.append(chosen.rows)
        labels.append(chosen.pair()[1])
    found = pd.concat(rows, ignore_index=True)
    return (found, np.concatenate(labels)) if len(found) else None


def _bounded(planned: Plan | None, members: int, others: int, cases: ModelCases) -> str:
    if planned is not None and planned.references:
        return planned.reason
    assert cases.training is not None and cases.held_out is not None
    words = [] if planned is None else [planned.reason]
    if members < len(cases.training) or others < len(cases.held_out):
        words.append(f"{members:,} and {others:,} records were attacked, drawn at random.")
    words.append(
        "No models like it were trained for comparison"
        + ("" if planned is not None else ", because its recipe is not known here")
        + ": an attacker who trains such models finds far more, so this figure is a lower bound."
    )
    return " ".join(words)


def _from_table(inputs: Inputs) -> Attacked | Unassessed:
    table = read_probabilities(inputs)
    columns = tuple(table.columns)
    missing = [name for name in ("label", "member") if name not in columns]
    if missing:
        raise UserError(
            f"{table.label} has no column '{missing[0]}': add the class (label) of each record and whether "
            "the model was trained on it (member, 1 or 0)."
        )
    try:
        found = membership_from_table(table, seed=inputs.parameters.seed)
    except UserError as error:
        raise UserError(without_names(str(error), columns)) from None
    if isinstance(found, Unassessed):
        return Unassessed(without_names(found.reason, columns))
    words = "" if found.expected is not None else (
        "The table has no answers of reference models: an attacker who trains such models finds far more, so "
        "this figure is a lower bound."
    )  # fmt: skip
    return Attacked((found,), words)


def _worst(found: MembershipAttack) -> tuple[Measurement, str, float]:
    """Return the figure that is judged, its threshold's name, and how far it is above its threshold (ratio).

    At few false alarms an attack is judged that is made for it; one without references is sure of nobody, so
    that its figure there would say nothing (Carlini et al., 2022, section II-C).
    """
    advantage = found.advantage.value / ADVANTAGE
    few = found.tpr_at_low_fpr
    if _compares(found) and isinstance(few, Measurement):
        ratio = few.value / risk_of(RISK).threshold
        if not (ratio <= 1 < advantage):
            return few, "few", ratio
    return found.advantage, "advantage", advantage


def with_intervals(found: MembershipAttack) -> MembershipAttack:
    """Return the attack with intervals at few false alarms that know how little the others say about those.

    That of resampled records covers in 73 to 97 of 100 cases where there are 100 others.
    """
    members, others = (found.scores.loc[found.scores["member"] == side, "score"] for side in (True, False))
    changed = {}
    for name, rate in (("tpr_at_low_fpr", FALSE_ALARMS), ("tpr_at_lower_fpr", FEWER_ALARMS)):
        figure = getattr(found, name)
        if isinstance(figure, Measurement):
            low, high = found_interval(members.to_numpy(), others.to_numpy(), rate)
            interval = min(low, figure.value), max(high, figure.value)
            method = figure.method.replace("interval of resampled records", ORDER_STATISTICS)
            changed[name] = replace(figure, interval=interval, method=method)
    return replace(found, **changed)


def _looked_at(attacked: Attacked) -> int:
    """Return from how many figures the one that is judged was chosen."""
    few = (one for one in attacked.attacks if _compares(one) and isinstance(one.tpr_at_low_fpr, Measurement))
    return len(attacked.attacks) + sum(1 for _ in few)


def _compares(found: MembershipAttack) -> bool:
    return found.expected is not None


def _told(inputs: Inputs, attacked: Attacked, notes: tuple[str, ...]) -> Section:
    parameters, found = inputs.parameters, attacked.worst
    measured, kind, _ = _worst(found)
    auc = found.auc
    title = (
        f"{shown_figure(measured.value, measured.unit)} of the people in the training data are recognized at "
        f"1% false alarms ({found.attack} attack, AUC {auc.value:.2f})"
        if kind == "few"
        else f"The {found.attack} attack recognizes people in the training data with an advantage of "
        f"{100 * measured.value:.0f} points over false alarms (AUC {auc.value:.2f})"
    )
    own = {} if kind == "few" else {"threshold": ADVANTAGE, "threshold_source": ADVANTAGE_SOURCE}
    knowledge = WITH_REFERENCES if _compares(found) else OF_THE_ANSWER
    finding = judge(
        RISK,
        title,
        measured,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        knowledge=knowledge,
        worst_of=_looked_at(attacked),
        **own,
    )
    inside = int(found.scores["member"].sum())
    outside = len(found.scores) - inside
    judged = (
        "Judged is the share of members that are found at 1% false alarms: an attacker who is sure of few "
        "people "
        "harms those (Carlini et al., 2022)."
        if kind == "few"
        else "Judged is the advantage, members found less false alarms: this attack is sure of nobody, so "
        "that few "
        "false alarms say little about it."
        if not _compares(found)
        else "Judged is the advantage, members found less false alarms: at 1% false alarms the attack is "
        "within its "
        "threshold, or cannot be measured."
    )
    return Section(
        id=PART,
        title=part_of(PART).title,
        summary=title + ".",
        assessed=f"membership inference against {inside:,} members and {outside:,} others ({found.attack})",
        findings=(finding,),
        blocks=blocks(
            Text(text=" ".join([found.sentence(), judged, f"Attacker: {knowledge}"])),
            Text(text=" ".join([attacked.bounded, *notes])) if attacked.bounded or notes else None,
            _figures(attacked),
            Drawing.of(f"Members found against false alarms, {found.attack} attack", plot_membership(found)),
            _traits(inputs, attacked),
        ),
        facts={
            "attack": found.attack,
            "auc": auc.value,
            "advantage": found.advantage.value,
            "tpr_at_1_percent": _value(found.tpr_at_low_fpr),
            "members": inside,
            "others": outside,
        },
    )


def _figures(attacked: Attacked) -> Table:
    rows = []
    for found in attacked.attacks:
        for figure in found.figures():
            if isinstance(figure, Measurement):
                words = figure.name.removeprefix("membership_").replace("_", " ")
                rows.append(
                    (
                        found.attack,
                        words,
                        figure.value,
                        *figure.interval,
                        figure.baseline,
                        figure.control,
                        figure.n,
                    )
                )
            else:
                rows.append((found.attack, f"unassessed: {figure.reason}", *(None,) * 6))
    return Table(
        title="Every figure of every attack, with its interval at 95%, what guessing reaches, and control",
        columns=("attack", "figure", "value", "low", "high", "guessing", "control", "records"),
        formats=("text", "text", "figure", "figure", "figure", "figure", "figure", "count"),
        rows=tuple(rows),
    )


def _traits(inputs: Inputs, attacked: Attacked) -> Table | None:
    """Return the columns in which the members at most risk differ from the others; never their values."""
    found, members = attacked.worst, attacked.members
    if members is None or not found.leaks() or len(members) < 2 * LEAST_AT_RISK:
        return None
    top = min(SHARE_TRAITS, len(members) // 2)
    shared = found.records_at_risk(members.rows, top=top).shared
    if not len(shared):
        return None
    # Of a category in several columns, the name of one of them is a value of those members.
    features = FeatureNames(inputs.names, categories_of(members.rows))
    shared = shared.assign(column=features.columns(shared["column"]))
    counted = shared.groupby("column", sort=False).agg(values=("value", "size"), times=("times", "max"))
    rows = tuple(
        (name, int(row.values), float(row.times))
        for name, row in zip(counted.index, counted.itertuples(index=False), strict=True)
    )
    return Table(
        title=f"Columns in which the {top} members that are found most surely differ from all members",
        columns=("column", "values that are more frequent", "times as frequent at most"),
        formats=("text", "count", "figure"),
        rows=rows,
    )


def _value(figure: Measurement | Unassessed) -> float | None:
    return figure.value if isinstance(figure, Measurement) else None
