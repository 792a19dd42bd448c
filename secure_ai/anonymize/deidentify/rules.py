"""What can be done to a value: the actions of a policy with their options, and what each is good for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def keyed(self) -> bool:
        """Whether the result is computed from the value with a key."""
        return self.action in KEYED

    def described(self) -> str:
        """Return the action with the options that differ from their defaults, for a receipt."""
        options = self.model_dump(exclude={"action"}, exclude_defaults=True)
        shown = ", ".join(f"{name} {value}" for name, value in options.items())
        return f"{self.action} ({shown})" if shown else self.action


class Keep(_Rule):
    """Leave the value as it is."""

    action: Literal["keep"] = "keep"


class Redact(_Rule):
    """Put the name of the entity in its place: ``[PERSON]``; an empty cell where text has no place."""

    action: Literal["redact"] = "redact"


class Drop(_Rule):
    """Leave the whole column or field out; in running text the same as ``redact``."""

    action: Literal["drop"] = "drop"


class Mask(_Rule):
    """Replace letters and digits by ``character``, keep punctuation and the last ``keep_last`` of them."""

    action: Literal["mask"] = "mask"
    keep_last: int = Field(default=0, ge=0, le=4)
    character: str = Field(default="*", min_length=1, max_length=1)


class Hash(_Rule):
    """HMAC-SHA256 with the key, cut to ``length`` letters from a to p (four bits each).

    Letters only, so that no detector takes the code for a number of somebody.
    """

    action: Literal["hash"] = "hash"
    length: int = Field(default=16, ge=12, le=64)
    prefix: str = Field(default="h-", max_length=12, pattern=r"^[A-Za-z_-]*$")


class Pseudonym(_Rule):
    """A made-up value of the same kind; the same person gets the same name wherever the key is the same."""

    action: Literal["pseudonym"] = "pseudonym"


class Token(_Rule):
    """AES-SIV under the key: whoever holds it gets the value back, nobody else does (RFC 5297)."""

    action: Literal["token"] = "token"


class Vault(_Rule):
    """A random number of the same form, kept with its value in a sealed vault; never a valid card."""

    action: Literal["vault"] = "vault"
    keep_last: int = Field(default=0, ge=0, le=4)


class RandomCode(_Rule):
    """A random code, not derived from the value (45 CFR 164.514(c)); same value, same code in a run."""

    action: Literal["random_code"] = "random_code"
    prefix: str = Field(default="id-", max_length=12, pattern=r"^[A-Za-z_-]*$")


class ShiftDate(_Rule):
    """Move every date of a person by the same days, at most ``within`` and never 0; intervals stay."""

    action: Literal["shift_date"] = "shift_date"
    within: int = Field(default=364, ge=1, le=3650)


class Year(_Rule):
    """Keep the year alone, and not even that where it would tell that somebody is over 89."""

    action: Literal["year"] = "year"


class Age(_Rule):
    """Keep ages up to 89 and put all others into one class, 90+."""

    action: Literal["age"] = "age"


class Zip3(_Rule):
    """Keep the first three digits of a ZIP code, 000 where few people live there."""

    action: Literal["zip3"] = "zip3"


class State(_Rule):
    """Keep a state or country, remove every smaller place."""

    action: Literal["state"] = "state"


class City(_Rule):
    """Keep city, state and ZIP code, remove the street."""

    action: Literal["city"] = "city"


class Generalize(_Rule):
    """Replace a number by its band of ``width`` (``40-49``); what is no number is redacted."""

    action: Literal["generalize"] = "generalize"
    width: float = Field(gt=0)


Rule = Annotated[
    Keep | Redact | Drop | Mask | Hash | Pseudonym | Token | Vault | RandomCode | ShiftDate | Year | Age
    | Zip3 | State | City | Generalize,
    Field(discriminator="action"),
]  # fmt: skip

RULES: dict[str, type[_Rule]] = {
    kind.model_fields["action"].default: kind
    for kind in (
        Keep, Redact, Drop, Mask, Hash, Pseudonym, Token, Vault, RandomCode, ShiftDate, Year, Age, Zip3,
        State, City, Generalize,
    )
}  # fmt: skip
"""Action → its options."""

KEYED = frozenset({"hash", "pseudonym", "token", "shift_date"})
"""Actions whose result is derived from the value: they need a key."""

DATES = frozenset({"DATE_TIME", "DATE_OF_BIRTH", "CARD_EXPIRY", "YEAR"})
AGES = frozenset({"AGE", "AGE_OVER_89"})
PLACES = frozenset({"LOCATION", "STREET_ADDRESS", "STATE", "NATIONALITY"})
PSEUDONYMS = frozenset(
    {
        "PERSON", "CARDHOLDER_NAME", "USERNAME", "LOCATION", "STREET_ADDRESS", "ZIP_CODE", "ORGANIZATION",
        "EMAIL_ADDRESS", "PHONE_NUMBER", "FAX_NUMBER", "URL", "IP_ADDRESS",
    }
)  # fmt: skip
"""Entities for which values can be made up that belong to nobody."""

FITS: dict[str, frozenset[str]] = {
    "pseudonym": PSEUDONYMS,
    "shift_date": DATES - {"YEAR"},
    "year": DATES,
    "age": AGES,
    "zip3": frozenset({"ZIP_CODE"}),
    "state": PLACES,
    "city": PLACES,
}
"""Actions that are made for certain entities only."""
