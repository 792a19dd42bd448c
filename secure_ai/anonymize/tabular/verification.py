"""Hold a released table, measured again by the values in it, against what was required of it."""

from __future__ import annotations

from secure_ai.anonymize.tabular.measures import PrivacyMeasures
from secure_ai.anonymize.tabular.requirements import ROUNDING, Diversity, Requirements
from secure_ai.core import UserError
from secure_ai.core.sources import shown


def recursive_l(requirements: Requirements) -> tuple[int, ...]:
    """Return the ℓ for which :func:`privacy_measures` must measure the recursive c."""
    return (2, 3) if requirements.l is None else tuple(sorted({2, 3, max(1, int(requirements.l))}))


def unmet(found: PrivacyMeasures, requirements: Requirements) -> list[str]:
    """Return what a measured table does not meet, one clause each; empty if all is well.

    Args:
        found: measures of the released table, with :func:`recursive_l`.
        requirements: what each of its classes must satisfy.
    """
    failed = []
    if found.k < requirements.k:
        failed.append(f"its smallest class has {found.k:,} records, fewer than k={requirements.k:,}")
    for attribute in found.attributes:
        worst = {name: seen.value for name, seen in attribute.worst.items()}
        checks = []
        if requirements.l is not None:
            match requirements.diversity:
                case Diversity.DISTINCT:
                    checks.append(("distinct l", worst["distinct_l"], worst["distinct_l"] >= requirements.l))
                case Diversity.ENTROPY:
                    met = worst["entropy_l"] >= requirements.l - ROUNDING
                    checks.append(("entropy l", worst["entropy_l"], met))
                case Diversity.RECURSIVE:
                    ratio = worst[f"recursive_c_l{int(requirements.l)}"]
                    checks.append(("recursive c", ratio, ratio < requirements.c))
        for name, measure, limit in (
            ("t", "t", requirements.t),
            ("alpha", "alpha", requirements.alpha),
            ("beta", "enhanced_beta_strict", requirements.beta),
        ):
            if limit is not None:
                checks.append((name, worst[measure], worst[measure] <= limit + ROUNDING))
        failed += [
            f"the {name} of '{shown(attribute.attribute)}' is {value:.6g}"
            for name, value, met in checks
            if not met
        ]
    return failed


def check_released(found: PrivacyMeasures, requirements: Requirements) -> None:
    """Check that a measured table meets what was required.

    Raises:
        UserError: if it does not, which is a fault of this program.
    """
    failed = unmet(found, requirements)
    if failed:
        raise UserError(
            f"The result was measured again and is not released, because {'; '.join(failed)} although "
            f"{requirements.describe()} was required. This is a fault of the program: please report it with "
            "the command that you gave."
        )
