"""The torch meaning: states and gradients against exact solutions and differences; refusals."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from symnum.errors import SolveError
from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.solve import Run, solve
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import van_der_pol

torch = pytest.importorskip("torch")


def tensor(*values, grad=False):
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def integrate(*args, **options):
    from symnum.solvers.embedded.torch import integrate as function

    return function(*args, **options)


@pytest.mark.parametrize("method", ["Tsit5", "Dopri5", "Vern7", "RKC2"])
def test_gradient_of_exponential_decay(method):
    """y' = -k y: y(t) = y0 exp(-k t), dy/dy0 = exp(-k t), dy/dk = -t y0 exp(-k t); also at save times inside a step."""
    y0, k = tensor(1.5, 0.5, grad=True), tensor(0.7, grad=True)
    times = np.array([0.0, 0.3, 0.31, 2.0])
    states = integrate(lambda t, y: -k * y, y0, times, method, rtol=1e-9, atol=1e-11)
    exact = np.exp(-0.7 * times)
    np.testing.assert_allclose(states.detach(), exact[:, None] * [1.5, 0.5], rtol=2e-6)
    (by_start, by_rate) = torch.autograd.grad(states[:, 0].sum() + states[2, 1], (y0, k))
    np.testing.assert_allclose(by_start, [exact.sum(), exact[2]], rtol=2e-6)
    np.testing.assert_allclose(by_rate, [-(times * exact * 1.5).sum() - times[2] * exact[2] * 0.5], rtol=2e-5)


def test_gradient_is_that_of_the_steps_taken():
    """For fixed tolerances the gradient agrees with central differences of the same map to the tolerance's square root or better."""

    def last(value):
        y0 = tensor(2.0, value) if not isinstance(value, torch.Tensor) else torch.stack([tensor(2.0)[0], value])
        return integrate(field, y0, [0.0, 3.0], rtol=1e-10, atol=1e-12)[-1, 0]

    def field(t, y):
        return torch.stack([y[1], (1 - y[0] ** 2) * y[1] - y[0]])

    value = tensor(0.3, grad=True)
    (gradient,) = torch.autograd.grad(last(value[0]), value)
    difference = (last(0.3 + 1e-4) - last(0.3 - 1e-4)) / 2e-4
    assert float(gradient[0]) == pytest.approx(float(difference), rel=1e-6)


def test_numpy_functions_serve_without_gradients():
    """The same solution as native code, to a small part of the tolerance (lengths of steps differ by amplified rounding)."""
    problem = Problem(van_der_pol, [2.0, 0.0], 0, 10.0)
    options = Options("Tsit5", rtol=1e-8, saveat=np.linspace(0, 10, 21))
    native, torches = solve(problem, options), solve(problem, options, "torch")
    assert native.stats["steps"] == torches.stats["steps"]
    np.testing.assert_allclose(torches.y, native.y, atol=1e-10)


def test_it_resumes():
    """Calls with a small budget of steps change nothing."""
    problem = Problem(van_der_pol, [2.0, 0.0], 0, 5.0)
    run = Run(problem, Options("Dopri5", every_step=True), "torch")
    run.enter_segment(0, 0.0, 5.0)
    status = Status.STEP_LIMIT
    while status is Status.STEP_LIMIT:
        run.machine["budget"] = 1
        status = run.machine.run()
    assert status is Status.DONE
    whole = solve(problem, Options("Dopri5", every_step=True), "torch")
    np.testing.assert_array_equal(run.machine.vector("y"), whole.y[-1])


def test_what_cannot_be_differentiated_is_refused():
    from symnum.solvers.embedded.torch import TorchMachine

    run = Run(Problem(van_der_pol, [2.0, 0.0], 0, 1.0), Options("Tsit5"), "torch")
    assert isinstance(run.machine, TorchMachine)
    run.machine.set("y", tensor(2.0, 0.0, grad=True))
    with pytest.raises(SolveError, match="give a torch function and an explicit method such as Tsit5"):
        run.solve()
    with pytest.raises(ValueError, match="read-only"):
        run.machine.vector("y")[:] = 0
    with pytest.raises(
        SolveError, match=r"not a torch tensor of torch.float64 and shape \(2,\); return for example -y"
    ):
        integrate(lambda t, y: y.sum(), tensor(1.0, 2.0), [0, 1])
    with pytest.raises(SolveError, match="gave float"):
        integrate(lambda t, y: 1.0, tensor(1.0, 2.0), [0, 1])
    with pytest.raises(SolveError, match=r"write for example torch.tensor\(\[1.0, 0.0\], dtype=torch.float64\)"):
        integrate(lambda t, y: y, torch.zeros(2), [0, 1])
    with pytest.raises(SolveError, match="NaN at t = "):
        integrate(lambda t, y: torch.sqrt(0.5 - t + 0 * y), tensor(0.0), [0, 5], max_steps=1000)


def test_without_torch_a_named_error_says_what_to_install():
    code = """
import sys
sys.modules["torch"] = None
import symnum.solvers.embedded.torch as meaning
try:
    meaning.load_torch()
except meaning.BackendUnavailable as error:
    print(error)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "torch is not installed; run pip install 'symnum[neural]'"
