"""Reasons for a customer who was refused: specific, the ones that counted, few, and none that is prohibited.

Source: Regulation B, 12 CFR 1002.9(a)(2) and (b)(2) and its official interpretation (more than four reasons
    are not likely to help; reasons must be the factors actually scored; "internal standards" or "failed to
    achieve a qualifying score" is none); Fair Credit Reporting Act, 15 USC 1681m (adverse action on a
    consumer report); Consumer Financial Protection Circulars 2022-03 and 2023-03 (for complex models too).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import yaml

from secure_ai.core import UserError
from secure_ai.core.figures import percent
from secure_ai.defend.explanations.explanation import Explanation

MOST_REASONS = 4
LEAST_SHARE = 0.05
PROHIBITED = (
    "race", "color", "religion", "national origin", "native country", "ethnicity", "sex", "gender",
    "marital status", "personal status", "age", "public assistance",
)  # fmt: skip
VAGUE = re.compile(
    r"internal (?:standards|polic)|qualifying score|credit scoring system|the (?:model|algorithm)|"
    r"insufficient (?:overall )?score|overall risk|other reasons?$|proprietary",
    re.IGNORECASE,
)


class ReasonText(pydantic.BaseModel):
    """Words for one feature: where the case has more of it than others, less, or something else."""

    model_config = pydantic.ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    code: str
    high: str | None = None
    low: str | None = None
    any: str | None = None

    @pydantic.model_validator(mode="after")
    def _says_something(self) -> ReasonText:
        if not (self.any or (self.high and self.low)):
            raise ValueError("give 'any', or both 'high' and 'low'")
        return self


@dataclass(frozen=True)
class AdverseActionReasons:
    """The principal reasons of one refusal, and what stands against sending them.

    Attributes:
        reasons: columns code, reason, feature, contribution, standard_error; the strongest first.
        named: of everything that spoke against the applicant, the share that the reasons name.
        problems: sentences; as long as there is one, the notice should not go out.
        method: of the explanation.
    """

    reasons: pd.DataFrame
    named: float
    problems: tuple[str, ...]
    method: str

    def to_frame(self) -> pd.DataFrame:
        """Return the reasons."""
        return self.reasons

    def notice(self) -> str:
        """Return the reasons as a customer reads them.

        Raises:
            UserError: if something stands against sending them.
        """
        if self.problems:
            raise UserError(f"These reasons cannot be sent: {self.problems[0]}")
        lines = "\n".join(f"- {reason}" for reason in self.reasons["reason"])
        return f"The principal reasons for our decision on your application:\n{lines}"

    def sentence(self) -> str:
        """Say how many reasons there are, how much they cover and what stands against them."""
        count = len(self.reasons)
        text = (
            f"{count} reason{'' if count == 1 else 's'} name {percent(self.named)} of what spoke against the "
            f"applicant ({self.method})."
        )
        return " ".join([text, *self.problems])


def read_reason_texts(path: str | Path | None = None) -> dict[str, ReasonText]:
    """Return the words for each feature from a YAML file; those for the bank's loans if none is given.

    Raises:
        UserError: if the file cannot be read, or an entry has not the right form.
    """
    place = Path(path) if path is not None else Path(__file__).with_name("reason_texts.yaml")
    try:
        content = yaml.safe_load(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise UserError(f"{place.name} cannot be read as YAML: check the path and the file.") from None
    if not isinstance(content, Mapping):
        raise UserError(f"{place.name} must hold one entry for each feature.")
    return check_reason_texts(content)


def check_reason_texts(texts: Mapping[Any, Any]) -> dict[str, ReasonText]:
    """Check words given as plain values; a text alone stands for any value.

    Raises:
        UserError: if an entry has not the right form.
    """
    found = {}
    for at, (feature, entry) in enumerate(texts.items(), start=1):
        if isinstance(entry, ReasonText):
            found[str(feature)] = entry
            continue
        fields = {"code": f"{at:02d}", "any": entry} if isinstance(entry, str) else entry
        try:
            found[str(feature)] = ReasonText.model_validate(fields)
        except pydantic.ValidationError as error:
            detail = error.errors()[0]
            place = ".".join(map(str, detail["loc"]))
            raise UserError(
                f"Reason for '{feature}'{f', {place}' if place else ''}: {detail['msg']}."
            ) from None
    return found


def reason_codes(
    explanation: Explanation,
    background: Any,
    texts: Mapping[Any, Any] | None = None,
    *,
    most: int = MOST_REASONS,
    least_share: float = LEAST_SHARE,
    prohibited: Iterable[str] = PROHIBITED,
) -> AdverseActionReasons:
    """Return the reasons of a refusal that an explanation gives.

    A reason is a feature that spoke for the refusal by more than chance; the strongest come first.

    Args:
        explanation: of the answer about the class that means refusal (:func:`explain` with that ``label``).
        background: the rows that the case was compared with, to say whether its value is high or low.
        texts: feature → words (:func:`read_reason_texts`); those for the bank's loans if not given.
        most: reasons at most.
        least_share: of what spoke against the applicant, below which a feature is no principal reason.
        prohibited: words of bases on which credit may not be refused; a feature with such a name that speaks
            against the applicant is a problem of the model; leaving it out of the notice does not heal it.

    Raises:
        UserError: if ``most`` is below 1.
    """
    if most < 1:
        raise UserError(f"most={most}: give 1 or more.")
    words = read_reason_texts() if texts is None else check_reason_texts(texts)
    against = np.where(explanation.beyond_chance(), np.maximum(explanation.contributions, 0), 0)
    order = [at for at in np.argsort(-against, kind="stable") if against[at] > 0]
    problems = _problems_of_bases([explanation.features[at] for at in order], prohibited)
    total = float(np.maximum(explanation.contributions, 0).sum())
    rows = []
    for at in order[:most]:
        if against[at] < least_share * total:
            break
        feature = explanation.features[at]
        text = _text(words.get(feature), explanation.values[at], feature, background)
        if text is None:
            problems.append(f"There are no words for '{feature}', which is one of the reasons: add them.")
            continue
        code, reason = text
        if VAGUE.search(reason):
            problems.append(f"The words for '{feature}' are not specific (12 CFR 1002.9): say what counted.")
        rows.append((code, reason, feature, explanation.contributions[at], explanation.standard_errors[at]))
    if not order:
        problems.append(
            "No feature spoke against the applicant beyond chance: use more permutations, or 'exact'."
        )
    named = float(sum(row[3] for row in rows)) / total if total > 0 else 0.0
    columns = ["code", "reason", "feature", "contribution", "standard_error"]
    return AdverseActionReasons(
        pd.DataFrame(rows, columns=columns), named, tuple(problems), explanation.method
    )


def _problems_of_bases(features: list[str], prohibited: Iterable[str]) -> list[str]:
    found = []
    for feature in features:
        words = re.sub(r"[^a-z]+", " ", feature.casefold())
        for base in prohibited:
            if re.search(rf"\b{re.escape(base)}\b", words):
                found.append(
                    f"'{feature}' speaks against the applicant, and '{base}' is a basis on which the Equal "
                    "Credit Opportunity Act restricts refusals: have the model reviewed before any notice."
                )
                break
    return found


def _text(words: ReasonText | None, value: Any, feature: str, background: Any) -> tuple[str, str] | None:
    if words is None:
        return None
    if words.high and words.low and isinstance(background, pd.DataFrame) and feature in background:
        usual = background[feature]
        if pd.api.types.is_numeric_dtype(usual.dtype):
            return words.code, words.high if float(value) > float(usual.mean()) else words.low
    chosen = words.any or words.high
    return (words.code, chosen) if chosen else None
