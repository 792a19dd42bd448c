"""Full-domain generalization: each column at one level of its hierarchy, the same for all records.

Searches all combinations of levels for the one that loses least while every class of the release satisfies
what is required; records in classes that do not are suppressed, up to a limit. The answer is the optimum, not
the end of a greedy climb.

A class that satisfies k, ℓ, α, t or β goes on doing so when it is merged with another such class. Without
suppression the search therefore prunes by everything that is required. With suppression a merger may drag
records of a satisfying class down with the others (entropy and recursive ℓ, α, t, β) or not (k, distinct ℓ):
the search then prunes by k and distinct ℓ, which the others imply, and checks each node that is left.

Suppressed records are in the release, with ``*`` in all their quasi-identifiers, and so are a class that can
be seen: where they are too few or too alike to satisfy what is required, the smallest classes join them until
they do. ARX leaves such a remnant as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.anonymize.tabular.hierarchies import Hierarchy
from secure_ai.anonymize.tabular.hierarchy_builders import suggest_hierarchies
from secure_ai.anonymize.tabular.lattice import Lattice, candidates, least
from secure_ai.anonymize.tabular.level_search import LevelSearch, Loss, NodeOutcome, released_texts
from secure_ai.anonymize.tabular.mondrian import check_possible, open_table
from secure_ai.anonymize.tabular.partitioning import Partitioning
from secure_ai.anonymize.tabular.requirements import Requirements, checked_roles
from secure_ai.anonymize.tabular.splitting import SensitiveCodes
from secure_ai.anonymize.tabular.summary import RECORDS, summarize
from secure_ai.anonymize.tabular.value_codes import arrow_columns, code_values
from secure_ai.core import UserError
from secure_ai.core.sources import Source, shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class FullDomain:
    """The levels that lose least, and what they make of the table.

    Attributes:
        partitioning: the classes, with what each value is released as.
        hierarchies: the hierarchy of each quasi-identifier.
        chosen: the levels and their loss.
        measure: what was made as small as possible.
        suppression_limit: largest share of records that might be suppressed.
        lattice_nodes: number of combinations of levels.
        checked_nodes: how many of them were looked at.
        admissible: all that satisfy what is required, as far as they were looked at, by their levels.
    """

    partitioning: Partitioning
    hierarchies: tuple[Hierarchy, ...]
    chosen: NodeOutcome
    measure: Loss
    suppression_limit: float
    lattice_nodes: int
    checked_nodes: int
    admissible: tuple[NodeOutcome, ...]

    @property
    def levels(self) -> dict[str, int]:
        """Chosen level of each quasi-identifier."""
        return dict(zip(self.partitioning.quasi_identifiers, self.chosen.levels, strict=True))

    @property
    def suppressed_records(self) -> int:
        """Records whose quasi-identifiers are all released as ``*``."""
        return self.chosen.suppressed_records

    def to_frame(self) -> pd.DataFrame:
        """Return one row per quasi-identifier: its level, number of levels, values before and after."""
        import pandas as pd

        rows = []
        for coded, hierarchy, level in zip(
            self.partitioning.columns, self.hierarchies, self.chosen.levels, strict=True
        ):
            released = released_texts(coded, hierarchy, level)
            rows.append((coded.name, level, hierarchy.height, coded.n_codes, len(set(released))))
        return pd.DataFrame(rows, columns=["column", "level", "levels", "values", "released_values"])

    def frontier(self) -> pd.DataFrame:
        """Return one row per admissible combination of levels: levels, loss, suppressed share, classes."""
        import pandas as pd

        names = list(self.partitioning.quasi_identifiers)
        levels = np.array([node.levels for node in self.admissible]).reshape(-1, len(names))
        frame = pd.DataFrame(levels, columns=names)
        n = self.partitioning.n_records
        frame["loss"] = [node.loss for node in self.admissible]
        frame["suppressed_share"] = [node.suppressed_records / n for node in self.admissible]
        frame["classes"] = [node.classes for node in self.admissible]
        return frame

    def sentence(self) -> str:
        """Say in words which levels were chosen, and at what cost."""
        n = self.partitioning.n_records
        levels = ", ".join(
            f"{shown(name)} {level} of {hierarchy.height - 1}"
            for (name, level), hierarchy in zip(self.levels.items(), self.hierarchies, strict=True)
        )
        suppressed = (
            f"{self.suppressed_records:,} of {n:,} records are suppressed"
            if self.suppressed_records
            else "no record is suppressed"
        )
        return (
            f"Of {self.lattice_nodes:,} combinations of levels, {self.checked_nodes:,} checked, the one that "
            f"satisfies {self.partitioning.requirements.describe()} at the least loss "
            f"({self.measure} {self.chosen.loss:.4g}) is {levels}; {suppressed}."
        )


def generalize(
    source: Source | Any,
    quasi_identifiers: Sequence[str],
    requirements: Requirements,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    *,
    sensitive: Sequence[str] = (),
    suppression_limit: float = 0.0,
    loss: str = Loss.NCP,
    every_node: bool = True,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> FullDomain:
    """Choose for each quasi-identifier one level of its hierarchy, so that the release loses least.

    Args:
        source: the table; a :class:`Source` or anything ``open_source`` opens.
        quasi_identifiers: columns that an attacker could know from elsewhere.
        requirements: what every class of the release satisfies, that of the suppressed records included.
        hierarchies: the hierarchy of each quasi-identifier; proposed from the table if not given.
        sensitive: columns of what an attacker wants to learn; each must satisfy ℓ, t, α and β.
        suppression_limit: largest share of records that may be suppressed, 0 to 1.
        loss: what is made as small as possible (:class:`Loss`).
        every_node: whether to find the loss of every admissible combination of levels, for a picture of what
            could be had; without it ``ncp`` and ``precision`` look at fewer. The choice is the same.
        engine: ``"duckdb"`` or ``"dask"``: how the table is summarized.
        scheduler: address of a Dask scheduler.

    Raises:
        UserError: if columns, hierarchies and requirements do not fit the table, or nothing satisfies the
            requirements: the message then says what the whole table satisfies. What that does can always be
            had, at worst as one class.

    Source: Kohlmayer et al., Flash (2012); El Emam et al., OLA (2009), for the search; ARX for suppression.
    """
    if (
        isinstance(suppression_limit, bool)
        or not isinstance(suppression_limit, int | float)
        or not 0 <= suppression_limit <= 1
    ):
        raise UserError("The suppression limit must be a share of the records from 0 to 1, such as 0.02.")
    if loss not in list(Loss):
        raise UserError(f"The loss '{shown(str(loss))}' is not known: choose {', '.join(Loss)}.")
    wanted = [quasi_identifiers] if isinstance(quasi_identifiers, str) else [*quasi_identifiers]
    also = [sensitive] if isinstance(sensitive, str) else [*sensitive]
    source = open_table(source, [*wanted, *also])
    names, attributes = checked_roles(source, quasi_identifiers, sensitive, requirements)
    if not requirements.needs_sensitive:
        attributes = ()
    if hierarchies is None:
        hierarchies = suggest_hierarchies(source, names)
    without = [name for name in names if name not in hierarchies]
    if without:
        raise UserError(
            f"'{shown(without[0])}' has no hierarchy: read or build one, or take that of suggest_hierarchies."
        )
    chosen = tuple(hierarchies[name] for name in names)
    lattice = Lattice(tuple(hierarchy.height for hierarchy in chosen))
    summary = summarize(source, [*names, *attributes], engine=engine, scheduler=scheduler)
    coded = [
        code_values(name, values)
        for name, values in zip(
            [*names, *attributes], arrow_columns(summary, [*names, *attributes]), strict=True
        )
    ]
    records = summary[RECORDS].to_numpy(np.int64)
    for column, codes in coded[len(names) :]:
        overall = np.bincount(codes, weights=records, minlength=column.n_codes).astype(np.int64)
        attribute = SensitiveCodes(codes, overall, column.ordered)
        check_possible(shown(column.name), attribute, records, requirements)
    search = LevelSearch(
        coded=coded[: len(names)],
        hierarchies=chosen,
        sensitive=coded[len(names) :],
        records=records,
        requirements=requirements,
        loss=Loss(loss),
        limit=math.floor(suppression_limit * int(records.sum()) + 1e-9),
    )
    return _found(search, lattice, float(suppression_limit), every_node=every_node)


def _found(search: LevelSearch, lattice: Lattice, share: float, *, every_node: bool) -> FullDomain:
    nodes = candidates(lattice, search.may_be_admissible)
    if every_node:
        for node in nodes:
            search.outcome(node)
    bounds = np.array([search.least_loss(node) for node in nodes])
    best = least(nodes, bounds, lambda node: None if (seen := search.outcome(node)) is None else seen.loss)
    if best is None:
        # Only at the last bit of a figure: what the whole table satisfies, its classes together do.
        raise UserError(f"No levels satisfy {search.requirements.describe()}: require a little less.")
    admissible = sorted((seen for seen in search.seen.values() if seen is not None), key=lambda at: at.levels)
    return FullDomain(
        partitioning=search.partitioning(best[0]),
        hierarchies=search.hierarchies,
        chosen=search.seen[best[0]],
        measure=search.loss,
        suppression_limit=share,
        lattice_nodes=lattice.n_nodes,
        checked_nodes=len(search.checked),
        admissible=tuple(admissible),
    )
