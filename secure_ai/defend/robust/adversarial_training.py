"""Adversarial training: the model learns from rows that were changed to deceive it, under their true labels.

What it buys is measured by an attacker who knows the hardened model (the attack is run anew on it), and what
it costs by its accuracy on unchanged rows.

Source: Madry et al., Towards deep learning models resistant to adversarial attacks (2018); Wong, Rice &
    Kolter, Fast is better than free (2020): one step; Zhang et al., Attacks which do not kill training make
    adversarial learning stronger (2020): changes that go no further than a lead; Simonetto et al., A unified
    framework for adversarial attack and defense in constrained feature space (2022): tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.gradients import GradientAttack, Limits, projected_gradient, random_change
from secure_ai.attack.targets import check_rows, check_target, open_target, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.attack.evasion import Constraints, EvasionResult
    from secure_ai.attack.networks import Network

    Attack = Callable[[Any], GradientAttack | EvasionResult | Unassessed]

RAMP = 0.7
FURTHEST_LEAD = 1.0
RESAMPLES = 1000
SOURCE = "Madry et al., Towards deep learning models resistant to adversarial attacks (2018)"


def harden_network(
    network: Network,
    rows: Any,
    labels: Any,
    size: float = 4 / 255,
    *,
    norm: str = "linf",
    limits: Limits | None = None,
    steps: int = 1,
    epochs: int = 20,
    deceiving: bool = True,
    seed: int = 0,
) -> Network:
    """Return a network that went on learning from rows changed against itself at every step.

    The size of the changes grows from nothing; begun at full size, training ends with one class for all rows.

    Args:
        network: a trained one; it stays as it is.
        rows, labels: its training rows and their true classes.
        size: of the changes, in the limits' unit.
        norm: how it is measured, ``"linf"`` or ``"l2"``.
        limits: what may change; pictures from 0 to 1 if not given.
        steps: of the gradient; more take longer.
        epochs: how often training sees every row.
        deceiving: False trains as long on random changes of the same size: the control.
        seed: of the order.

    Raises:
        UserError: if rows, labels or an argument cannot be used.
    """
    # Rounding to grey levels is the attacker's burden; training is smoother without it.
    free = replace(limits or Limits.pictures(), levels=None)
    if not size > 0:
        raise UserError(f"size={size!r}: give the greatest change, a number above 0.")
    total = RAMP * epochs * -(-len(rows) // network.batch_size)
    seen = 0

    def each_batch(now: Network, batch: np.ndarray, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        nonlocal seen
        seen += 1
        now_size = size * min(1.0, seen / total)
        if not deceiving:
            drawn = int(rng.integers(2**31))
            return random_change(batch, now_size, norm=norm, limits=free, seed=drawn)
        return projected_gradient(
            now,
            batch,
            own,
            now_size,
            norm=norm,
            limits=free,
            steps=steps,
            lead=FURTHEST_LEAD,
            step_share=1.25 if steps == 1 else 2.0,
        )

    return network.fine_tune(
        rows, labels, epochs=epochs, learning_rate=network.learning_rate, each_batch=each_batch, seed=seed
    )


def harden_table(
    model: Any,
    rows: pd.DataFrame,
    labels: Any,
    constraints: Constraints | None = None,
    *,
    goal: Any = None,
    rounds: int = 3,
    attacked: int = 300,
    weight: int = 1,
    budget: int = 200,
    deceiving: bool = True,
    seed: int = 0,
) -> Any:
    """Return a model of the same kind that learned from its training rows and from evasions of itself.

    In each round some rows that the model has right are changed within the rules until it answers otherwise
    (:func:`secure_ai.attack.evasion.evade`); they join the training rows under their true labels.

    Args:
        model: a fitted classifier of scikit-learn; it stays as it is.
        rows: its training rows, a frame or an array.
        labels: their true classes.
        constraints: what an attacker can change; None learns ranges, whole numbers and categories.
        goal: the class that attackers want; only rows of other classes are changed. None changes all.
        rounds: how often the model is attacked and trained again.
        attacked: rows changed in each round, at most.
        weight: how many times an evasion counts.
        budget: questions for each row.
        deceiving: False adds the same rows unchanged: the control, as they shift the classes' shares too.
        seed: of the choice of rows and of the search.

    Raises:
        TargetError: if the model does not answer or nothing can be changed.
        UserError: if an argument is wrong.
    """
    from sklearn.base import clone

    from secure_ai.attack.evasion import evade

    labels = np.asarray(labels).ravel()
    if min(rounds, attacked, weight) < 1:
        raise UserError("rounds, attacked and weight: give 1 or more of each.")
    if len(labels) != len(rows):
        raise UserError(f"There are {len(rows):,} rows and {len(labels):,} labels: give one for each row.")
    check_rows(rows)
    rng = np.random.default_rng(seed)
    learned, answers, hardened = [rows], [labels], model
    for number in range(rounds):
        right = open_target(hardened).labels(rows) == labels
        candidates = np.flatnonzero(right if goal is None else right & (labels != goal))
        if not len(candidates):
            raise UserError(
                "The model has no row right that an attacker would change: check labels and goal."
            )
        chosen = np.sort(rng.choice(candidates, min(attacked, len(candidates)), replace=False))
        found = evade(
            hardened, _take(rows, chosen), rows, constraints, budget=budget, goal=goal, seed=seed + number
        )
        hit = np.flatnonzero(found.found)
        learned += [_take(found.changed if deceiving else found.original, hit)] * weight
        answers += [labels[chosen][hit]] * weight
        hardened = clone(model).fit(_stacked(learned), np.concatenate(answers))
    return hardened


@dataclass(frozen=True)
class Hardening:
    """What hardening bought and what it cost.

    Attributes:
        before, after: the attack on the model as it was, and run anew on the hardened one.
        success: success of the attack on the hardened model; baseline: on the model as it was; control: on
            ``control``, a model trained as long without deceiving rows, where given.
        price: accuracy lost on unchanged rows; control: by ``control``.
        accuracy_before, accuracy_after: on the same unchanged rows.
    """

    before: GradientAttack | EvasionResult
    after: GradientAttack | EvasionResult
    success: Measurement
    price: Measurement
    accuracy_before: float
    accuracy_after: float

    def measurements(self) -> list[Measurement]:
        """Return success after hardening, and the price in accuracy."""
        return [self.success, self.price]

    def to_frame(self) -> pd.DataFrame:
        """Return one line for each model: model, accuracy, and the success of each attack measured."""
        import pandas as pd

        lines = []
        for name, accuracy, attack in (
            ("before", self.accuracy_before, self.before),
            ("after", self.accuracy_after, self.after),
        ):
            line: dict[str, Any] = {"model": name, "accuracy": accuracy}
            if isinstance(attack, GradientAttack):
                for size, m in zip(np.unique(attack.curve["size"]), attack.measurements(), strict=True):
                    line[f"success at {attack.size_words(size)}"] = m.value
            else:
                line["success"] = attack.success.value
                cost = attack.cost
                line[f"median cost, {attack.evasions.cost_unit}"] = getattr(cost, "value", float("nan"))
            lines.append(line)
        return pd.DataFrame(lines)

    def sentence(self) -> str:
        """Say what was bought and at what price."""
        low, high = self.price.interval
        text = (
            f"After adversarial training the attack succeeds on {percent(self.success.value)} of "
            f"{self.success.n:,} rows (before: {percent(self.success.baseline)}); accuracy on unchanged rows "
            f"goes from {self.accuracy_before:.1%} to {self.accuracy_after:.1%}, a price of "
            f"{100 * self.price.value:.1f} points ({100 * low:.1f} to {100 * high:.1f})"
        )
        if self.success.control is not None:
            text += (
                f". As much training without deceiving rows leaves the attack at "
                f"{percent(self.success.control)}"
            )
        return text + "."


@reason_instead
def measure_hardening(
    before: Any,
    after: Any,
    rows: Any,
    labels: Any,
    attack: Attack,
    *,
    control: Any = None,
    threshold: float = 0.5,
    seed: int = 0,
) -> Hardening | Unassessed:
    """Attack two models in the same way, and compare their accuracy on the same unchanged rows.

    Args:
        before, after: the model as it was and the hardened one.
        rows, labels: held-out rows and their true classes, for the accuracy.
        attack: a model → what was measured, such as
            ``lambda model: measure_gradient_attack(model, rows, labels)`` or
            ``lambda model: measure_evasion(model, rows, reference_rows, most_cost=500)``.
        control: a model trained as long without deceiving rows.
        threshold: probability of the second of two classes from which it is the answer.
        seed: of resampling.

    Returns:
        The comparison; ``Unassessed`` if an attack could not be judged.
    """
    truth = np.asarray(labels).ravel()
    if len(truth) != len(rows):
        raise UserError(f"There are {len(rows):,} rows and {len(truth):,} labels: give one for each row.")
    check_rows(rows)
    models = [before, after] if control is None else [before, after, control]
    names = ("model as it was", "hardened model", "model of the control")
    right = [
        check_target(open_target(each, threshold=threshold, name=name), rows) == truth
        for name, each in zip(names, models, strict=False)
    ]
    attacks = [attack(each) for each in models]
    for name, found in zip(("as it was", "hardened", "of the control"), attacks, strict=False):
        if isinstance(found, Unassessed):
            return Unassessed(f"The attack on the model {name} could not be judged: {found.reason}")
    headlines = [_headline(found, attacks) for found in attacks]
    lost = right[0].astype(float) - right[1]
    drawn = np.random.default_rng(seed).choice(lost, (RESAMPLES, len(lost))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    price = Measurement(
        name="hardening_price",
        value=float(lost.mean()),
        unit="share of rows",
        n=len(truth),
        baseline=0.0,
        control=None if control is None else float(np.mean(right[0].astype(float) - right[2])),
        interval=(float(low), float(high)),
        method="accuracy lost on the same unchanged rows; bootstrap of rows",
        source=SOURCE,
    )
    chosen = headlines[1]
    success = replace(
        chosen,
        name="evasion_success_after_hardening",
        baseline=headlines[0].value,
        control=None if control is None else headlines[2].value,
        method=f"{chosen.method.split(';')[0]}, run anew on the hardened model; baseline: on the model as it "
        "was; control: on a model trained as long without deceiving rows",
    )
    return Hardening(
        before=attacks[0],
        after=attacks[1],
        success=success,
        price=price,
        accuracy_before=float(right[0].mean()),
        accuracy_after=float(right[1].mean()),
    )


def plot_hardening(found: Hardening) -> Any:
    """Draw the attack's success before and after: against size for gradients, against cost for tables."""
    from secure_ai.attack.gradients.charts import plot_curves

    title = (
        f"Adversarial training: the attack from {percent(found.success.baseline)} to "
        f"{percent(found.success.value)},\naccuracy from {found.accuracy_before:.1%} to "
        f"{found.accuracy_after:.1%}"
    )
    named = {"before": found.before, "after": found.after}
    if isinstance(found.before, GradientAttack):
        return plot_curves(named, title)
    return _plot_costs(named, title)


