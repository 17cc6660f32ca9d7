"""Heat in a rod: written as mathematics, solved, compared with the exact solution, drawn.

    python examples/heat_equation.py [CELLS]
"""

import sys

import numpy as np

import symnum as sn

cells = int(sys.argv[1]) if len(sys.argv) > 1 else 64

t, x = sn.coordinates("t x")
u = sn.field("u", (t, x))
D = sn.parameter("D", 0.1, units="m^2/s")

rod = sn.PDESystem(
    [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2))],
    domain=sn.Domain(t=(0, 2), x=(0, 1)),
    conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})],  # held cold; insulated
    initial={u: sn.sin(sn.pi * x / 2)},
    name="rod",
)
solution = sn.solve(rod, resolution=cells)

exact = np.exp(-0.1 * (np.pi / 2) ** 2 * 2) * np.sin(np.pi / 2 * solution["x"].values)
print(f"{solution.method}; error at t = 2: {np.abs(solution[u].values[-1] - exact).max():.1e}")
solution.plot(path="heat_equation.png")
