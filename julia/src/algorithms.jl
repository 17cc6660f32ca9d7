# Names of algorithms, linear solvers and ways of differentiation -> where they live. Names are looked up here and in
# the modules named here; nothing is evaluated. Made from the exports of OrdinaryDiffEq 7.7 and StochasticDiffEq 7.1.

"""
    ALGORITHMS :: Dict{String,String}

Package of every algorithm, by the algorithm's name.
"""
const ALGORITHMS = Dict{String,String}(
    name => package for (package, names) in (
        "OrdinaryDiffEqTsit5" => "Tsit5 AutoTsit5",
        "OrdinaryDiffEqVerner" => "Vern6 Vern7 Vern8 Vern9 RKV76IIa AutoVern6 AutoVern7 AutoVern8 AutoVern9",
        "OrdinaryDiffEqLowOrderRK" => """Euler Heun Ralston Ralston4 Midpoint RK4 BS3 OwrenZen3 OwrenZen4 OwrenZen5 BS5
            DP5 AutoDP5 Anas5 RKO65 FRK65 RKM MSRK5 MSRK6 PSRK4p7q6 PSRK3p5q4 PSRK3p6q5 Stepanov5 SIR54 Alshina2
            Alshina3 Alshina6""",
        "OrdinaryDiffEqHighOrderRK" => "TanYam7 DP8 PFRK87 TsitPap8",
        "OrdinaryDiffEqFeagin" => "Feagin10 Feagin12 Feagin14",
        "OrdinaryDiffEqQPRK" => "QPRK98",
        "OrdinaryDiffEqSSPRK" => """SSPRK53_2N2 SSPRK22 SSPRK53 SSPRK63 SSPRK83 SSPRK43 SSPRK432 SSPRKMSVS32 SSPRK54
            SSPRK53_2N1 SSPRK104 SSPRK932 SSPRKMSVS43 SSPRK73 SSPRK53_H SSPRK33 KYKSSPRK42 KYK2014DGSSPRK_3S2""",
        "OrdinaryDiffEqLowStorageRK" => """ORK256 CarpenterKennedy2N54 SHLDDRK64 DGLDDRK73_C DGLDDRK84_C DGLDDRK84_F
            NDBLSRK124 NDBLSRK134 NDBLSRK144 CFRLDDRK64 TSLDDRK74 CKLLSRK43_2 CKLLSRK54_3C CKLLSRK95_4S CKLLSRK95_4C
            CKLLSRK95_4M CKLLSRK54_3C_3R CKLLSRK54_3M_3R CKLLSRK54_3N_3R CKLLSRK85_4C_3R CKLLSRK85_4M_3R
            CKLLSRK85_4P_3R CKLLSRK54_3N_4R CKLLSRK54_3M_4R CKLLSRK65_4M_4R CKLLSRK85_4FM_4R CKLLSRK75_4M_5R
            ParsaniKetchesonDeconinck3S32 ParsaniKetchesonDeconinck3S82 ParsaniKetchesonDeconinck3S53
            ParsaniKetchesonDeconinck3S173 ParsaniKetchesonDeconinck3S94 ParsaniKetchesonDeconinck3S184
            ParsaniKetchesonDeconinck3S105 ParsaniKetchesonDeconinck3S205 RDPK3Sp35 RDPK3SpFSAL35 RDPK3Sp49
            RDPK3SpFSAL49 RDPK3Sp510 RDPK3SpFSAL510 RK46NL SHLDDRK_2N SHLDDRK52""",
        "OrdinaryDiffEqStabilizedRK" => "ROCK2 ROCK4 RKC RKMC2 ESERK4 ESERK5 SERK2 TSRKC2 TSRKC3 RKL1 RKL2 RKG1 RKG2",
        "OrdinaryDiffEqAdamsBashforthMoulton" =>
            "AB3 AB4 AB5 ABM32 ABM43 ABM54 VCAB3 VCAB4 VCAB5 VCABM3 VCABM4 VCABM5 VCABM",
        "OrdinaryDiffEqNordsieck" => "AN5 JVODE JVODE_Adams JVODE_BDF",
        "OrdinaryDiffEqExtrapolation" => """AitkenNeville ExtrapolationMidpointDeuflhard
            ExtrapolationMidpointHairerWanner ImplicitEulerExtrapolation ImplicitDeuflhardExtrapolation
            ImplicitHairerWannerExtrapolation ImplicitEulerBarycentricExtrapolation""",
        "OrdinaryDiffEqRosenbrock" => """Rosenbrock23 Rosenbrock32 RosShamp4 Veldd4 Velds4 GRK4T GRK4A Ros4LStab ROS3P
            Rodas3 Rodas3d Rodas23W Rodas3P Rodas4 Rodas42 Rodas4P Rodas4P2 Rodas4PW Rodas5 Rodas5P Rodas5Pe Rodas5Pr
            Rodas6P RosenbrockW6S4OS ROS34PW1a ROS34PW1b ROS34PW2 ROS34PW3 ROS34PRw ROS3PRL ROS3PRL2 ROK4a ROS2 ROS2PR
            ROS2S ROS3 ROS3PR Scholz4_7""",
        "OrdinaryDiffEqSDIRK" => """ImplicitEuler ImplicitMidpoint Trapezoid TRBDF2 SDIRK2 SDIRK22 SSPSDIRK2 Kvaerno3
            KenCarp3 Cash4 Hairer4 Hairer42 Kvaerno4 Kvaerno5 KenCarp4 KenCarp47 KenCarp5 KenCarp58 ESDIRK54I8L2SA
            SFSDIRK4 SFSDIRK5 SFSDIRK6 SFSDIRK7 SFSDIRK8 ESDIRK325L2SA ESDIRK436L2SA2 ESDIRK437L2SA ESDIRK547L2SA2
            ESDIRK659L2SA""",
        "OrdinaryDiffEqBDF" => "ABDF2 QNDF1 QBDF1 QNDF2 QBDF2 QNDF QBDF FBDF MEBDF2",
        "OrdinaryDiffEqFIRK" => "RadauIIA3 RadauIIA5 RadauIIA9 AdaptiveRadau GaussLegendre",
        "OrdinaryDiffEqExponentialRK" => """Exp4 EPIRK4s3A EPIRK4s3B EPIRK5s3 EXPRB53s3 EPIRK5P1 EPIRK5P2 Exprb32
            Exprb43 LawsonEuler NorsettEuler ETD1 ETDRK2 ETDRK3 ETDRK4 HochOst4 ETD2""",
        "OrdinaryDiffEqSymplecticRK" => """SymplecticEuler VelocityVerlet VerletLeapfrog LeapfrogDriftKickDrift
            PseudoVerletLeapfrog McAte2 Ruth3 McAte3 CandyRoz4 McAte4 McAte42 McAte5 CalvoSanz4 Yoshida6 KahanLi6
            McAte8 KahanLi8 SofSpa10""",
        "OrdinaryDiffEqDefault" => "DefaultODEAlgorithm DefaultImplicitODEAlgorithm",
        "StochasticDiffEqLowOrder" => "EM EulerHeun LambaEM LambaEulerHeun SimplifiedEM RKMil RKMilCommute PCEuler",
        "StochasticDiffEqHighOrder" => "SRI SRIW1 SRIW2 SOSRI SOSRI2 SRA SRA1 SRA2 SRA3 SOSRA SOSRA2",
        "StochasticDiffEqMilstein" => """RKMilGeneral WangLi3SMil_A WangLi3SMil_B WangLi3SMil_C WangLi3SMil_D
            WangLi3SMil_E WangLi3SMil_F""",
        "StochasticDiffEqImplicit" => """ImplicitEM ImplicitEulerHeun ImplicitRKMil STrapezoid SImplicitMidpoint ISSEM
            ISSEulerHeun SKenCarp""",
        "StochasticDiffEqROCK" => "SROCK1 SROCK2 KomBurSROCK2 SROCKC2 SROCKEM SKSROCK TangXiaoSROCK2",
        "StochasticDiffEqWeak" => """DRI1 DRI1NM RI1 RI3 RI5 RI6 RDI1WM RDI2WM RDI3WM RDI4WM W2Ito1 RS1 RS2 PL1WM PL1WMA
            NON NON2 COM SIEA SIEB SMEA SMEB IRI1""",
    ) for name in split(names)
)

