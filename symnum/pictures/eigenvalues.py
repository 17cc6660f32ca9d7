"""Eigenvalues of the Jacobian, beside the region in which an explicit method is stable."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from symnum.errors import SolveError
from symnum.pictures.frame import Frame, Path, name_of_system, on_grid
from symnum.result.style import FAINT, INK, LINE_COLOURS, SMALL, open_box, tidy
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.tableau import Tableau

MOST = 1500  # unknowns, of a dense eigenvalue problem


def spectrum(
    system: Any,
    method: str | None = None,
    dt: float | None = None,
    *,
    resolution: Any = 16,
    scheme: str = "auto",
    order: int = 2,
    state: Any = None,
    t: float | None = None,
    ax: Any = None,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Any:
    """Draw the eigenvalues of ``df/dy`` in the complex plane; with an explicit method, those of ``dt df/dy`` and ``|R(z)| <= 1``.

    R is the stability function of the method, ``R(z) = 1 + z b^T (1 - z A)^-1 e`` with its tableau A, b (Hairer and Wanner, Solving Ordinary
    Differential Equations II, section IV.3): a step of length dt is stable where all the points lie in the grey region.

    Args:
        system: a system (put on a grid with ``resolution``, ``scheme`` and ``order``), or what ``sn.discretise`` gives.
        method: "Tsit5", "Dopri5" or "Vern7"; dt: the step (default: the longest that is stable for what does not grow by itself).
        state, t: where the Jacobian is taken; default: the initial state and time.
        ax, path, title, width, dpi: as for ``sol.plot``.

    Raises SolveError for more than 1500 unknowns, a method without a tableau, and a dt that is no positive number.
    """
    made = on_grid(system, resolution, {"scheme": scheme, "order": order}, "sn.pictures.spectrum")
    if made.size > MOST:
        raise SolveError(
            f"{made.size:,} unknowns are too many for all eigenvalues; write resolution=8, at most {MOST:,} unknowns"
        )
    y = made.initial_state() if state is None else np.asarray(state, dtype=float)
    time = made.semi.time_span[0] if t is None else t
    jacobian = made.jacobian(time, np.ascontiguousarray(y))
    values = np.linalg.eigvals(jacobian.toarray() if hasattr(jacobian, "toarray") else np.asarray(jacobian))
    heading = title or f"spectrum of {name_of_system(made)}"
    if method is None:
        if dt is not None:
            raise SolveError('dt belongs to a method; write method="Tsit5" too, or leave dt out')
        frame = Frame(
            ax,
            (heading, f"{made.size:,} eigenvalues of the Jacobian at t = {time:g}"),
            width,
            5.0,
            0.8,
            dpi,
        )
        _points(frame.axes, values, "λ")
        return frame.done(path)
    a, b, name = _tableau(method)
    step = _longest(a, b, values) if dt is None else dt
    if isinstance(step, bool) or not isinstance(step, (int, float)) or not step > 0 or not np.isfinite(step):
        raise SolveError(f"dt={dt!r} is not a positive number; write dt=1e-3, or leave it out")
    outside = int((np.abs(stability(a, b, step * _decaying(values))) > 1 + 1e-9).sum())
    growing = values.size - _decaying(values).size
    verdict = f"{outside:,} of {made.size:,} modes are unstable" if outside else "stable"
    verdict += f", {growing:,} grow by themselves" if growing else ""
    frame = Frame(ax, (heading, f"{name}, Δt = {step:.3g}: {verdict}"), width, 5.0, 0.8, dpi)
    _points(frame.axes, step * values, "Δt λ")
    _region(frame.axes, a, b)
    return frame.done(path)


def stability(a: np.ndarray, b: np.ndarray, z: np.ndarray) -> np.ndarray:
    """R(z) of an explicit tableau, a (s, s) strictly lower triangular and b (s,): a polynomial, by its stages."""
    stages: list[np.ndarray] = []
    for row in a:
        stages.append(1 + z * sum((w * k for w, k in zip(row, stages, strict=False)), np.zeros_like(z)))
    value: np.ndarray = 1 + z * sum((w * k for w, k in zip(b, stages, strict=True)), np.zeros_like(z))
    return value


def _tableau(method: str) -> tuple[np.ndarray, np.ndarray, str]:
    """A (s, s), b (s,) and the name of an explicit Runge-Kutta method."""
    there = {name: found for name in methods() if (found := _explicit(name)) is not None}
    name = next((n for n in there if n.lower() == str(method).lower()), None)
    if name is None:
        raise SolveError(
            f"{method!r} is no explicit Runge-Kutta method with a tableau; write method= one of {', '.join(there)}"
        )
    b = np.array([float(w) for w in there[name].b])
    a = np.zeros((b.size, b.size))
    for row, weights in enumerate(there[name].a[: b.size - 1], start=1):
        a[row, : len(weights)] = [float(w) for w in weights]
    return a, b, name


def _explicit(name: str) -> Tableau | None:
    try:
        module = import_module(f"symnum.solvers.embedded.methods.{name.lower().replace('-', '_')}")
    except ModuleNotFoundError:
        return None
    found = getattr(module, "TABLEAU", None)
    return found if isinstance(found, Tableau) else None


def _longest(a: np.ndarray, b: np.ndarray, values: np.ndarray) -> float:
    """The longest stable step, to one per cent; eigenvalues that grow by themselves are left out."""
    falling = _decaying(values)
    reach = float(np.abs(falling).max()) if falling.size else 0.0
    if reach == 0:
        return 1.0
    low, high = 0.0, 20.0 / reach
    for _ in range(60):
        middle = (low + high) / 2
        stable = bool((np.abs(stability(a, b, middle * falling)) <= 1 + 1e-9).all())
        low, high = (middle, high) if stable else (low, middle)
        if low > 0 and high < 1.01 * low:
            break
    return low or high


def _decaying(values: np.ndarray) -> np.ndarray:
    """The eigenvalues of modes that do not grow, to rounding."""
    return values[values.real <= 1e-9 * float(np.abs(values).max(initial=0.0))]


def _points(axes: Any, values: np.ndarray, name: str) -> None:
    axes.plot(values.real, values.imag, "o", color=LINE_COLOURS[1], markersize=3.2, zorder=3, label="eigenvalues")
    axes.axhline(0, color=FAINT, linewidth=0.6, zorder=1)
    axes.axvline(0, color=FAINT, linewidth=0.6, zorder=1)
    axes.set(xlabel=f"Re {name}", ylabel=f"Im {name}")
    spread = max(float(np.ptp(values.real)), float(np.ptp(values.imag))) or 1.0
    if np.ptp(values.imag) < 1e-9 * spread:
        axes.set_ylim(-0.4 * spread, 0.4 * spread)
    open_box(axes)
    tidy(axes)


def _region(axes: Any, a: np.ndarray, b: np.ndarray) -> None:
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    reach = 1.3 * b.size  # the region of s stages lies within
    x0, x1 = min(x0, -0.75 * reach), max(x1, 1.0)
    y0, y1 = min(y0, -0.75 * reach), max(y1, 0.75 * reach)
    x, y = np.meshgrid(np.linspace(x0, x1, 300), np.linspace(y0, y1, 300))
    size = np.abs(stability(a, b, x + 1j * y))
    axes.contourf(x, y, size, levels=[0, 1], colors=["#D9D9D9"], zorder=0)
    axes.contour(x, y, size, levels=[1], colors=[INK], linewidths=0.9, zorder=2)
    axes.set(xlim=(x0, x1), ylim=(y0, y1))
    axes.annotate("|R(z)| ≤ 1", (0.02, 0.03), xycoords="axes fraction", fontsize=SMALL, color=FAINT)
    tidy(axes)
