"""Many trajectories of one small system on the GPU, one a thread, each with steps of its own.

    dy/dt = f(t, y, p_k),  y(t0) = y0_k,  k = 1 ... count

The same driver, tableau and control as the native solves (``cuda_driver`` prints them), so a trajectory makes the same steps there and here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.cuda_device import Device, device_of
from symnum.codegen.cuda_inline import print_device_function
from symnum.errors import SolveError
from symnum.ir.kernel import Kernel
from symnum.solvers.embedded.cuda_driver import RUNNING, THREADS, Driver, print_driver
from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.solve import UNLIMITED, Run
from symnum.solvers.problem import Options, Outcome, Problem, empty_statistics

Array = NDArray[np.float64]
FIXED = (
    "keep",
    "pause",
    "landing",
    "far",
)  # 0: no steps are kept but those at the save times, nothing pauses a run or watches for stiffness
STEPS = 20_000  # that a launch may try: a fraction of a second
PART = 2**32  # bytes of device memory that a part of the ensemble may take

_SENTENCES = {
    Status.DONE: "reached the end of the interval",
    Status.STEP_LIMIT: "stopped at max_steps; try a larger max_steps, a larger rtol, or a method for stiff equations",
    Status.NONFINITE: "met NaN or infinity; check logarithms, roots and divisions, or try a smaller rtol",
    Status.TOO_SMALL: "the step became too small; try ending the interval earlier, or a larger atol",
    Status.STIFF: 'stability and not accuracy sets the step; write method="Rodas5P" without target="cuda"',
}


@dataclass(frozen=True)
class Ensemble:
    """What an ensemble gave: ``t`` (m,), ``y`` (count, m, n) with NaN where a trajectory did not get, ``status`` (count,), counts of each trajectory
    (``steps``, ``rejected``, ``rhs_evaluations``), ``reached`` (count,): the time where each ended; seconds of the compiler and of the solve."""

    t: Array
    y: Array
    status: NDArray[np.int64]
    counts: dict[str, NDArray[np.int64]]
    reached: Array
    method: str
    compile_seconds: float
    solve_seconds: float

    @property
    def success(self) -> NDArray[np.bool_]:
        return self.status == int(Status.DONE)

    def message(self, k: int) -> str:
        """How a trajectory ended, as a sentence."""
        status = Status(int(self.status[k]))
        said = _SENTENCES.get(status, f"stopped: {status.name}")
        return said if status is Status.DONE else f"at t = {self.reached[k]:.6g}: {said}"

    def stats(self) -> list[dict[str, float]]:
        """The counts of each trajectory, and its share of the time."""
        same = empty_statistics() | {
            "compile_seconds": self.compile_seconds,
            "solve_seconds": self.solve_seconds / len(self.status),
        }
        rows = zip(*(values.tolist() for values in self.counts.values()), strict=True)
        return [same | dict(zip(self.counts, row, strict=True)) for row in rows]

    def outcomes(self) -> list[Outcome]:
        """One outcome a trajectory, as single solves give them."""
        made, every = [], self.stats()
        for k, fine in enumerate(self.success):
            rows = len(self.t) if fine else int(np.isfinite(self.y[k]).all(axis=-1).argmin()) if self.y.shape[1] else 0
            made.append(Outcome(self.t[:rows], self.y[k, :rows], bool(fine), self.message(k), self.method, every[k]))
        return made


def solve_ensemble(
    kernel: Kernel, problem: Problem, options: Options, starts: Array, parameters: Array, device: str = "gpu"
) -> Ensemble:
    """Solve from the rows of ``starts`` (count, n) with the rows of ``parameters`` (count, p), all else as in ``problem`` and ``options``.

    Args: kernel: the right-hand side; device: "gpu", or "host" (through the shim, slow).

    Raises BackendUnavailable without a GPU, TargetError where the system or the method does not fit into a thread, SolveError for bad options.
    """
    _refuse(problem, options)
    begin = time.perf_counter()
    place = device_of(device)
    run = Run(problem, replace(options, dense=False, every_step=False), "numpy")
    program, tables = run.method.program, [name for name, _ in run.method.parts.tables]
    rhs = print_device_function(kernel, "rhs")
    fixed = {
        name: 0.0 for name in FIXED if name in program.scalars and not (name == "far" and options.detect_stiffness)
    }
    driver = print_driver(program, problem.n, parameters.shape[1], rhs, fixed, tables)
    march = _March(run, driver, place, [table() for _, table in run.method.parts.tables])
    compiled = time.perf_counter()
    size = 8 * (problem.n * (len(driver.vectors) + len(march.times)) + len(driver.kept) + parameters.shape[1] + 1)
    part = max(THREADS, PART // size)
    cuts = range(0, len(starts), part)
    made = [march(starts[k : k + part], parameters[k : k + part]) for k in cuts]
    joined = {name: np.concatenate([one[name] for one in made]) for name in made[0]}
    counts = {name: joined[name].astype(np.int64) for name in ("steps", "rejected", "rhs_evaluations")}
    end = time.perf_counter()
    return Ensemble(
        march.times,
        joined["y"],
        joined["status"].astype(np.int64),
        counts,
        joined["t"],
        run.method.name,
        compiled - begin,
        end - compiled,
    )


def _refuse(problem: Problem, options: Options) -> None:
    """What a trajectory in a thread cannot do."""
    if problem.events is not None:
        raise SolveError('a trajectory on the GPU does not watch for events; leave out target="cuda"')
    if problem.noise is not None or problem.differential is not None:
        raise SolveError(
            'target="cuda" solves ensembles of ordinary differential equations; leave it out for noise and algebraic equations'
        )
    if options.saveat is None:
        raise SolveError("an ensemble on the GPU needs save times; write saveat=[...]")


class _March:
    """Carries parts of an ensemble through the segments of the interval."""

    def __init__(self, run: Run, driver: Driver, device: Device, tables: Sequence[Array]) -> None:
        self.driver, self.device, self.index = driver, device, run.machine.index
        assert run.record.times is not None
        self.times, self.saved = run.record.times, int(run.machine["save_next"])
        self.most = run.options.max_steps or UNLIMITED
        self.functions = device.compile(driver.source, [driver.name])
        self.scalars = np.array(run.machine.scalars)  # as they are before the first segment
        save_t = np.append(self.times, math.copysign(math.inf, run.direction))
        self.tables = [device.upload(np.ascontiguousarray(table, np.float64)) for table in (save_t, *tables)]
        self.segments: list[tuple[Array, Array]] = []
        for number, (begin, end) in enumerate(run.problem.segments):
            before = np.array(run.machine.scalars)
            run.enter_segment(number, begin, end)
            self.segments.append((before != run.machine.scalars, np.array(run.machine.scalars)))

    def __call__(self, starts: Array, parameters: Array) -> dict[str, Array]:
        """Solve a part: its rows at the save times (count, m, n), the status and the scalars of each trajectory. Only starts and parameters go to
        the device, only results come back."""
        driver, xp, upload = self.driver, self.device.arrays, self.device.upload
        count, n = starts.shape
        vectors = xp.zeros((len(driver.vectors), n, count))
        vectors[driver.vectors.index("y")] = upload(np.ascontiguousarray(starts.T))
        rows = xp.full((max(1, len(self.times)), n, count), xp.nan)
        rows[: self.saved] = vectors[driver.vectors.index("y")]
        scalars = xp.empty((len(driver.kept), count))
        scalars[...] = upload(self.scalars[[self.index[name] for name in driver.kept]])[:, None]
        status = xp.full(count, float(RUNNING))
        p = [upload(np.ascontiguousarray(parameters.T))] if parameters.size else []
        for changed, after in self.segments:
            status[status == int(Status.DONE)] = RUNNING
            for k, name in enumerate(driver.kept):
                if changed[self.index[name]] or name in ("t", "started"):
                    scalars[k] = after[self.index[name]]
            given = upload(np.array([after[self.index[name]] for name in driver.given] or [0.0]))
            self._segment([given, *p, *self.tables, status, scalars, vectors, rows])
        download = self.device.download
        made = {
            name: download(scalars[driver.kept.index(name)]) for name in ("steps", "rejected", "rhs_evaluations", "t")
        }
        y = np.ascontiguousarray(download(rows)[: len(self.times)].transpose(2, 0, 1))
        return made | {"y": y, "status": download(status)}

    def _segment(self, pointers: Sequence[Any]) -> None:
        """Launch until every trajectory has reached the end of the segment, or stopped."""
        driver, xp = self.driver, self.device.arrays
        status, scalars = pointers[-4], pointers[-3]
        steps, rejected, budget = (driver.kept.index(name) for name in ("steps", "rejected", "budget"))
        count, most = len(status), self.most
        while bool((status == RUNNING).any()):
            scalars[budget] = xp.minimum(STEPS, most - scalars[steps] - scalars[rejected])
            self.functions.launch(driver.name, -(-count // THREADS), [np.int32(count)], pointers, THREADS)
            left = scalars[steps] + scalars[rejected] < most
            status[(status == int(Status.STEP_LIMIT)) & left] = RUNNING
