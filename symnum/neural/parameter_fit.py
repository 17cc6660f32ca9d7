"""``sn.fit``: parameters of a model from measured data, by least squares.

    minimise  S(p) = sum_k ((u(t_k, x_k; p) - d_k)/sigma_k)^2         low <= p <= high

by L-BFGS-B with the exact gradient of the computed solution (``SystemODE``), in units of the values that p begins with. Standard errors are the usual
ones of nonlinear least squares, from the residuals' derivative J at the minimum: (J^T J)^-1, times S/(N - m) where the noise was not given
(D. M. Bates, D. G. Watts, Nonlinear Regression Analysis and Its Applications, Wiley 1988, section 2.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum import display
from symnum.errors import ModelError, SolveError, did_you_mean
from symnum.model.system import PDESystem

Array = NDArray[np.float64]
STEP = 1e-4  # of the difference quotients in J, in units of the parameters
NEAR, RESOLVED = 0.05, 1e-6  # a step that is left is nothing: share of a standard error, of a parameter
UNSEEN = 1e-6  # share of J's largest singular value below which the data say nothing of a combination of parameters


@dataclass(frozen=True)
class ParameterFit:
    """What ``sn.fit`` found.

    Attributes:
        parameters: name -> value; errors: name -> standard error (infinite where the data say nothing about it).
        system: the model with these values, for ``sn.solve``. rms: of the weighted residuals; data: how many there are.
        success, message: whether the minimum was reached, and a sentence. solves: how many solves with their gradients it took.
    """

    parameters: dict[str, float]
    errors: dict[str, float]
    system: PDESystem
    rms: float
    data: int
    success: bool
    message: str
    solves: int

    def _repr_html_(self) -> str:
        rows = [(name, f"{value:.6g}", f"± {self.errors[name]:.2g}") for name, value in self.parameters.items()]
        facts = [("data", f"{self.data:,}, rms of the residuals {self.rms:.3g}"), ("work", f"{self.solves} solves with their gradients")]
        name = f" of {self.system.name!r}" if self.system.name else ""
        return display.card(f"Fit{name}: {self.message}", facts, display.table(("parameter", "value", "standard error"), rows))

    def __str__(self) -> str:
        wide = max(map(len, self.parameters), default=0)
        rows = [f"{n:<{wide}}  {v:>12.6g}  ± {self.errors[n]:.2g}" for n, v in self.parameters.items()]
        return "\n".join([*rows, f"{self.data} data, rms of the residuals {self.rms:.3g}; {self.message}"])


def fit(
    system: PDESystem,
    data: Any,
    parameters: Sequence[Any] | str,
    *,
    resolution: Any = 64,
    scheme: str = "central",
    order: int = 2,
    method: str = "Tsit5",
    rtol: float = 1e-7,
    atol: float = 1e-9,
    max_steps: int = 100_000,
    noise: float | Mapping[Any, float] | None = None,
    bounds: Mapping[Any, tuple[float | None, float | None]] | None = None,
    max_iterations: int = 200,
) -> ParameterFit:
    """Parameters of a system from data.

    Args:
        system: a ``PDESystem`` or ``ODESystem``; the search begins with its values of the parameters.
        data: an xarray Dataset (or a ``Solution``) with fields by name over "t" and the spatial coordinates, or field -> DataArray, or, without
            space, field -> (times, values). Times from the initial time on, points anywhere in the domain; NaN: not measured.
        parameters: which to find, symbols or names; their names in initial and boundary conditions count as well.
        resolution, scheme, order, method, rtol, atol, max_steps: of the solves, see ``SystemODE``: "KenCarp4" for stiff equations.
        noise: standard deviation of the data, one number or field -> number; None: the same for all, estimated from the residuals.
        bounds: parameter -> (low, high), None where there is none. max_iterations: of L-BFGS-B.

    Raises ModelError (unknown fields, parameters, coordinates; shapes), SolveError; BackendUnavailable without torch.
    """
    from symnum import neural

    names = [str(getattr(p, "name", p)) for p in ([parameters] if isinstance(parameters, str) else parameters)]
    if not names:
        raise ModelError('parameters names nothing to find; write parameters=["a"]')
    model = neural.SystemODE(
        system,
        resolution,
        scheme=scheme,
        order=order,
        train=names,
        method=method,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
    )
    problem = _Residuals(model, data, noise)
    return problem.minimise(_limits(bounds, model.names), max_iterations)


class _Residuals:
    """(u(t_k, x_k; p) - d_k)/sigma_k of all data."""

    def __init__(self, model: Any, data: Any, noise: float | Mapping[Any, float] | None) -> None:
        import torch

        self.model, self.given = model, noise is not None
        self.seen, self.values, self.weights = [], [], []
        sigmas = {str(getattr(k, "name", k)): s for k, s in noise.items()} if isinstance(noise, Mapping) else {}
        for name, (points, values) in _tables(model, data).items():
            sigma = sigmas.get(name, 1.0) if isinstance(noise, Mapping) or noise is None else noise
            if not (np.isfinite(sigma) and sigma > 0):
                raise ModelError(f"the noise of {name} is {sigma!r}, not a number > 0")
            self.seen.append(model.observe(name, **points))
            self.values.append(torch.from_numpy(values))
            self.weights.append(1.0 / float(sigma))
        self.times = np.unique(np.concatenate([seen.times for seen in self.seen]))
        self.count, self.solves = sum(map(len, self.values)), 0
        begin = model.semi.time_span[0]
        if self.times[-1] <= begin:
            raise ModelError(f"all data are at the initial time {begin:g}: nothing is solved")

    def __call__(self) -> Any:
        import torch

        out = self.model(self.times)
        rows = zip(self.seen, self.values, self.weights, strict=True)
        return torch.cat([(seen(out) - values) * weight for seen, values, weight in rows])

    def minimise(self, bounds: list[tuple[float | None, float | None]], most: int) -> ParameterFit:
        from scipy.optimize import minimize

        names, start = self.model.names, self.model.values.detach().numpy().copy()
        scale = np.where(start != 0, np.abs(start), 1.0)
        limits = [tuple(None if b is None else b / s for b in pair) for pair, s in zip(bounds, scale, strict=True)]
        options = {"maxiter": most, "maxfun": 4 * most, "ftol": 1e-15, "gtol": 1e-9}
        found = minimize(
            lambda q: self._value(q * scale, scale),
            start / scale,
            jac=True,
            method="L-BFGS-B",
            bounds=limits,
            options=options,
        )
        best = found.x * scale
        residuals = self._at(best)
        errors, left = self._errors(best, scale, residuals)
        near = bool((np.abs(left) <= np.maximum(NEAR * errors, RESOLVED * scale)).all())
        values = dict(zip(names, best.tolist(), strict=True))
        return ParameterFit(
            parameters=values,
            errors=dict(zip(names, errors.tolist(), strict=True)),
            system=self.model.system.with_parameters(**values),
            rms=float(np.sqrt(np.mean(residuals**2))),
            data=self.count,
            success=bool(found.success) or near,
            message=_sentence(found, most, near),
            solves=self.solves,
        )

    def _set(self, p: Array) -> None:
        import torch

        with torch.no_grad():
            self.model.values.copy_(torch.from_numpy(p))

    def _value(self, p: Array, scale: Array) -> tuple[float, Array]:
        """Half the mean square and its gradient; a solve that breaks down is a wall."""
        self._set(p)
        self.model.zero_grad()
        self.solves += 1
        residuals = _quiet(self)
        value = 0.5 * residuals.square().mean()
        if not np.isfinite(float(value.detach())):
            return 1e30, np.zeros_like(p)
        value.backward()
        return float(value.detach()), self.model.values.grad.numpy() * scale

    def _at(self, p: Array) -> Array:
        import torch

        self._set(p)
        with torch.no_grad():
            made: Array = _quiet(self).numpy()
        if not np.isfinite(made).all():
            raise SolveError(
                "no solve with these parameters reaches the last data; begin with other values: system.with_parameters(...), or give bounds"
            )
        return made

    def _errors(self, p: Array, scale: Array, residuals: Array) -> tuple[Array, Array]:
        """Standard errors of the parameters, and the step of Gauss and Newton's method that is left to go."""
        columns = []
        for k in range(len(p)):
            shift = np.zeros_like(p)
            shift[k] = STEP * scale[k]
            columns.append((self._at(p + shift) - self._at(p - shift)) / (2 * shift[k]))
        self._set(p)
        free = max(1, self.count - len(p))
        variance = 1.0 if self.given else float(residuals @ residuals) / free
        across, size, rows = np.linalg.svd(np.stack(columns, axis=1) * scale, full_matrices=False)
        unseen = size <= UNSEEN * size.max(initial=1e-300)
        errors = np.sqrt(variance * (rows[~unseen] ** 2 / size[~unseen, None] ** 2).sum(axis=0)) * scale
        step = rows[~unseen].T @ ((across.T @ residuals)[~unseen] / size[~unseen]) * scale
        return np.where((rows[unseen] ** 2).sum(axis=0) > UNSEEN, np.inf, errors), step


