"""Every measure of an attack on a model, or of an answer to one, called in the same way."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.attack import (
    attribute_inference,
    evasion,
    explanations,
    extraction,
    gradients,
    inversion,
    membership,
    poisoning,
)
from secure_ai.attack.targets import reason_instead
from secure_ai.defend import explanations as explained
from secure_ai.defend import extraction as against_theft
from secure_ai.defend import leakage, ownership, robust, unlearning
from secure_ai.defend import poisoning as against_poisoning

from .bad_models import Data, good_model, usual_data

Measure = Callable[[Any, Data], Any]
KEY = b"nine yellow wings"
TRIGGER = poisoning.TableTrigger({"children": 3, "age": 66})
LIMITS = gradients.Limits(low=-1e6, high=1e6, unit=10_000.0)


@cache
def good() -> Any:
    """The model that is compared with a bad one."""
    return good_model(usual_data())


@cache
def secrets() -> tuple[Any, Any]:
    """A watermark and a fingerprint of the good model."""
    data = usual_data()
    mark = ownership.make_watermark(KEY, data.rows, data.labels, questions=50)
    answers = good().predict(mark.rows)
    return mark, ownership.Fingerprint(mark.rows, answers, (0.5, 0.55, 0.6), (0.95,))


def _hiding(model: Any, data: Data) -> Any:
    scaffold = explanations.Scaffold(
        model, good(), _detector(), np.array([0, 1]), 0.9, (0.8, 1.0), threshold=0.5
    )

    def explainer(asked: Any, rows: Any) -> Any:
        return explained.explain_rows(asked, rows, data.others, label=1, method="surrogate", permutations=20)

    return explanations.measure_hiding(scaffold, data.rows[:20], explainer, feature="income")


@cache
def _detector() -> Any:
    from sklearn.dummy import DummyClassifier

    data = usual_data()
    return DummyClassifier(strategy="constant", constant=1).fit(data.rows, np.arange(len(data.rows)) % 2)


class _Network:
    """A model that shows a hidden layer: as many activations as there are columns."""

    def __init__(self, model: Any) -> None:
        self.model, self.classes_ = model, getattr(model, "classes_", np.array([0, 1]))

    def predict_proba(self, rows: Any) -> Any:
        return self.model.ask(rows) if hasattr(self.model, "ask") else self.model.predict_proba(rows)

    def hidden_activations(self, rows: Any) -> Any:
        answers = np.asarray(self.predict_proba(rows))
        return answers[:, :1] * np.asarray(rows)


@reason_instead
def _erased(model: Any, data: Data) -> Any:
    """Train in shards, erase and prove it."""
    members, others = _halves(data)
    training = unlearning.train_sharded(model, *members, shards=2)
    return unlearning.measure_erasure(training, range(30), others, references=1)


# Asked as they are: a fitted model, a function or an endpoint.
ASKED: dict[str, Measure] = {
    "attack.evasion.measure_evasion": lambda model, data: evasion.measure_evasion(
        model, data.rows[:40], data.others, data.constraints, budget=50
    ),
    "attack.gradients.measure_gradient_attack": lambda model, data: gradients.measure_gradient_attack(
        model, data.rows[:40], data.labels[:40], (1.0,), limits=LIMITS, steps=3
    ),
    "attack.gradients.measure_transfer": lambda model, data: gradients.measure_transfer(
        model, data.rows[:40], data.labels[:40], (1.0,),
        own_rows=data.others, limits=LIMITS, steps=3, epochs=3,
    ),
    "attack.extraction.measure_extraction": lambda model, data: extraction.measure_extraction(
        model, data.others, data.rows, budget=60, kind="linear"
    ),
    "attack.extraction.rounding_curve": lambda model, data: extraction.rounding_curve(
        model, data.others, data.rows, decimals=(2,), queries=60
    ),
    "attack.poisoning.measure_backdoor": lambda model, data: poisoning.measure_backdoor(
        model, data.rows, data.labels, TRIGGER, 1
    ),
    "attack.poisoning.measure_backdoor, clean model": lambda model, data: poisoning.measure_backdoor(
        good(), data.rows, data.labels, TRIGGER, 1, clean_model=model
    ),
    "attack.explanations.measure_hiding": _hiding,
    "attack.attribute_inference.measure_attribute_inference": lambda model, data: (
        attribute_inference.measure_attribute_inference(
            model, *_few(data), "children"
        )
    ),
    "attack.membership.measure_membership": lambda model, data: membership.measure_membership(
        model, *_halves(data)
    ),
    "attack.membership.measure_membership, references": lambda model, data: membership.measure_membership(
        model, *_halves(data), recipe=good(), references=4
    ),
    "attack.inversion.measure_inversion": lambda model, data: inversion.measure_inversion(
        model, *_halves(data), 1
    ),
    "defend.poisoning.find_trigger": lambda model, data: against_poisoning.find_trigger(
        model, data.rows, data.labels, parts=1, least_share=0.05
    ),
    "defend.poisoning.find_marker": lambda model, data: against_poisoning.find_marker(
        _Network(model), data.rows, data.labels
    ),
    "defend.poisoning.rank_influence": lambda model, data: against_poisoning.rank_influence(
        _Network(model), data.rows, data.labels, data.rows[:60], data.labels[:60]
    ),
    "defend.robust.compare_answers": lambda model, data: robust.compare_answers(
        model, {"another": good()}, data.rows, data.labels, data.others,
        goal=1, constraints=data.constraints, budget=50, attacked=12,
    ),
    "defend.robust.compare_answers, the answer": lambda model, data: robust.compare_answers(
        good(), {"another": model}, data.rows, data.labels, data.others,
        goal=1, constraints=data.constraints, budget=50, attacked=12,
    ),
    "defend.robust.measure_hardening": lambda model, data: robust.measure_hardening(
        model, good(), data.rows, data.labels, _evasion_of(data)
    ),
    "defend.robust.measure_hardening, hardened": lambda model, data: robust.measure_hardening(
        good(), model, data.rows, data.labels, _evasion_of(data)
    ),
    "defend.robust.measure_hardening, control": lambda model, data: robust.measure_hardening(
        good(), good(), data.rows, data.labels, _evasion_of(data), control=model
    ),
    "defend.robust.check_monotone": lambda model, data: robust.check_monotone(
        model, data.rows, {"income": "up"}, risk=1, steps=3
    ),
    "defend.robust.review_curve": lambda model, data: robust.review_curve(model, data.rows, data.labels),
    "defend.robust.review_by_margin": lambda model, data: robust.review_by_margin(model, data.rows),
    "defend.explanations.explain": lambda model, data: explained.explain(
        model, data.rows[:6].iloc[-1:], data.others, permutations=5, background_rows=20
    ),
    "defend.explanations.explain_rows": lambda model, data: explained.explain_rows(
        model, data.rows[:6].iloc[-3:], data.others, label=1, permutations=5, background_rows=20
    ),
    "defend.explanations.what_would_change": lambda model, data: explained.what_would_change(
        model, data.rows[:6].iloc[-1:], data.others, data.constraints, budget=50
    ),
    "defend.explanations.explanation_stability": lambda model, data: explained.explanation_stability(
        model, data.rows[:12], data.others, label=1, top=2, permutations=5, background_rows=20
    ),
    "defend.explanations.check_made_rows": lambda model, data: explained.check_made_rows(model, data.rows),
    "defend.ownership.ownership_test": lambda model, data: ownership.ownership_test(model, secrets()[0]),
    "defend.ownership.fingerprint_test": lambda model, data: ownership.fingerprint_test(model, secrets()[1]),
    "defend.ownership.measure_tracing": lambda model, data: ownership.measure_tracing(
        model, data.rows, KEY, recipients=4, leaks=1
    ),
    "defend.extraction.compare_answers": lambda model, data: against_theft.compare_answers(
        model, data.others, data.rows, data.labels, budget=60, kind="linear",
        answers={"label": AnswerPolicy("label")},
    ),
}  # fmt: skip

# Parts of a measure: they raise the TargetError that it turns into a reason.
PARTS = ("defend.robust.check_monotone", "defend.robust.review_by_margin", "defend.robust.review_curve")

# Trained anew: a classifier with ``fit``.
TRAINED: dict[str, Measure] = {
    "attack.membership.measure_membership, recipe": lambda model, data: membership.measure_membership(
        good(), *_halves(data), recipe=model, references=4
    ),
    "attack.membership.measure_recipe": lambda model, data: membership.measure_recipe(
        model, data.rows, data.labels, references=4, targets=1, controls=1
    ),
    "defend.leakage.compare_answers": lambda model, data: leakage.compare_answers(
        model, {"label": AnswerPolicy("label")}, data.rows, data.labels, models=8, n_jobs=1
    ),
    "defend.leakage.compare_answers, the answer": lambda model, data: leakage.compare_answers(
        good(), {"another": model}, data.rows, data.labels, models=8, n_jobs=1
    ),
    "defend.unlearning.measure_erasure": _erased,
    "attack.poisoning.backdoor_sensitivity": lambda model, data: poisoning.backdoor_sensitivity(
        model, data.rows, data.labels, TRIGGER, 1, share=0.05
    ),
    "attack.poisoning.measure_flipping": lambda model, data: poisoning.measure_flipping(
        model, data.rows, data.labels, shares=(0.1,)
    ),
    "attack.poisoning.measure_retraining": lambda model, data: poisoning.measure_retraining(
        model, data.rows, data.labels, rounds=2
    ),
    "defend.poisoning.find_label_noise": lambda model, data: against_poisoning.find_label_noise(
        model, data.rows, data.labels, folds=2
    ),
    "defend.poisoning.leave_one_source_out": lambda model, data: against_poisoning.leave_one_source_out(
        model, data.rows, data.labels, np.arange(len(data.rows)) % 5
    ),
    "defend.ownership.measure_ownership": lambda model, data: ownership.measure_ownership(
        model, data.rows, data.labels, (data.rows, data.labels), KEY, questions=20, independent=3, keys=20
    ),
}


def _halves(data: Data) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Members and non-members."""
    half = len(data.rows) // 2
    return (data.rows[:half], data.labels[:half]), (data.rows[half:], data.labels[half:])


def _few(data: Data) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Some members and non-members."""
    return (data.rows[:80], data.labels[:80]), (data.rows[80:160], data.labels[80:160])


def _evasion_of(data: Data) -> Callable[[Any], Any]:
    return lambda model: evasion.measure_evasion(
        model, data.rows[:20], data.others, data.constraints, budget=50
    )
