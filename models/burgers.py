"""Burgers' equation: a sine wave steepens into a front that viscosity keeps smooth

    u_t + u u_x = nu u_xx     0 <= x < 2 pi periodic,  0 < t < 1.5,  nu = 0.05
    u = sin(x)                at t = 0

What to look at: the crest runs faster than the trough and overtakes it near x = pi at t = 1; without viscosity the
solution would break there.

Exact solution (E. Hopf, Comm. Pure Appl. Math. 3, 1950; J. D. Cole, Quart. Appl. Math. 9, 1951): u = -2 nu phi_x /
phi with phi_t = nu phi_xx and phi = exp((cos(x) - 1)/(2 nu)) at t = 0, whose Fourier coefficients are modified
Bessel functions.
"""

from __future__ import annotations

import symnum as sn

tags = ("advection", "diffusion", "nonlinear", "1-D", "periodic", "exact solution")
order = 2
resolution = 512
solve_options: dict[str, object] = {}
reference = "exact solution by the Cole-Hopf transformation"


def system() -> sn.PDESystem:
    """The model; parameter nu, the viscosity."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    nu = sn.parameter("nu", 0.05)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), -u * sn.diff(u, x) + nu * sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 1.5), x=(0, 2 * sn.pi)),
        conditions=[sn.periodic(x)],
        initial={u: sn.sin(x)},
        name="burgers",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's value of nu.

    nu must be 0.04 or more: below, phi near x = pi drowns in the rounding of the sum.
    """
    from scipy.special import ive

    t, (x,), nu = model.time, model.space, model.parameters["nu"]
    # exp(R (cos x - 1)) = e^-R I_0(R) + 2 sum_k e^-R I_k(R) cos(k x);  ive(k, R) = e^-R I_k(R)
    R = 1 / (2 * nu)
    waves = [(k, 2 * float(ive(k, R)) * sn.exp(-nu * k**2 * t)) for k in range(1, 400) if ive(k, R) > 1e-20]
    phi = float(ive(0, R)) + sum(a * sn.cos(k * x) for k, a in waves)
    slope = -sum(k * a * sn.sin(k * x) for k, a in waves)
    return {"u": -2 * nu * slope / phi}
