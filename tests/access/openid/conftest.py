"""A local provider that the tests of sign-on share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secure_ai.access.openid.model import Client, User
from secure_ai.access.openid.provider import LocalProvider, local_provider
from secure_ai.core.audit import AuditLog

PASSWORD = "canary-password-4711"
APPLICATION = Client("records-app", title="Records & <more>")
RESOURCE_SERVER = Client("records-service", secret="canary secret/+ä", refresh=False)
FIXED_ADDRESS = Client("web-app", redirect_uris=("https://app.example.org/back",))


@pytest.fixture(scope="session")
def audit() -> AuditLog:
    """The audit trail of the shared provider."""
    return AuditLog()


@pytest.fixture(scope="session")
def provider(audit: AuditLog) -> Iterator[LocalProvider]:
    """A running provider with one nurse."""
    nurse = User("nurse01", groups=("ward-3",), roles=("nurse",), name="Ada Test", password=PASSWORD)
    with local_provider([nurse], [APPLICATION, RESOURCE_SERVER, FIXED_ADDRESS], audit=audit) as running:
        yield running


@pytest.fixture(scope="session")
def password() -> str:
    """The nurse's password."""
    return PASSWORD
