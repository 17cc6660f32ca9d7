"""``sn.datasets.operator_pairs``, ``darcy_flow`` and ``burgers``: inputs and solutions for neural operators, in the layouts of public readers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from symnum.datasets.generation import Written
from symnum.datasets.operator_learning import layouts
from symnum.datasets.operator_learning.darcy import VARIANTS, Darcy
from symnum.datasets.operator_learning.inputs import SineWaves
from symnum.datasets.operator_learning.models import Sampler, model_pairs
from symnum.datasets.operator_learning.random_fields import GaussianField
from symnum.datasets.operator_learning.writing import number, target_file, whole, write
from symnum.errors import SolveError, UnknownName, did_you_mean, names_options

Path = str | os.PathLike[str]
Progress = Callable[[int, int, float], None]


@names_options
def operator_pairs(
    system: Any,
    path: Path,
    n: int,
    inputs: Mapping[Any, Any] | None = None,
    outputs: Any = None,
    times: int | str | Sequence[float] | None = None,
    resolution: Any = 64,
    finer: int = 1,
    layout: str = "pdebench",
    seed: int = 0,
    scheme: str = "auto",
    order: int = 2,
    method: str = "auto",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    largest: float = 1e9,
    dtype: str = "float32",
    workers: int = 1,
    executor: Executor | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Write ``n`` pairs of an input and its solution: ``sn.datasets.operator_pairs(model, "train.hdf5", 1000, inputs={u: field})``.

    Args:
        system: a model in one to three dimensions of space that ``sn.export(system, "json")`` can say.
        path: .hdf5 or .h5 for layout "pdebench", .h5, .pt or .mat for "neuraloperator" (docs/datasets.md says what lies where).
        inputs: field -> the random field that it starts from (``GaussianField``, ``SineWaves``, or a function of a generator and the coordinates);
            parameter -> (low, high), ``sn.datasets.Uniform`` or a function of a generator. A coefficient in space is a field c with ``dt(c) = 0``.
        outputs: fields of the solution; None: all.
        times: of the solution, or their number; None: 101 in layout "pdebench", the last one in "neuraloperator". "pdebench" always has the start.
            "steady": the output is the state at rest, as by ``sn.steady``. A source in space is a field f with ``dt(f) = 0``.
        resolution: cells along each coordinate, a number or {x: 128, y: 64}. finer: the model is solved on a grid so many times finer; records
            have every ``finer``-th of its points (of finite volumes the means).
        seed: of everything that is random. dtype: "float32" or "float64". workers: processes. executor: where the work is done instead.
        scheme, order, method, rtol, atol: as for ``sn.solve``. largest: solutions with larger values are drawn again.
        overwrite: begin anew where the file exists.
        progress: called with (records, n, records a second).

    Record k depends on the seed and k alone; on a finer grid a Gaussian field is the same function. A draw that cannot be solved is drawn again.
    A run that was killed goes on. Raises UnknownName for fields, layouts and options, SolveError for inputs and numbers that make no sense,
    FileError for paths, files of another recipe and records that a layout cannot hold, BackendUnavailable for .pt without torch.
    """
    layouts.check(layout, target_file(path))
    if times is None:
        times = 101 if layout == "pdebench" or not hasattr(system, "domain") else _end(system)
    solving = {"scheme": scheme, "order": order, "method": method, "rtol": rtol, "atol": atol, "largest": largest}
    source = model_pairs(system, inputs, outputs, times, resolution, finer, seed, solving)
    if layout == "pdebench":
        source = source.from_the_start()
    if workers != 1 and executor is None:
        source.travels()
    return write(
        source,
        path,
        n,
        layout=layout,
        dtype=dtype,
        workers=workers,
        executor=executor,
        overwrite=overwrite,
        progress=progress,
    )


