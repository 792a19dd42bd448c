"""What the lab of chapter 13 looks at: a model of the house attacked, guessed with, planted in, released."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.learn.attacked_models import STORIES, CaseTable, Story, encoded
from secure_ai.learn.privacy_cases import References

if TYPE_CHECKING:
    from secure_ai.attack.membership import ReferenceSignals

Group = tuple[pd.DataFrame, np.ndarray]
POOL, LEAST_OWN, TREES, REFERENCES = 1_200, 200, 30, 16
TARGETS = 8
FORMAT = "900-20-0###"
SENSITIVE = {"readmission": "department", "credit": "delinquencies_2y"}


@dataclass(frozen=True)
class PrivacyCase:
    """A random forest of the house, and who was in its training data.

    Attributes:
        story: what the model decides.
        recipe: how it is trained: a classifier, not fitted.
        model: fitted on the members.
        stranger: the same recipe, fitted on ``own``: it has seen neither members nor others.
        members, others, own: rows and outcomes; nobody is in two of them. The attacker has his own.
        sensitive: the column that nobody should be able to guess.
    """

    story: Story
    recipe: Any = field(repr=False)
    model: Any = field(repr=False)
    stranger: Any = field(repr=False)
    members: Group = field(repr=False)
    others: Group = field(repr=False)
    own: Group = field(repr=False)
    sensitive: str

    @property
    def pool(self) -> Group:
        """Members, then others."""
        rows = pd.concat([self.members[0], self.others[0]], ignore_index=True)
        return rows, np.concatenate([self.members[1], self.others[1]])

    def accuracy(self, group: Group) -> float:
        """Return on which share of a group the model is right."""
        return float(np.mean(self.model.predict(group[0]) == group[1]))

    def sentence(self) -> str:
        """Say what the model does, and how well for those that it learned from and for others."""
        return (
            f"The {self.story.name} asks: {self.story.decides} It is a random forest and learned from "
            f"{len(self.members[1]):,} people; it is right for {self.accuracy(self.members):.0%} of them and "
            f"for {self.accuracy(self.others):.0%} of {len(self.others[1]):,} others."
        )


def forest(seed: int = 0, *, leaf: int = 1) -> Any:
    """Return a random forest for a frame with texts, not fitted.

    Args:
        seed: of the trees.
        leaf: least number of cases in a leaf.
    """
    from sklearn.ensemble import RandomForestClassifier

    return encoded(RandomForestClassifier(TREES, min_samples_leaf=leaf, random_state=seed))


def privacy_case(cases: CaseTable, *, seed: int = 0) -> PrivacyCase:
    """Train the model and share out the people; one case of each.

    Raises:
        UserError: if there are too few people.
    """
    first = ~pd.Series(cases.people).duplicated().to_numpy()
    inputs, outcome = cases.inputs[first].reset_index(drop=True), cases.outcome[first]
    if len(inputs) < POOL + LEAST_OWN:
        raise UserError(f"The lab needs {POOL + LEAST_OWN:,} people and has {len(inputs):,}: raise `rows`.")
    order = np.random.default_rng(seed).permutation(len(inputs))
    members, others, own = (
        (inputs.iloc[part].reset_index(drop=True), outcome[part])
        for part in np.split(order, [POOL // 2, POOL])
    )
    recipe = forest(seed)
    from sklearn.base import clone

    return PrivacyCase(
        STORIES[cases.task],
        recipe,
        clone(recipe).fit(*members),
        clone(recipe).fit(*own),
        members,
        others,
        own,
        SENSITIVE[cases.task],
    )


def chance_of_truth(model: Any, group: Group) -> np.ndarray:
    """Return the probability that a model gives to what came true, of each record."""
    rows, outcome = group
    return model.predict_proba(rows)[np.arange(len(outcome)), np.searchsorted(model.classes_, outcome)]


def plain_scores(case: PrivacyCase, model: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Return what an attacker without further models goes by: the probability of the truth.

    Args:
        case: whose members and others.
        model: the case's if None.
    """
    asked = case.model if model is None else model
    return chance_of_truth(asked, case.members), chance_of_truth(asked, case.others)


def reference_signals(case: PrivacyCase, *, seed: int = 0) -> ReferenceSignals:
    """Train reference models, each on half of members and others, and keep what they say of each record."""
    from secure_ai.attack.membership import reference_models

    return reference_models(case.recipe, *case.pool, REFERENCES, seed=seed, n_jobs=1)


def as_references(case: PrivacyCase, signals: ReferenceSignals, model: Any = None) -> References:
    """Return what the task asks for: a line for each record, members first."""
    own = np.concatenate(plain_scores(case, model))
    return References(signals.probability.T.astype(float), signals.member.T, own)


