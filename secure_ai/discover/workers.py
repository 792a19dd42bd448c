"""Detection in several processes: the same results in the same order, and no hang when one dies."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache

from threadpoolctl import threadpool_limits

from secure_ai.core.errors import UserError

SMALL = 1_000_000
"""Characters below which starting processes (a few seconds each) would only cost time."""


@cache
def batch_analyzer(entities: tuple[str, ...] | None, threshold: float, model: str, own: str | None):
    """Return the analyzer of these settings, built once per process.

    Args:
        entities: what to look for; None for everything.
        threshold: least score.
        model: what finds names, as ``SECURE_AI_NLP`` says it.
        own: path of a file of own recognizers.
    """
    from secure_ai.discover import engine
    from secure_ai.discover.batch import BatchAnalyzer

    return BatchAnalyzer(engine.analyzer(model, own), entities, threshold)


def analyze(settings: tuple, pieces: Sequence[str]) -> list[list[tuple[int, int, str, float]]]:
    """Return the candidates of each piece of text; the work of one process."""
    return batch_analyzer(*settings).analyze(pieces)


@contextmanager
def pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Start worker processes, and leave none behind, however the block ends.

    Raises:
        UserError: if a worker dies (killed, out of memory), or cannot start.
    """
    executor = ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare
    )
    try:
        yield executor
    except BrokenProcessPool:
        raise UserError(
            f"One of the {processes} worker processes ended early (too little memory, killed, or a script "
            "without the line if __name__ == '__main__'): use fewer processes, or correct the script."
        ) from None
    except BaseException:
        # The workers would first finish what they have; nobody waits for it any more.
        for worker in list((getattr(executor, "_processes", None) or {}).values()):
            worker.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _prepare() -> None:
    # Ctrl-C reaches every process of the terminal; only the parent answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The processes share the cores; threads of the linear algebra in each would only crowd them.
    threadpool_limits(limits=1)
