"""The front door: how well membership can be told, from what there is (a model, its recipe, its answers)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from secure_ai.attack.membership import scores
from secure_ai.attack.membership.attacks import (
    Group,
    label_only_attack,
    lira_attack,
    rmia_attack,
    shadow_attack,
)
from secure_ai.attack.membership.groups import Overlap, check_groups, stack
from secure_ai.attack.membership.judging import MembershipAttack
from secure_ai.attack.membership.loss_threshold import loss_threshold_attack
from secure_ai.attack.membership.references import COUNT, Recipe, ReferenceSignals, reference_models
from secure_ai.attack.targets.errors import reason_instead
from secure_ai.attack.targets.preflight import check_probabilities, check_target
from secure_ai.attack.targets.target import open_target
from secure_ai.core import UserError

Method = Literal["auto", "loss", "lira", "rmia", "shadow", "label"]
METHODS = ("auto", "loss", "lira", "rmia", "shadow", "label")


@reason_instead
def measure_membership(
    model: Any,
    members: Group,
    non_members: Group,
    *,
    recipe: Recipe | None = None,
    references: int | ReferenceSignals = COUNT,
    method: Method = "auto",
    population: Group | None = None,
    control: Any | None = None,
    overlap: Overlap = "refuse",
    seed: int = 0,
    n_jobs: int = 2,
) -> MembershipAttack:
    """Measure how well members of the training data can be told from others.

    Args:
        model: a fitted classifier, a function, an endpoint or a target; answers without probabilities are
            attacked by themselves.
        members, non_members: rows and labels of records that it was, and was not, trained on; from the same
            population.
        recipe: how it was trained (:func:`~secure_ai.attack.membership.reference_models`); with it the
            strong attacks are possible.
        references: how many reference models to train, or the signals of those that there are.
        method: ``"auto"`` takes without references the loss threshold, else LiRA or RMIA, whichever finds
            more members of the references themselves; ``"shadow"`` trains an attacker on them; ``"label"``
            uses the answers alone.
        population: further rows and labels to train references on, so that they are as large as the target:
            a reference has half of all records.
        control: a model trained without these members; the attack on it must fail.
        overlap: what happens to non-members that are members too: ``"refuse"``, ``"leave out"``, ``"keep"``.
        seed: of everything that is drawn.
        n_jobs: processes for the references.

    Returns:
        The attack's figures, or ``Unassessed`` with the reason.

    Raises:
        UserError: if the groups overlap, or an argument is wrong.

    Source: Carlini et al., Membership inference attacks from first principles (2022); Zarifzadeh et al.,
        Low-cost high-power membership inference attacks (2024); Yeom et al., Privacy risk in machine
        learning (2018).
    """
    if method not in METHODS:
        raise UserError(f"method='{method}': choose from {', '.join(METHODS)}.")
    members, non_members = check_groups(members, non_members, overlap)
    target = open_target(model)
    rows = stack(members[0], non_members[0])
    if target.answer == "labels" or method == "label":
        method = "label"
        check_target(target, rows)
    else:
        check_probabilities(target, rows)
    ready = references if isinstance(references, ReferenceSignals) else None
    if ready is None and recipe is not None and method != "loss":
        groups = [members, non_members, *([] if population is None else [population])]
        ready = reference_models(
            recipe,
            stack(*(group[0] for group in groups)),
            np.concatenate([np.asarray(group[1]).ravel() for group in groups]),
            references,
            seed=seed,
            n_jobs=n_jobs,
        )
    rest = {"control": control, "overlap": "keep", "seed": seed}
    if method == "label":
        return label_only_attack(target, members, non_members, ready, **rest)
    if method == "loss" or (method == "auto" and ready is None):
        return loss_threshold_attack(_Asked(target), members, non_members, control=control, seed=seed)
    if ready is None:
        raise UserError(f"method='{method}' compares with reference models: give a recipe or references.")
    mode = "online" if ready.member.any() else "offline"
    if method == "auto":
        method = scores.best_method(ready) if mode == "online" else "lira"
    if method == "shadow":
        return shadow_attack(target, members, non_members, ready, **rest)
    attack = lira_attack if method == "lira" else rmia_attack
    return attack(target, members, non_members, ready, mode=mode, **rest)


class _Asked:
    """A target in the form of a fitted classifier."""

    def __init__(self, target: Any) -> None:
        self.classes_, self.predict_proba = target.classes, target.probabilities
