"""Written equations held against the measured values: their constants and the start are fitted, the form stays.

u' = f(u; c),  u(t_1) = a:    minimise sum_k ||u(t_k; c, a) - d_k||^2 over c and a, from the constants that were written and a = d_1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symnum.datasets.corruption import skeleton
from symnum.errors import ModelError
from symnum.formats.prose.read import nodes, read
from symnum.formats.prose.words import ODE, parse, split
from symnum.neural.parameter_fit import ParameterFit, fit


def refined(
    tokens: str | Sequence[str],
    times: Any,
    values: Any,
    *,
    until: float | None = None,
    within: float | None = 0.2,
    **options: Any,
) -> ParameterFit:
    """Tokens, such as ``ProseLearner.write`` gives, with their constants fitted to data: ``sn.neural.refined(tokens, times, noisy).system``.

    Args:
        times: (m,), increasing; the start is at the first. values: (m, d), a column an equation, NaN where not measured (not in the first row).
        until: the end of the interval of the system that comes out (None: the last of the times); ``sn.solve`` goes on to there.
        within: how far constants may go from what was written, as a share of it: few data say little of some of them. None: anywhere.
        options: of ``sn.fit`` (noise, method="KenCarp4" for stiff equations, bounds of single parameters in place of ``within``, ...).

    The parameters are c_0, c_1, ... in the order of the tokens and start_0, start_1, ... Numbers that are structure (``u_0' = 1`` of a time, whole
    numbers) are fitted as well. Raises ParseError for tokens that are no system, ModelError for shapes, and what ``sn.fit`` raises.
    """
    words = split(tokens)
    at, data = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    trees = parse(words, ODE)
    if at.ndim != 1 or len(at) < 2 or data.shape != (len(at), len(trees)):
        raise ModelError(
            f"times have the shape {at.shape}, values {data.shape}; expected (m,) and (m, {len(trees)}), a column for each equation"
        )
    from symnum.model.field import parameter

    constants = [float(node.value) for tree in trees for node in nodes(tree) if node.head == "number"]
    start = [parameter(f"start_{k}", float(value)) for k, value in enumerate(data[0])]
    system = read(
        skeleton(words),
        "ode",
        values=constants,
        initial=start,
        t=(float(at[0]), float(at[-1] if until is None else until)),
    )
    names = [*(f"c_{k}" for k in range(len(constants))), *(p.name for p in start)]
    bounds = _bounds(constants, within) | {
        str(getattr(p, "name", p)): pair for p, pair in options.pop("bounds", {}).items()
    }
    return fit(system, {f"u_{k}": (at, data[:, k]) for k in range(len(trees))}, names, bounds=bounds, **options)


def _bounds(constants: list[float], within: Any) -> dict[str, tuple[float | None, float | None]]:
    if within is None:
        return {}
    if isinstance(within, bool) or not isinstance(within, (int, float)) or not 0 < within < float("inf"):
        raise ModelError(f"within={within!r} is no share of the constants; write within=0.2, or None for no bounds")
    return {
        f"c_{k}": (value - within * abs(value), value + within * abs(value))
        for k, value in enumerate(constants)
        if value
    }