"""
    SWITCHING

Algorithms that are made from another one, to which they change where the equations turn stiff (option `stiffalg`).
"""
const SWITCHING = ("AutoTsit5", "AutoDP5", "AutoVern6", "AutoVern7", "AutoVern8", "AutoVern9")
const SWITCHING_OPTIONS = (:maxstiffstep, :maxnonstiffstep, :nonstifftol, :stifftol, :dtfac, :stiffalgfirst, :switch_max)

"""
    LINEAR_SOLVERS

What `linsolve` may name: solvers of LinearSolve.jl that need no further package or none but an optional one.
"""
const LINEAR_SOLVERS = Tuple(split("""LUFactorization GenericLUFactorization SimpleLUFactorization RFLUFactorization
    QRFactorization SVDFactorization UMFPACKFactorization KLUFactorization PureKLUFactorization
    PureUMFPACKFactorization SupernodalLUFactorization SparspakFactorization DiagonalFactorization MKLLUFactorization
    OpenBLASLUFactorization FastLUFactorization FastQRFactorization KrylovJL KrylovJL_GMRES KrylovJL_FGMRES
    KrylovJL_BICGSTAB KrylovJL_CG KrylovJL_MINRES KrylovJL_LSMR KrylovJL_CRAIGMR SimpleGMRES"""))

