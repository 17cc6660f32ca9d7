"""Every target means what ``ir.interpret`` means: random kernels, within 64 eps of a running error bound (see ``kernels``)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from symnum.codegen.cuda_device import why_no_gpu
from symnum.codegen.target import compile_kernel, targets
from symnum.expr.ops import TABLE
from symnum.expr.term import Const, Term, call
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Array, Kernel, Loop, Store, load
from symnum.ir.passes import arrange, fuse_loops, hoist, overlap_tails, peel, share_subterms
from tests.contracts.kernels import EPS, evaluate, kernels, state

PASSES: dict[str, Callable[[Kernel], Kernel]] = {
    "arrange": arrange,
    "fuse_loops": fuse_loops,
    "hoist": hoist,
    "peel": peel,
    "overlap_tails": overlap_tails,
    "share_subterms": share_subterms,
    "all": lambda k: hoist(fuse_loops(peel(arrange(k)))),
    "shared": lambda k: share_subterms(hoist(fuse_loops(k))),
}
fuzz = settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler on the PATH"
)
gpu = pytest.mark.skipif(bool(why_no_gpu()), reason=why_no_gpu())  # tests/codegen/test_cuda.py runs CUDA C without one
NEEDS = {"c": compiler, "julia": pytest.mark.julia, "cuda": gpu}
TARGETS = [pytest.param(name, marks=NEEDS.get(name, ())) for name in targets().names()]
FEWER = {"c": 6, "julia": 6}  # every kernel is one run of a compiler


@pytest.fixture(autouse=True, scope="module")
def no_cache() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMNUM_CACHE", "off")
        yield


def agree(kernel: Kernel, got: np.ndarray, want: np.ndarray, bound: np.ndarray) -> None:
    error = np.abs(got - want)
    bad = ~(error <= 64 * EPS * bound)
    assert not bad.any(), f"{got[bad][:3]} instead of {want[bad][:3]}, bound {64 * EPS * bound[bad][:3]}: {kernel}"


@given(kernel=kernels())
@settings(fuzz, max_examples=80)
def test_interpreter_against_an_evaluation_of_its_own_kind(kernel: Kernel) -> None:
    at = state(check(kernel))
    want, bound = evaluate(kernel, *at)
    assert np.isfinite(want).all() and np.isfinite(bound).all()
    agree(kernel, interpret(kernel, *at), want, bound)


def on_random_kernels(judge: Callable[[Kernel], None], examples: int) -> None:
    settings(fuzz, max_examples=examples)(given(kernel=kernels())(judge))()


@pytest.mark.parametrize("target", TARGETS)
def test_random_kernels(target: str) -> None:
    def judge(kernel: Kernel) -> None:
        at = state(check(kernel))
        _, bound = evaluate(kernel, *at)
        agree(kernel, compile_kernel(kernel, target)(*at), interpret(kernel, *at), bound)

    on_random_kernels(judge, 80 // FEWER.get(target, 1))


@pytest.mark.parametrize("name", PASSES)
@given(kernel=kernels())
@settings(fuzz, max_examples=40)
def test_passes_keep_the_value(name: str, kernel: Kernel) -> None:
    at = state(check(kernel))
    _, bound = evaluate(kernel, *at)
    after = PASSES[name](kernel)
    if name != "overlap_tails":  # it stores some values twice, on purpose
        check(after)
    agree(kernel, interpret(after, *at), interpret(kernel, *at), bound)


@pytest.mark.parametrize("target", TARGETS)
def test_scheduled_kernels(target: str) -> None:
    """A kernel that passes have been over (temporaries outside inner loops) means the same to every target."""

    def judge(kernel: Kernel) -> None:
        at = state(check(kernel))
        _, bound = evaluate(kernel, *at)
        agree(kernel, compile_kernel(hoist(fuse_loops(kernel)), target)(*at), interpret(kernel, *at), bound)

    on_random_kernels(judge, 40 // FEWER.get(target, 1))


def guards(value: Term) -> Kernel:
    """out[i] = value of u[i] and v[i]."""
    n = len(AWKWARD) ** 2
    arrays = tuple(Array(name, (n,), k * n, (0,), (0,), name) for k, name in enumerate("uv"))
    out = (Array("f", (n,), 0, (0,), (0,), "f"),)
    return check(Kernel("guards", arrays, out, (), None, (n,), (Loop(0, 0, n, (Store("f", value),)),)))


AWKWARD = [float("nan"), float("inf"), float("-inf"), -2.5, -0.5, 0.25, 3.0, 1e200]
U, V = load("u", (0,)), load("v", (0,))
GUARDED = {
    **{op: call(op, U) for op, row in TABLE.items() if row.arity == 1 and op not in ("not", "table")},
    **{op: call(op, U, V) for op, row in TABLE.items() if row.arity == 2 and op not in ("and", "or")},
    "where": call("where", call("lt", U, V), U, V),
    "logic": call("or", call("not", call("lt", U, V)), call("and", call("ne", U, U), call("eq", V, V))),
    "sum": 2 * U - V + 1,
    **{
        f"power {e}": U ** Const(e) * V
        for e in (1, 2, 3, -1, -2, Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2), Fraction(1, 3), -0.3)
    },
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", GUARDED)
def test_nan_and_infinity_are_not_lost(target: str, name: str) -> None:
    kernel = guards(GUARDED[name])
    y = np.stack(np.meshgrid(AWKWARD, AWKWARD)).ravel()
    want, got = interpret(kernel, 0.0, y), compile_kernel(kernel, target)(0.0, y)
    np.testing.assert_allclose(got, want, rtol=1e-13 if name not in ("sin", "cos", "tan") else 1e-11)
