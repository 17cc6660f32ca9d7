"""Small expressions of PDE and kinetics flavour, as their sources write them, for ``rewrite.py``. The list was fixed before any rule was tuned to it.

A row is a name, its source, and formulas separated by ``;`` (``name := formula`` is an abbreviation that the source uses; it is put in).
Formulas after ``d/d x, y:`` are differentiated by each of these names as well, without the formula itself: what a Jacobian generator hands on.
Every name is a positive number in (0.5, 2), except those after ``|``, which take either sign in (-2, 2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from symnum.expr.calculus import diff
from symnum.expr.ops import FUNCTIONS
from symnum.expr.parse import parse
from symnum.expr.term import Symbol, Term


@dataclass(frozen=True)
class Expression:
    """Terms to be rewritten together. ``positive``: symbols > 0; ``signed``: the others."""

    name: str
    source: str
    terms: tuple[Term, ...]
    positive: tuple[Symbol, ...]
    signed: tuple[Symbol, ...]


# name ~ source ~ formulas
_TEXT = """
competitive inhibition ~ Cornish-Bowden, Fundamentals of Enzyme Kinetics, 5.2 ~ V*S/(Km*(1 + I/Kc) + S)
mixed inhibition ~ Cornish-Bowden, 5.3 ~ V*S/(Km*(1 + I/Kc) + S*(1 + I/Ku))
reversible Michaelis-Menten ~ Cornish-Bowden, 2.7 ~ (Vf*S/Ks - Vr*P/Kp)/(1 + S/Ks + P/Kp)
ordered bi-uni ~ Segel, Enzyme Kinetics, ch. 9 ~ Vf*(A*B - P/Keq)/(Ka*Kb + Kb*A + A*B + Ka*Kb*P/Kp + Ka*B*P/(Kp*Kq))
substrate inhibition (Haldane) ~ Andrews, Biotechnol. Bioeng. 10 (1968) 707 ~ mu*S/(Ks + S + S^2/Ki)
chemostat (Monod) ~ Smith and Waltman, The Theory of the Chemostat, 1.3 ~
    (S0 - S)*D - m*S*X/(Y*(a + S)); X*(m*S/(a + S) - D)
Hill ~ Murray, Mathematical Biology I, 6.6 ~ V*S^n/(K^n + S^n)
Hill, slope ~ derivative of the row above with n = 4 ~ d/d S, K: V*S^4/(K^4 + S^4)
toggle switch ~ Gardner, Cantor, Collins, Nature 403 (2000) 339; Jacobian ~
    d/d u, v: a1/(1 + v^b) - u; a2/(1 + u^c) - v
Goldbeter-Koshland ~ Goldbeter and Koshland, PNAS 78 (1981) 6840 ~
    2*u*K/(v - u + v*J + u*K + ((v - u + v*J + u*K)^2 - 4*(v - u)*u*K)^(1/2))
Goldbeter-Koshland, slope ~ derivative of the row above ~
    d/d u: 2*u*K/(v - u + v*J + u*K + ((v - u + v*J + u*K)^2 - 4*(v - u)*u*K)^(1/2))
Monod-Wyman-Changeux ~ Monod, Wyman, Changeux, J. Mol. Biol. 12 (1965) 88 ~
    (L*c*a*(1 + c*a)^3 + a*(1 + a)^3)/(L*(1 + c*a)^4 + (1 + a)^4)
