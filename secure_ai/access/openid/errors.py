"""Every way in which a sign-in or a token is refused, each an error of its own that shows no secret."""

from __future__ import annotations

from secure_ai.core.errors import UserError


class ProviderError(UserError):
    """The provider cannot be used."""


class ProviderUnreachableError(ProviderError):
    """No answer came from the provider."""


class DiscoveryError(ProviderError):
    """The provider's description of itself is missing, wrong or unsafe."""


class ClockOffError(UserError):
    """The clock of this machine differs from the provider's by more than tokens allow."""


class SignInError(UserError):
    """The sign-in did not succeed."""


class SignInRefusedError(SignInError):
    """The provider, or the person, said no."""


class SignInTimeoutError(SignInError):
    """Nobody finished the sign-in in time."""


class StateMismatchError(SignInError):
    """The answer belongs to another request: a forged or an old one."""


class IssuerMismatchError(SignInError):
    """The answer comes from another provider than the one that was asked (RFC 9207)."""


class TokenError(UserError):
    """A token is refused; the subclass says why."""


class MalformedTokenError(TokenError):
    """The text is no signed token, or a part of it has no valid form."""


class OversizedTokenError(TokenError):
    """The token is too long to be read at all."""


class UnsignedTokenError(TokenError):
    """The token claims that it needs no signature."""


class AlgorithmConfusionError(TokenError):
    """The token names a shared-secret algorithm where the issuer signs with a private key."""


class AlgorithmNotAllowedError(TokenError):
    """The token's algorithm is not on the list, or does not fit the key."""


class UnknownKeyError(TokenError):
    """No key of the issuer has the name that the token gives."""


class BadSignatureError(TokenError):
    """The signature does not belong to the content."""


class WrongTypeError(TokenError):
    """A token of one kind is used in the place of another."""


class WrongIssuerError(TokenError):
    """The token comes from someone else."""


class WrongAudienceError(TokenError):
    """The token was made for someone else."""


class ExpiredTokenError(TokenError):
    """The token's time is over."""


class NotYetValidError(TokenError):
    """The token's time has not come."""


class IssuedInFutureError(TokenError):
    """By this machine's clock the token was made in the future."""


class MissingClaimError(TokenError):
    """A claim that must be there is not."""


class WrongNonceError(TokenError):
    """The ID token answers another sign-in than this one."""


class ReplayedTokenError(TokenError):
    """The token has been used before."""
