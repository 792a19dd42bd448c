"""One door to the methods of anonymization: a plan says what is wanted, and a partitioning comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.anonymize.tabular.apply import class_of_records
from secure_ai.anonymize.tabular.encoding import generalized_cells
from secure_ai.anonymize.tabular.partitioning import NO_CLASS, Partitioning
from secure_ai.anonymize.tabular.requirements import Requirements
from secure_ai.anonymize.tabular.usefulness import Generalized, Usefulness, usefulness
from secure_ai.core import UserError
from secure_ai.core.sources import Source, shown

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.anonymize.tabular.full_domain import FullDomain
    from secure_ai.anonymize.tabular.hierarchies import Hierarchy

SUPPRESSION_LIMIT = 0.02


class Method(StrEnum):
    """How values are made coarser: each class as it needs it, or each column alike in the whole table."""

    MONDRIAN = "mondrian"
    FULL_DOMAIN = "full_domain"


@dataclass(frozen=True)
class Plan:
    """What a release is made with.

    Attributes:
        quasi_identifiers: columns to generalize.
        requirements: what each class satisfies.
        sensitive: sensitive attributes.
        method: ``mondrian`` or ``full_domain``.
        hierarchies: by column: the levels of full-domain generalization (what has none gets a proposed one),
            and with Mondrian the order in which categories are cut.
        suppression_limit: largest share of records that full-domain generalization may leave out.
        engine: ``duckdb`` or ``dask``.
        scheduler: address of a Dask scheduler.

    Raises:
        UserError: if the method is not known or does not take what is given, or the limit is not a share.
    """

    quasi_identifiers: tuple[str, ...]
    requirements: Requirements
    sensitive: tuple[str, ...] = ()
    method: Method = Method.MONDRIAN
    hierarchies: Mapping[str, Hierarchy] = field(default_factory=dict)
    suppression_limit: float = SUPPRESSION_LIMIT
    engine: str = "duckdb"
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.method not in list(Method):
            raise UserError(
                f"The method '{shown(str(self.method))}' is not known: choose {' or '.join(Method)}."
            )
        object.__setattr__(self, "method", Method(self.method))
        limit = self.suppression_limit
        if isinstance(limit, bool) or not isinstance(limit, int | float | np.number) or not 0 <= limit < 1:
            raise UserError(
                f"The suppression limit must be a share from 0 up to, but not 1, not {limit}: 0.02 is usual."
            )
        other = next((name for name in self.hierarchies if name not in self.quasi_identifiers), None)
        if other is not None:
            raise UserError(f"A hierarchy is given for '{shown(other)}', which is no quasi-identifier.")


@dataclass(frozen=True, eq=False)
class Partitioned:
    """The classes that a method made.

    Attributes:
        partitioning: the classes.
        levels: for full-domain generalization what it chose; None with Mondrian.
    """

    partitioning: Partitioning
    levels: FullDomain | None = None


def with_hierarchies(table: Source | Any, plan: Plan) -> Plan:
    """Return ``plan`` with a proposed hierarchy for each column that has none, where one is needed."""
    from secure_ai.anonymize.tabular.hierarchy_builders import suggest_hierarchies

    without = [name for name in plan.quasi_identifiers if name not in plan.hierarchies]
    if plan.method is not Method.FULL_DOMAIN or not without:
        return plan
    return replace(plan, hierarchies={**plan.hierarchies, **suggest_hierarchies(table, without)})


def partition(table: Source | Any, plan: Plan, *, every_node: bool = True) -> Partitioned:
    """Divide the records of a table into classes as ``plan`` says.

    Args:
        table: frame, path or open source.
        plan: what is wanted.
        every_node: whether full-domain generalization measures all levels that would do, for a picture.

    Raises:
        UserError: if columns, figures or hierarchies do not fit the table, or no release is possible.
    """
    options = {"sensitive": plan.sensitive, "engine": plan.engine, "scheduler": plan.scheduler}
    if plan.method is Method.FULL_DOMAIN:
        from secure_ai.anonymize.tabular.full_domain import generalize

        found = generalize(
            table,
            plan.quasi_identifiers,
            plan.requirements,
            with_hierarchies(table, plan).hierarchies,
            suppression_limit=plan.suppression_limit,
            every_node=every_node,
            **options,
        )
        return Partitioned(found.partitioning, found)
    from secure_ai.anonymize.tabular.mondrian import mondrian

    # Neighbors in a hierarchy are alike: categories are cut in the order of its leaves.
    orders = {name: hierarchy.levels[0] for name, hierarchy in plan.hierarchies.items()}
    return Partitioned(mondrian(table, plan.quasi_identifiers, plan.requirements, orders=orders, **options))


def usefulness_of(
    source: Source,
    plan: Plan,
    target: str,
    *,
    features: Sequence[str] = (),
    seed: int = 0,
    cache: dict[Any, np.ndarray] | None = None,
) -> Usefulness:
    """Train the same model on a table before and after ``plan``, scored on held-out rows as they were.

    Args:
        source: the table.
        plan: what the training rows are generalized with.
        target: column to predict.
        features: released columns beside quasi-identifiers and sensitive attributes.
        seed: of the folds.
        cache: as in :func:`~secure_ai.anonymize.tabular.usefulness.usefulness`.

    Raises:
        UserError: if the target is a quasi-identifier (it is not released as it is), missing, or cannot be
            predicted.
    """
    source.require([target])
    if target in plan.quasi_identifiers:
        raise UserError(
            f"'{shown(target)}' is a quasi-identifier and is not released as it is: predict another column."
        )
    names = dict.fromkeys([*plan.quasi_identifiers, *plan.sensitive, *features, target])
    # Folds are small, and hierarchies must not depend on which rows are in them.
    local = replace(with_hierarchies(source, plan), engine="duckdb", scheduler=None)
    table = source.to_pandas(list(names))

    def release(rows: pd.DataFrame) -> Generalized:
        try:
            found = partition(rows, local, every_node=False).partitioning
        except UserError as error:
            raise UserError(
                f"What is required cannot be met by the {len(rows):,} records that a model of "
                f"'{shown(target)}' is trained on: name no target, or require less. {error}"
            ) from None
        classes = class_of_records(found, rows)
        kept = np.flatnonzero(classes != NO_CLASS)
        cells = {
            name: generalized_cells(found, i, classes[kept]) for i, name in enumerate(plan.quasi_identifiers)
        }
        return Generalized(kept, cells)

    return usefulness(table, target, release, seed=seed, cache=cache)