Oregonator ~ Tyson, J. Chem. Phys. 62 (1975) 1010 ~ (q*y - x*y + x*(1 - x))/eps; (-q*y - x*y + f*z)/delta; x - z
Brusselator ~ models/brusselator.py ~ b + u^2*v - (a + 1)*u; a*u - u^2*v
Brusselator, Jacobian ~ derivative of the row above ~ d/d u, v: b + u^2*v - (a + 1)*u; a*u - u^2*v
Gray-Scott ~ models/gray_scott.py ~ -u*v^2 + F*(1 - u); u*v^2 - (F + k)*v
Lengyel-Epstein ~ Lengyel and Epstein, Science 251 (1991) 650 ~ a - u - 4*u*v/(1 + u^2); s*b*(u - u*v/(1 + u^2))
Robertson, Jacobian ~ models/robertson.py ~ d/d x, y, z: -a*x + b*y*z; a*x - b*y*z - c*y^2; c*y^2
Holling II ~ Rosenzweig and MacArthur, Am. Nat. 97 (1963) 209 ~
    r*N*(1 - N/K) - a*N*P/(1 + a*h*N); e*a*N*P/(1 + a*h*N) - m*P
Holling III ~ Holling, Can. Entomol. 91 (1959) 385 ~
    r*N*(1 - N/K) - a*N^2*P/(1 + a*h*N^2); e*a*N^2*P/(1 + a*h*N^2) - m*P
Beddington-DeAngelis ~ DeAngelis, Goldstein, O'Neill, Ecology 56 (1975) 881; Jacobian ~
    d/d N, P: a*N*P/(1 + h*N + w*P)
stirred tank with Arrhenius rate ~ Seborg, Edgar, Mellichamp, Process Dynamics and Control, 2.4 ~
    q/V*(cf - c) - k0*exp(-E/(R*T))*c; q/V*(Tf - T) + H/(rho*C)*k0*exp(-E/(R*T))*c + U*A/(V*rho*C)*(Tc - T)
Arrhenius, slope ~ derivative of a rate by temperature and amount ~ d/d T, c: k0*T^2*exp(-E/(R*T))*c
Butler-Volmer ~ Bard and Faulkner, Electrochemical Methods, 3.3 ~
    i0*(exp(al*F*eta/(R*T)) - exp(-(1 - al)*F*eta/(R*T))) | eta
Hodgkin-Huxley gates ~ Hodgkin and Huxley, J. Physiol. 117 (1952) 500, shifted to rest at -65 mV ~
    am := (V + 40)/10/(1 - exp(-(V + 40)/10)); bm := 4*exp(-(V + 65)/18); ah := 7/100*exp(-(V + 65)/20); bh :=
    1/(1 + exp(-(V + 35)/10)); am*(1 - m) - bm*m; ah*(1 - h) - bh*h | V
Hodgkin-Huxley gates, relaxation ~ the same as (xinf - x)/tau ~
    an := (V + 55)/100/(1 - exp(-(V + 55)/10)); bn := 125/1000*exp(-(V + 65)/80); (an/(an + bn) - n)/(1/(an +
    bn)) | V
Hodgkin-Huxley current ~ Hodgkin and Huxley (1952) ~
    (I - gNa*m^3*h*(V - ENa) - gK*n^4*(V - EK) - gL*(V - EL))/C | V, I
FitzHugh-Nagumo, Jacobian ~ models/fitzhugh_nagumo.py ~ d/d v, w: v - v^3/3 - w + I; e*(v + a - b*w) | v, w, I
Morris-Lecar ~ Morris and Lecar, Biophys. J. 35 (1981) 193 ~
    (1 + tanh((V - V1)/V2))/2; p*cosh((V - V3)/(2*V4))*((1 + tanh((V - V3)/V4))/2 - w) | V
Goldman-Hodgkin-Katz flux ~ Hille, Ion Channels of Excitable Membranes, 14.2 ~
    P*z^2*V*F^2/(R*T)*(ci - co*exp(-z*V*F/(R*T)))/(1 - exp(-z*V*F/(R*T)))
Goldman-Hodgkin-Katz voltage ~ Hille, 14.3 ~ R*T/F*log((PK*Ko + PNa*No + PCl*Ci)/(PK*Ki + PNa*Ni + PCl*Co))
Wilson-Cowan ~ Wilson and Cowan, Biophys. J. 12 (1972) 1; slope of the sigmoid ~
    d/d x: 1/(1 + exp(-a*(x - th))) - 1/(1 + exp(a*th)) | x
