"""Anonymize a table in one step: decide, release, and measure what was released before it is handed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.anonymize.tabular.apply import released_frame
from secure_ai.anonymize.tabular.column_roles import ColumnOutcome, Treatment, column_outcomes
from secure_ai.anonymize.tabular.loss import InformationLoss, information_loss
from secure_ai.anonymize.tabular.measures import PrivacyMeasures, privacy_measures
from secure_ai.anonymize.tabular.methods import (
    SUPPRESSION_LIMIT,
    Method,
    Plan,
    partition,
    usefulness_of,
    with_hierarchies,
)
from secure_ai.anonymize.tabular.mondrian import open_table
from secure_ai.anonymize.tabular.partitioning import Partitioning, Representation
from secure_ai.anonymize.tabular.release_files import checked_output, sorted_frame, written
from secure_ai.anonymize.tabular.requirements import Requirements
from secure_ai.anonymize.tabular.risk import ReidentificationRisk, reidentification_risk
from secure_ai.anonymize.tabular.verification import check_released, recursive_l
from secure_ai.core import UserError
from secure_ai.core.sources import Source, as_source, shown

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.anonymize.tabular.full_domain import FullDomain
    from secure_ai.anonymize.tabular.hierarchies import Hierarchy
    from secure_ai.anonymize.tabular.usefulness import Usefulness

THRESHOLD = 0.2


@dataclass(frozen=True, eq=False)
class AnonymizedTable:
    """A released table, and what is known of it before and after.

    Attributes:
        label: name of the table it was made of.
        plan: what it was made with.
        columns: what became of every column of the table.
        partitioning: the classes.
        levels: for full-domain generalization the levels that were chosen and could have been; else None.
        risk_before: re-identification risk of the table as it was.
        risk_after: the same of the released table, counted in the values that it shows.
        privacy_before: k, and ℓ, t, α, β, δ of each sensitive attribute, of the table as it was.
        privacy_after: the same of the released table, measured in the values that it shows.
        loss: what the released table no longer says.
        frame: the released table; None if it was written to a file.
        path: the file that it was written to; None if it is in memory.
        usefulness: what a model still learns from it; None if no target was named.
        keeps_order: whether its records are in the order of the original.
    """

    label: str
    plan: Plan
    columns: tuple[ColumnOutcome, ...]
    partitioning: Partitioning
    levels: FullDomain | None
    risk_before: ReidentificationRisk
    risk_after: ReidentificationRisk
    privacy_before: PrivacyMeasures
    privacy_after: PrivacyMeasures
    loss: InformationLoss
    frame: pd.DataFrame | None = None
    path: Path | None = None
    usefulness: Usefulness | None = None
    keeps_order: bool = False

    @property
    def suppressed(self) -> int:
        """Number of records whose quasi-identifiers all show ``*``."""
        return self.partitioning.suppressed_records

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns that are not in the release."""
        return tuple(c.column for c in self.columns if c.treatment is Treatment.LEFT_OUT)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before the table is shared, one sentence each."""
        found = [
            f"'{shown(c.column)}' stays as it is ({c.warning.partition(':')[0]}): who knows it finds the "
            "record whatever k is."
            for c in self.columns
            if c.warning
        ]
        found += [
            f"In a class everybody has the same '{shown(a.attribute)}': who finds a person's class learns it "
            "without finding the record, unless l or t is required."
            for a in self.privacy_after.attributes
            if a.worst["distinct_l"].value == 1 and a.values > 1
        ]
        if self.keeps_order:
            found.append(
                "The records are in their old order: who holds another copy finds each of them by its place."
            )
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per figure: ``measure``, ``attribute``, ``before``, ``after``.

        Risks of the three attackers as far as they can be measured, then k and the measures of each sensitive
        attribute at its worst class, then the information loss (nothing before).
        """
        import pandas as pd

        rows: list[tuple[str, str, float, float]] = []
        for before, after in zip(
            self.risk_before.measurements(), self.risk_after.measurements(), strict=True
        ):
            rows.append((before.name, "", before.value, after.value))
        for before, after in zip(self.privacy_before.attributes, self.privacy_after.attributes, strict=True):
            rows += [
                (name, before.attribute, worst.value, after.worst[name].value)
                for name, worst in before.worst.items()
            ]
        rows += [(m.name, "", m.baseline, m.value) for m in self.loss.measurements()]
        return pd.DataFrame(rows, columns=["measure", "attribute", "before", "after"])

    def columns_frame(self) -> pd.DataFrame:
        """Return what became of every column: ``column``, ``treatment``, ``reason``, ``ncp``, ``warning``."""
        import pandas as pd

        rows = [
            (c.column, c.treatment.value, c.reason, self.loss.by_column.get(c.column), c.warning)
            for c in self.columns
        ]
        return pd.DataFrame(rows, columns=["column", "treatment", "reason", "ncp", "warning"])

    def sentence(self) -> str:
        """Say what was gained and what it cost."""
        before, after = self.risk_before, self.risk_after
        useful = f" {self.usefulness.sentence()}" if self.usefulness is not None else ""
        unique = f"{after.uniques:,} are" if after.uniques else "none is"
        return (
            f"The smallest class grew from {before.k:,} to {after.k:,} "
            f"{'record' if after.k == 1 else 'records'}, so the highest risk of being traced fell from "
            f"{before.prosecutor.highest_risk.value:.3g} to {after.prosecutor.highest_risk.value:.3g}; "
            f"{before.uniques:,} of {before.n:,} records were unique, {unique}. "
            f"{self.loss.sentence()}{useful}"
        )


