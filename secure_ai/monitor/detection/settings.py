"""Thresholds of the detection, each with its meaning and unit."""

from __future__ import annotations

from dataclasses import dataclass, fields

from secure_ai.core.errors import UserError


@dataclass(frozen=True)
class Settings:
    """What decides when a watch speaks. Evidence is counted in bits: ten bits are about 1,000 to 1.

    Attributes:
        threshold: score (0 to 1) from which a candidate becomes an alert.
        floor: score below which a detector does not even report a candidate.
        episode_hours: hours without a further candidate of the same actor and kind after which a new one is a
            new alert.
        remembered_ids: identifiers kept for each table, to know a duplicate.
        alert_bits: evidence at which the score is 0.5.
        slope_bits: evidence that moves the score from 0.5 to 0.73.
        half_life_days: days after which a habit counts half.
        own_strength: observations of their own that outweigh the habits of a person's peers.
        fading: share by which a new figure replaces the old ones in what is usual.
        most_bits: the most that a single learned surprise can weigh; rules are not capped.
        usual_unknown_relation: share of honest accesses of which the system knows no relation, before
            anything was learned.
        chosen_unknown_relation: share of looks out of curiosity of which it knows none; the rest claims one.
        claimed_relations: relations that people enter themselves and nobody checks.
        checked_relation_bits: how much a relation that the system checks speaks for honest work.
        again_weight: how much the same evidence counts the second time.
        downtime_fading: share by which each access replaces the earlier ones in "how many relations does the
            system know just now".
        met_days: days for which a relation between a person and a record counts as known.
        warm_days: days of log before "in care lately" is learned, since it is not known at the start.
        case_days: days after which evidence about a person and a record no longer adds up.
        left_bits: weight of activity of an account whose owner has left or is not yet hired.
        leave_bits: weight of activity during leave.
        unknown_bits: weight of an account that no register knows.
        idle_days: days without activity after which an account counts as dormant where no dates are known.
        idle_bits: weight of activity of such an account.
        usual_override_bits: what the rarity of break-glass among a person's accesses (in bits) is reduced by.
        most_override_bits: the most that it weighs.
        follow_hours: hours after break-glass in which somebody with a checked relation takes over.
        wait_bits: evidence beyond the threshold that is needed to speak before that.
        again_bits: weight of each other override of the same person that nobody took over.
        bulk_step_bits: the most that one record counts for or against reading in bulk.
        bulk_drift_bits: what any record counts against it.
        bulk_forget_bits: what an hour takes away from it.
        bulk_alert_bits: evidence of reading in bulk at which the score is 0.5.
        least_spread: floor of the spread of the logarithm of a size: nobody is more regular than that.
        new_destination_bits: weight of a destination that nobody used before.
        regular_share: share of a person's exports from which a destination is their regular one.
        export_offset_bits: weight of an export as such: they are few, and each takes data out.
        least_export_records: exports of fewer records are never too many.
        few_records_bits: what such an export weighs less, wherever it goes.
        scheduled_relations: reasons of an export that were planned and checked before.
        claimed_task_bits: how much any other known reason of an export speaks for honest work.
        month_edge_days: days before and after the turn of a month in which books are closed.
        month_edge_bits: what a large export then weighs less.
        undeclared_bits: weight of a field, resource or purpose that a service did not declare.
        volume_step_bits: what each call of a usual size takes away from the evidence of earlier ones.
        silent_gaps: usual gaps between two calls after which a silence counts as an outage.
        backlog_hours: hours at most in which what was missed may be caught up on.
        seed: of the looks that are made up to weigh the features of an access against.
        samples: accesses of the history at most that they are weighed on.
        service_roles: roles in the log that programs have, not people.
    """

    threshold: float = 0.5
    floor: float = 0.1
    episode_hours: float = 72.0
    remembered_ids: int = 200_000
    alert_bits: float = 10.0
    slope_bits: float = 2.0
    half_life_days: float = 14.0
    own_strength: float = 8.0
    fading: float = 0.05
    most_bits: float = 8.0
    usual_unknown_relation: float = 0.05
    chosen_unknown_relation: float = 0.6
    claimed_relations: tuple[str, ...] = ("cover",)
    checked_relation_bits: float = 4.3
    again_weight: float = 0.3
    downtime_fading: float = 0.05
    met_days: float = 30.0
    warm_days: float = 4.0
    case_days: float = 14.0
    left_bits: float = 14.0
    leave_bits: float = 8.0
    unknown_bits: float = 14.0
    idle_days: float = 45.0
    idle_bits: float = 7.0
    usual_override_bits: float = 3.0
    most_override_bits: float = 10.0
    follow_hours: float = 2.0
    wait_bits: float = 6.0
    again_bits: float = 2.0
    bulk_step_bits: float = 4.0
    bulk_drift_bits: float = 0.5
    bulk_forget_bits: float = 2.0
    bulk_alert_bits: float = 16.0
    least_spread: float = 0.35
    new_destination_bits: float = 9.0
    regular_share: float = 0.5
    export_offset_bits: float = 5.7
    least_export_records: float = 80.0
    few_records_bits: float = 5.0
    scheduled_relations: tuple[str, ...] = ("scheduled",)
    claimed_task_bits: float = 1.5
    month_edge_days: float = 2.0
    month_edge_bits: float = 3.0
    undeclared_bits: float = 13.0
    volume_step_bits: float = 3.0
    silent_gaps: float = 8.0
    backlog_hours: float = 3.0
    seed: int = 7
    samples: int = 12_000
    service_roles: tuple[str, ...] = ("service", "application", "system")

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type.startswith("tuple"):
                if not isinstance(value, tuple) or not all(isinstance(part, str) for part in value):
                    raise UserError(f"The setting {item.name} must be a tuple of words: correct it.")
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise UserError(f"The setting {item.name} must be a number above 0: correct it.")
        for name in ("threshold", "floor", "fading"):
            if getattr(self, name) >= 1:
                raise UserError(f"The setting {name} must be below 1: correct it.")
