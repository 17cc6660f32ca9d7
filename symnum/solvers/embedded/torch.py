"""The step language on torch tensors: gradients flow through the accepted steps.

Every statement makes a new tensor and a name then means that tensor (writing in place would spoil what torch keeps for the way back). So after
a run the states are differentiable functions of the initial state and of everything the right-hand side depends on. Step sizes are numbers
without gradient: the controller sees detached values, so the gradient is that of the discrete map with the steps it took ("discretise, then
optimise"; the steps of Tsit5 and of its gradient are then equal). Memory grows with the number of accepted steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.errors import BackendUnavailable, SolveError
from symnum.solvers.embedded.language import Program, Status
from symnum.solvers.embedded.machine import Machine
from symnum.solvers.embedded.numpy import Interpreter, NumpyVectors

if TYPE_CHECKING:
    from symnum.solvers.linear_algebra.contract import LinearSolver


class TorchVectors(NumpyVectors):
    """Vectors as tensors (n,) of float64; tables and buffers of rows stay NumPy arrays.

    Args:
        rhs: ``rhs(t, y, out)`` on NumPy arrays; used where ``function`` is None, and then nothing is differentiable.
        function: ``function(t, y)`` -> (n,) tensor, or None.

    Attributes:
        rows: buffer -> {row: tensor}: what was written into buffers of rows, with its gradient.
    """

    def __init__(
        self,
        pointers: dict[str, Any],
        rhs: Callable[[float, Any, Any], None],
        function: Callable[[float, Any], Any] | None = None,
    ) -> None:
        super().__init__(pointers, rhs)
        self.torch = load_torch()
        self.function = function
        self.rows: dict[str, dict[int, Any]] = {}

    def read(self, name: str, row: int | None = None) -> Any:
        if row is None:
            return self.pointers[name]
        kept = self.rows.get(name, {}).get(row)
        value = self.pointers[name][row]
        return value if np.ndim(value) == 0 else (self.torch.from_numpy(value) if kept is None else kept)

    def write(self, value: Any, name: str, row: int | None = None) -> None:
        if row is None:
            self.pointers[name] = value
        elif np.ndim(self.pointers[name]) == 1:
            self.pointers[name][row] = value
        else:
            self.pointers[name][row] = value.detach().numpy()
            if value.requires_grad:
                self.rows.setdefault(name, {})[row] = value

    def evaluate(self, out: str, t: float, y: str) -> None:
        if self.function is None:
            self.through(lambda state, result: self.rhs(t, state, result), [y], [out])
        else:
            self.pointers[out] = self.checked(self.function(t, self.pointers[y]), self.pointers[y])

    def checked(self, value: Any, state: Any) -> Any:
        if isinstance(value, self.torch.Tensor) and value.shape == state.shape and value.dtype == state.dtype:
            return value
        seen = f"{value.dtype} of shape {tuple(value.shape)}" if hasattr(value, "dtype") else type(value).__name__
        raise SolveError(
            f"the right-hand side gave {seen}, not a torch tensor of {state.dtype} and shape {tuple(state.shape)}; "
            "return for example -y"
        )

    def through(self, function: Callable[..., Any], reads: Sequence[str], writes: Sequence[str]) -> Any:
        """A NumPy function between tensors; it has no gradient, so tensors that need one are refused."""
        given = [self.pointers[name] for name in reads]
        if any(tensor.requires_grad for tensor in given):
            raise SolveError(
                "gradients cannot flow through a function of NumPy arrays (an opaque right-hand side, or the linear solver of an implicit "
                "method); give a torch function and an explicit method such as Tsit5, or run below torch.no_grad()"
            )
        results = [np.empty(len(given[0])) for _ in writes]
        answer = function(*(tensor.detach().numpy() for tensor in given), *results)
        for name, result in zip(writes, results, strict=True):
            self.pointers[name] = self.torch.from_numpy(result)
        return answer

    def combine(self, coefficients: Sequence[float], vectors: Sequence[Any]) -> Any:
        total = float(coefficients[0]) * vectors[0]
        for c, vector in zip(coefficients[1:], vectors[1:], strict=True):
            total = self.torch.add(total, vector, alpha=float(c))
        return total

    def norm(
        self, coefficients: Sequence[float], vectors: Sequence[Any], scale: Sequence[Any], atol: float, rtol: float
    ) -> float:
        detached = [vector.detach().numpy() for vector in vectors]
        return super().norm(coefficients, detached, [v.detach().numpy() for v in scale], atol, rtol)


class TorchMachine(Machine):
    """Interprets the program on torch tensors.

    Args:
        function: ``function(t, y)`` -> (n,) float64 tensor; None: ``rhs`` is called with NumPy arrays, without gradients.

    Attributes:
        rows: buffer -> {row: tensor} of the rows written that carry a gradient (``save_y``: the states at the save times).
    """

    def __init__(
        self,
        program: Program,
        n: int,
        rhs: Callable[[float, Any, Any], None],
        linear: LinearSolver | None = None,
        function: Callable[[float, Any], Any] | None = None,
    ) -> None:
        super().__init__(program, n, rhs, linear)
        tensor = load_torch().from_numpy
        self.pointers |= {name: tensor(self.pointers[name]) for name in program.vectors}
        self.vectors = TorchVectors(self.pointers, rhs, function)

    @property
    def rows(self) -> dict[str, dict[int, Any]]:
        return self.vectors.rows

    def vector(self, name: str) -> Any:
        """A vector as a NumPy array; one that carries a gradient cannot be written to."""
        tensor: Any = self.pointers[name]
        array: Any = tensor.detach().numpy()
        if tensor.requires_grad:
            array = array.view()
            array.flags.writeable = False
        return array

    def set(self, name: str, tensor: Any) -> None:
        """Let a vector's name mean a tensor (n,), for example an initial state with a gradient."""
        self.pointers[name] = self.vectors.checked(tensor, self.pointers[name])

    def bind(self, name: str, array: Any) -> None:
        super().bind(name, array)
        self.rows.pop(name, None)

    def run(self) -> Status:
        return Interpreter(self.program, self.vectors, self.scalars, self.linear).run()


