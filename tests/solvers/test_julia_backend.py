"""The Julia backend: what is refused without Julia, and what crosses the border."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symnum as sn
from symnum.errors import BackendUnavailable, SolveError, UnknownName
from symnum.solvers.backend import backend_of, methods
from symnum.solvers.events import Events, Watched
from symnum.solvers.julia_callbacks import Callbacks
from symnum.solvers.julia_events import EventStop, Turns
from symnum.solvers.julia_methods import ALGEBRAIC, ALGORITHMS, IMPLICIT, NAMED, check_names
from symnum.solvers.julia_problem import Pattern
from symnum.solvers.problem import Problem

ROOT = Path(__file__).resolve().parents[2]
T = sn.coordinates("t")
X, V = sn.fields("x v", (T,))
OSCILLATOR = sn.ODESystem(
    [sn.Eq(sn.dt(X), V), sn.Eq(sn.dt(V), -X)], domain=sn.Domain(t=(0, 5)), initial={X: 1.0, V: 0.0}, name="oscillator"
)
AWAY = {"SYMNUM_JULIA": "0"}


def tables() -> str:
    return (ROOT / "julia" / "src" / "algorithms.jl").read_text("utf-8")


# ---------------------------------------------------------------------------------------------- tables


def test_python_and_julia_know_the_same_algorithms() -> None:
    text = tables()
    block = text[text.index("const ALGORITHMS") : text.index(") for name in split(names)")]
    rows = re.findall(r'"(\w+)"\s*=>\s*(?:"""(.*?)"""|"(.*?)")', block, re.S)
    theirs = {name: package for package, long, short in rows for name in (long or short).split()}
    assert theirs == {name: a.package for name, a in ALGORITHMS.items()} and len(theirs) > 300


@pytest.mark.parametrize(
    ("option", "constant"),
    [("autodiff", "DIFFERENTIATION"), ("controller", "CONTROLLERS"), ("nlsolve", "NONLINEAR_SOLVERS")],
)
def test_python_and_julia_know_the_same_names_of_options(option: str, constant: str) -> None:
    found = re.search(rf"const {constant} = \((.*?)\)", tables(), re.S)
    assert found and re.findall(r'"(\w+)"', found[1]) == list(NAMED[option])


def test_python_and_julia_know_the_same_linear_solvers() -> None:
    found = re.search(r'const LINEAR_SOLVERS = Tuple\(split\("""(.*?)"""', tables(), re.S)
    assert found and sorted(found[1].split()) == sorted(NAMED["linsolve"])


def test_every_algorithm_has_a_line_and_a_package_that_julia_knows() -> None:
    packages = set(re.findall(r'^    "(\w+)" => Base.UUID', (ROOT / "julia/src/packages.jl").read_text("utf-8"), re.M))
    assert {a.package for a in ALGORITHMS.values()} <= packages
    assert all(line.startswith("DifferentialEquations.jl: ") for line in methods("julia").values())
    assert set(ALGEBRAIC) <= set(ALGORITHMS) and all(ALGORITHMS[name].kind == IMPLICIT for name in ALGEBRAIC)


def test_the_names_of_how_a_run_ends_are_the_same_on_both_sides() -> None:
    from symnum.solvers.julia_run import CAUSES, STATUS

    text = (ROOT / "julia" / "src" / "solving.jl").read_text("utf-8")
    found = re.search(r"const STATUS = \((.*?)\)", text, re.S)
    assert found and tuple(re.findall(r'"(\w+)"', found[1])) == STATUS and set(CAUSES) <= set(STATUS)


def test_a_name_that_several_backends_have_keeps_the_embedded_one_first() -> None:
    assert backend_of("Tsit5") == backend_of("ROCK4") == backend_of("Rodas5P") == "embedded"
    assert backend_of("fbdf") == backend_of("KenCarp47") == backend_of("QNDF") == "julia"
    with pytest.raises(
        UnknownName, match=r"Did you mean 'KenCarp4' or 'KenCarp58'.*algorithms of DifferentialEquations.jl"
    ) as caught:
        backend_of("KenCarp48")
    assert len(str(caught.value)) < 600


# ---------------------------------------------------------------------------------------------- without Julia


@pytest.mark.parametrize("how", [{"method": "FBDF"}, {"backend": "julia"}, {"method": "Tsit5", "backend": "julia"}])
def test_without_julia_one_sentence_comes_before_anything_is_compiled(
    how: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "0")
    monkeypatch.setattr("symnum.pipeline.discretise", lambda *a, **k: pytest.fail("something was compiled"))
    with pytest.raises(BackendUnavailable, match=r"SYMNUM_JULIA; unset") as caught:
        sn.solve(OSCILLATOR, **how)
    assert str(caught.value).count("\n") == 0


def test_asking_for_julia_where_there_is_none_imports_nothing_of_it() -> None:
    code = (
        "import sys, symnum as sn\nfrom symnum.solvers.backends import julia\n"
        "try:\n    julia.check('FBDF')\nexcept sn.BackendUnavailable: print('refused')\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('juliacall', 'juliapkg', 'scipy')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **AWAY}, check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.split("\n")[:2] == ["refused", "[]"]


def test_options_are_for_methods_that_have_them() -> None:
    with pytest.raises(
        SolveError, match=r'\(linsolve\) is for backend "julia", and Tsit5 belongs to backend \'embedded\''
    ):
        sn.solve(OSCILLATOR, method="Tsit5", options={"linsolve": "KLUFactorization"})
    with pytest.raises(SolveError, match="options is 3, not a mapping; write options="):
        sn.solve(OSCILLATOR, method="Tsit5", options=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"linsolve": "KLUFactorisation"}, "'KLUFactorisation', which is not known. Did you mean 'KLUFactorization'"),
        ({"linsolve": "klu"}, "Did you mean 'KLUFactorization'"),
        ({"autodiff": "ForwardDiff"}, "Did you mean 'AutoForwardDiff'"),
        ({"controller": 3}, 'is 3, not a name such as "IController", or ("IController", {argument: value})'),
        ({"linsolve": ("KrylovJL_GMRES", 30)}, "not a name such as"),
        ({"stiffalg": "Tsit5"}, "'Tsit5', which is not known"),
    ],
)
def test_names_in_options_are_checked_before_julia_starts(options: dict[str, object], says: str) -> None:
    with pytest.raises(SolveError) as caught:
        check_names(options)
    assert says in str(caught.value)


def test_good_names_in_options_pass() -> None:
    check_names(
        {
            "linsolve": ("KrylovJL_GMRES", {"gmres_restart": 30}),
            "autodiff": False,
            "controller": "PIDController",
            "dtmin": 1e-9,
        }
    )


# ---------------------------------------------------------------------------------------------- what crosses the border


def test_a_pattern_holds_its_places_and_the_diagonal() -> None:
    rng = np.random.default_rng(1)
    n, count = 60, 200
    rows, columns, values = rng.integers(0, n, count), rng.integers(0, n, count), rng.standard_normal(count)
    pattern = Pattern(n, rows, columns)
    want = np.zeros((n, n))
    np.add.at(want, (rows, columns), values)
    stored = np.zeros(len(pattern.indices))
    np.add.at(stored, pattern.stored - 1, values)
    made = pattern.matrix
    made.data[:] = stored
    np.testing.assert_array_equal(made.toarray(), want)
    assert not pattern.dense and (pattern.matrix.diagonal() == 1).all()
    flat = np.zeros(n * n)
    np.add.at(flat, pattern.linear - 1, values)
    np.testing.assert_array_equal(flat.reshape(n, n, order="F"), want)
    assert Pattern(5, [0], [4]).dense and Pattern(100, *np.indices((100, 100)).reshape(2, -1)).dense


def native(address: int, kind: str = "equations"):
    import ctypes

    pointer = ctypes.c_void_p
    made = ctypes.CFUNCTYPE(None, ctypes.c_double, pointer, pointer, pointer)
    return (made if kind == "equations" else ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_double, pointer))(address)


def test_python_functions_at_addresses_and_what_they_raise() -> None:
    callbacks = Callbacks()
    assert not callbacks.used

    def rhs(t: float, y: np.ndarray, out: np.ndarray) -> None:
        if t > 1:
            raise KeyError("late")
        out[:] = t * y[:2]

    call = native(callbacks.equations(rhs, 3, 2))
    y, out = np.array([1.0, 2.0, 3.0]), np.empty(2)
    call(0.5, y.ctypes.data, None, out.ctypes.data)
    np.testing.assert_array_equal(out, [0.5, 1.0])
    stop = native(callbacks.monitor(lambda t, y: t > 0.7, 3), "monitor")
    assert stop(0.5, y.ctypes.data) == 0 and stop(0.8, y.ctypes.data) == 1
    call(2.0, y.ctypes.data, None, out.ctypes.data)
    assert np.isnan(out).all() and stop(0.5, y.ctypes.data) == 1 and callbacks.used
    assert isinstance(callbacks.take(), KeyError) and callbacks.take() is None


def turns(effect=None, terminal: bool = False, conditions=None) -> Turns:
    watched = (Watched("x <= 0", -1, effect, terminal, True), Watched("v", 0))

    def plain(t: float, y: np.ndarray, out: np.ndarray) -> None:
        out[:] = y

    return Turns(Problem(lambda t, y, out: None, [1.0, 0.0], 0, 1, events=Events(watched, conditions or plain)))


def test_effects_happen_in_order_and_the_condition_is_muted_until_it_leaves_zero() -> None:
    events = turns(lambda t, y, p: (np.array([y[0], -2 * y[1]]), p))
    y = np.array([0.0, -3.0])
    assert events.noted([(0.5, np.array([-1.0, 0.0]), np.array([1.0, -3.0]), y)]) and events.pending == (0,)
    acted = events.act(0.5, y)
    assert acted is not None and acted[0].tolist() == [0.0, 6.0]
    assert events.settle(0.5, y, 0.5, acted[0], acted[0]) == () and events.muted == (0,)
    assert [(o.index, o.t) for o in events.occurrences] == [(0, 0.5)]


def test_an_event_that_only_notes_does_not_turn_the_run() -> None:
    events = turns(lambda t, y, p: (y, p))
    assert not events.noted([(0.25, np.array([0.0, 1.0]), np.array([1.0, -1.0]), np.array([1.0, 0.0]))])
    assert [(o.index, o.t, o.after is o.before) for o in events.occurrences] == [(1, 0.25, True)]


def test_events_that_go_wrong_say_so() -> None:
    events = turns(lambda t, y, p: (np.array([np.nan, 0.0]), p))
    events.pending = (0,)
    with pytest.raises(EventStop, match="gives a state that is not a finite number") as caught:
        events.act(0.5, np.zeros(2))
    assert caught.value.index == 0
    events = turns(lambda t, y, p: (y, p))
    gap = 0.1
    with pytest.raises(EventStop, match="Zeno's paradox"):
        for k in range(200):
            events.pending = (0,)
            events.act(1 - gap * 0.5**k, np.zeros(2))
    ended = turns(lambda t, y, p: (y, p), terminal=True)
    ended.pending = (0,)
    assert ended.act(0.5, np.zeros(2)) is None and ended.ending() == "the event x <= 0 ended the solve at t = 0.5"

    def undefined(t: float, y: np.ndarray, out: np.ndarray) -> None:
        out[:] = np.nan

    with pytest.raises(EventStop, match=r"the event x <= 0 gives NaN at t = 0\.1"):
        turns(conditions=undefined).values(0.1, np.zeros(2))