Euler flux, 1-D ~ Toro, Riemann Solvers, 3.1, in conserved variables ~
    p := (g - 1)*(E - m^2/r/2); m; m^2/r + p; m*(E + p)/r | m
Euler flux, 2-D ~ Toro, 3.2 ~ p := (g - 1)*(E - r*((m/r)^2 + (n/r)^2)/2); m^2/r + p; m*n/r; m*(E + p)/r | m, n
Euler flux, Jacobian ~ Toro, 3.1.2, by differentiation ~
    d/d r, m, E: m^2/r + (g - 1)*(E - m^2/r/2); m*(E + (g - 1)*(E - m^2/r/2))/r | m
Roe averages ~ Roe, J. Comput. Phys. 43 (1981) 357 ~
    u := (rl^(1/2)*ul + rr^(1/2)*ur)/(rl^(1/2) + rr^(1/2)); H := (rl^(1/2)*Hl + rr^(1/2)*Hr)/(rl^(1/2) +
    rr^(1/2)); u; H; (g - 1)*(H - u^2/2) | ul, ur
HLL flux ~ Harten, Lax, van Leer, SIAM Rev. 25 (1983) 35 ~
    (b*fl - a*fr + a*b*(vr - vl))/(b - a); (b*gl - a*gr + a*b*(wr - wl))/(b - a) | fl, fr, gl, gr, vl, vr, wl,
    wr
shallow water eigenvalues ~ LeVeque, Finite Volume Methods, 13.1 ~
    q^2/h + g*h^2/2; q/h - (g*h)^(1/2); q/h + (g*h)^(1/2) | q
Burgers, Rusanov flux ~ Toro, 10.5 ~ (l^2/2 + r^2/2)/2 - maximum(abs(l), abs(r))/2*(r - l) | l, r
Burgers, central differences ~ models/burgers.py ~ -u*(r - l)/(2*h) + nu*(r - 2*u + l)/h^2 | l, r, u
Korteweg-de Vries stencil ~ Zabusky and Kruskal, Phys. Rev. Lett. 15 (1965) 240 ~
    -(b + c + d)*(d - b)/(3*2*h) - s^2*(e - 2*d + 2*b - a)/(2*h^3) | a, b, c, d, e
Kuramoto-Sivashinsky stencil ~ models/kuramoto_sivashinsky.py ~
    -c*(d - b)/(2*h) - (b - 2*c + d)/h^2 - (a - 4*b + 6*c - 4*d + e)/h^4 | a, b, c, d, e
porous medium flux ~ models/porous_medium.py ~ ((r^2 + u^2)/2*(r - u)/h - (u^2 + l^2)/2*(u - l)/h)/h
Cahn-Hilliard, expanded ~ models/cahn_hilliard.py: second difference of u^3 - u ~
    (r^3 - r - 2*(u^3 - u) + l^3 - l)/h^2 | l, r, u
Flory-Huggins potential ~ Flory, Principles of Polymer Chemistry, XII ~
    d/d p: p*log(p/3)/a + (1 - p/3)*log(1 - p/3)/b + chi*p*(1 - p/3)
Arakawa Jacobian ~ Arakawa, J. Comput. Phys. 1 (1966) 119 ~
    ((pe - pw)*(zn - zs) - (pn - ps)*(ze - zw) + pe*(zne - zse) - pw*(znw - zsw) - pn*(zne - znw) + ps*(zse -
    zsw) + zn*(pne - pnw) - zs*(pse - psw) - ze*(pne - pse) + zw*(pnw - psw))/(12*h^2) | pe, pw, pn, ps, zn,
    zs, ze, zw, zne, zse, znw, zsw, pne, pnw, pse, psw