"""
    DIFFERENTIATION

What `autodiff` may name, of ADTypes.jl.
"""
const DIFFERENTIATION = ("AutoForwardDiff", "AutoFiniteDiff")

"""
    CONTROLLERS, NONLINEAR_SOLVERS

What `controller` and `nlsolve` may name.
"""
const CONTROLLERS = ("IController", "PIController", "PIDController", "PredictiveController")
const NONLINEAR_SOLVERS = ("NLNewton", "NLFunctional", "NLAnderson")

"""
    SOLVE_OPTIONS

Keywords of `solve` that a user may give; the others are set by the bridge.
"""
const SOLVE_OPTIONS = (:adaptive, :dtmin, :dtmax, :force_dtmin, :controller, :failfactor, :maxiters, :internalnorm,
    :delta, :gamma, :qmin, :qmax, :qsteady_min, :qsteady_max, :beta1, :beta2, :qoldinit)

"""
    BadOption(message)

An option that the algorithm does not have, or a value that it does not take.
"""
struct BadOption <: Exception
    message::String
end
Base.showerror(io::IO, error::BadOption) = print(io, error.message)

"""
    algorithm_package(name) -> String

The package that an algorithm lives in. Throws `BadOption` where there is no algorithm of this name.
"""
function algorithm_package(name::AbstractString)
    haskey(ALGORITHMS, name) && return ALGORITHMS[name]
    throw(BadOption("there is no algorithm $name"))
end

"""
    algorithm_type(name) -> Type or Function

The constructor of an algorithm; its package is loaded where it is not yet.
"""
algorithm_type(name::AbstractString) = from_package(algorithm_package(name), name)

"""
    from_package(package, name)

The value that a package of the environment has under a name that stands in one of the tables above.
"""
from_package(package::AbstractString, name::AbstractString) =
    Base.invokelatest(getfield, require(package), Symbol(name))

"""
    keywords(constructor) -> Vector{Symbol}

The keyword arguments that a constructor takes.
"""
function keywords(constructor)
    names = Symbol[]
    for method in methods(constructor), name in Base.kwarg_decl(method)
        endswith(string(name), "...") || name in names || push!(names, name)
    end
    return names
end

"""
    algorithm(name, options; default) -> (algorithm, solve options)

Build an algorithm from options by name; those that belong to `solve` come back as a `NamedTuple`.
`default`: pairs for keywords that the algorithm has and `options` do not give.
Throws `BadOption` for options that neither knows.
"""
function algorithm(name::AbstractString, options; default = ())
    constructor = algorithm_type(name)
    known = name in SWITCHING ? collect(Symbol, SWITCHING_OPTIONS) : Base.invokelatest(keywords, constructor)
    mine, solves, stiff = Pair{Symbol,Any}[], Pair{Symbol,Any}[], ()
    for (key, given) in options
        word = Symbol(key)
        if word === :stiffalg && name in SWITCHING
            stiff = (Base.invokelatest(first, algorithm(string(given), (); default)),)
        elseif word in SOLVE_OPTIONS && !(word in known)
            value = value_of(word, given, name)
            value === nothing || push!(solves, word => value)
        elseif word in known
            push!(mine, word => value_of(word, given, name))
        else
            throw(BadOption("$name has no option $(repr(string(word))); it takes: $(join(option_names(name), ", "))"))
        end
    end
    for (word, value) in default
        word in known && !any(pair -> first(pair) === word, mine) && push!(mine, word => value)
    end
    name in SWITCHING && isempty(stiff) && (stiff = (first(algorithm("Rodas5P", (); default)),))
    return Base.invokelatest(constructor, stiff...; mine...), NamedTuple(solves)
