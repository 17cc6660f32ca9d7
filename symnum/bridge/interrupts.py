"""Ctrl-C: Python's outside calls into Julia, Julia's inside.

At its start Julia blocks SIGINT in the thread that starts it, puts a handler of its own in place of Python's, and lets a thread of
its own wait for the signal. So afterwards Ctrl-C would never reach Python again. Here both are put back, and swapped in for
the time of each call:

                    SIGINT in Python's thread    handler of SIGINT    Ctrl-C becomes
    Python code     let in                       Python's             KeyboardInterrupt, as always
    inside Julia    blocked                      Julia's              InterruptException where Julia is, then KeyboardInterrupt

Julia's thread asks whether the handler is still Julia's before it passes a signal on: hence the second column. As the signal may
come to a third thread first, the handler is one that hands it on (``forwarding.py``).
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from symnum.bridge.forwarding import passed_on

_Bytes = ctypes.c_char * 512  # surely holds a struct sigaction (152 bytes on Linux) or a set of signals (128)


@contextlib.contextmanager
def kept_by_python() -> Iterator[None]:
    """Around the start of Julia: mask and handlers of Python's signals are afterwards as they were."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1)
    kept = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        if julia_listens():
            _handler_of_julia()  # noted before Python's is put back
        for number, handler in kept.items():
            if callable(handler) and not isinstance(handler, signal.Handlers):  # a function of Python's
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def julia_listens() -> bool:
    """Whether Julia was started with a thread for signals (which several threads need)."""
    config = getattr(sys.modules.get("juliacall"), "CONFIG", {})
    return config.get("opt_handle_signals") == "yes" and hasattr(signal, "pthread_sigmask")


class InterruptsToJulia:
    """A context in which Ctrl-C goes to Julia; may be nested, costs a few microseconds. Without a listening Julia it does nothing."""

    __slots__ = ("_handler", "_mask")

    def __enter__(self) -> InterruptsToJulia:
        self._mask: Any = None
        if julia_listens():
            c = _c_library()
            mask, self._handler = _Bytes(), _Bytes()
            c.action(signal.SIGINT, None, self._handler)
            c.mask(signal.SIG_BLOCK, c.interrupt, mask)
            self._mask = mask
            try:
                c.action(signal.SIGINT, _handler_of_julia(), None)
            except BaseException:  # Ctrl-C between the two: without an __enter__ there is no __exit__
                self.__exit__()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._mask is not None:
            c = _c_library()
            c.action(signal.SIGINT, self._handler, None)
            c.mask(signal.SIG_SETMASK, self._mask, None)


class _CLibrary(NamedTuple):
    """``sigaction``, ``pthread_sigmask`` and the set {SIGINT}."""

    action: Any
    mask: Any
    interrupt: Any


@cache
def _c_library() -> _CLibrary:
    """Functions of the C library: Python's ``signal`` cannot put back a handler that is not Python's, and takes its time for sets."""
    c = ctypes.PyDLL(None)  # which, unlike CDLL, does not let go of the interpreter lock for each call
    for function in (c.sigaction, c.pthread_sigmask):
        function.argtypes, function.restype = (ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p), ctypes.c_int
    interrupt = _Bytes()
    c.sigemptyset(interrupt)
    c.sigaddset(interrupt, int(signal.SIGINT))
    return _CLibrary(c.sigaction, c.pthread_sigmask, interrupt)


@cache
def _handler_of_julia() -> Any:
    """The handler in place when this is first asked for, which is right after the start; from any thread it goes to Julia's."""
    found = _Bytes()
    _c_library().action(signal.SIGINT, None, found)
    return passed_on(found)
