"""Each verb exists twice, as a coroutine function and as a plain one; here one is made of the other.

A plain function also works where an event loop runs already, as in a notebook: its work gets a loop in a thread.
"""

from __future__ import annotations

import asyncio
import functools
import signal
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: Who are told of Ctrl-C in a loop of ours while the caller of a plain function waits for it in another thread.
_listeners: dict[asyncio.AbstractEventLoop, list[Callable[[int], object]]] = {}


def plain(verb: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The plain function for a coroutine function ``NAME_async``: same arguments, result and errors."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        work = verb(*args, **kwargs)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            with asyncio.Runner(loop_factory=fastest_loop()) as runner:
                return runner.run(work)
        return _run_in_thread(work)

    run.__name__ = run.__qualname__ = verb.__name__.removesuffix("_async")
    return run


def in_thread(verb: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The coroutine function for a plain one, which runs it in a thread: same arguments, result and errors."""

    @functools.wraps(verb)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(verb, *args, **kwargs)

    run.__name__ = run.__qualname__ = f"{verb.__name__}_async"
    return run


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Makes the fastest event loop there is; None means asyncio's own."""
    try:
        import uvloop
    except ImportError:  # Windows, PyPy
        return None
    return uvloop.new_event_loop


def _run_in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of another thread, and wait; Ctrl-C is passed on to it.

    Raises:
        KeyboardInterrupt: Ctrl-C came and the work had nobody to listen for it, so it was cancelled.
    """
    loop = (fastest_loop() or asyncio.new_event_loop)()

    def interrupt() -> None:
        for hear in _listeners.get(loop, ()):
            hear(signal.SIGINT)
        if loop not in _listeners:
            for task in asyncio.all_tasks():
                task.cancel()

    def run() -> T:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(work)

    with ThreadPoolExecutor(1, "case-importer") as thread:
        running = thread.submit(run)
        while True:
            try:
                return running.result()
            except asyncio.CancelledError:
                raise KeyboardInterrupt from None
            except KeyboardInterrupt:  # only the main thread of a process ever gets it
                with suppress(RuntimeError):  # the loop is closed: the work has just ended
                    loop.call_soon_threadsafe(interrupt)


@contextmanager
def listening(hear: Callable[[int], object]) -> Iterator[None]:
    """While inside, ``hear`` is told of Ctrl-C, in this loop, if a plain function waits for the loop elsewhere."""
    loop = asyncio.get_running_loop()
    hearing = _listeners.setdefault(loop, [])
    hearing.append(hear)
    try:
        yield
    finally:
        hearing.remove(hear)
        if not hearing:
            del _listeners[loop]
