"""The pattern of the Jacobian: which unknowns each equation reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from symnum.errors import SolveError
from symnum.pictures.frame import Frame, Path, name_of_system, on_grid
from symnum.result.style import FAINT, INK, MEDIUM, SMALL, symbol, tidy

CELLS = 400  # pixels across; larger patterns are drawn as the share of entries in each pixel


def sparsity(
    system: Any,
    resolution: Any = 8,
    *,
    scheme: str = "auto",
    order: int = 2,
    ax: Any = None,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Any:
    """Draw where the Jacobian ``df_i/dy_j`` of a discretised system is not identically zero.

    Args:
        system: a system (put on a grid with ``resolution``, ``scheme`` and ``order``), what ``sn.discretise`` gives, or a matrix (SciPy sparse or
            NumPy), entries that are not zero.
        ax: axes to draw in; path, title, width, dpi: as for ``sol.plot``.

    Rows are equations, columns unknowns; blocks are separated by lines and named by their fields. Patterns of more than 400 unknowns are drawn
    as the share of entries in each pixel. Raises SolveError for what is no system and no square matrix, and what ``sn.discretise`` raises.
    """
    if hasattr(system, "shape") and not hasattr(system, "semi"):
        matrix, blocks, name = _matrix(system), [], "matrix"
        algebraic: frozenset[str] = frozenset()
    else:
        made = on_grid(system, resolution, {"scheme": scheme, "order": order}, "sn.pictures.sparsity")
        matrix, name = made.sparsity.tocoo(), f"Jacobian of {name_of_system(made)}"
        blocks = [(a.field, a.offset, a.size) for a in made.semi.state]
        algebraic = made.semi.algebraic
    n, entries = matrix.shape[0], int(matrix.nnz)
    reach = int(np.abs(matrix.row - matrix.col).max()) if entries else 0
    parts = [f"{n:,} × {n:,}", f"{entries:,} entries, {100 * entries / n**2:.3g} %", f"bandwidth {reach:,}"]
    frame = Frame(ax, (title or name, "  ·  ".join(parts)), width, 5.0, 0.94, dpi)
    _draw(frame.axes, matrix, n)
    _name_blocks(frame.axes, blocks, n, algebraic)
    return frame.done(path)


def _matrix(given: Any) -> Any:
    from scipy.sparse import coo_array, issparse

    if len(given.shape) != 2 or given.shape[0] != given.shape[1] or not given.shape[0]:
        raise SolveError(f"sn.pictures.sparsity draws square matrices, not one of shape {tuple(given.shape)}")
    made = coo_array(given if issparse(given) else np.asarray(given))
    made.eliminate_zeros()
    return made


def _draw(axes: Any, matrix: Any, n: int) -> None:
    """The share of entries in each pixel, dark where it is 1; one pixel an entry in small matrices."""
    cells = min(n, CELLS)
    ends = np.linspace(0, n, cells + 1)
    counted, _, _ = np.histogram2d(matrix.row, matrix.col, bins=(ends, ends))
    most = counted.max() or 1.0
    shade = np.where(counted > 0, 0.6 + 0.4 * counted / most, 0.0)  # a single entry must be seen
    axes.imshow(shade, cmap="Blues", vmin=0, vmax=1.15, extent=(-0.5, n - 0.5, n - 0.5, -0.5), interpolation="nearest")
    tidy(axes)
    for side in axes.spines.values():
        side.set(color=FAINT, linewidth=0.7)
    axes.set_xlabel("unknown")
    axes.set_ylabel("equation")


def _name_blocks(axes: Any, blocks: list[tuple[str, int, int]], n: int, algebraic: frozenset[str]) -> None:
    """Fields in place of numbers, at most 24 of them; an equation without a time derivative is 0 = ..."""
    if not blocks or len(blocks) > 24:
        return
    middles = [offset + (size - 1) / 2 for _, offset, size in blocks]
    names = [symbol(field) for field, _, _ in blocks]
    for _, offset, _ in blocks[1:]:
        axes.axhline(offset - 0.5, color=FAINT, linewidth=0.6, label="_block")
        axes.axvline(offset - 0.5, color=FAINT, linewidth=0.6, label="_block")
    if n > 1:
        size = MEDIUM if len(blocks) <= 12 else SMALL - 1
        rates = ["0 = ..." if field in algebraic else f"d{symbol(field)}/d$t$" for field, _, _ in blocks]
        axes.set_xticks(middles, names, fontsize=size, color=INK)
        axes.set_yticks(middles, rates if len(blocks) <= 12 else names, fontsize=size, color=INK)
        axes.tick_params(length=0, labelsize=size)
