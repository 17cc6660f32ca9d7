"""A ball that bounces until its energy is spent: events that jump and one that ends the solve.

    python examples/bouncing_ball.py [PERCENT]
"""

import sys

import symnum as sn

restitution = (float(sys.argv[1]) if len(sys.argv) > 1 else 80) / 100  # of the speed, at each impact
g = 9.81

t = sn.coordinates("t")
height, speed = sn.fields("height speed", (t,))
ball = sn.ODESystem(
    [sn.Eq(sn.dt(height), speed), sn.Eq(sn.dt(speed), -g)],
    t=(0, 20),
    initial={height: 1.0, speed: 0.0},
    events=[
        sn.Event(height <= 0, {speed: -restitution * speed}),
        sn.Event(speed**2 / 2 + g * height <= 0.01, "terminate"),
    ],
    name="bouncing ball",
)
solution = sn.solve(ball, rtol=1e-9)
impacts = [event.t for event in solution.events if event.index == 0]
print(f"{solution.message} Impacts at {', '.join(f'{time:.6f}' for time in impacts[:4])}, ...; the first is due at {(2 / g) ** 0.5:.6f}.")
solution.plot(path="bouncing_ball.png")