@names_options
def darcy_flow(
    path: Path,
    n: int,
    resolution: int = 128,
    variant: str = "fno",
    coefficient: Sampler | None = None,
    force: float = 1.0,
    faces: str = "harmonic",
    finer: int = 1,
    layout: str = "pdebench",
    seed: int = 0,
    rtol: float = 1e-8,
    dtype: str = "float32",
    workers: int = 1,
    executor: Executor | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Write ``n`` pairs (a, u) of steady Darcy flow, -div(a grad u) = force on the unit square, u = 0 on its boundary.

    Args:
        resolution: cells along x and y; a and u are values of cells, at (i + 1/2)/resolution.
        variant: "fno": a is 12 where a Gaussian field with covariance (-Laplace + 9)^-2 is positive, else 3 (Li et al., arXiv:2010.08895);
            "pdebench": a is 1 where a sum of five bumps is above its mean, else 0.1 (Takamoto et al., arXiv:2210.07182).
        coefficient: another random field, for instance ``sn.datasets.GaussianField("matern", length=0.2).exp()``. force: the right-hand side.
        faces: how a is averaged to the faces of cells: "harmonic" (a jumps from cell to cell) or "arithmetic" (as the published sets have it).
        finer: each cell is cut into finer x finer for the solution, a staying constant on it. rtol: of the linear solver.
        All else is as for ``operator_pairs``, and so are the errors.
    """
    if coefficient is None:
        coefficient = _variant(variant, VARIANTS)
    elif not hasattr(coefficient, "sample"):
        raise SolveError(
            f'coefficient={coefficient!r} is no random field; write sn.datasets.GaussianField("matern", length=0.2).exp()'
        )
    source = Darcy(
        whole(resolution, "resolution", 2),
        coefficient,
        number(force, "force"),
        faces,
        whole(finer, "finer", 1),
        number(rtol, "rtol"),
        whole(seed, "seed", 0),
    )
    return write(
        source,
        path,
        n,
        layout=layout,
        dtype=dtype,
        workers=workers,
        executor=executor,
        overwrite=overwrite,
        progress=progress,
    )


@names_options
def burgers(
    path: Path,
    n: int,
    resolution: int = 1024,
    variant: str = "fno",
    viscosity: float | None = None,
    times: int | Sequence[float] | None = None,
    finer: int = 1,
    layout: str = "pdebench",
    seed: int = 0,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    dtype: str = "float32",
    workers: int = 1,
    executor: Executor | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Write ``n`` solutions of Burgers' equation, u_t + (u^2/2)_x = nu u_xx, periodic on (0, 1).

    Args:
        variant: "fno": Gaussian starts with covariance 625 (-Laplace + 25)^-2 and mean zero, until t = 1 (Li et al., arXiv:2010.08895);
            "pdebench": starts are two sines of wave number 1 to 4 (``SineWaves``), until t = 2, 201 times (Takamoto et al., arXiv:2210.07182).
        viscosity: nu; None: 0.1 ("fno"), 0.01/pi ("pdebench", whose file names give nu pi). finer: fronts are 4 nu/jump wide and need a few points.
        times: as for ``operator_pairs``, and so is all else, with the errors.
    """
    draw, end, usual, count = _variant(variant, _BURGERS)
    nu = usual if viscosity is None else number(viscosity, "viscosity")
    if nu <= 0:
        raise SolveError(f"viscosity={viscosity!r} is not positive; write viscosity=0.01")
    if times is None and layout == "pdebench":
        times = count
    return operator_pairs(
        _burgers(nu, end),
        path,
        n,
        {"u": draw},
        times=times,
        resolution=resolution,
        finer=finer,
        layout=layout,
        seed=seed,
        rtol=rtol,
        atol=atol,
        dtype=dtype,
        workers=workers,
        executor=executor,
        overwrite=overwrite,
        progress=progress,
    )


_BURGERS: dict[str, tuple[Sampler, float, float, int]] = {  # starts, end, viscosity, times
    "fno": (
        GaussianField("laplacian_power", alpha=2.0, tau=5.0, scale=25.0, boundary="periodic", constant_mode=False),
        1.0,
        0.1,
        101,
    ),
    "pdebench": (SineWaves(2, 4, 0.1), 2.0, 0.01 / 3.141592653589793, 201),
}


def _burgers(nu: float, end: float) -> Any:
    from symnum.model.system import PDESystem

    return PDESystem.from_text(
        equations=["dt(u) = nu*dxx(u) - dx(u^2/2)"],
        domain={"t": (0, end), "x": (0, 1)},
        conditions=["periodic x"],
        initial=["u = sin(2*pi*x)"],
        parameters={"nu": nu},
        name="burgers",
    )


def _variant(name: Any, known: Mapping[str, Any]) -> Any:
    if not isinstance(name, str) or name not in known:
        raise UnknownName(f"unknown variant {name!r}.{did_you_mean(str(name), known)} There are: {', '.join(known)}")
    return known[name]


def _end(system: Any) -> list[float] | int:
    time = getattr(system, "time", None)
    return 2 if time is None else [float(system.domain.bounds[time.name][1])]
