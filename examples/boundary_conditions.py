"""Boundary conditions are equations: a pollutant enters a river by its flux, decays, and leaves freely.

    python examples/boundary_conditions.py [CELLS]
"""

import sys

import symnum as sn

cells = int(sys.argv[1]) if len(sys.argv) > 1 else 200

t, x = sn.coordinates("t x")
u = sn.field("u", (t, x))
c, D, k = sn.parameters(c=1.0, D=0.02, k=0.3)
dumped = 20 * t**2 * sn.exp(-6 * t)  # grams a second
river = sn.PDESystem(
    [sn.Eq(sn.dt(u), -sn.diff(c * u - D * sn.diff(u, x), x) - k * u)],
    domain=sn.Domain(t=(0, 3), x=(0, 4)),
    conditions=[sn.condition(sn.Eq(c * u - D * sn.diff(u, x), dumped), at=sn.lower(x)), sn.neumann(u, 0, at=sn.upper(x))],
    initial={u: 0}, name="river")
solution = sn.solve(river, resolution=cells)
print(solution.method, "because", solution.why)
arrived = float(solution(t=3.0)[u].mean()) * 4
print(f"at t = 3 there are {arrived:.3f} of the {20 * 2 / 6**3:.3f} grams in the water")
solution.plot(path="boundary_conditions.png")