def split(case: PrivacyCase, scores: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of members and those of others."""
    scores = np.asarray(scores, dtype=float)
    return scores[: len(case.members[1])], scores[len(case.members[1]) :]


def guessed(case: PrivacyCase, recipe: Any = None, *, seed: int = 0) -> pd.DataFrame:
    """Guess the sensitive value of members and others, with the model and without it.

    Args:
        case: whose model.
        recipe: another way to train on the members; the case's own model if None.
        seed: of what the attacker learns on his own rows.

    Returns:
        Columns ``truth``, ``with_model``, ``without``, ``member``; values as numbers of groups.
    """
    from sklearn.base import clone

    from secure_ai.attack.attribute_inference.guessing import Guesser
    from secure_ai.attack.attribute_inference.values import SensitiveValues
    from secure_ai.attack.targets import open_target

    model = case.model if recipe is None else clone(recipe).fit(*case.members)
    values = SensitiveValues.of(case.own[0], case.sensitive)
    stand_in = case.recipe if recipe is None else recipe
    guesser = Guesser(open_target(model), case.own, values, stand_in=stand_in, seed=seed)
    parts = []
    for member, group in ((True, case.members), (False, case.others)):
        scores = guesser.guess(*group)
        parts.append(
            pd.DataFrame(
                {
                    "truth": values.codes(group[0]),
                    "with_model": scores["weighted"].argmax(axis=1),
                    "without": scores["imputation"].argmax(axis=1),
                    "member": member,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


Exposed = Callable[[np.ndarray, int], Any]


def exposed_canaries(
    texts: Sequence[str],
    exposure: Exposed,
    ways: Mapping[str, Callable[[list[str]], list[str]]],
    *,
    times: Sequence[int] = (1, 2, 4),
    each: int = 10,
    never: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """Plant secrets in texts, train a text model on them, and return the median exposure of each group.

    Args:
        texts: notes or messages.
        exposure: gets the log-probability of every candidate and the place of the planted one.
        ways: name to what is done to the texts before training.
        times: how often secrets are planted, one group for each number.
        each: secrets in a group.
        never: secrets that are not planted at all.
        seed: of secrets and places.

    Returns:
        Columns ``planted`` (times), ``secrets`` (how many), and the median for each way.
    """
    from secure_ai.attack.memorization import CanaryFormat, NgramModel, make_canaries, plant
    from secure_ai.attack.memorization.exposure import DIGITS, all_log_probabilities, place_of

    form = CanaryFormat(secret=FORMAT)
    groups = {0: never, **dict.fromkeys(times, each)}
    made = make_canaries(sum(groups.values()), form, seed=seed)
    planted = np.repeat(list(groups), list(groups.values()))
    notes = plant(list(texts), made, planted.tolist(), seed=seed)
    found = pd.DataFrame({"planted": planted, "secrets": 1}).groupby("planted").sum()
    for name, prepare in ways.items():
        model = NgramModel().fit(prepare(notes))
        logs = np.round(all_log_probabilities(model, [canary.before for canary in made], form), DIGITS)
        places = [place_of(canary.secret, form) for canary in made]
        bits = [float(exposure(one, place)) for one, place in zip(logs, places, strict=True)]
        found[name] = pd.Series(bits).groupby(planted).median()
    return found.reset_index()


def release_table(case: PrivacyCase, *, leaves: Sequence[int] = (20, 30, 50), seed: int = 0) -> pd.DataFrame:
    """Measure what may be released: the model as it is, with larger leaves, with coarser answers.

    Returns:
        Columns ``model``, ``accuracy``, ``found`` and ``found_high`` (members found at 1 % false alarms and
        the upper end of the interval), ``attacker_knows``, ``group`` (people behind the smallest leaf). The
        last row is a rounded answer as its seller measures it: by an attacker who only compares
        probabilities.
    """
    from sklearn.base import clone

    from secure_ai.access.scoring import AnswerPolicy
    from secure_ai.defend.leakage import compare_answers
    from secure_ai.defend.release import check_release

    rounded, label = "rounded to 0.1", "label alone"
    recipes = {f"leaves of {leaf} or more": forest(seed, leaf=leaf) for leaf in leaves}
    answers = recipes | {rounded: AnswerPolicy("rounded", 1), label: AnswerPolicy("label")}
    found = compare_answers(case.recipe, answers, *case.pool, models=TARGETS, seed=seed, n_jobs=1).to_frame()
    groups = {}
    for name, recipe in {"none": case.recipe, **recipes}.items():
        report = check_release(clone(recipe).fit(*case.members), *case.members)
        groups[name] = report.finding("smallest_leaf").measurement.value
    names = {"none": "as it is"}
    table = pd.DataFrame(
        {
            "model": [names.get(name, name) for name in found["answer"]],
            "accuracy": found["accuracy"],
            "found": found["tpr"],
            "found_high": found["high"],
            "attacker_knows": True,
            "group": [groups.get(name, groups["none"]) for name in found["answer"]],
        }
    )
    return pd.concat([table, _brochure(case, table.iloc[0], rounded, seed)], ignore_index=True)


def spared(table: pd.DataFrame, *, most_cost: float = 0.01) -> str:
    """Say which model leaves the fewest members to be found among those that cost little accuracy.

    Args:
        table: of :func:`release_table`; its first line is the model as it is.
        most_cost: accuracy that may be lost against that.
    """
    before = table.iloc[0]
    cheap = table[table["attacker_knows"] & (table["accuracy"] > before["accuracy"] - most_cost)]
    best = cheap.loc[cheap["found"].idxmin()]
    return (
        f"Of those that cost less than {most_cost:.0%} of accuracy, '{best['model']}' leaves the fewest to "
        f"be found: {best['found']:.1%} after {before['found']:.1%}, {before['found'] / best['found']:.1f} "
        f"times fewer. Accuracy: {best['accuracy']:.1%} after {before['accuracy']:.1%}."
    )


def _brochure(case: PrivacyCase, before: pd.Series, name: str, seed: int) -> pd.DataFrame:
    """The line of a rounded answer that was attacked by the probabilities alone."""
    from secure_ai.attack.membership import figures

    rounded = [np.round(scores, 1) for scores in plain_scores(case)]
    line = {
        "model": f"{name} (brochure)",
        "accuracy": before["accuracy"],
        "found": figures.true_positives_at(*rounded, 0.01),
        "found_high": figures.true_positives_interval(*rounded, 0.01, seed)[1],
        "attacker_knows": False,
        "group": before["group"],
    }
    return pd.DataFrame([line])
