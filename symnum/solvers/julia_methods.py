"""Algorithms of DifferentialEquations.jl by name: package, kind, and what each family is for. Known, suggested and refused without Julia.

Made from what OrdinaryDiffEq 7.7 and StochasticDiffEq 7.1 export; ``julia/src/algorithms.jl`` holds the same names (a test compares them). Left out:
algorithms for problems that symnum does not pose (delays, jumps, residual form F(t, y, y') = 0, operators on Lie groups, y'' = f(t, y)).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from symnum.errors import SolveError, did_you_mean

EXPLICIT, IMPLICIT, SPLIT, PARTITIONED, STOCHASTIC = "explicit", "implicit", "split", "partitioned", "stochastic"


class Algorithm(NamedTuple):
    """``package`` of Julia, ``kind`` of problem it takes, and what it is in words."""

    package: str
    kind: str
    words: str


_FAMILIES: tuple[tuple[str, str, str, str], ...] = (  # package, kind, what the family is, names
    ("OrdinaryDiffEqTsit5", EXPLICIT, "explicit Runge-Kutta 5(4) of Tsitouras", "Tsit5"),
    ("OrdinaryDiffEqTsit5", IMPLICIT, "Tsit5 that changes to a stiff method where needed", "AutoTsit5"),
    (
        "OrdinaryDiffEqVerner",
        EXPLICIT,
        "explicit Runge-Kutta of Verner: tight tolerances",
        "Vern6 Vern7 Vern8 Vern9 RKV76IIa",
    ),
    (
        "OrdinaryDiffEqVerner",
        IMPLICIT,
        "Verner's that changes to a stiff method where needed",
        "AutoVern6 AutoVern7 AutoVern8 AutoVern9",
    ),
    (
        "OrdinaryDiffEqLowOrderRK",
        EXPLICIT,
        "explicit Runge-Kutta of low or middle order",
        """Euler Heun Ralston Ralston4 Midpoint RK4 BS3 OwrenZen3 OwrenZen4 OwrenZen5 BS5 DP5 Anas5 RKO65 FRK65 RKM MSRK5 MSRK6 PSRK4p7q6
        PSRK3p5q4 PSRK3p6q5 Stepanov5 SIR54 Alshina2 Alshina3 Alshina6""",
    ),
    ("OrdinaryDiffEqLowOrderRK", IMPLICIT, "DP5 that changes to a stiff method where needed", "AutoDP5"),
    ("OrdinaryDiffEqHighOrderRK", EXPLICIT, "explicit Runge-Kutta of order 7 or 8", "TanYam7 DP8 PFRK87 TsitPap8"),
    ("OrdinaryDiffEqFeagin", EXPLICIT, "explicit Runge-Kutta of order 10 to 14", "Feagin10 Feagin12 Feagin14"),
    ("OrdinaryDiffEqQPRK", EXPLICIT, "explicit Runge-Kutta 9(8)", "QPRK98"),
    (
        "OrdinaryDiffEqSSPRK",
        EXPLICIT,
        "explicit Runge-Kutta that preserves strong stability: hyperbolic equations",
        """SSPRK53_2N2 SSPRK22 SSPRK53 SSPRK63 SSPRK83 SSPRK43 SSPRK432 SSPRKMSVS32 SSPRK54 SSPRK53_2N1 SSPRK104 SSPRK932 SSPRKMSVS43 SSPRK73
        SSPRK53_H SSPRK33 KYKSSPRK42 KYK2014DGSSPRK_3S2""",
    ),
    (
        "OrdinaryDiffEqLowStorageRK",
        EXPLICIT,
        "explicit Runge-Kutta of low storage: large systems, waves",
        """ORK256 CarpenterKennedy2N54 SHLDDRK64 DGLDDRK73_C DGLDDRK84_C DGLDDRK84_F NDBLSRK124 NDBLSRK134 NDBLSRK144 CFRLDDRK64 TSLDDRK74
        CKLLSRK43_2 CKLLSRK54_3C CKLLSRK95_4S CKLLSRK95_4C CKLLSRK95_4M CKLLSRK54_3C_3R CKLLSRK54_3M_3R CKLLSRK54_3N_3R CKLLSRK85_4C_3R
        CKLLSRK85_4M_3R CKLLSRK85_4P_3R CKLLSRK54_3N_4R CKLLSRK54_3M_4R CKLLSRK65_4M_4R CKLLSRK85_4FM_4R CKLLSRK75_4M_5R
        ParsaniKetchesonDeconinck3S32 ParsaniKetchesonDeconinck3S82 ParsaniKetchesonDeconinck3S53 ParsaniKetchesonDeconinck3S173
        ParsaniKetchesonDeconinck3S94 ParsaniKetchesonDeconinck3S184 ParsaniKetchesonDeconinck3S105 ParsaniKetchesonDeconinck3S205 RDPK3Sp35
        RDPK3SpFSAL35 RDPK3Sp49 RDPK3SpFSAL49 RDPK3Sp510 RDPK3SpFSAL510 RK46NL SHLDDRK_2N SHLDDRK52""",
    ),
    (
        "OrdinaryDiffEqStabilizedRK",
        EXPLICIT,
        "stabilised explicit Runge-Kutta: diffusion on fine grids",
        "ROCK2 ROCK4 RKC RKMC2 ESERK4 ESERK5 SERK2 TSRKC2 TSRKC3 RKL1 RKL2 RKG1 RKG2",
    ),
    (
        "OrdinaryDiffEqAdamsBashforthMoulton",
        EXPLICIT,
        "Adams-Bashforth and Moulton multistep: costly right-hand sides",
        "AB3 AB4 AB5 ABM32 ABM43 ABM54 VCAB3 VCAB4 VCAB5 VCABM3 VCABM4 VCABM5 VCABM",
    ),
    (
        "OrdinaryDiffEqNordsieck",
        EXPLICIT,
        "multistep in Nordsieck form (experimental)",
        "AN5 JVODE JVODE_Adams JVODE_BDF",
    ),
    (
        "OrdinaryDiffEqExtrapolation",
        EXPLICIT,
        "explicit extrapolation of any order",
        "AitkenNeville ExtrapolationMidpointDeuflhard ExtrapolationMidpointHairerWanner",
    ),
    (
        "OrdinaryDiffEqExtrapolation",
        IMPLICIT,
        "implicit extrapolation of any order: stiff equations",
        """ImplicitEulerExtrapolation ImplicitDeuflhardExtrapolation ImplicitHairerWannerExtrapolation
        ImplicitEulerBarycentricExtrapolation""",
    ),
    (
        "OrdinaryDiffEqRosenbrock",
        IMPLICIT,
        "Rosenbrock: stiff equations, algebraic equations",
        """Rosenbrock23 Rosenbrock32 RosShamp4 Veldd4 Velds4 GRK4T GRK4A Ros4LStab ROS3P Rodas3 Rodas3d Rodas23W Rodas3P Rodas4 Rodas42
        Rodas4P Rodas4P2 Rodas4PW Rodas5 Rodas5P Rodas5Pe Rodas5Pr Rodas6P RosenbrockW6S4OS ROS34PW1a ROS34PW1b ROS34PW2 ROS34PW3 ROS34PRw
        ROS3PRL ROS3PRL2 ROK4a ROS2 ROS2PR ROS2S ROS3 ROS3PR Scholz4_7""",
    ),
    (
        "OrdinaryDiffEqSDIRK",
        IMPLICIT,
        "singly diagonally implicit Runge-Kutta: stiff equations",
        """ImplicitEuler ImplicitMidpoint Trapezoid TRBDF2 SDIRK2 SDIRK22 SSPSDIRK2 Kvaerno3 KenCarp3 Cash4 Hairer4 Hairer42 Kvaerno4 Kvaerno5
        KenCarp4 KenCarp47 KenCarp5 KenCarp58 ESDIRK54I8L2SA SFSDIRK4 SFSDIRK5 SFSDIRK6 SFSDIRK7 SFSDIRK8 ESDIRK325L2SA ESDIRK436L2SA2
        ESDIRK437L2SA ESDIRK547L2SA2 ESDIRK659L2SA""",
    ),
    (
        "OrdinaryDiffEqBDF",
        IMPLICIT,
        "backward differentiation: large stiff systems, algebraic equations",
        "ABDF2 QNDF1 QBDF1 QNDF2 QBDF2 QNDF QBDF FBDF MEBDF2",
    ),
    (
        "OrdinaryDiffEqFIRK",
        IMPLICIT,
        "fully implicit Runge-Kutta: stiff equations, tight tolerances",
        "RadauIIA3 RadauIIA5 RadauIIA9 AdaptiveRadau GaussLegendre",
    ),
    (
        "OrdinaryDiffEqExponentialRK",
        IMPLICIT,
        "exponential Rosenbrock and EPIRK: stiff equations, exponentials of df/dy",
        "Exp4 EPIRK4s3A EPIRK4s3B EPIRK5s3 EXPRB53s3 EPIRK5P1 EPIRK5P2 Exprb32 Exprb43",
    ),
    (
        "OrdinaryDiffEqExponentialRK",
        SPLIT,
        "exponential Runge-Kutta for f = L y + N(t, y), L exactly",
        "LawsonEuler NorsettEuler ETD1 ETDRK2 ETDRK3 ETDRK4 HochOst4 ETD2",
    ),
    (
        "OrdinaryDiffEqSymplecticRK",
        PARTITIONED,
        "symplectic, for q' = g(p), p' = h(t, q): energy is kept over long times",
        """SymplecticEuler VelocityVerlet VerletLeapfrog LeapfrogDriftKickDrift PseudoVerletLeapfrog McAte2 Ruth3 McAte3 CandyRoz4 McAte4
        McAte42 McAte5 CalvoSanz4 Yoshida6 KahanLi6 McAte8 KahanLi8 SofSpa10""",
    ),
    (
        "OrdinaryDiffEqDefault",
        IMPLICIT,
        "the default of DifferentialEquations.jl, which changes its method as it goes",
        "DefaultODEAlgorithm DefaultImplicitODEAlgorithm",
    ),
    (
        "StochasticDiffEqLowOrder",
        STOCHASTIC,
        "stochastic: Euler-Maruyama and Milstein",
        "EM EulerHeun LambaEM LambaEulerHeun SimplifiedEM RKMil RKMilCommute PCEuler",
    ),
    (
        "StochasticDiffEqHighOrder",
        STOCHASTIC,
        "stochastic Runge-Kutta of strong order 1.5: diagonal (SRI) or additive (SRA) noise",
        "SRI SRIW1 SRIW2 SOSRI SOSRI2 SRA SRA1 SRA2 SRA3 SOSRA SOSRA2",
    ),
    (
        "StochasticDiffEqMilstein",
        STOCHASTIC,
        "stochastic: Milstein of strong order 1",
        "RKMilGeneral WangLi3SMil_A WangLi3SMil_B WangLi3SMil_C WangLi3SMil_D WangLi3SMil_E WangLi3SMil_F",
    ),
    (
        "StochasticDiffEqImplicit",
        STOCHASTIC,
        "stochastic, implicit: stiff drift",
        "ImplicitEM ImplicitEulerHeun ImplicitRKMil STrapezoid SImplicitMidpoint ISSEM ISSEulerHeun SKenCarp",
    ),
    (
        "StochasticDiffEqROCK",
        STOCHASTIC,
        "stochastic, stabilised explicit: diffusive drift",
        "SROCK1 SROCK2 KomBurSROCK2 SROCKC2 SROCKEM SKSROCK TangXiaoSROCK2",
    ),
    (
        "StochasticDiffEqWeak",
        STOCHASTIC,
        "stochastic, of high weak order: means of many paths",
        """DRI1 DRI1NM RI1 RI3 RI5 RI6 RDI1WM RDI2WM RDI3WM RDI4WM W2Ito1 RS1 RS2 PL1WM PL1WMA NON NON2 COM SIEA SIEB SMEA SMEB IRI1""",
    ),
)

ALGORITHMS: dict[str, Algorithm] = {
    name: Algorithm(package, kind, words) for package, kind, words, names in _FAMILIES for name in names.split()
}
METHODS: dict[str, str] = {name: f"DifferentialEquations.jl: {a.words}" for name, a in ALGORITHMS.items()}
_MULTISTEP = ("ABDF2", "QNDF1", "QBDF1", "QNDF2", "QBDF2", "QNDF", "QBDF", "FBDF")
ALGEBRAIC: tuple[str, ...] = (  # methods that take a mass matrix with zeros
    *(name for name, a in ALGORITHMS.items() if a.package == "OrdinaryDiffEqRosenbrock"),
    *_MULTISTEP,
    *(
        "ImplicitEuler",
        "RadauIIA3",
        "RadauIIA5",
        "RadauIIA9",
        "AdaptiveRadau",
        "DefaultODEAlgorithm",
        "DefaultImplicitODEAlgorithm",
    ),
)

_LINEAR = """LUFactorization GenericLUFactorization SimpleLUFactorization RFLUFactorization QRFactorization SVDFactorization UMFPACKFactorization
        KLUFactorization PureKLUFactorization PureUMFPACKFactorization SupernodalLUFactorization SparspakFactorization DiagonalFactorization
        MKLLUFactorization OpenBLASLUFactorization FastLUFactorization FastQRFactorization KrylovJL KrylovJL_GMRES KrylovJL_FGMRES KrylovJL_BICGSTAB
        KrylovJL_CG KrylovJL_MINRES KrylovJL_LSMR KrylovJL_CRAIGMR SimpleGMRES"""
NAMED: dict[str, tuple[str, ...]] = {  # option -> the names that it may hold
    "linsolve": tuple(_LINEAR.split()),
    "autodiff": ("AutoForwardDiff", "AutoFiniteDiff"),
    "controller": ("IController", "PIController", "PIDController", "PredictiveController"),
    "nlsolve": ("NLNewton", "NLFunctional", "NLAnderson"),
    "internalnorm": ("rms", "max"),
    "stiffalg": tuple(
        name for name, a in ALGORITHMS.items() if a.kind == IMPLICIT and not name.startswith(("Auto", "Default"))
    ),
}


def check_names(options: Mapping[str, Any]) -> None:
    """Raise SolveError, with near names, where an option holds a name that is none, or a pair that is not (name, {argument: value})."""
    for option, known in NAMED.items():
        given = options.get(option)
        if given is None or (option == "autodiff" and isinstance(given, bool)):
            continue
        pair = isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], Mapping)
        name = given[0] if pair else given
        if not isinstance(name, str):
            raise SolveError(
                f'options["{option}"] is {given!r}, not a name such as "{known[0]}", or ("{known[0]}", {{argument: value}})'
            )
        if name not in known:
            holding = [k for k in known if name and name.lower() in k.lower()][:2]
            near = f" Did you mean {' or '.join(map(repr, holding))}?" if holding else did_you_mean(name, known)
            listed = ", ".join(known[:30]) + (", ..." if len(known) > 30 else "")
            raise SolveError(f'options["{option}"] is {name!r}, which is not known.{near} Known: {listed}')
