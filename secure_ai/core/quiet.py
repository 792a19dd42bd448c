"""Keeps secrets out of the logs of libraries that carry them, while they carry them.

A program that turns a library's most verbose log on for other reasons must not find keys, codes, passwords
or tokens in it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_handling_secrets: ContextVar[bool] = ContextVar("handling_secrets", default=False)


def _allowed(_record: logging.LogRecord) -> bool:
    return not _handling_secrets.get()


def silence_with_secrets(names: Iterable[str]) -> None:
    """Let the loggers of these names log nothing within :func:`no_secrets_logged`, and as usual outside."""
    for name in names:
        logging.getLogger(name).addFilter(_allowed)


@contextmanager
def no_secrets_logged() -> Iterator[None]:
    """Within it the loggers of :func:`silence_with_secrets` say nothing, in this thread or task only."""
    before = _handling_secrets.set(True)
    try:
        yield
    finally:
        _handling_secrets.reset(before)