def integrate(
    function: Callable[[float, Any], Any],
    y0: Any,
    times: Sequence[float],
    method: str = "Tsit5",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    dt: float | None = None,
    max_steps: int | None = None,
) -> Any:
    """States of y' = f(t, y) at given times as tensors that gradients flow through.

    Args:
        function: f: (time, tensor (n,)) -> tensor (n,), float64; whatever it depends on (weights) receives gradients.
        y0: (n,) float64 tensor, the state at times[0].
        times: (m,) at least two, in the order of integration.
        method: an explicit embedded method. rtol, atol, dt, max_steps: see ``problem.Options``.

    Returns:
        (m, n) tensor; row 0 is y0.

    Raises:
        SolveError: y0 or f is no float64 tensor of one shape, the method needs a linear solver and a gradient is asked for, the run failed
            (its message says where and what to try).
    """
    from symnum.solvers.embedded.solve import Run
    from symnum.solvers.problem import Options, Problem

    torch = load_torch()
    if not (isinstance(y0, torch.Tensor) and y0.ndim == 1 and y0.dtype == torch.float64):
        raise SolveError(
            "y0 is not a float64 tensor of shape (n,); write for example torch.tensor([1.0, 0.0], dtype=torch.float64)"
        )

    def rhs(t: float, y: Any, out: Any) -> None:
        with torch.no_grad():
            out[...] = function(t, torch.from_numpy(y)).numpy()

    problem = Problem(rhs, y0.detach().numpy(), times[0], times[-1], torch_rhs=function)
    options = Options(method, rtol=rtol, atol=atol, saveat=np.asarray(times, dtype=float), dt=dt, max_steps=max_steps)
    run = Run(problem, options, "torch")
    machine = run.machine
    assert isinstance(machine, TorchMachine)
    machine.set("y", y0)
    outcome = run.solve()
    if not outcome.success:
        raise SolveError(outcome.message)
    start = int(np.count_nonzero(problem.t0 == options.saveat))
    saved = machine.rows.get("save_y", {})
    rows = [saved.get(k, torch.from_numpy(outcome.y[k])) for k in range(start, len(outcome.t))]
    return torch.stack([y0] * start + rows)


def load_torch() -> Any:
    """torch, or a named error that says how to get it."""
    try:
        import torch
    except ImportError:
        raise BackendUnavailable("torch is not installed; run pip install 'symnum[neural]'") from None
    return torch