WENO5 weights ~ Jiang and Shu, J. Comput. Phys. 126 (1996) 202 ~
    s := 13/12*(a - 2*b + c)^2 + 1/4*(a - 4*b + 3*c)^2; t := 13/12*(b - 2*c + d)^2 + 1/4*(b - d)^2; w :=
    13/12*(c - 2*d + e)^2 + 1/4*(3*c - 4*d + e)^2; p := 1/10/(eps + s)^2; q := 6/10/(eps + t)^2; r :=
    3/10/(eps + w)^2; p/(p + q + r); q/(p + q + r); r/(p + q + r) | a, b, c, d, e
van Leer limiter ~ van Leer, J. Comput. Phys. 14 (1974) 361 ~
    ((u - l)/(r - u) + abs((u - l)/(r - u)))/(1 + abs((u - l)/(r - u)))*(r - u) | l, r, u
van Albada limiter ~ van Albada, van Leer, Roberts, Astron. Astrophys. 108 (1982) 76 ~
    ((u - l)^2*(r - u) + (u - l)*(r - u)^2)/((u - l)^2 + (r - u)^2) | l, r, u
minmod limiter ~ Roe, Annu. Rev. Fluid Mech. 18 (1986) 337 ~
    (sign(u - l) + sign(r - u))/2*minimum(abs(u - l), abs(r - u)) | l, r, u
spherical Laplacian ~ Arfken and Weber, 2.5 ~
    urr + 2*ur/r + (uqq + cos(q)/sin(q)*uq)/r^2 + upp/(r^2*sin(q)^2) | urr, ur, uqq, uq, upp
mean curvature ~ do Carmo, Differential Geometry, 3.3 ~
    (uxx*(1 + uy^2) - 2*ux*uy*uxy + uyy*(1 + ux^2))/(2*(1 + ux^2 + uy^2)^(3/2)) | ux, uy, uxx, uxy, uyy
Perona-Malik ~ Perona and Malik, IEEE PAMI 12 (1990) 629; derivative of the flux ~
    d/d p: p/(1 + (p^2 + q^2)/K^2) | p, q
Taylor-Green vortex ~ Taylor and Green, Proc. R. Soc. A 158 (1937) 499 ~
    cos(x)*sin(y)*exp(-2*nu*t); -sin(x)*cos(y)*exp(-2*nu*t); -r/4*(cos(2*x) + cos(2*y))*exp(-4*nu*t) | x, y
KdV soliton, slope ~ Drazin and Johnson, Solitons, 1.4 ~ d/d x, t: c/2/cosh(c^(1/2)/2*(x - c*t - s))^2 | x
Burgers front, residual ~ Whitham, Linear and Nonlinear Waves, 4.3: slope and curvature ~
    d/d x, t: c - a*tanh(a*(x - c*t)/(2*nu)) | x
van der Pol, Jacobian ~ models/van_der_pol.py ~ d/d x, y: y; m*(1 - x^2)*y - x | x, y
Lorenz ~ models/lorenz.py ~ s*(y - x); x*(r - z) - y; x*y - b*z | x, y, z
two bodies ~ Hairer, Lubich, Wanner, Geometric Numerical Integration, I.2 ~
    G*m*(x - p)/((x - p)^2 + (y - q)^2)^(3/2); G*m*(y - q)/((x - p)^2 + (y - q)^2)^(3/2); G*n*(p - x)/((x -
    p)^2 + (y - q)^2)^(3/2); G*n*(q - y)/((x - p)^2 + (y - q)^2)^(3/2) | x, y, p, q
double pendulum ~ Landau and Lifshitz, Mechanics, section 5 solved for the accelerations ~
    (-g*(2*m + n)*sin(a) - n*g*sin(a - 2*b) - 2*sin(a - b)*n*(q^2*k + p^2*l*cos(a - b)))/(l*(2*m + n -
    n*cos(2*a - 2*b))); 2*sin(a - b)*(p^2*l*(m + n) + g*(m + n)*cos(a) + q^2*k*n*cos(a - b))/(k*(2*m + n -
    n*cos(2*a - 2*b))) | a, b, p, q
