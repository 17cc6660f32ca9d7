"""Every target means what ``ir.interpret`` means: random kernels, within 64 eps of a running error bound (see ``kernels``)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from symnum.codegen.target import compile_kernel, targets
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Kernel
from symnum.ir.passes import arrange, fuse_loops, hoist, peel, share_subterms
from tests.contracts.kernels import EPS, evaluate, kernels, state

PASSES: dict[str, Callable[[Kernel], Kernel]] = {
    "arrange": arrange,
    "fuse_loops": fuse_loops,
    "hoist": hoist,
    "peel": peel,
    "share_subterms": share_subterms,
    "all": lambda k: hoist(fuse_loops(peel(arrange(k)))),
    "shared": lambda k: share_subterms(hoist(fuse_loops(k))),
}
fuzz = settings(deadline=None, suppress_health_check=list(HealthCheck))


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
@settings(fuzz, max_examples=60)
def test_interpreter_against_an_evaluation_of_its_own_kind(kernel: Kernel) -> None:
    at = state(check(kernel))
    want, bound = evaluate(kernel, *at)
    assert np.isfinite(want).all() and np.isfinite(bound).all()
    agree(kernel, interpret(kernel, *at), want, bound)


@pytest.mark.parametrize("target", targets().names())
@given(kernel=kernels())
@settings(fuzz, max_examples=60)
def test_random_kernels(target: str, kernel: Kernel) -> None:
    at = state(check(kernel))
    _, bound = evaluate(kernel, *at)
    agree(kernel, compile_kernel(kernel, target)(*at), interpret(kernel, *at), bound)


@pytest.mark.parametrize("name", PASSES)
@given(kernel=kernels())
@settings(fuzz, max_examples=40)
def test_passes_keep_the_value(name: str, kernel: Kernel) -> None:
    at = state(check(kernel))
    _, bound = evaluate(kernel, *at)
    agree(kernel, interpret(check(PASSES[name](kernel)), *at), interpret(kernel, *at), bound)


@pytest.mark.parametrize("target", targets().names())
@given(kernel=kernels())
@settings(fuzz, max_examples=25)
def test_scheduled_kernels(target: str, kernel: Kernel) -> None:
    """A kernel that passes have been over (temporaries outside inner loops) means the same to every target."""
    at = state(check(kernel))
    _, bound = evaluate(kernel, *at)
    agree(kernel, compile_kernel(hoist(fuse_loops(kernel)), target)(*at), interpret(kernel, *at), bound)
