"""Keeps codes, passwords and tokens out of the logs of the libraries that carry them.

Authlib logs each issued token, httpx each address, httpcore each header at their verbose levels: a
program that turns those on for other reasons must not find secrets in its log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "authlib.oauth2.rfc6749.authenticate_client",
    "authlib.oauth2.rfc6749.grants.authorization_code",
    "authlib.oauth2.rfc6749.grants.refresh_token",
    "authlib.oidc.core.grants.code",
)
_handling_secrets: ContextVar[bool] = ContextVar("handling_secrets", default=False)


def _allowed(_record: logging.LogRecord) -> bool:
    return not _handling_secrets.get()


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_allowed)


@contextmanager
def no_secrets_logged() -> Iterator[None]:
    """Within it the libraries named above log nothing, in this thread or task only."""
    before = _handling_secrets.set(True)
    try:
        yield
    finally:
        _handling_secrets.reset(before)