Lennard-Jones force ~ Allen and Tildesley, Computer Simulation of Liquids, 1.3 ~ d/d r: 4*e*((s/r)^12 - (s/r)^6)
Morse force ~ Morse, Phys. Rev. 34 (1929) 57 ~ d/d r: D*(1 - exp(-a*(r - q)))^2
lattice Boltzmann equilibrium ~ Qian, d'Humieres, Lallemand, Europhys. Lett. 17 (1992) 479 ~
    4/9*r*(1 - 3/2*(u^2 + v^2)); 1/9*r*(1 + 3*u + 9/2*u^2 - 3/2*(u^2 + v^2)); 1/9*r*(1 - 3*u + 9/2*u^2 -
    3/2*(u^2 + v^2)); 1/9*r*(1 + 3*v + 9/2*v^2 - 3/2*(u^2 + v^2)); 1/9*r*(1 - 3*v + 9/2*v^2 - 3/2*(u^2 +
    v^2)); 1/36*r*(1 + 3*(u + v) + 9/2*(u + v)^2 - 3/2*(u^2 + v^2)); 1/36*r*(1 - 3*(u + v) + 9/2*(u + v)^2 -
    3/2*(u^2 + v^2)) | u, v
von Mises stress ~ Timoshenko and Goodier, Theory of Elasticity ~
    (((a - b)^2 + (b - c)^2 + (c - a)^2)/2 + 3*(p^2 + q^2 + r^2))^(1/2) | a, b, c, p, q, r
rotation by a quaternion ~ Goldstein, Classical Mechanics, 4.5 ~
    (1 - 2*(y^2 + z^2))*a + 2*(x*y - w*z)*b + 2*(x*z + w*y)*c; 2*(x*y + w*z)*a + (1 - 2*(x^2 + z^2))*b +
    2*(y*z - w*x)*c; 2*(x*z - w*y)*a + 2*(y*z + w*x)*b + (1 - 2*(x^2 + y^2))*c | w, x, y, z, a, b, c
van Genuchten conductivity ~ van Genuchten, Soil Sci. Soc. Am. J. 44 (1980) 892 ~
    K*(1 + (al*h)^n)^(-m/2)*(1 - (al*h)^(n*m)*(1 + (al*h)^n)^(-m))^2
Black-Scholes ~ Black and Scholes, J. Polit. Econ. 81 (1973) 637 ~
    (log(S/K) + (r + s^2/2)*T)/(s*T^(1/2)); (log(S/K) + (r - s^2/2)*T)/(s*T^(1/2)) | r
"""


def expressions() -> list[Expression]:
    """All rows, parsed."""
    return [_expression(*(part.strip() for part in row.split("~"))) for row in re.split(r"\n(?! )", _TEXT.strip())]


def _expression(name: str, source: str, text: str) -> Expression:
    formulas, _, signed_names = text.partition("|")
    signed = {part.strip() for part in signed_names.split(",") if part.strip()}
    by: list[str] = []
    if found := re.match(r"d/d ([\w, ]+):", formulas):
        by, formulas = [part.strip() for part in found[1].split(",")], formulas[found.end() :]
    names: dict[str, Term] = {}
    terms: list[Term] = []
    for formula in formulas.split(";"):
        abbreviation, given, right = formula.rpartition(":=")
        for word in re.findall(r"[^\W\d]\w*", right):
            if word not in FUNCTIONS:
                names.setdefault(word, Symbol(word))
        term = parse(right, names)
        if given:
            names[abbreviation.strip()] = term
        else:
            terms.append(term)
    if by:
        terms = [diff(term, names[x]) for term in terms for x in by]
    found_symbols = [s for s in names.values() if isinstance(s, Symbol)]
    positive = tuple(s for s in found_symbols if s.name not in signed)
    return Expression(name, source, tuple(terms), positive, tuple(s for s in found_symbols if s.name in signed))
