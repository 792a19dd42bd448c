"""The attacks by name: each asks the target about members and non-members and judges what it can tell.

Units: AUC and rates are probabilities from 0 to 1; a score is a log-likelihood ratio, greater is *member*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from secure_ai.attack.membership import scores
from secure_ai.attack.membership.groups import Overlap, check_groups, stack
from secure_ai.attack.membership.judging import CARLINI, MembershipAttack, membership_from_scores
from secure_ai.attack.membership.references import ReferenceSignals, own_class
from secure_ai.attack.membership.shadow import shadow_scores
from secure_ai.attack.targets.errors import TargetError
from secure_ai.attack.targets.target import open_target

RMIA = "Zarifzadeh et al., Low-cost high-power membership inference attacks (2024)"
LABEL_ONLY = "Choquette-Choo et al., Label-only membership inference attacks (2021)"
SHOKRI = "Shokri et al., Membership inference attacks against machine learning models (2017)"
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
    case = _Case(*check_groups(members, non_members, overlap), references)
    return case.judged(
        lambda asked: scores.lira_scores(case.probability(asked), case.known, mode=mode, scale=scale),
        model,
        control,
        attack=f"{mode} LiRA",
        source=CARLINI,
        seed=seed,
    )


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
    """Tell members by how far the model's probability exceeds the population's; two references will do.

    Arguments and errors: :func:`lira_attack`.

    Source: Zarifzadeh, Liu & Shokri (2024).
    """
    case = _Case(*check_groups(members, non_members, overlap), references)
    return case.judged(
        lambda asked: scores.rmia_scores(case.probability(asked), case.known, mode=mode),
        model,
        control,
        attack=f"{mode} RMIA",
        source=RMIA,
        seed=seed,
    )


def shadow_attack(
    model: Any,
    members: Group,
    non_members: Group,
    references: ReferenceSignals,
    *,
    control: Any | None = None,
    overlap: Overlap = "refuse",
    seed: int = 0,
) -> MembershipAttack:
    """Tell members by a classifier that has learned from the references what membership looks like.

    Arguments and errors: :func:`lira_attack`; it needs four references, each record in and out of some.

    Source: Shokri et al. (2017), with the calibration of Watson et al. (2022).
    """
    case = _Case(*check_groups(members, non_members, overlap), references)
    learned = shadow_scores(case.known, seed)
    return case.judged(
        lambda asked: learned(case.probability(asked)),
        model,
        control,
        attack="shadow-trained",
        source=SHOKRI,
        seed=seed,
    )


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
    case = _Case(*check_groups(members, non_members, overlap), references)

    def scored(asked: Any) -> np.ndarray:
        right = np.asarray(open_target(asked).labels(case.rows) == case.labels)
        return right.astype(float) if references is None else scores.label_scores(right, case.known)

    return case.judged(scored, model, control, attack="label-only", source=LABEL_ONLY, seed=seed)


@dataclass(frozen=True)
class _Case:
    """Members and non-members, and what the references say of them in that order."""

    members: Group
    non_members: Group
    references: ReferenceSignals | None

    @cached_property
    def rows(self) -> Any:
        return stack(self.members[0], self.non_members[0])

    @cached_property
    def labels(self) -> np.ndarray:
        return np.concatenate([self.members[1], self.non_members[1]])

    @cached_property
    def known(self) -> ReferenceSignals:
        assert self.references is not None
        return self.references.at(self.references.places(self.rows, self.labels))

    def probability(self, model: Any) -> np.ndarray:
        """Return what the model gives to the class of each record."""
        target = open_target(model)
        if target.answer == "labels":
            raise TargetError(
                f"The {target.name} gives labels only, and this attack needs probabilities: choose "
                "label_only_attack."
            )
        own, _ = own_class(target, self.rows, self.labels)
        if not np.ptp(own) > 0:
            raise TargetError(
                f"The model gives the same probability to all {len(own):,} records: it tells none of them "
                "apart. Check the model and its columns."
            )
        return own

    def judged(
        self,
        scored: Callable[[Any], np.ndarray],
        model: Any,
        control: Any,
        *,
        attack: str,
        source: str,
        seed: int,
    ) -> MembershipAttack:
        """Judge the scores of the model, beside those of the control where there is one."""
        size = len(self.members[1])
        found = scored(model)
        other = None if control is None else scored(control)
        return membership_from_scores(
            found[:size],
            found[size:],
            attack=attack,
            source=source,
            control=None if other is None else (other[:size], other[size:]),
            expected=None if self.references is None else self.known.expected(),
            seed=seed,
        )
