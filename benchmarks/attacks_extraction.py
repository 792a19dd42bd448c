"""The extraction half of ``attacks.py``: our theft of models beside ART's three.

All ask the same models about no more than 5,000 rows, get labels alone (where not said otherwise) and are
judged on the same rows held out. ART's thieves choose their questions at random from the rows that they own;
what they learn with is theirs to choose, so that each is shown with a network, as in its paper, and with the
trees that ours learns with. ART's FunctionallyEquivalentExtraction needs the logits of a network with one
hidden layer and no limit of questions: it gets them for a network of four neurons.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from attacks_evasion import DATA, MODELS, Case, fitted
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from secure_ai.attack.evasion import Constraints
from secure_ai.attack.extraction import (
    InputCoder,
    coefficient_error,
    measure_extraction,
    search_linear,
    solve_linear,
)
from secure_ai.attack.extraction.learners import learn_classes
from secure_ai.attack.targets import Target, TargetError, open_target
from secure_ai.core import Unassessed

BUDGET = 5_000
FEW = 200
GUARD = 500_000
COLUMNS = (
    "data",
    "model",
    "thief",
    "own rows",
    "queries",
    "fidelity",
    "unseen",
    "majority",
    "shuffled",
    "seconds",
)


def split_tables(seed: int) -> list[Case]:
    """Return Adult and German credit: rows that train, rows that the thief owns, rows held out."""
    adult = pd.read_csv(DATA / "adult.csv", sep=";")
    german = pd.read_csv(DATA / "german_credit.csv")
    german.columns = german.columns.str.strip()
    made = []
    for name, table, target, train, own in (
        ("Adult", adult, "salary-class", 10_000, 10_000),
        ("German", german, "Result", 500, 200),
    ):
        order = np.random.default_rng(seed).permutation(len(table))
        rows, answers = table.drop(columns=target), table[target].to_numpy()
        first, second, rest = np.split(order, [train, train + own])
        made.append(
            Case(name, rows.iloc[first], answers[first], rows.iloc[second], rows.iloc[rest], Constraints())
        )
    return made


def ours(model: Any, case: Case, own: int, seed: int, **options: Any) -> dict[str, Any]:
    """Return our figures."""
    start = time.perf_counter()
    found = measure_extraction(
        model, case.reference[:own], case.rows, budget=BUDGET, checkpoints=(100, 500, 1_000, 2_000, 3_500),
        seed=seed, **options,
    )  # fmt: skip
    if isinstance(found, Unassessed):
        return {"fidelity": found.reason}
    unseen = found.fidelity_unseen
    return {
        "queries": found.queries,
        "fidelity": found.fidelity.value,
        "unseen": float("nan") if isinstance(unseen, Unassessed) else unseen.value,
        "shuffled": found.fidelity.control,
        "seconds": time.perf_counter() - start,
    }


def peers(model: Any, case: Case, seed: int) -> dict[str, dict[str, Any]]:
    """Return ART's figures; {} where it is not installed."""
    try:
        from art.attacks.extraction import CopycatCNN, KnockoffNets
        from art.estimators.classification import BlackBoxClassifier
        from art.estimators.classification.scikitlearn import ScikitlearnClassifier
    except ImportError:
        return {}
    coder = InputCoder(case.reference)
    coded = coder(case.reference).astype(np.float32)
    held_out, truth = coder(case.rows), model.predict(case.rows)
    # ART asks with coded rows: each is looked up, for the model takes a frame.
    places = {row.tobytes(): place for place, row in enumerate(coded)}
    made = {}
    for thief, attack, more in (
        ("ART CopycatCNN", CopycatCNN, {}),
        ("ART KnockoffNets", KnockoffNets, {"sampling_strategy": "random", "verbose": False}),
    ):
        for kind in ("network", "trees"):
            target = open_target(model, answer="labels")

            def ask(x: np.ndarray, target: Target = target) -> np.ndarray:
                asked = case.reference.iloc[[places[row.astype(np.float32).tobytes()] for row in x]]
                return (target.labels(asked)[:, None] == target.classes[None, :]).astype(float)

            start = time.perf_counter()
            np.random.seed(seed)
            black_box = BlackBoxClassifier(ask, (coded.shape[1],), 2)
            copy = _Learner(kind, seed).fit(coded[:20], np.eye(2)[np.arange(20) % 2])
            settings = {"batch_size_fit": 64, "batch_size_query": 1_000, "nb_epochs": 10, "nb_stolen": BUDGET}
            stolen = attack(black_box, **settings, **more).extract(
                coded, thieved_classifier=ScikitlearnClassifier(copy)
            )
            agreement = np.mean(target.classes[stolen.model.predict_proba(held_out).argmax(axis=1)] == truth)
            made[f"{thief}, {kind}"] = {
                "queries": target.queries,
                "fidelity": float(agreement),
                "seconds": time.perf_counter() - start,
            }
    return made


class _Learner(MLPClassifier):
    """What ART's thief trains: our learners behind the signature that ART calls."""

    def __init__(self, kind: str = "trees", seed: int = 0) -> None:
        super().__init__()
        self.kind, self.seed = kind, seed

    def fit(self, x: np.ndarray, y: np.ndarray, **_: Any) -> _Learner:
        codes = np.asarray(y).argmax(axis=1) if np.ndim(y) == 2 else np.asarray(y, dtype=int)
        self.ensemble_ = learn_classes(self.kind, np.asarray(x, dtype=float), codes, 2, self.seed)
        self.classes_, self.n_features_in_, self.n_outputs_ = np.arange(2), x.shape[1], 2
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return self.ensemble_.predict_proba(np.asarray(x, dtype=float))


