"""The one session of Julia in a process: opened on first need, never by ``import symnum``.

```
  status()  ->  variables set                ->  import juliacall  ->  SymnumBridge           ->  Session
  (files)       (signals, LOAD_PATH += julia/)   (starts Julia)        (the shipped package)
```

Julia takes over three things of a process, and each is put right here: the mask of signals (its own thread wants
SIGINT), IPython's display (juliacall would load an extension) and a warning about torch that is not ours to give.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from symnum.bridge.environment import Status, juliapkg_project, option, status, switched_off
from symnum.bridge.errors import comes_from_julia, guarded, translated
from symnum.bridge.installing import NOT_LOADED, announcement, declare, failed_start
from symnum.bridge.interrupts import kept_by_python
from symnum.catalogue import shipped_folder
from symnum.errors import BackendUnavailable, SymnumError

NAME, UUID = "SymnumBridge", "ab2db7f8-c2b3-46d3-a04f-807e9a2c9802"
_IMPORT = f"import {NAME}".encode()
# What juliacall is told unless the user told it something else. Threads need Julia's own signal handlers (its garbage
# collector stops threads by a page fault); IPython stays as it is.
SETTINGS = {"PYTHON_JULIACALL_HANDLE_SIGNALS": "yes", "PYTHON_JULIACALL_AUTOLOAD_IPYTHON_EXTENSION": "no"}


@dataclass(frozen=True)
class Session:
    """An open Julia. ``main`` is Julia's ``Main``, ``bridge`` the module SymnumBridge; both belong to one thread of one process.

    ``seconds``: what the start took. ``status``: the Julia and the project it runs.
    """

    main: Any
    bridge: Any
    status: Status
    seconds: float
    process: int
    thread: int
    loaded: dict[str, Any] = field(default_factory=dict)

    @property
    def threads(self) -> int:
        """Number of Julia's threads; PYTHON_JULIACALL_THREADS or JULIA_NUM_THREADS sets it before the start."""
        return int(self.bridge.thread_count())

    def use(self, name: str) -> Any:
        """The module of a Julia package, loaded with what SymnumBridge adds to it. Raises BackendUnavailable if it is not there."""
        if name not in self.loaded:
            with guarded(f"loading {name}", BackendUnavailable):
                if self.bridge.located(name) is None:
                    raise BackendUnavailable(self.status.lacks(name))
                self.loaded[name] = self.bridge.require(name)
        return self.loaded[name]

    def versions(self) -> dict[str, str]:
        """Versions of Julia, of SymnumBridge and of all packages of the project that symnum knows."""
        with guarded("asking for versions"):
            return {str(name): str(version) for name, version in self.bridge.versions().items()}


def session(*packages: str) -> Session:
    """The session, opened if need be, with packages loaded: ``session("Symbolics")``.

    Raises BackendUnavailable, in one sentence with its remedy, where there is no Julia, a package is missing, or the call
    comes from another thread or a forked process.
    """
    opened = _opened()
    if opened.process != os.getpid():
        raise BackendUnavailable(
            "Julia was started before this process was forked and cannot be used here; "
            'start workers with multiprocessing.get_context("spawn").'
        )
    if opened.thread != threading.get_ident():
        raise BackendUnavailable(
            "Julia can be used only from the thread that started it; make this call there, or in a process of its own."
        )
    for name in packages:
        opened.use(name)
    return opened


def check(*packages: str) -> None:
    """Raise BackendUnavailable where no session could be opened or a package is missing; starts nothing.

    For refusing before work is done. A Julia that is still to be installed passes, as the first session installs it.
    """
    found = status()
    if found.problem:
        raise BackendUnavailable(found.problem)
    if not found.installs and found.packages:
        for name in packages:
            if name not in found.packages:
                raise BackendUnavailable(found.lacks(name))


def _opened() -> Session:
    """The session. What went wrong once Julia ran stays wrong, as it cannot be started twice in a process."""
    # otherwise _attempt answers, from its memory or by joining a running Julia
    if switched_off() or "juliacall" not in sys.modules:
        check()
        if threading.current_thread() is not threading.main_thread():
            raise BackendUnavailable(
                "Julia must be started in the main thread; open it there first: symnum.bridge.session()"
            )
    opened = _attempt()
    if isinstance(opened, Session):
        return opened
    raise BackendUnavailable(
        f"{opened} (Julia cannot be started a second time in this process; mend it and restart Python.)"
    )


@cache
def _attempt() -> Session | SymnumError:
    """The session, or the error after which no other attempt can be made. Raises the errors that can be mended in this process."""
    begun = time.perf_counter()
    found = status()
    if found.problem:
        raise BackendUnavailable(found.problem)
    _prepare(found)
    julia = _start(found)
    if isinstance(julia, SymnumError):
        return julia
    bridge = _bridge(julia, found.started)
    if isinstance(bridge, SymnumError):
        return bridge
    return Session(julia.Main, bridge, status(), time.perf_counter() - begun, os.getpid(), threading.get_ident())


def _prepare(found: Status) -> None:
    """Write down for juliapkg what symnum needs, and say what is going to happen; warn of a Julia started in a way that crashes."""
    if found.started:
        config = sys.modules["juliacall"].CONFIG
        if config.get("opt_handle_signals") != "yes" and config.get("opt_threads") not in (None, "1", 1):
            warnings.warn(
                "juliacall was imported before symnum's session and started Julia with several threads but without "
                "PYTHON_JULIACALL_HANDLE_SIGNALS=yes, which can crash; set it before juliacall is imported.",
                RuntimeWarning,
                stacklevel=2,
            )
    elif not found.own:
        declare(juliapkg_project())
    if found.installs:
        print(announcement(found), file=sys.stderr, flush=True)


def _start(found: Status) -> Any:
    """juliacall, whose import starts Julia, or the error if Julia runs and PythonCall does not load. Raises BackendUnavailable."""
    # juliapkg prints on stdout, which belongs to the user's program
    with _settings(), kept_by_python(), contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch was imported before juliacall")
        try:
            import juliacall
        except Exception as error:
            refused = BackendUnavailable(failed_start(found, error))
            if str(error) == NOT_LOADED:
                return refused
            raise refused from None
    return juliacall


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Variables for the time of the start: juliacall's where the user has not set them, and the folder of SymnumBridge at
    the end of Julia's load path. So the project need not name it, and its extensions are found all the same.
    """
    added = {name: to for name, to in SETTINGS.items() if not option(name.removeprefix("PYTHON_JULIACALL_").lower())}
    # an empty first entry stands for Julia's own load path
    added["JULIA_LOAD_PATH"] = os.pathsep.join([os.environ.get("JULIA_LOAD_PATH", ""), str(shipped_folder("julia"))])
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _bridge(julia: Any, joined: bool) -> Any:
    """The module SymnumBridge, or the error if it does not load. ``joined``: Julia was started by somebody else.

    It is loaded before anything is called through juliacall: it holds, compiled, what juliacall compiles at its first call with
    arguments, which takes longer than the whole start.
    """
    base = julia.Base
    try:
        if joined:
            base.push_b(base.LOAD_PATH, str(shipped_folder("julia")))
        if joined or julia.CONFIG["lib"].jl_eval_string(_IMPORT) is None:  # in words, where that failed
            return _prepared(base.require(base.PkgId(base.UUID(UUID), NAME)))
        return _prepared(julia.Main.SymnumBridge)
    except Exception as error:
        if not comes_from_julia(error):
            raise
        return translated(error, f"loading {NAME}", BackendUnavailable)


def _prepared(bridge: Any) -> Any:
    bridge.prepare()
    return bridge
