"""Forward solves of the torch road: exact solutions, the native solver's steps, save times, float32, failures, bad input."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import numpy as np
import pytest

import symnum as sn
from symnum.errors import BackendUnavailable, SolveError, SolveWarning, UnknownName

torch = pytest.importorskip("torch")

METHODS = ("Tsit5", "Dopri5", "Vern7")
TURN = [[0.0, -1.0], [1.0, 0.0]]


def state(*rows: tuple[float, ...], dtype: object = None) -> torch.Tensor:
    return torch.tensor(rows, dtype=dtype or torch.float64)


def turning(**options: object) -> sn.neural.NeuralODE:
    matrix = state(*TURN)
    return sn.neural.NeuralODE(lambda y: y @ matrix.to(y), **options)


def turned(y0: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    return torch.stack([y0 @ torch.matrix_exp(state(*TURN) * t) for t in times])


@pytest.mark.parametrize("method", METHODS)
def test_solutions_are_exact_to_the_tolerance_at_all_save_times(method: str) -> None:
    y0, times = state((1.0, 0.0), (0.5, 2.0)), torch.linspace(0, 5, 23, dtype=torch.float64)
    for tol in (1e-5, 1e-9):
        out = turning(method=method, rtol=tol, atol=tol)(y0, times)
        assert out.y.shape == (23, 2, 2) and out.success and torch.equal(out.t, times)
        assert float((out.y - turned(y0, times)).abs().max()) < 20 * tol


@pytest.mark.parametrize("method", METHODS)
def test_steps_are_those_of_the_native_solver(method: str) -> None:
    from symnum.solvers.embedded.solve import solve
    from symnum.solvers.problem import Options, Problem

    def rhs(t: float, y: np.ndarray, out: np.ndarray) -> None:
        out[:] = y[1], (1 - y[0] ** 2) * y[1] * 3 + math.cos(3 * t) - y[0]

    def net(t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.stack([y[1], (1 - y[0] ** 2) * y[1] * 3 + torch.cos(3 * t) - y[0]])

    native = solve(Problem(rhs, [2.0, 0.0], 0.0, 10.0), Options(method, rtol=1e-7, atol=1e-7, every_step=True))
    out = sn.neural.NeuralODE(net, method, 1e-7, 1e-7)(state(2.0, 0.0), [0.0, 10.0])
    assert (out.stats.steps, out.stats.rejected) == (native.stats["steps"], native.stats["rejected"])
    assert out.stats.rejected > 0
    np.testing.assert_allclose(out.record.t, native.t, rtol=1e-9)
    np.testing.assert_allclose(out.y[-1].numpy(), native.y[-1], rtol=1e-8)


@pytest.mark.parametrize(
    ("method", "dtype"), [("Tsit5", torch.float32), ("Tsit5", torch.float64), ("Vern7", torch.float64)]
)
def test_sums_in_one_pass_are_those_of_torch_to_round_off(method: str, dtype: torch.dtype) -> None:
    """Solves without a graph take the machine code of ``fused``, solves with one torch's operations."""
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Linear(3, 9), torch.nn.Tanh(), torch.nn.Linear(9, 3)).to(dtype)
    y0 = torch.randn(30, 3, dtype=dtype)
    node = sn.neural.NeuralODE(net, method, 1e-4, 1e-4, engine="torch")
    with torch.no_grad():
        fast = node(y0, [0.0, 0.5, 3.0])
    slow = node(y0, [0.0, 0.5, 3.0])
    eps = torch.finfo(dtype).eps
    assert fast.nfe == slow.nfe
    torch.testing.assert_close(fast.y, slow.y.detach(), rtol=0, atol=100 * eps)
    torch.testing.assert_close(fast.errors, slow.errors.detach(), rtol=1e4 * eps, atol=1e5 * eps)
    torch.testing.assert_close(fast.stiffness, slow.stiffness.detach(), rtol=1e5 * eps, atol=1e5 * eps)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_stays_so_in_the_norm(bad: float) -> None:
    from symnum.neural import fused

    y, k = torch.ones(100, dtype=torch.float64), torch.ones(100, dtype=torch.float64)
    k[77] = bad
    with torch.no_grad():
        assert fused.serves(y, (k,)) and not fused.serves(y, (k[::2],)) and not fused.serves(y[:3], (k[:3],))
        y_new = fused.combination(y, 1.0, [(0, 0.5)], [k])
        assert not math.isfinite(y_new[77]) and float(y_new[3]) == 1.5
        assert math.isnan(fused.norm(y, y_new, 0.1, [(0, 1.0)], [k], 1e-3, 1e-6)[0])
        assert not math.isfinite(float(fused.distance(y, k)))
        with torch.autograd.forward_ad.dual_level():
            assert not fused.serves(y, (k,))  # its tangents would be lost
    assert not fused.serves(y, (k,))  # where a graph is wanted