def functionally_equivalent(seed: int) -> str:
    """Say what ART's FunctionallyEquivalentExtraction makes of a network of four neurons and its logits."""
    try:
        from art.attacks.extraction import FunctionallyEquivalentExtraction
        from art.estimators.classification import BlackBoxClassifier
        from art.estimators.estimator import NeuralNetworkMixin
    except ImportError:
        return "ART is not installed (group bench)."

    class Logits(NeuralNetworkMixin, BlackBoxClassifier):
        """Logits as ART's attack wants them, counted."""

        def predict(self, x, batch_size=128, **_):
            return logits(x)  # in double precision, which its differences need

        def fit(self, x, y, **_):
            raise TypeError("The attacked network is not trained by its thief.")

        def get_activations(self, x, layer, batch_size, framework=False):
            raise TypeError("Activations stay with the owner.")

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2_000, 8))
    y = (x @ rng.normal(size=8) + 0.5 * x[:, 0] * x[:, 1] > 0).astype(int)
    network = MLPClassifier((4,), max_iter=400, random_state=seed).fit(x[:1_000], y[:1_000])
    asked = 0

    def logits(rows: np.ndarray) -> np.ndarray:
        nonlocal asked
        asked += len(rows)
        if asked > GUARD:
            raise RuntimeError(f"stopped after {GUARD:,} questions")
        hidden = np.maximum(rows @ network.coefs_[0] + network.intercepts_[0], 0)
        second = hidden @ network.coefs_[1] + network.intercepts_[1]
        return np.column_stack([-second / 2, second / 2])

    np.random.seed(seed)
    try:
        target = Logits(channels_first=False, predict_fn=logits, input_shape=(8,), nb_classes=2)
        copy = FunctionallyEquivalentExtraction(target, num_neurons=4).extract(x[:200])
        same = np.mean(copy.predict(x[1_000:]).argmax(axis=1) == network.predict(x[1_000:]))
        outcome = f"fidelity {same:.4f} after {asked:,} questions"
    except Exception as error:
        outcome = f"no copy after {asked:,} questions ({type(error).__name__}: {error})"
    mine = measure_extraction(
        open_target(network, answer="labels"), x[200:400], x[1_000:], budget=BUDGET, seed=seed
    )
    own = mine.reason if isinstance(mine, Unassessed) else f"fidelity {mine.fidelity.value:.4f}"
    return f"ART, logits: {outcome}. Ours, labels alone, {BUDGET:,} questions: {own}."


def linear_lines(case: Case, model: Any) -> list[str]:
    """Say how exactly logistic regression is copied."""
    lines = []
    for words, steal, answer in (
        ("probabilities, equations", solve_linear, "probabilities"),
        ("labels alone, line search", search_linear, "labels"),
    ):
        try:
            copy = steal(open_target(model, answer=answer), case.reference)
        except TargetError as error:
            lines.append(f"{case.name}, logistic regression, {words}: {error}")
            continue
        error = coefficient_error(model, copy, case.reference)
        same = np.mean(copy.predict(case.rows) == model.predict(case.rows))
        size = "" if copy.scaled else " (both sides brought to length 1)"
        lines.append(
            f"{case.name}, logistic regression, {words}: {copy.queries:,} queries, largest coefficient error "
            f"{error:.1e}{size}, fidelity {same:.4f}"
        )
    return lines


def report(seed: int = 0) -> None:
    """Print the tables of extraction."""
    rows: list[dict[str, Any]] = []
    linear: list[str] = []

    def add(case: Case, kind: str, thief: str, own: int, figures: dict[str, Any]) -> None:
        rows.append(
            {"data": case.name, "model": kind, "thief": thief, "own rows": own, "majority": most, **figures}
        )

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in split_tables(seed):
            for kind in MODELS:
                model = fitted(kind, case, seed)
                _, counts = np.unique(model.predict(case.rows), return_counts=True)
                most, own = float(counts.max() / len(case.rows)), len(case.reference)
                add(case, kind, "ours, labels", own, ours(model, case, own, seed, answer="labels"))
                if own > FEW and kind == "gradient boosting":
                    for other in (seed + 1, seed + 2):
                        figures = ours(model, case, own, other, answer="labels")
                        add(case, kind, f"ours, labels, seed {other}", own, figures)
                    add(case, kind, "ours, labels", FEW, ours(model, case, FEW, seed, answer="labels"))
                    at_random = ours(model, case, own, seed, answer="labels", active=False, recombine=False)
                    add(case, kind, "ours, labels, at random", own, at_random)
                    add(case, kind, "ours, probabilities", own, ours(model, case, own, seed))
                for thief, figures in peers(model, case, seed).items():
                    add(case, kind, thief, own, figures)
                if kind == "logistic regression":
                    linear += linear_lines(case, model)
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    print(
        f"\nExtraction: agreement with the model on rows held out, within {BUDGET:,} queries\n"
        f"{table.round(4).to_string(index=False, na_rep='')}\n"
    )
    print("\n".join(linear))
    print(f"\nA network of four neurons. {functionally_equivalent(seed)}")


if __name__ == "__main__":
    report()
