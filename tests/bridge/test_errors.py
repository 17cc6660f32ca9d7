"""Errors from Julia: without it what needs none, with it every kind."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from symnum.bridge.errors import comes_from_julia, first_line, guarded, translated
from symnum.errors import BackendUnavailable, SolveError, SymnumError

if TYPE_CHECKING:
    from symnum.bridge import Session


def test_the_first_line_with_words() -> None:
    assert first_line("\n  \n  DomainError with -1.0:\nlog was called\nStacktrace:") == "DomainError with -1.0:"
    assert first_line("") == "an error without a message"
    assert len(first_line("x" * 10_000)) < 500


def test_what_juliacall_makes_of_a_wrong_call_becomes_ours() -> None:
    with pytest.raises(SolveError) as caught, guarded("the solve", SolveError):
        raise TypeError("Julia: MethodError: no method matching f(::String)\nClosest candidates are:")
    assert str(caught.value) == "The solve failed in Julia: MethodError: no method matching f(::String)"


@pytest.mark.parametrize("error", [ValueError("mine"), TypeError("mine"), KeyboardInterrupt(), SolveError("mine")])
def test_errors_of_python_pass_through_unchanged(error: BaseException) -> None:
    assert not comes_from_julia(error)
    with pytest.raises(type(error)) as caught, guarded("the solve", SolveError):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("message", "says", "line"),
    [
        (
            "Failed to precompile X [1] to ...",
            "Failed to precompile X (Julia's own message is above)",
            "Pkg.precompile()",
        ),
        (
            "ArgumentError: Package X [1] is required but does not seem to be installed:\n - Run",
            "Package X",
            "Pkg.instantiate()",
        ),
    ],
)
def test_a_package_that_does_not_load_is_unavailable_and_the_line_that_mends_it_follows(
    message: str, says: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", sys.executable)
    monkeypatch.setenv("PYTHON_JULIACALL_PROJECT", "/some/project")
    error = translated(TypeError(f"Julia: {message}"), "loading X")
    text = str(error)
    assert isinstance(error, BackendUnavailable) and text.startswith("Loading X failed in Julia: ") and says in text
    assert text.endswith(f"-e 'import Pkg; {line}'") and "\n" not in text


# ------------------------------------------------------------------ with Julia


def test_the_first_line_of_a_julia_error(julia: Session, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="symnum.bridge")
    with pytest.raises(SolveError) as caught, guarded("the root", SolveError):
        julia.main.sqrt(-1.0)
    assert str(caught.value).startswith("The root failed in Julia: DomainError with -1.0") and "\n" not in str(
        caught.value
    )
    assert caught.value.__cause__ is None and "Stacktrace" in caplog.text


def test_a_wrong_argument_and_an_unknown_name(julia: Session) -> None:
    with pytest.raises(SolveError, match="no method matching"), guarded("x", SolveError):
        julia.bridge.located(1.5, 2, "three")
    with pytest.raises(SymnumError, match="no_such_function"), guarded("x"):
        julia.bridge.no_such_function(1)


def test_what_a_task_or_tasks_threw(julia: Session) -> None:
    base = julia.main.Base
    with pytest.raises(SolveError, match="too bad"), guarded("x", SolveError):
        task = base.Task(julia.main.seval('() -> error("too bad")'))
        base.fetch(base.schedule(task))
    with pytest.raises(SolveError, match="too bad"), guarded("x", SolveError):
        julia.main.seval('() -> throw(CompositeException(Any[ErrorException("too bad"), ErrorException("b")]))')()


def test_an_interrupt_is_a_keyboard_interrupt(julia: Session) -> None:
    with pytest.raises(KeyboardInterrupt), guarded("x"):
        julia.main.seval("() -> throw(InterruptException())")()


def test_an_exception_of_a_python_function_comes_back_as_itself(julia: Session) -> None:
    def fails(_: float) -> float:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"), guarded("x"):
        julia.main.map(fails, np.ones(3))


def test_a_missing_package_is_unavailable(julia: Session) -> None:
    with pytest.raises(BackendUnavailable, match=r"does not hold the package NoSuchPackage.*Pkg\.add"):
        julia.use("NoSuchPackage")
    with pytest.raises(BackendUnavailable, match="does not hold the package NoSuchPackage"), guarded("loading it"):
        julia.bridge.require("NoSuchPackage")
