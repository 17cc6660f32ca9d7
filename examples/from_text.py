"""A model from text, as in a file or from another program: the text is parsed by symnum's grammar, never run as Python.

    python examples/from_text.py [CELLS]
"""

import sys

import symnum as sn

cells = int(sys.argv[1]) if len(sys.argv) > 1 else 256

front = sn.PDESystem.from_text(
    equations=["dt(u) = D*dxx(u) + r*u*(1 - u)*(u - s)"],  # Nagumo's equation
    domain={"t": (0, 60), "x": (-20, 40)},
    conditions=["dx(u) = 0 @ x=-20", "dx(u) = 0 @ x=40"],
    initial=["u = 1/(1 + exp(x/sqrt(2)))"],
    parameters={"D": 1.0, "r": 1.0, "s": 0.2},
    name="nagumo",
)
solution = sn.solve(front, resolution=cells)
start, stop = (float(solution(t=time)["u"].mean()) for time in (10.0, 40.0))
print(f"the front runs at {60 * (stop - start) / 30:.4f}; theory says (1 - 2 s)/sqrt(2) = {0.6 / 2**0.5:.4f}")
solution.plot(path="from_text.png")
