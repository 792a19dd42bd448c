"""From measurements to findings: threshold, attacker, level, what to do, which rule it touches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from secure_ai.anonymize.tabular.risk import AttackerRisk, ReidentificationRisk
from secure_ai.assess.absent import ABSENT
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.sections import Reidentification
from secure_ai.core import Finding, Level, Measurement, Outcome, Unassessed
from secure_ai.core.finding import LEVEL_ORDER, combine_level
from secure_ai.core.frameworks import entry
from secure_ai.discover.classification import Tier
from secure_ai.discover.inventory import ColumnProfile, Inventory

DEFAULT_THRESHOLD = 0.2
CUSTOMARY = (
    "0.2, a class of five, is the customary bound for data shared under controls "
    "(El Emam & Malin, in: Institute of Medicine, Sharing Clinical Trial Data, 2015, Appendix B); "
    "for publication, EMA policy 0070 and Health Canada ask for 0.09"
)
SAFE_HARBOR = (
    "45 CFR 164.514(b)(2)(i): every listed identifier is removed; used as the yardstick in both sectors"
)
PAN_RULE = "PCI DSS 4.0.1, 3.5.1: the number is unreadable anywhere it is stored"
ARTICLE_9 = (
    "GDPR Art. 9(1): processing is prohibited unless a case of Art. 9(2) applies; whether one does, "
    "this measurement cannot see"
)
# Share of records (or of expected matches) from which a success of the attacker counts as this likely.
LIKELIHOOD_BANDS = ((0.33, Level.CRITICAL), (0.05, Level.HIGH))
# What is lost when a record is traced, by the most sensitive tier in the table.
SEVERITY_OF_TIER = {
    Tier.PUBLIC: Level.LOW,
    Tier.INTERNAL: Level.LOW,
    Tier.CONFIDENTIAL: Level.MEDIUM,
    Tier.RESTRICTED: Level.HIGH,
}
CONFIDENT = 0.8
CARD_RULES = {"finance": ("12 CFR 30 App. B III.C",)}
CARD_NUMBERS = {"CREDIT_CARD", "CARD_SECURITY_CODE"}
WHO = {
    "prosecutor": "from someone who knows that the person is in the file",
    "journalist": "from someone who does not know who is in the file",
}
PROTECT = {
    "tokens": (
        "Remove the direct identifiers, or replace them by random tokens whose key stays with the data owner."
    ),
    "minimize": (
        "Give the AI system only the columns that its purpose needs, with the purpose written beside each."
    ),
    "generalize": (
        "Generalize the quasi-identifiers (age bands, three-digit ZIP, month or year of dates) until every "
        "class is large enough, then measure again."
    ),
    "suppress": "Suppress the few records that stay unique instead of coarsening the whole table for them.",
    "controls": (
        "Share under controls only: named users, a data use agreement, a log of access, no onward copy."
    ),
    "encrypt": "Encrypt the file and the columns of the highest tier, with keys outside the data store.",
}
AREAS = ("data", "model", "assistant", "controls", "monitoring")
Area = Literal["data", "model", "assistant", "controls", "monitoring"]


class FindingsFile(BaseModel):
    """The content of ``findings.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["secure-ai findings 1"] = "secure-ai findings 1"
    subject: str = Field(description="Label of the assessed table: a file or table name, no path.")
    sector: Literal["healthcare", "finance"]
    date: str | None = Field(description="Date given for the report, ISO 8601; null if none was given.")
    records: int = Field(ge=1)
    columns: int = Field(ge=1)
    findings: tuple[Finding, ...]


