"""The evasion half of ``attacks.py``: our search within rules beside ART's HopSkipJump, Boundary and ZOO.

All attack the same models on the same rows, with about the same number of questions. ART searches in the
numbers that the model works on (one-hot columns and scaled numbers), knows their limits and, where it can
(HopSkipJump), which of them must not change; what it returns is judged as it is, and once more after a
repair (the nearest row that keeps the rules). Distances are Gower's for all.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder
from threadpoolctl import threadpool_limits

from secure_ai.attack.evasion import Constraints, evade, exact_evasion
from secure_ai.attack.evasion.coding import TableCode
from secure_ai.attack.targets import open_target

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COLUMNS = (
    "data",
    "model",
    "attack",
    "success",
    "valid",
    "repaired",
    "queries",
    "most",
    "distance",
    "seconds",
)
MODELS = ("logistic regression", "random forest", "gradient boosting", "network")
OURS = {"ours, probabilities": "probabilities", "ours, labels": "labels"}
NEAR = 1e-6


@dataclass(frozen=True)
class Case:
    """A public table with what an applicant could change.

    Attributes:
        train, answers: rows and classes that the models are trained on.
        reference: rows that the attacker owns.
        rows: those attacked, seen by no model.
        rules: what can be changed.
    """

    name: str
    train: pd.DataFrame
    answers: np.ndarray
    reference: pd.DataFrame
    rows: pd.DataFrame
    rules: Constraints


def cases(rows: int, seed: int) -> Iterator[Case]:
    """Yield Adult and German credit, split by the seed."""
    adult = pd.read_csv(DATA / "adult.csv", sep=";")
    rules = Constraints(
        immutable=["sex", "race", "native-country"], increasing=["age"], ranges={"age": (17, 90)}
    )
    yield _split("Adult", adult, "salary-class", rules, sizes=(6_000, 1_500, rows), seed=seed)
    german = pd.read_csv(DATA / "german_credit.csv")
    german.columns = german.columns.str.strip()
    # What the applicant asks for and says may change; the past and the person may not.
    rules = Constraints(
        immutable=["Personal_status", "Foreign", "Credit_history", "Num_dependents"],
        increasing=["Age", "Present_residence"],
        formulas=["`Credit amount` <= 1500 * Duration"],
    )
    yield _split("German", german, "Result", rules, sizes=(600, 200, min(rows, 200)), seed=seed)


def fitted(kind: str, case: Case, seed: int) -> Pipeline:
    """Return a model: one-hot columns and numbers scaled to 0..1, then the classifier."""
    names = {
        "logistic regression": LogisticRegression(max_iter=1_000),
        "random forest": RandomForestClassifier(100, min_samples_leaf=2, random_state=seed),
        "gradient boosting": GradientBoostingClassifier(random_state=seed),
        "network": MLPClassifier((32,), max_iter=200, random_state=seed),
    }
    numbers = list(case.train.select_dtypes("number"))
    others = [name for name in case.train if name not in numbers]
    prepared = ColumnTransformer(
        [
            ("others", OneHotEncoder(handle_unknown="ignore", sparse_output=False), others),
            ("numbers", MinMaxScaler(), numbers),
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Pipeline([("prepared", prepared), ("model", names[kind])]).fit(case.train, case.answers)


def attack_ours(case: Case, model: Pipeline, answer: str, budget: int, seed: int) -> dict[str, Any]:
    """Return our figures."""
    start = time.perf_counter()
    found = evade(
        open_target(model, answer=answer), case.rows, case.reference, case.rules, budget=budget, seed=seed
    )
    seconds = time.perf_counter() - start
    changed = model.predict(found.changed) != model.predict(case.rows)
    broken = np.isin(np.arange(len(changed)), found.violations()["row"].to_numpy(dtype=int))
    share = found.setup_queries / len(case.rows)
    return {
        "success": changed.mean(),
        "valid": (changed & ~broken).mean(),
        "repaired": (changed & ~broken).mean(),
        "queries": found.queries.mean() + share,
        "most": found.queries.max() + share,
        "distance": np.median(found.cost[found.found]),
        "seconds": seconds,
    }


class Encoded:
    """A model's inside as ART asks it, and the way back from its numbers to a row."""

    def __init__(self, case: Case, model: Pipeline, labels_only: bool) -> None:
        self.case, self.model = case, model
        self.code = TableCode(case.rules, case.reference, case.rows)
        self.prepared = model.named_steps["prepared"]
        self.inner = model.named_steps["model"]
        self.labels_only, self.queries = labels_only, 0
        encoder = self.prepared.named_transformers_["others"]
        self.groups, start = [], 0
        for values in encoder.categories_:
            self.groups.append(slice(start, start + len(values)))
            start += len(values)
        self.numbers = slice(start, None)
        self.rows = self.prepared.transform(case.rows).astype(np.float32)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return probabilities, or 1 for the class and 0 for the others; count the rows."""
        self.queries += len(x)
        chances = self.inner.predict_proba(x)
        return np.eye(chances.shape[1])[chances.argmax(axis=1)] if self.labels_only else chances

    def mask(self) -> np.ndarray:
        """Return 1 for the numbers that may change."""
        names = self.prepared.transformers_[0][2]
        mask = np.ones(self.rows.shape[1], dtype=np.float32)
        for name, group in zip(names, self.groups, strict=True):
            mask[group] = name not in self.case.rules.immutable
        for place, name in enumerate(self.prepared.transformers_[1][2]):
            mask[self.numbers.start + place] = name not in self.case.rules.immutable
        return mask

    def decoded(self, x: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the rows nearest to ``x``, whole numbers not rounded, and whether ``x`` is a row at all."""
        whole = np.ones(len(x), dtype=bool)
        columns = {}
        encoder = self.prepared.named_transformers_["others"]
        for name, group, values in zip(
            self.prepared.transformers_[0][2], self.groups, encoder.categories_, strict=True
        ):
            part = x[:, group]
            chosen = part.argmax(axis=1)
            whole &= (np.abs(part - np.eye(len(values))[chosen]) < NEAR).all(axis=1)
            columns[name] = values[chosen]
        scaler = self.prepared.named_transformers_["numbers"]
        numbers = scaler.inverse_transform(x[:, self.numbers].astype(float))
        kept = np.abs(x - self.rows)[:, self.numbers] < NEAR
        for place, name in enumerate(self.prepared.transformers_[1][2]):
            # What was not moved is the value as it came, and not a rounding of it.
            columns[name] = np.where(kept[:, place], self.case.rows[name], numbers[:, place])
        return pd.DataFrame(columns)[list(self.case.rows)], whole

    def distance(self, x: np.ndarray) -> np.ndarray:
        """Return Gower's distance of each from its row; half a category away counts half."""
        step = np.abs(x - self.rows)
        scale = self.prepared.named_transformers_["numbers"].data_range_
        spread = np.ptp(self.case.reference[self.prepared.transformers_[1][2]].to_numpy(dtype=float), axis=0)
        numbers = step[:, self.numbers] * (scale / np.maximum(spread, 1e-9))
        return numbers.sum(axis=1) + sum(step[:, group].sum(axis=1) / 2 for group in self.groups)