def _quiet(residuals: _Residuals) -> Any:
    """Trial values may lead nowhere: that is no news."""
    import warnings

    from symnum.errors import SolveWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SolveWarning)
        return residuals()


def _sentence(found: Any, most: int, near: bool) -> str:
    if found.success:
        return f"converged in {found.nit} iterations"
    if near:
        return f"converged in {found.nit} iterations, as far as the tolerances of the solves tell values apart"
    if found.nit >= most:
        return f"stopped after max_iterations={most}: raise it, or begin nearer"
    return f"stopped after {found.nit} iterations: {str(found.message).lower()}"


def _limits(bounds: Mapping[Any, Any] | None, names: Sequence[str]) -> list[tuple[float | None, float | None]]:
    given = {str(getattr(k, "name", k)): v for k, v in (bounds or {}).items()}
    for name, pair in given.items():
        if name not in names:
            raise ModelError(
                f"bounds: {name!r} is not among the parameters that are sought.{did_you_mean(name, names)}"
            )
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
            raise ModelError(f"the bounds of {name} are {pair!r}; write bounds={{{name!r}: (0.0, None)}}")
        if None not in pair and not pair[0] <= pair[1]:
            raise ModelError(
                f"the bounds of {name} are {pair!r}, the lower one not below the upper one; write bounds={{{name!r}: {(pair[1], pair[0])!r}}}"
            )
    return [tuple(given.get(name, (None, None))) for name in names]