def findings_schema() -> str:
    """Return the JSON Schema of ``findings.json``, as it is published in the package."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **FindingsFile.model_json_schema(mode="validation"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def area_of(finding: Finding) -> str:
    """Return the area of a finding, the first part of its id."""
    return finding.id.split(".")[0]


def collect_findings(
    found: Inventory, reidentification: Reidentification, parameters: AssessmentParameters
) -> tuple[Finding, ...]:
    """Return every finding of a run: those measured first, worst first, then what was not assessed."""
    findings = [
        *identifier_findings(found, parameters.sector),
        *reidentification_findings(reidentification, found, parameters),
        special_category_finding(found),
        *unassessed_findings(parameters.sector),
    ]
    return tuple(sorted(findings, key=_worst_first))


def identifier_findings(found: Inventory, sector: str) -> list[Finding]:
    """Return the findings on identifiers in the table: those of the Safe Harbor list, and card numbers.

    A bank keeps to the Interagency Guidelines (12 CFR 30 App. B); the FTC's rule, 16 CFR 314.4, is for
    financial institutions that are no bank.
    """
    worst = max((profile.tier for profile in found.columns), default=Tier.PUBLIC)
    listed = [profile for profile in found.columns if profile.hipaa]
    direct = [profile for profile in listed if profile.direct]
    cards = [profile for profile in found.columns if CARD_NUMBERS & set(profile.entities)]
    names_person = f"; {_columns(direct, 'name')} a person directly" if direct else ""
    return [
        _count_finding(
            "data.safe_harbor_identifiers",
            f"{_columns(listed, 'hold', found)} identifiers of the Safe Harbor list{names_person}"
            if listed
            else "No column holds an identifier of the Safe Harbor list",
            threat="A person with access to the file reads who its records are about.",
            knowledge="None: reading the file is enough.",
            measured=_count("safe_harbor_identifier_columns", listed, found, "45 CFR 164.514(b)(2)(i)"),
            threshold_source=SAFE_HARBOR,
            likelihood=Level.CRITICAL if direct else Level.MEDIUM,
            severity=SEVERITY_OF_TIER[worst],
            mitigations=("tokens" if direct else "generalize", "minimize", "encrypt"),
            mappings=(
                "164.514(b)(2)",
                "164.502(b)",
                "GDPR Art. 5(1)(c)",
                "GDPR Art. 25",
                "LLM02:2025",
                "MEASURE 2.10",
            ),
        ),
        _count_finding(
            "data.payment_cards",
            f"{_columns(cards, 'hold', found)} payment card numbers in clear"
            if cards
            else "No column holds payment card numbers",
            threat="A person with access to the file takes card numbers for fraud.",
            knowledge="None: reading the file is enough.",
            measured=_count("card_number_columns", cards, found, "PCI DSS 4.0.1, 3.5.1"),
            threshold_source=PAN_RULE,
            likelihood=Level.HIGH,
            severity=Level.CRITICAL,
            mitigations=("tokens", "encrypt", "minimize"),
            mappings=("PCI DSS 3.5.1", *CARD_RULES.get(sector, ()), "GDPR Art. 32"),
        ),
    ]


def special_category_finding(found: Inventory) -> Finding:
    """Return the finding on special categories of personal data (GDPR Art. 9)."""
    special = [profile for profile in found.columns if profile.gdpr_special]
    return _count_finding(
        "data.special_categories",
        f"{_columns(special, 'hold', found)} special categories of personal data"
        if special
        else "No column was recognized as a special category of personal data",
        threat="Health, origin, belief or a similar trait of a person is used without a legal basis.",
        knowledge="None: the organization itself processes the data.",
        measured=_count("special_category_columns", special, found, "GDPR Art. 9(1)"),
        threshold_source=ARTICLE_9,
        likelihood=Level.MEDIUM,
        severity=Level.HIGH,
        mitigations=("minimize", "controls", "encrypt"),
        mappings=("GDPR Art. 9", "GDPR Art. 35", "MEASURE 2.10"),
    )


def reidentification_findings(
    section: Reidentification, found: Inventory, parameters: AssessmentParameters
) -> list[Finding]:
    """Return one finding per attacker: prosecutor, journalist, marketer."""
    worst = max((profile.tier for profile in found.columns), default=Tier.PUBLIC)
    severity, risk = SEVERITY_OF_TIER[worst], section.risk
    known = "the quasi-identifiers"
    if isinstance(risk, ReidentificationRisk):
        known = ", ".join(risk.quasi_identifiers)
    threats = {
        "prosecutor": (
            "A colleague, neighbor or relative who knows that a person is in the file finds the record.",
            f"Knows that the person is in the file, and of that person: {known}.",
        ),
        "journalist": (
            "Somebody who needs any one success traces a record to prove that it can be done.",
            f"Holds a register of the population with: {known}; does not know who is in the file.",
        ),
        "marketer": (
            "Somebody matches the whole file with a register and takes every match, right or wrong.",
            f"Holds a register with: {known}; wants as many correct matches as possible.",
        ),
    }
    findings = []
    for attacker, (threat, knowledge) in threats.items():
        measured, share = _measured(risk, attacker)
        if isinstance(measured, Unassessed):
            outcome = Outcome.UNASSESSED
            title = f"Re-identification by a {attacker} was not measured"
            likelihood = Level.UNASSESSED
        else:
            exceeds = measured.value > parameters.threshold
            outcome = Outcome.EXCEEDS_THRESHOLD if exceeds else Outcome.WITHIN_THRESHOLD
            likelihood = _likelihood(share) if exceeds else Level.LOW
            title = _reidentification_title(attacker, risk, measured)
        findings.append(
            Finding(
                id=f"data.reidentification.{attacker}",
                title=title,
                threat=threat,
                asset="The people behind the records",
                attacker_knowledge=knowledge,
                measurement=measured,
                threshold=parameters.threshold,
                threshold_source=_threshold_source(parameters.threshold),
                outcome=outcome,
                likelihood=likelihood,
                severity=severity,
                level=combine_level(likelihood, severity),
                mitigations=tuple(PROTECT[name] for name in ("generalize", "suppress", "controls")),
                evidence="Section 3, Re-identification risk",
                mappings=_ids("164.514(b)(1)", "GDPR Recital 26", "GDPR Art. 25", "MEASURE 2.10"),
            )
        )
    return findings


def unassessed_findings(sector: str) -> list[Finding]:
    """Return one unassessed finding for everything that this run was not given."""
    return [
        Finding(
            id=absent.id,
            title=absent.title,
            threat=absent.threat,
            asset=absent.asset,
            attacker_knowledge=absent.attacker_knowledge,
            measurement=Unassessed(absent.reason),
            outcome=Outcome.UNASSESSED,
            likelihood=Level.UNASSESSED,
            severity=Level.UNASSESSED,
            level=Level.UNASSESSED,
            mitigations=(absent.supply,),
            residual="unknown: nothing was measured",
            mappings=_ids(*absent.mappings, *absent.sector_mappings.get(sector, ())),
        )
        for absent in ABSENT
    ]


def three_things_to_do(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return up to three actions with the reason for each, worst finding first, none twice."""
    actions: dict[str, str] = {}
    for finding in findings:
        if finding.outcome is Outcome.EXCEEDS_THRESHOLD:
            actions.setdefault(finding.mitigations[0], finding.title)
    for finding in findings:
        if finding.outcome is Outcome.UNASSESSED and isinstance(finding.measurement, Unassessed):
            actions.setdefault(finding.mitigations[0], f"{finding.title}.")
    return list(actions.items())[:3]


