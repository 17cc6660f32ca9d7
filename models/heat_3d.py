"""Heat in a block, with every kind of condition on its faces

    u_t = D lap u                                    unit cube,  0 < t < 0.1
    u = w  at x = 0 and z = 0                        held at a given temperature (Dirichlet)
    u_n = w_n  at x = 1, y = 0 and y = 1             fed with a given flow of heat (Neumann)
    2 u + u_n = 2 w + w_n  at z = 1                  in exchange with the surroundings (Robin)
    u = w                                            at t = 0

with w = 1 + exp(-D (a^2 + b^2 + c^2) t) cos(a x + 1) cos(b y - 1) cos(c z - 2),  a = 2,  b = 3,  c = 2.5.

What to look at: the block is cut out of a wave of heat that dies away in an endless body. The faces are told what the
rest of the body would do, so inside nothing shows that there are faces at all: a scheme that treats one of them badly
bends the smooth pattern there.

Exact solution: u = w, a product of waves by separation of variables; see H. S. Carslaw and J. C. Jaeger, *Conduction of
Heat in Solids*, 2nd ed., Oxford 1959, section 5.6.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("diffusion", "3-D", "Dirichlet", "Neumann", "Robin", "exact solution")
order = 2
resolution = 32
solve_options: dict[str, object] = {}
reference = "exact solution by separation of variables"
convergence_cells = {2: (12, 16, 24), 4: (8, 12, 16)}
convergence_until = 0.02

_WAVES = (2.0, 3.0, 2.5)  # a, b, c
_SHIFTS = (1.0, -1.0, -2.0)


def system() -> sn.PDESystem:
    """The model; parameter D, the diffusivity."""
    t, x, y, z = sn.coordinates("t x y z")
    u = sn.field("u", (t, x, y, z))
    D = sn.parameter("D", 1.0)
    w = _wave(t, (x, y, z), D)
    at_the_top = 2 * w + sn.diff(w, z)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.laplacian(u))],
        domain=sn.Domain(t=(0, 0.1), x=(0, 1), y=(0, 1), z=(0, 1)),
        conditions=[
            sn.dirichlet(u, sn.substitute(w, {x: 0}), at={x: 0}),
            sn.neumann(u, sn.substitute(sn.diff(w, x), {x: 1}), at={x: 1}),
            sn.neumann(u, sn.substitute(-sn.diff(w, y), {y: 0}), at={y: 0}),
            sn.neumann(u, sn.substitute(sn.diff(w, y), {y: 1}), at={y: 1}),
            sn.dirichlet(u, sn.substitute(w, {z: 0}), at={z: 0}),
            sn.robin(u, 2, 1, sn.substitute(at_the_top, {z: 1}), at={z: 1}),
        ],
        initial={u: _wave(0, (x, y, z), D)},
        name="heat_3d",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x, y, z) as a term, with the model's value of D."""
    return {"u": _wave(model.time, model.space, model.parameters["D"])}


def _wave(t: Any, place: Any, D: Any) -> Any:
    product = sn.exp(-D * sum(k**2 for k in _WAVES) * t)
    for k, c, shift in zip(_WAVES, place, _SHIFTS, strict=True):
        product *= sn.cos(k * c + shift)
    return 1 + product
