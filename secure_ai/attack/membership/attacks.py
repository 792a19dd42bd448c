"""The attacks by name: each asks the target about members and non-members and judges what it can tell.

Units: AUC and rates are probabilities from 0 to 1; a score is a log-likelihood ratio, greater is *member*.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from secure_ai.attack.membership import scores
from secure_ai.attack.membership.groups import Overlap, check_groups, stack
from secure_ai.attack.membership.loss_threshold import CARLINI, MembershipAttack, membership_from_scores
from secure_ai.attack.membership.references import ReferenceSignals, own_class
from secure_ai.attack.targets.errors import TargetError
from secure_ai.attack.targets.target import Target, open_target

RMIA = "Zarifzadeh et al., Low-cost high-power membership inference attacks (2024)"
LABEL_ONLY = "Choquette-Choo et al., Label-only membership inference attacks (2021)"
Group = tuple[Any, Any]


def lira_attack(
    model: Any,
    members: Group,
    non_members: Group,
    references: ReferenceSignals,
    *,
    mode: scores.Mode = "online",
    scale: scores.Scale = "auto",
    control: Any | None = None,
    overlap: Overlap = "refuse",
    seed: int = 0,
) -> MembershipAttack:
    """Tell members from others by the likelihood ratio of the model's answer with and without the record.

    Args:
        model: what :func:`~secure_ai.attack.targets.open_target` takes; it must give probabilities.
        members, non_members: rows and labels of records that it was, and was not, trained on.
        references: of :func:`~secure_ai.attack.membership.reference_models`, asked about these records.
        mode: ``"offline"`` where no reference has the records.
        scale: of the signal; see :func:`~secure_ai.attack.membership.scores.lira_scores`.
        control: a model trained without these members; without it membership is shuffled.
        overlap: what happens to non-members that are members too.
        seed: of halves, shuffles and resampling.

    Raises:
        TargetError: if the model or the rows cannot be judged.
        UserError: if the groups overlap, or a record is unknown to the references.

    Source: Carlini et al. (2022), algorithms 1 and 2.
    """
    judge = partial(scores.lira_scores, mode=mode, scale=scale)
    groups = check_groups(members, non_members, overlap)
    return _by_probability(model, groups, references, judge, f"{mode} LiRA", CARLINI, control, seed)


def rmia_attack(
    model: Any,
    members: Group,
    non_members: Group,
    references: ReferenceSignals,
    *,
    mode: scores.Mode = "online",
    control: Any | None = None,
    overlap: Overlap = "refuse",
    seed: int = 0,
) -> MembershipAttack:
    """Tell members from others by how far the model's probability exceeds the population's; few references do.

    Arguments and errors: :func:`lira_attack`.

    Source: Zarifzadeh, Liu & Shokri (2024).
    """
    judge = partial(scores.rmia_scores, mode=mode)
    groups = check_groups(members, non_members, overlap)
    return _by_probability(model, groups, references, judge, f"{mode} RMIA", RMIA, control, seed)


def label_only_attack(
    model: Any,
    members: Group,
    non_members: Group,
    references: ReferenceSignals | None = None,
    *,
    control: Any | None = None,
    overlap: Overlap = "refuse",
    seed: int = 0,
) -> MembershipAttack:
    """Tell members from others by the model's answers alone: right where models without the record are wrong.

    Without references a right answer alone counts (the gap attack). Arguments and errors:
    :func:`lira_attack`.

    Source: Choquette-Choo et al. (2021); Watson et al. (2022).
    """
    groups = check_groups(members, non_members, overlap)
    known = None if references is None else _known(references, groups)

    def judge(asked: Any) -> tuple[np.ndarray, np.ndarray]:
        right = _right(asked, groups)
        return _split(right.astype(float) if known is None else scores.label_scores(right, known), groups)

    return _judged(judge, model, control, "label-only", LABEL_ONLY, seed)


def _by_probability(
    model: Any,
    groups: tuple[Group, Group],
    references: ReferenceSignals,
    judge: Callable[[np.ndarray, ReferenceSignals], np.ndarray],
    attack: str,
    source: str,
    control: Any,
    seed: int,
) -> MembershipAttack:
    known = _known(references, groups)
    labels = np.concatenate([groups[0][1], groups[1][1]])

    def scored(asked: Any) -> tuple[np.ndarray, np.ndarray]:
        return _split(judge(asked_probability(asked, groups, labels), known), groups)

    return _judged(scored, model, control, attack, source, seed)


def asked_probability(model: Any, groups: tuple[Group, Group], labels: np.ndarray) -> np.ndarray:
    """Return what the model gives to the class of each record, members first.

    Raises:
        TargetError: if it gives no probabilities, or the same to all.
    """
    own, _ = own_class(open_target(model), stack(groups[0][0], groups[1][0]), labels)
    if not np.ptp(own) > 0:
        raise TargetError(
            f"The model gives the same probability to all {len(own):,} records: it tells none of them apart. "
            "Check the model and its columns."
        )
    return own


def _judged(
    scored: Callable[[Any], tuple[np.ndarray, np.ndarray]],
    model: Any,
    control: Any,
    attack: str,
    source: str,
    seed: int,
) -> MembershipAttack:
    return membership_from_scores(
        *scored(model),
        attack=attack,
        source=source,
        control=None if control is None else scored(control),
        seed=seed,
    )


def _right(model: Any, groups: tuple[Group, Group]) -> np.ndarray:
    target: Target = open_target(model)
    answers = target.labels(stack(groups[0][0], groups[1][0]))
    return np.asarray(answers == np.concatenate([groups[0][1], groups[1][1]]))


def _known(references: ReferenceSignals, groups: tuple[Group, Group]) -> ReferenceSignals:
    labels = np.concatenate([groups[0][1], groups[1][1]])
    return references.at(references.places(stack(groups[0][0], groups[1][0]), labels))


def _split(values: np.ndarray, groups: tuple[Group, Group]) -> tuple[np.ndarray, np.ndarray]:
    return values[: len(groups[0][1])], values[len(groups[0][1]) :]