def _measured(
    risk: ReidentificationRisk | Unassessed, attacker: str
) -> tuple[Measurement | Unassessed, float]:
    """Return the figure that is compared with the threshold, and the share that grades likelihood."""
    if isinstance(risk, Unassessed):
        return risk, 0.0
    if attacker == "marketer":
        return risk.marketer, risk.marketer.value
    figures = risk.prosecutor if attacker == "prosecutor" else risk.journalist
    if isinstance(figures, AttackerRisk):
        return figures.highest_risk, figures.records_at_risk.value
    return figures, 0.0


def _reidentification_title(attacker: str, risk: ReidentificationRisk, measured: Measurement) -> str:
    if attacker == "marketer":
        # Without a population table the figure is a bound, not what is to be expected.
        bound = "at most " if isinstance(risk.journalist, Unassessed) else ""
        return f"Matched as a whole, {bound}{measured.value:.1%} of the records would be traced correctly"
    figures = risk.prosecutor if attacker == "prosecutor" else risk.journalist
    at_risk = round(figures.records_at_risk.value * risk.n)
    if not at_risk:
        return f"No record has a risk above {risk.threshold:g} {WHO[attacker]}"
    share = f"{at_risk:,} of {risk.n:,} records ({at_risk / risk.n:.1%})"
    return f"{share} have a risk above {risk.threshold:g} {WHO[attacker]}"


def _threshold_source(threshold: float) -> str:
    return (
        CUSTOMARY if threshold == DEFAULT_THRESHOLD else f"set by the assessor; for comparison: {CUSTOMARY}"
    )


def _likelihood(share: float) -> Level:
    return next((level for bound, level in LIKELIHOOD_BANDS if share >= bound), Level.MEDIUM)


def _columns(some: Sequence[ColumnProfile], verb: str, found: Inventory | None = None) -> str:
    """Return "1 of 9 columns holds" or "2 columns hold": the verb agrees with the number."""
    of = f" of {len(found.columns)} columns" if found else " column" if len(some) == 1 else " columns"
    return f"{len(some)}{of} {verb}{'s' if len(some) == 1 else ''}"


def _count(name: str, profiles: Sequence[ColumnProfile], found: Inventory, source: str) -> Measurement:
    certain = sum(profile.confidence >= CONFIDENT for profile in profiles)
    return Measurement(
        name=name,
        value=float(len(profiles)),
        unit="columns",
        n=len(found.columns),
        baseline=0.0,
        interval=(float(certain), float(len(profiles))),
        method=(
            "detectors over a sample of each column and its name; the lower bound counts only columns found "
            f"with a confidence of at least {CONFIDENT:g}; what no detector knows is not counted"
        ),
        source=source,
    )


def _count_finding(
    id: str,
    title: str,
    *,
    threat: str,
    knowledge: str,
    measured: Measurement,
    threshold_source: str,
    likelihood: Level,
    severity: Level,
    mitigations: Iterable[str],
    mappings: Iterable[str],
) -> Finding:
    there = measured.value > 0
    likelihood, severity = (likelihood, severity) if there else (Level.LOW, Level.LOW)
    return Finding(
        id=id,
        title=title,
        threat=threat,
        asset="The table as it is given to people and AI systems",
        attacker_knowledge=knowledge,
        measurement=measured,
        threshold=0.0,
        threshold_source=threshold_source,
        outcome=Outcome.EXCEEDS_THRESHOLD if there else Outcome.WITHIN_THRESHOLD,
        likelihood=likelihood,
        severity=severity,
        level=combine_level(likelihood, severity),
        mitigations=tuple(PROTECT[name] for name in mitigations) if there else (),
        residual="not yet measured: supply a mitigated version to compare" if there else "none to treat",
        evidence="Section 1, Inventory and classification",
        mappings=_ids(*mappings),
    )


def _ids(*identifiers: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry(identifier).id for identifier in identifiers))


def _worst_first(finding: Finding) -> tuple[int, int]:
    position = -1 if finding.level is Level.UNASSESSED else LEVEL_ORDER.index(finding.level)
    return (-position, AREAS.index(area_of(finding)))
