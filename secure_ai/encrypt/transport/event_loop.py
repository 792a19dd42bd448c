"""Runs a coroutine in a thread with its own event loop, so that it also works where one runs already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_apart(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what ``work`` returns, or raise what it raises; a Jupyter cell may call this.

    A stop by the user (Ctrl-C) cancels the work and waits until it has cleaned up.
    """
    outcome: list[tuple[bool, Any]] = []
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            outcome.append((True, loop.run_until_complete(task)))
        except BaseException as error:
            outcome.append((False, error))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=run, name="own-event-loop", daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    succeeded, value = outcome[0]
    if succeeded:
        return value
    raise value
