"""The Brusselator with slow diffusion: what the model is, which method solves it and why, a picture and a file.

    python examples/brusselator.py [CELLS]
"""

import sys

import symnum as sn

cells = int(sys.argv[1]) if len(sys.argv) > 1 else 64

t, x, y = sn.coordinates("t x y")
u, v = sn.fields("u v", (t, x, y))
alpha, a, b = sn.parameters(alpha=0.002, a=3.4, b=1.0)
forcing = sn.where((x - 0.3) ** 2 + (y - 0.6) ** 2 <= 0.01, 5.0, 0.0) * (t >= 1.1)
brusselator = sn.PDESystem(
    [sn.Eq(sn.dt(u), b + u**2 * v - (a + 1) * u + alpha * sn.laplacian(u) + forcing),
     sn.Eq(sn.dt(v), a * u - u**2 * v + alpha * sn.laplacian(v))],
    domain=sn.Domain(t=(0, 11.5), x=(0, 1), y=(0, 1)),
    conditions=[sn.periodic(x), sn.periodic(y)],
    initial={u: 22 * (y * (1 - y)) ** 1.5, v: 27 * (x * (1 - x)) ** 1.5},
    name="brusselator",
)
print(brusselator.explain())
solution = sn.solve(brusselator, resolution=cells)
print(solution.method, "because", solution.why)
print(f"u in the middle at t = 5: {float(solution(t=5.0, x=0.5, y=0.5)[u]):.4f}")
solution.plot(path="brusselator.png")
solution.save("brusselator.nc")
