"""What AWS KMS answers when it does not do what was asked, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from secure_ai.core.quiet import no_secrets_logged, silence_with_secrets
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import (
    KeyDeletionPendingError,
    KeyDisabledError,
    KeyExistsError,
    KeyRingError,
    KeyVersionGoneError,
    ServiceDeniedError,
    ServiceError,
    ServiceThrottledError,
    ServiceUnreachableError,
    WrappedKeyError,
)

# Their most verbose logs hold each answer (a data key among them) and the session token of each request.
silence_with_secrets(("botocore.parsers", "botocore.endpoint", "botocore.auth", "botocore.httpsession"))

# AWS KMS API reference, "Common errors" and the errors of Decrypt, GenerateDataKey, ReEncrypt.
_ERRORS: dict[str, tuple[type[KeyRingError], str]] = {
    "AccessDeniedException": (
        ServiceDeniedError,
        "AWS KMS refuses this account: ask for the right in its IAM policy.",
    ),
    "UnrecognizedClientException": (
        ServiceDeniedError,
        "AWS does not know these credentials: sign in again.",
    ),
    "InvalidClientTokenId": (
        ServiceDeniedError,
        "AWS does not know these credentials: sign in again.",
    ),
    "ExpiredTokenException": (
        ServiceDeniedError,
        "The AWS credentials have expired: sign in again.",
    ),
    "InvalidSignatureException": (
        ServiceDeniedError,
        "AWS refuses these credentials: check the secret key and the clock.",
    ),
    "ThrottlingException": (
        ServiceThrottledError,
        "AWS KMS has had too many requests: wait a little.",
    ),
    "LimitExceededException": (
        ServiceThrottledError,
        "A quota of AWS KMS is used up: ask for a higher one.",
    ),
    "DisabledException": (
        KeyDisabledError,
        "The key {name} is disabled in AWS KMS: enable it, or use another.",
    ),
    "KMSInvalidStateException": (
        KeyDeletionPendingError,
        "This version of {name} opens nothing: AWS KMS is about to delete it, or has no material for it.",
    ),
    "NotFoundException": (
        KeyVersionGoneError,
        "AWS KMS does not have this version of {name}: check account and region.",
    ),
    "InvalidCiphertextException": (
        WrappedKeyError,
        "The wrapped key of {name} does not open: it has another context, or is damaged.",
    ),
    "IncorrectKeyException": (
        WrappedKeyError,
        "The wrapped key of {name} names a wrong version: it is damaged.",
    ),
    "AlreadyExistsException": (
        KeyExistsError,
        "The key {name} exists, or was rotated by someone else just now.",
    ),
    "KMSInternalException": (
        ServiceUnreachableError,
        "AWS KMS has an internal error: try again.",
    ),
    "DependencyTimeoutException": (
        ServiceUnreachableError,
        "AWS KMS did not answer in time: try again.",
    ),
}


@contextmanager
def kms_errors(key_name: str) -> Iterator[None]:
    """Turn what the AWS library raises into sentences; its own messages may name the account.

    What it logs within holds no key and no token.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
        NoCredentialsError,
        NoRegionError,
        PartialCredentialsError,
    )

    try:
        with no_secrets_logged():
            yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        kind, sentence = _ERRORS.get(code, (ServiceError, f"AWS KMS refuses the request ({shown(code)})."))
        raise kind(sentence.format(name=shown(key_name))) from None
    except (NoCredentialsError, PartialCredentialsError):
        raise ServiceDeniedError("There are no AWS credentials: sign in with the AWS tools first.") from None
    except NoRegionError:
        raise ServiceError("No AWS region is chosen: name one, or set AWS_DEFAULT_REGION.") from None
    except (ConnectionError, HTTPClientError):
        raise ServiceUnreachableError(
            "AWS KMS cannot be reached, or does not answer in time: check the network and the region."
        ) from None
    except BotoCoreError:
        raise ServiceError("The AWS library refuses the request: check name, context and region.") from None