def _plot_costs(named: dict[str, Any], title: str) -> Any:
    import matplotlib.pyplot as plt

    from secure_ai.core.figures import RISK, SCORE

    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=80, layout="constrained")
    styles = ((RISK, "-"), (SCORE, "--"))
    most = max(each.evasions.cost[each.evasions.found].max(initial=0) for each in named.values())
    for (name, each), (color, line) in zip(named.items(), styles, strict=True):
        cost = np.sort(np.where(each.evasions.found, each.evasions.cost, np.inf))
        shares = np.arange(1, len(cost) + 1) / len(cost)
        within = np.isfinite(cost)
        axes.step(
            [0, *cost[within], most],
            [0, *shares[within], shares[within][-1] if within.any() else 0],
            line,
            where="post",
            color=color,
            label=name,
        )
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(f"what the attacker can spend on a row, {next(iter(named.values())).evasions.cost_unit}")
    axes.set_ylabel("rows that get another answer")
    axes.set_ylim(-0.03, 1.03)
    ticks = np.linspace(0, 1, 5)
    axes.set_yticks(ticks, [percent(float(tick)) for tick in ticks])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best")
    plt.close(figure)
    return figure


def _headline(found: Any, every: list[Any]) -> Measurement:
    """Return the success at one size for all: the smallest at which the first model is mostly deceived."""
    if not isinstance(found, GradientAttack):
        return found.success
    first = every[0].measurements()
    place = next((k for k, m in enumerate(first) if m.value >= 0.95), len(first) - 1)
    return found.measurements()[place]


def _take(rows: Any, places: np.ndarray) -> Any:
    return rows.iloc[places] if hasattr(rows, "iloc") else np.asarray(rows)[places]


def _stacked(parts: list[Any]) -> Any:
    if not hasattr(parts[0], "iloc"):
        return np.vstack(parts)
    import pandas as pd

    return pd.concat(parts, ignore_index=True)