# --- data -------------------------------------------------------------------------------------------------------------


def _tables(model: Any, data: Any) -> dict[str, tuple[dict[str, Array], Array]]:
    """field -> (coordinate -> (k,) numbers, (k,) values), what was not measured left out."""
    data = data.to_xarray() if hasattr(data, "to_xarray") else data
    if hasattr(data, "data_vars"):
        known = {a.field for a in model.semi.full}
        data = {str(name): data[name] for name in data.data_vars if str(name) in known}
    elif hasattr(data, "dims") and hasattr(data, "coords"):
        data = {data.name: data}
    if not isinstance(data, Mapping) or not data:
        raise ModelError(
            "data hold no field of the system; write data={u: (times, values)}, or an xarray Dataset with its fields by name"
        )
    made = {}
    for key, table in data.items():
        name = str(getattr(key, "name", key))
        points, values = _grid(name, table) if hasattr(table, "dims") else _series(model, name, table)
        there = np.isfinite(values)
        if not there.any():
            raise ModelError(f"the data of {name} hold no finite number")
        made[name] = ({axis: x[there] for axis, x in points.items()}, values[there])
    return made


def _grid(name: str, table: Any) -> tuple[dict[str, Array], Array]:
    """A DataArray: a product grid of its coordinates; coordinates of no dimension are the same for all."""
    dims = [str(d) for d in table.dims]
    missing = [d for d in dims if d not in table.coords]
    if missing:
        raise ModelError(f"the data of {name} have no coordinate {missing[0]!r}; give one value a place along it")
    mesh = np.meshgrid(*(np.asarray(table.coords[d].values, dtype=np.float64) for d in dims), indexing="ij")
    points = {d: x.ravel() for d, x in zip(dims, mesh, strict=True)}
    values = np.asarray(table.values, dtype=np.float64).ravel()
    fixed = {
        str(c): np.full(values.shape, float(v))
        for c, v in table.coords.items()
        if not v.dims and np.issubdtype(v.dtype, np.number)
    }
    return points | fixed, values


def _series(model: Any, name: str, table: Any) -> tuple[dict[str, Array], Array]:
    """(times, values)."""
    try:
        times, values = (np.asarray(column, dtype=np.float64).ravel() for column in table)
    except (TypeError, ValueError):
        raise ModelError(
            f"the data of {name} are no pair (times, values) and no DataArray; write data={{{name}: (times, values)}}"
        ) from None
    if times.shape != values.shape:
        raise ModelError(f"the data of {name} have {len(times)} times and {len(values)} values; give as many")
    time = model.semi.time.name if model.semi.time is not None else "t"
    return {time: times}, values