def test_outcome_reports_steps_and_estimates() -> None:
    out = turning(rtol=1e-6, atol=1e-6)(state((1.0, 0.0)), [0.0, 5.0])
    assert out.nfe == out.stats.rhs_evaluations == 2 + 6 * (out.stats.steps + out.stats.rejected)
    assert out.steps.shape == out.errors.shape == out.stiffness.shape == (out.stats.steps,)
    assert float(out.steps.sum()) == pytest.approx(5.0, abs=1e-14)
    assert float(out.errors.max()) <= 1
    # two stages k = f(g) at one time: |lambda| = 1, in units of the extent of the stability region
    np.testing.assert_allclose(out.stiffness, 1 / 3.5068, rtol=1e-6)
    assert "evaluations" in repr(out) and "Tsit5" in repr(turning())


def test_each_sample_may_have_its_own_save_times() -> None:
    y0 = state((1.0, 0.0), (0.5, 2.0), (-1.0, 1.0))
    times = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.3, 2.0], [1.0, 0.31, 2.0], [4.0, 0.5, 3.0]], dtype=torch.float64)
    out = turning(rtol=1e-9, atol=1e-9)(y0, times)
    exact = torch.stack([turned(y0[i : i + 1], times[:, i])[:, 0] for i in range(3)], dim=1)
    assert float((out.y - exact).abs().max()) < 1e-8


def test_any_shape_of_state_and_both_directions() -> None:
    y0 = torch.arange(1.0, 13.0, dtype=torch.float64).reshape(2, 3, 2, 1)
    node = sn.neural.NeuralODE(lambda t, y: -2 * t * y, rtol=1e-9, atol=1e-9)
    out = node(y0, [0.0, 1.0])
    torch.testing.assert_close(out.y[1], y0 * math.exp(-1), rtol=1e-8, atol=1e-8)
    back = node(out.y[1], [1.0, 0.4, 0.0], backwards=True)
    torch.testing.assert_close(back.y[2], y0, rtol=1e-7, atol=1e-7)
    assert float(back.steps.max()) < 0


@pytest.mark.parametrize("method", METHODS)
def test_float32_does_not_collapse_at_round_off(method: str) -> None:
    """Tolerances below what the format resolves cost no more than those it does, and the error is that of the format."""
    y0 = state((1.0, 0.0), dtype=torch.float32)
    exact = turned(y0.double(), torch.tensor([5.0]))[0]
    counts = {}
    for tol in (1e-7, 1e-9, 1e-12):
        out = turning(method=method, rtol=tol, atol=tol)(y0, [0.0, 5.0])
        counts[tol] = out.nfe
        assert float((out.y[-1] - exact).abs().max()) < 4e-6
    assert max(counts.values()) < 1.5 * counts[1e-7], counts


def test_time_is_told_by_the_signature_or_by_the_user() -> None:
    y0 = state((1.0,))
    for net, timed in (
        (lambda y: -y, None),
        (lambda t, y: -y, None),
        (lambda *a: -a[-1], True),
        (lambda *a: -a[-1], False),
    ):
        out = sn.neural.NeuralODE(net, time_dependent=timed)(y0, [0.0, 1.0])
        assert float(out.y[-1]) == pytest.approx(math.exp(-1), abs=1e-5)
    with pytest.raises(SolveError, match=re.escape("time_dependent=True")):
        sn.neural.NeuralODE(lambda *a: -a[-1])


# ------------------------------------------------------------------ what goes wrong


def test_a_solve_that_cannot_go_on_gives_what_it_has() -> None:
    y0 = state((1.0,))
    blow_up = sn.neural.NeuralODE(lambda y: y**2)  # 1/(1 - t)
    with pytest.warns(SolveWarning, match=r"t = (0\.99|1)"):
        out = blow_up(y0, [0.0, 0.5, 2.0])
    assert not out.success and float(out.y[1]) == pytest.approx(2.0, abs=1e-4) and bool(out.y[2].isnan().all())
    with pytest.warns(SolveWarning, match="max_steps = 3"):
        out = turning(max_steps=3)(state((1.0, 0.0)), [0.0, 100.0])
    assert out.stats.steps + out.stats.rejected == 3


