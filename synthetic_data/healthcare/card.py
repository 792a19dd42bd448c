"""The hospital's data card."""

from __future__ import annotations

from synthetic_data.cards import DataCard
from synthetic_data.healthcare import model, scans
from synthetic_data.healthcare.codes import CONDITIONS, TESTS
from synthetic_data.healthcare.notes import MESSAGES_PER_BLOCK, NOTES_PER_BLOCK


def hospital_card(rows: int, seed: int) -> DataCard:
    """The card: every figure is read from the constants that the generator uses."""
    return DataCard(
        title="Data card: an invented hospital",
        notes=(
            "A simulation. Nobody in it exists: names come from Faker, everything else from chance, and "
            "every identifier lies in a range that is given to nobody (`synthetic_data.identifiers`). It is "
            "made for learning and testing; no rate in it is an estimate of anything in the world.",
        ),
        facts={
            "made_from": {
                "seed": seed,
                "patients": rows,
                "first_day": str(model.FIRST_DAY)[:10],
                "days": model.DAYS,
            },
            "conditions": {
                condition.key: {
                    "icd10_cm": condition.code,
                    "log_odds_at_50": condition.base,
                    "change_per_decade": condition.per_decade,
                    "change_for_women": condition.female,
                }
                for condition in CONDITIONS
            },
            "laboratory": {
                test.key: {
                    "loinc": test.loinc,
                    "scale": "logarithm" if test.log else "as is",
                    "mean": test.mean,
                    "spread": test.spread,
                    "shifts": dict(test.shift),
                }
                for test in TESTS
            },
            "readmission": {
                "label": "readmitted_30d in the table readmissions",
                "log_odds": dict(model.READMISSION),
                "label_noise": model.READMISSION_LABEL_NOISE,
                "baseline": "prior_admissions alone",
                "margin_over_baseline_auc": model.READMISSION_MARGIN,
                "highest_auc": model.HIGHEST_AUC,
            },
            "scans": {
                "label": "1 where a lesion lies in the left field",
                "count": model.SCAN_COUNT,
                "share_with_lesion": model.SCAN_SHARE,
                "contrast_of_lesion_gray_levels": scans.LESION_CONTRAST,
                "noise_gray_levels": scans.NOISE,
                "label_noise": model.SCAN_LABEL_NOISE,
                "baseline": "mean brightness of the picture",
                "margin_over_baseline_auc": model.SCAN_MARGIN,
                "highest_auc": model.HIGHEST_AUC,
            },
            "snooping": {
                "label": "snooping and snooping_kind in the table access_log",
                "family": "staff look at a patient who bears their last name",
                "vip": "several people look at a prominent patient",
                "burst": "one person looks at 8 to 19 charts within 45 minutes",
                "not_snooping": "float nurses, registration, billing, research, audit, honest emergencies",
            },
            "texts": {
                "notes_per_block_of_patients_at_most": NOTES_PER_BLOCK,
                "messages_per_block_of_patients_at_most": MESSAGES_PER_BLOCK,
                "spans": "every name, place, date, age, organization and number of a person or their circle",
            },
        },
    )