def attack_art(name: str, case: Case, model: Pipeline, budget: int, seed: int) -> dict[str, Any]:
    """Return the figures of one of ART's attacks."""
    from art.estimators.classification import BlackBoxClassifier

    encoded = Encoded(case, model, labels_only=name != "ART ZOO")
    classifier = BlackBoxClassifier(
        encoded.predict,
        (encoded.rows.shape[1],),
        nb_classes=len(encoded.inner.classes_),
        clip_values=(0.0, 1.0),
    )
    generate = _art_attack(name, classifier, encoded, budget)
    np.random.seed(seed)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = np.asarray(generate(encoded.rows), dtype=np.float32)
    seconds, queries = time.perf_counter() - start, encoded.queries
    before = model.predict(case.rows)
    changed = encoded.inner.predict(x) != encoded.inner.predict(encoded.rows)
    decoded, whole = encoded.decoded(x)
    broken = np.zeros(len(x), dtype=bool)
    broken[case.rules.learn(case.reference).violations(case.rows, decoded)["row"].to_numpy(dtype=int)] = True
    repaired = _repaired(encoded, decoded)
    return {
        "success": changed.mean(),
        "valid": (changed & whole & ~broken).mean(),
        "repaired": (model.predict(repaired) != before).mean(),
        "queries": queries / len(x),
        "most": np.nan,
        "distance": np.median(encoded.distance(x)[changed]) if changed.any() else np.nan,
        "seconds": seconds,
    }


