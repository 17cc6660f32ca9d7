"""Operator-learning data sets: Darcy solves a CPU second, peers, and what related solutions are worth as a start

A thousand pairs of Darcy flow at 128 x 128 cells, coefficients 3 and 12, from the draw to the file, by two processes; CPU seconds of all of
them, their compile times included. Peers solve the same equations one by one: SuperLU (the matrix is assembled beforehand), and SciPy's
conjugate gradients with the diagonal as preconditioner, to the same residual. Then iterations and CPU time of solves that start from zero or
from the best combination of the solutions before: for coefficients drawn independently, for the same ones sorted (each the nearest to the
one before), and for sequences that change slowly.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

import symnum as sn
from symnum.datasets import DiffusionSolver, GaussianField

from ._measure import bar

RECORDS, POINTS, SAMPLE, SEQUENCE = 1000, 128, 5, 60
FIELD = GaussianField("laplacian_power", alpha=2, tau=3, boundary="neumann", constant_mode=False)


def run() -> dict[str, Any]:
    """Rows: ours, peers, starts. Bars: CPU seconds of a thousand solves; files of one and two workers that differ; times SuperLU's CPU time."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = _thousand(Path(folder))
        differ = _differ(Path(folder))
    fields = [FIELD.sample((POINTS, POINTS), np.random.default_rng(k), centred=(True, True)) for k in range(SEQUENCE)]
    coefficients = [np.where(g < 0, 3.0, 12.0) for g in fields]
    ours, iterations, _ = _solves(coefficients, 0)
    direct, plain, its = _peers(coefficients[:SAMPLE])
    rows: list[dict[str, Any]] = [
        {"solver": "symnum: multigrid, conjugate gradients", "CPU ms a solve": 1e3 * ours, "iterations": iterations},
        {"solver": "SciPy: SuperLU", "CPU ms a solve": 1e3 * direct, "iterations": 0},
        {"solver": "SciPy: conjugate gradients, diagonal", "CPU ms a solve": 1e3 * plain, "iterations": its},
        *_starts(fields),
    ]
    return {
        "rows": rows,
        "bars": [
            bar("CPU seconds, 1000 Darcy solves at 128 x 128 and their file, two workers", seconds, 60),
            bar("SuperLU's CPU time over ours", direct / ours, 1, "higher"),
            bar("files of one and two workers that differ", float(differ), 0),
        ],
    }


def _thousand(folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.process_time()
    sn.datasets.darcy_flow(folder / "darcy.hdf5", RECORDS, resolution=POINTS, workers=2)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() - begin + after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _differ(folder: Path) -> bool:
    for workers in (1, 2):
        sn.datasets.darcy_flow(folder / f"{workers}.hdf5", 100, resolution=32, workers=workers)
    return (folder / "1.hdf5").read_bytes() != (folder / "2.hdf5").read_bytes()


def _solves(coefficients: list[np.ndarray], related: int) -> tuple[float, float, list[np.ndarray]]:
    """CPU seconds and iterations a solve; ``related``: how many solutions before each one make its start."""
    solver = DiffusionSolver((POINTS, POINTS))
    solver.solve(coefficients[0])  # compiled
    found: list[np.ndarray] = []
    count, begin = 0, time.process_time()
    for a in coefficients:
        made = solver.solve(a, 1.0, found[-related:] if related else ())
        count += made.iterations
        found.append(made.u)
    return (time.process_time() - begin) / len(coefficients), count / len(coefficients), found


def _starts(fields: list[np.ndarray]) -> list[dict[str, Any]]:
    walk = [fields[0]]
    for g in fields[1:]:
        walk.append(np.cos(0.1) * walk[-1] + np.sin(0.1) * g)
    rest, ordered = list(fields[1:]), [fields[0]]
    while rest:
        nearest = min(range(len(rest)), key=lambda k: float(np.mean((rest[k] < 0) != (ordered[-1] < 0))))
        ordered.append(rest.pop(nearest))
    smooth = GaussianField("squared_exponential", length=1.0, deviation=0.5).exp()
    few = [smooth.sample((POINTS, POINTS), np.random.default_rng(k), centred=(True, True)) for k in range(SEQUENCE)]
    rows = []
    for name, sequence in (
        ("3 and 12, independent", [np.where(g < 0, 3.0, 12.0) for g in fields]),
        ("3 and 12, sorted", [np.where(g < 0, 3.0, 12.0) for g in ordered]),
        ("3 and 12, slowly changing", [np.where(g < 0, 3.0, 12.0) for g in walk]),
        ("smooth, slowly changing", [np.exp(5 * g) for g in walk]),
        ("few smooth modes, independent", few),
    ):
        for related in (0, 1, 8):
            seconds, count, _ = _solves(sequence, related)
            rows.append(
                {
                    "solver": f"{name}, start from {related} solutions",
                    "CPU ms a solve": 1e3 * seconds,
                    "iterations": count,
                }
            )
    return rows


def _peers(coefficients: list[np.ndarray]) -> tuple[float, float, float]:
    """CPU seconds a solve of SuperLU and of conjugate gradients with the diagonal, and the iterations of these."""
    direct, plain, count = 0.0, 0.0, 0
    b = np.full(POINTS**2, 1 / POINTS**2)
    for a in coefficients:
        matrix = _assembled(a)
        begin = time.process_time()
        scipy.sparse.linalg.spsolve(matrix, b)
        direct += time.process_time() - begin
        inverse = 1 / matrix.diagonal()
        steps: list[int] = []
        begin = time.process_time()
        preconditioner = scipy.sparse.linalg.LinearOperator(matrix.shape, lambda r, d=inverse: d * r)
        scipy.sparse.linalg.cg(matrix.tocsr(), b, rtol=1e-8, M=preconditioner, callback=lambda _, s=steps: s.append(1))
        plain += time.process_time() - begin
        count += len(steps)
    return direct / len(coefficients), plain / len(coefficients), count / len(coefficients)


def _assembled(a: np.ndarray) -> scipy.sparse.csc_matrix:
    """The same five-point equations by SciPy."""
    n = len(a)
    at = np.arange(n * n).reshape(n, n)
    diagonal, entries = np.zeros((n, n)), []
    for k in (0, 1):
        p, w = np.moveaxis(a, k, 0), np.moveaxis(at, k, 0)
        face, d = 2 * p[1:] * p[:-1] / (p[1:] + p[:-1]), np.moveaxis(diagonal, k, 0)
        d[1:] += face
        d[:-1] += face
        d[0] += 2 * p[0]
        d[-1] += 2 * p[-1]
        entries += [(w[1:].ravel(), w[:-1].ravel(), -face.ravel()), (w[:-1].ravel(), w[1:].ravel(), -face.ravel())]
    entries.append((at.ravel(), at.ravel(), diagonal.ravel()))
    rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    return scipy.sparse.csc_matrix((values, (rows, columns)))