end

"""
    option_names(name) -> Vector{String}

The options that an algorithm takes, its own and those of `solve`, in order; functions are not among them.
"""
function option_names(name::AbstractString)
    own = name in SWITCHING ? (SWITCHING_OPTIONS..., :stiffalg) : Base.invokelatest(keywords, algorithm_type(name))
    hidden(word) = endswith(string(word), "!") || word in (:precs, :interpretation, :step_limiter, :stage_limiter)
    return sort!(unique!(String[string(word) for word in (own..., SOLVE_OPTIONS...) if !hidden(word)]))
end

"""
    value_of(option, given, algorithm)

The Julia value of an option: names become what they name in the table of the option, all else stays.
"""
function value_of(option::Symbol, given, name)
    option === :linsolve && return named("LinearSolve", LINEAR_SOLVERS, option, given)
    option === :autodiff && return differentiation(given)
    option === :nlsolve && return named("OrdinaryDiffEqNonlinearSolve", NONLINEAR_SOLVERS, option, given)
    option === :controller && return controller(given, name)
    option === :internalnorm && return norm_of(given)
    option === :eigen_est && return SpectralRadius(Float64(given))
    option === :extrapolant && return Symbol(given)
    option === :interpretation && throw(BadOption("noise is read in the sense of Ito here; leave interpretation out"))
    given isa AbstractString && throw(BadOption("$option=$(repr(String(given))) is text; $name takes a number or a truth value there"))
    return given
end

"""
    named(package, known, option, given)

`given` is a name of the table `known`, or a pair of a name and its keyword arguments: the value that it makes.
"""
function named(package, known, option, given)
    given === nothing && return nothing
    name, arguments = given isa Tuple ? (string(given[1]), given[2]) : (string(given), ())
    name in known || throw(BadOption("$option=$(repr(name)) is not known; write one of $(join(known, ", "))"))
    constructor = from_package(package, name)
    pairs = [Symbol(key) => value for (key, value) in arguments]
    return Base.invokelatest(constructor; pairs...)
end

"""
    differentiation(given)

The way of differentiation that `autodiff` names; `false` means differences.
"""
differentiation(given) = given === false ? named("ADTypes", DIFFERENTIATION, :autodiff, "AutoFiniteDiff") :
                         given === true ? named("ADTypes", DIFFERENTIATION, :autodiff, "AutoForwardDiff") :
                         named("ADTypes", DIFFERENTIATION, :autodiff, given)

"""
    controller(given, algorithm)

The step-size controller that a name (or a name with its arguments) stands for.
"""
function controller(given, name)
    word, arguments = given isa Tuple ? (string(given[1]), given[2]) : (string(given), ())
    word in CONTROLLERS || throw(BadOption("controller=$(repr(word)) is not known; write one of $(join(CONTROLLERS, ", "))"))
    made = first(algorithm(name, ()))
    pairs = [Symbol(key) => value for (key, value) in arguments]
    return Base.invokelatest(from_package("OrdinaryDiffEqCore", word), made; pairs...)
end

"""
    norm_of(given)

The norm of the error estimate: "rms" (the solver's own) or "max".
"""
norm_of(given) = given == "max" ? largest : given == "rms" ? nothing :
                 throw(BadOption("internalnorm=$(repr(given)) is not known; write \"rms\" or \"max\""))

"""
    largest(u, t)

The maximum norm.
"""
largest(u, t) = u isa Number ? abs(u) : maximum(abs, u; init = 0.0)

"""
    SpectralRadius(value)

What `eigen_est` of a stabilised method takes: sets a constant bound of the eigenvalues.
"""
struct SpectralRadius
    value::Float64
end
(s::SpectralRadius)(integrator) = (integrator.eigen_est = s.value)