LINEAR = torch.nn.Linear(2, 2, dtype=torch.float64)
BAD = [
    (lambda n: n([1.0, 2.0], [0, 1]), "torch.tensor"),
    (lambda n: n(torch.ones(1, 2, dtype=torch.int64), [0, 1]), "float32 or float64"),
    (
        lambda n: n(torch.ones(1, 2), [0, 1]),
        "'weight' is torch.float64, y0 torch.float32; write node.to(torch.float32)",
    ),
    (lambda n: n(torch.ones(1, 2, dtype=torch.float64, device="meta"), [0, 1]), "is on cpu, y0 on meta"),
    (lambda n: n(torch.ones(0, 2, dtype=torch.float64), [0, 1]), "at least one number"),
    (
        lambda n: n(state((1.0, 2.0)), [1.0, 0.0]),
        "ts is decreasing; to integrate that way write node(y0, ts, backwards=True)",
    ),
    (lambda n: n(state((1.0, 2.0)), [0.0, 1.0], backwards=True), "backwards=False"),
    (lambda n: n(state((1.0, 2.0)), [0.0, 2.0, 1.0]), "not in order"),
    (lambda n: n(state((1.0, 2.0)), [0.0]), "m >= 2"),
    (lambda n: n(state((1.0, 2.0)), 1.0), "linspace"),
    (lambda n: n(state((1.0, 2.0)), ["a", "b"]), "linspace"),
    (lambda n: n(state((1.0, 2.0)), [0.0, math.nan]), "NaN"),
    (lambda n: n(state((1.0, 2.0)), [1.0, 1.0]), "positive length"),
    (lambda n: n(state((1.0, 2.0)), torch.zeros(2, 3)), "3 columns for a batch of 1"),
    (lambda n: n(state((1.0, 2.0), (1.0, 2.0)), [[0.0, 1.0], [2.0, 2.0]]), "one common first row"),
    (lambda n: n(state((1.0, math.nan)), [0.0, 1.0]), "y0 holds NaN"),
]


@pytest.mark.parametrize(("call", "says"), BAD, ids=lambda v: v if isinstance(v, str) else "")
def test_bad_input_is_named(call: object, says: str) -> None:
    with pytest.raises(SolveError, match=re.escape(says)):
        call(sn.neural.NeuralODE(LINEAR))


def test_bad_networks_are_named() -> None:
    y0 = state((1.0, 2.0))
    for net, says in (
        (torch.nn.Linear(2, 3, dtype=torch.float64), "shape (1, 3) for a state of shape (1, 2)"),
        (lambda y: y.float(), "dtype torch.float32"),
        (torch.nn.Linear(3, 2, dtype=torch.float64), "net(y) fails for y of shape (1, 2): mat1 and mat2"),
        (lambda y: 1.0, "a float, not a tensor"),
        (lambda y: torch.log(-1 - y**2), "at the start"),
    ):
        with pytest.raises(SolveError, match=re.escape(says)):
            sn.neural.NeuralODE(net)(y0, [0, 1])
    spoilt = torch.nn.Linear(2, 2, dtype=torch.float64)
    spoilt.bias.data[1] = math.nan
    with pytest.raises(SolveError, match=r"'bias' holds NaN.*clip_grad_norm_"):
        sn.neural.NeuralODE(spoilt)(y0, [0, 1])


def test_bad_options_are_named() -> None:
    for options, error, says in (
        ({"method": "Tsit4"}, UnknownName, "Did you mean 'Tsit5'"),
        ({"adjoint": "backslove"}, UnknownName, "Did you mean 'backsolve'"),
        ({"rtol": 0.0}, SolveError, "rtol is 0.0"),
        ({"atol": "small"}, SolveError, "atol is 'small'"),
        ({"dt": -1.0}, SolveError, "dt is -1.0"),
        ({"max_steps": 0}, SolveError, "max_steps is 0"),
        ({"checkpoints": 1}, SolveError, "checkpoints is 1"),
        ({"checkpoints": 5, "adjoint": "backsolve"}, SolveError, "adjoint='discrete'"),
    ):
        with pytest.raises(error, match=re.escape(says)):
            sn.neural.NeuralODE(LINEAR, **options)
    with pytest.raises(SolveError, match="net is a int"):
        sn.neural.NeuralODE(3)


def test_without_torch_the_extra_is_named() -> None:
    code = """
import sys
sys.modules["torch"] = None
import symnum as sn
try:
    sn.neural.NeuralODE
except sn.BackendUnavailable as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'symnum[neural]'" in said
    assert issubclass(BackendUnavailable, ImportError)
    with pytest.raises(AttributeError, match="Did you mean 'NeuralODE'"):
        _ = sn.neural.NeuralODES
    assert "NeuralODE" in dir(sn.neural) and "neural" in dir(sn)