def anonymize(
    source: Source | Any,
    quasi_identifiers: Sequence[str],
    *,
    sensitive: Sequence[str] = (),
    k: int | None = None,
    l: float | None = None,  # noqa: E741
    t: float | None = None,
    requirements: Requirements | None = None,
    method: str = Method.MONDRIAN,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    suppression_limit: float = SUPPRESSION_LIMIT,
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
    representation: str = Representation.INTERVAL,
    threshold: float = THRESHOLD,
    target: str | None = None,
    seed: int = 0,
    keep_order: bool = False,
    out: str | Path | None = None,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> AnonymizedTable:
    """Anonymize a table: generalize its quasi-identifiers until every class satisfies what is required.

    The release holds the quasi-identifiers, the sensitive attributes and what ``keep`` names; nothing else,
    because one column that names people makes every k meaningless. Suppressed records (full-domain
    generalization only) stay, with ``*`` in all quasi-identifiers, as a class that satisfies the requirements
    like any other. Before anything is handed out, the released values are measured again.

    Args:
        source: a frame, a path or an open :class:`Source`.
        quasi_identifiers: columns that an attacker could know from elsewhere.
        sensitive: columns of what an attacker wants to learn, for ℓ, t, α and β.
        k: least number of records that look alike.
        l: least number of different values of each sensitive attribute in a class.
        t: largest distance of a class's sensitive values from the table's.
        requirements: all of these and more (kinds of ℓ, α, β), in place of ``k``, ``l`` and ``t``.
        method: ``mondrian`` (each class as coarse as it needs) or ``full_domain`` (each column at one level).
        hierarchies: by column, from :func:`read_hierarchy` or built; proposed where one is needed.
        suppression_limit: largest share of records that full-domain generalization may suppress.
        keep: other columns to release as they are, or ``"*"`` for all that do not single people out.
        drop: columns to leave out where ``keep`` is ``"*"``.
        representation: how generalized values are written
            (:class:`~secure_ai.anonymize.tabular.partitioning.Representation`).
        threshold: risk of one record above which it counts as at risk.
        target: column whose prediction shows what the release is still good for.
        seed: of the folds of that model.
        keep_order: whether records stay in their order (and a frame keeps its index), so that they can be
            matched by position with the original; else they are sorted by their released values.
        out: file to write (.csv, .tsv or .parquet); a frame is returned if not given.
        engine: ``duckdb``, or ``dask`` for a table larger than this machine.
        scheduler: address of a Dask scheduler.

    Raises:
        UserError: if the columns, figures, hierarchies or files do not fit, nothing satisfies what is
            required, or the result, measured again, does not; nothing is written then.
    """
    import pandas as pd

    required = _required(requirements, k, l, t)
    target_path = None if out is None else checked_output(out, _files(source), engine=engine)
    if isinstance(source, pd.DataFrame):
        source = source.set_axis([str(name) for name in source.columns], axis=1)
    original = source if isinstance(source, pd.DataFrame) else None
    source = _opened(source)
    columns = column_outcomes(
        source,
        _order(quasi_identifiers),
        sensitive=_order(sensitive),
        keep=_order(keep),
        drop=_order(drop),
    )
    plan = Plan(
        _order(quasi_identifiers),
        required,
        sensitive=_order(sensitive),
        method=method,
        hierarchies=hierarchies or {},
        suppression_limit=suppression_limit,
        engine=engine,
        scheduler=scheduler,
    )
    if required.needs_sensitive and not plan.sensitive:
        raise UserError(f"{required.describe()} is about a sensitive attribute, and none is named: name one.")
    plan = with_hierarchies(source, plan)
    found = partition(source, plan)
    risk_before, privacy_before = _measured(source, plan, source, threshold)
    useful = None
    if target is not None:
        kept = [c.column for c in columns if c.treatment is Treatment.KEPT]
        useful = usefulness_of(source, plan, target, features=kept, seed=seed)
    names = [c.column for c in columns if c.treatment is not Treatment.LEFT_OUT]

    def finished(table: Any, frame: pd.DataFrame | None) -> AnonymizedTable:
        risk_after, privacy_after = _measured(table, plan, source, threshold)
        check_released(privacy_after, required)
        return AnonymizedTable(
            label=source.label,
            plan=plan,
            columns=columns,
            partitioning=found.partitioning,
            levels=found.levels,
            risk_before=risk_before,
            risk_after=risk_after,
            privacy_before=privacy_before,
            privacy_after=privacy_after,
            loss=information_loss(found.partitioning),
            frame=frame,
            path=target_path,
            usefulness=useful,
            keeps_order=keep_order,
        )

    if target_path is None:
        whole = original is not None and set(names) <= set(original.columns)
        rows = original[names] if whole else source.to_pandas(names)
        frame = released_frame(found.partitioning, rows, representation)
        frame = frame if keep_order else sorted_frame(frame)
        return finished(frame, frame)
    part = replace(source, types={name: source.types[name] for name in names})
    with written(found.partitioning, part, target_path, representation, plan, keep_order=keep_order) as table:
        return finished(table, None)


def _required(
    requirements: Requirements | None,
    k: int | None,
    l: float | None,  # noqa: E741
    t: float | None,
) -> Requirements:
    if requirements is not None:
        if (k, l, t) != (None, None, None):
            raise UserError("Requirements are given as a whole and one by one: give k, l and t in one way.")
        return requirements
    if k is None:
        raise UserError("How many records must look alike was not said: give k, where 5 to 20 are usual.")
    return Requirements(k, l=l, t=t)


def _opened(source: Source | Any) -> Source:
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return open_table(source, list(source.columns))
    return as_source(source)


def _files(source: Source | Any) -> list[str]:
    if isinstance(source, Source):
        return list(source.files)
    return [str(source)] if isinstance(source, str | Path) else []


def _order(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([names] if isinstance(names, str) else map(str, names)))


def _measured(
    table: Source | Any, plan: Plan, original: Source, threshold: float
) -> tuple[ReidentificationRisk, PrivacyMeasures]:
    """Return risk and measures of a table; sensitive attributes are ordered if they were in the original."""
    from secure_ai.anonymize.tabular.measures import NUMBERS_AND_DATES

    source = as_source(table)
    ordered = [name for name in plan.sensitive if original.types[name].startswith(NUMBERS_AND_DATES)]
    measures = privacy_measures(
        source,
        plan.quasi_identifiers,
        plan.sensitive,
        ordered=ordered,
        recursive_l=recursive_l(plan.requirements),
        engine=plan.engine,
        scheduler=plan.scheduler,
    )
    risk = reidentification_risk(
        source,
        plan.quasi_identifiers,
        threshold=threshold,
        engine=plan.engine,
        scheduler=plan.scheduler,
    )
    return risk, measures
