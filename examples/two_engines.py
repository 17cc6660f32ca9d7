"""One model on two engines, symnum's own and DifferentialEquations.jl (where Julia is there): solutions and times.

    python examples/two_engines.py
"""

import matplotlib.pyplot as plt

import symnum as sn

front = sn.PDESystem.from_text(  # Fisher and KPP: a population that spreads at speed 2
    equations=["dt(u) = dxx(u) + u*(1 - u)"], domain={"t": (0, 10), "x": (0, 40)},
    conditions=["u = 1 @ x=0", "dx(u) = 0 @ x=40"], initial=["u = exp(-x)"], name="front")
options = {"resolution": 200, "method": "ROCK4", "rtol": 1e-7, "saveat": [0, 5, 10]}
figure, (curves, times) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=(3, 1))
for engine, style in (("embedded", "-"), ("julia", "k--")):
    try:
        solution = [sn.solve(front, backend=engine, **options) for _ in range(2)][-1]  # the first solve also compiles
    except sn.BackendUnavailable as absent:
        print(f"{engine}: {absent}")
        continue
    milliseconds = 1e3 * solution.stats["solve_seconds"]
    print(f"{engine}: {solution.method}, {solution.stats['steps']} steps, {milliseconds:.2f} ms, u(10, 20) = {float(solution(t=10, x=20)['u']):.9f}")
    curves.plot(solution["u"].x, solution["u"].values.T, style, label=[engine, "_", "_"])  # one entry for t = 0, 5, 10
    times.bar(engine, milliseconds)
curves.set(xlabel="x", ylabel="u", title="t = 0, 5, 10")
curves.legend()
times.set(ylabel="ms, second solve")
figure.savefig("two_engines.png")