def _art_attack(
    name: str, classifier: Any, encoded: Encoded, budget: int
) -> Callable[[np.ndarray], np.ndarray]:
    from art.attacks.evasion import BoundaryAttack, HopSkipJump, ZooAttack

    features = encoded.rows.shape[1]
    if name == "ART HopSkipJump":
        rounds = max(budget // 85, 1)
        attack = HopSkipJump(
            classifier, max_iter=rounds, max_eval=75, init_eval=50, init_size=100, verbose=False
        )
        mask = np.tile(encoded.mask(), (len(encoded.rows), 1))
        return lambda rows: attack.generate(rows, mask=mask)
    if name == "ART Boundary":
        attack = BoundaryAttack(
            classifier,
            targeted=False,
            max_iter=max(budget // 30, 1),
            num_trial=10,
            sample_size=5,
            verbose=False,
        )
        return attack.generate
    attack = ZooAttack(
        classifier,
        learning_rate=0.1,
        initial_const=1.0,
        max_iter=max(budget // (2 * min(features, 25)), 1),
        nb_parallel=min(features, 25),
        abort_early=False,
        use_resize=False,
        use_importance=False,
        variable_h=0.2,
        verbose=False,
    )
    return attack.generate


def _repaired(encoded: Encoded, decoded: pd.DataFrame) -> Any:
    """Return each row changed towards what ART found as far as the rules allow, else as it came."""
    code = encoded.code
    rows, wanted = code.encode(encoded.case.rows), code.encode(decoded)
    for place, name in enumerate(code.columns):
        if name in code.constraints.integer:
            wanted[:, place] = np.round(wanted[:, place])
    repaired = np.vstack([code.project(row, other[None, :]) for row, other in zip(rows, wanted, strict=True)])
    right = np.array([code.valid(row, other[None, :])[0] for row, other in zip(rows, repaired, strict=True)])
    return code.decode(np.where(right[:, None], repaired, rows))


def near_the_optimum(rows: int, budget: int, seed: int) -> pd.DataFrame:
    """Return how near our search comes to the exact optimum of logistic regression."""
    found = []
    for case in cases(rows, seed):
        model = fitted("logistic regression", case, seed)
        exact = exact_evasion(model, case.rows, case.reference, case.rules)
        for attack, answer in OURS.items():
            ours = evade(
                open_target(model, answer=answer),
                case.rows,
                case.reference,
                case.rules,
                budget=budget,
                seed=seed,
            )
            with np.errstate(invalid="ignore"):
                ratio = np.where(ours.found, ours.cost / exact.cost, np.inf)[exact.found]
            found.append(
                {
                    "data": case.name,
                    "attack": attack,
                    "rows": len(ratio),
                    "median": np.median(ratio),
                    "90th": np.quantile(ratio, 0.9),
                    "within 5%": np.mean(ratio <= 1.05),
                    "below the optimum": np.mean(ratio < 1 - 1e-6),
                }
            )
    return pd.DataFrame(found)


def side_by_side(rows: int, peer_rows: int, budget: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield one line of figures for each table, model and attack; ART's on the first ``peer_rows`` rows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import art.attacks.evasion
            import art.estimators.classification  # noqa: F401

        peers = ("ART HopSkipJump", "ART Boundary", "ART ZOO")
    except ImportError:
        peers = ()
        print("ART is not installed (group bench): our figures alone.")
    for case in cases(rows, seed):
        few = Case(case.name, case.train, case.answers, case.reference, case.rows[:peer_rows], case.rules)
        for kind in MODELS:
            model = fitted(kind, case, seed)
            for attack in (*OURS, *peers):
                if attack in OURS:
                    figures = attack_ours(few, model, OURS[attack], budget, seed)
                else:
                    figures = attack_art(attack, few, model, budget, seed)
                yield {"data": case.name, "model": kind, "attack": attack} | figures


def success_within(rows: int, budget: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield our figures on all rows, for each table and model."""
    for case in cases(rows, seed):
        for kind in MODELS:
            model = fitted(kind, case, seed)
            for attack, answer in OURS.items():
                yield {"data": case.name, "model": kind, "attack": attack} | attack_ours(
                    case, model, answer, budget, seed
                )


def report(rows: int = 200, peer_rows: int = 20, budget: int = 500, seed: int = 0) -> None:
    """Print the three tables.

    Args:
        rows: attacked by us.
        peer_rows: of them, attacked by ART as well (its attacks ask one row at a time).
        budget: questions for each row.
        seed: of splits, models and attacks.
    """
    if not DATA.is_dir():
        print("Adult and German credit are not in ../shared/data: evasion is not measured.")
        return
    with threadpool_limits(1):
        print(
            f"\nWithin rules, {rows} rows, at most {budget} questions a row (share of the reference included)"
        )
        _print(success_within(rows, budget, seed))
        print("\nCost beside the exact optimum of logistic regression (1 is the optimum)")
        print(near_the_optimum(rows, budget, seed).to_string(index=False, float_format="{:.3f}".format))
        print(f"\nBeside ART on {peer_rows} of the rows (repaired: the nearest row that keeps the rules)")
        _print(side_by_side(rows, peer_rows, budget, seed))


def _print(lines: Iterator[dict[str, Any]]) -> None:
    print(f"{'data':<8}{'model':<21}{'attack':<21}" + "".join(f"{name:>10}" for name in COLUMNS[3:]))
    for line in lines:
        shares = "".join(f"{line[name]:>10.0%}" for name in ("success", "valid", "repaired"))
        rest = (
            f"{line['queries']:>10.0f}{line['most']:>10.0f}{line['distance']:>10.3f}{line['seconds']:>10.1f}"
        )
        print(f"{line['data']:<8}{line['model']:<21}{line['attack']:<21}{shares}{rest}", flush=True)


def _split(
    name: str, table: pd.DataFrame, target: str, rules: Constraints, *, sizes: tuple[int, int, int], seed: int
) -> Case:
    order = np.random.default_rng(seed).permutation(len(table))
    answers = table[target].to_numpy()
    features = table.drop(columns=target)
    ends = np.cumsum(sizes)
    train, reference, rows = (features.iloc[part] for part in np.split(order[: ends[2]], ends[:2]))
    return Case(name, train, answers[order[: ends[0]]], reference, rows, rules)
