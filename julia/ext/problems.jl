# [Model] -> the equations in the form that a kind of algorithm takes, and problems of them.

"""What an implicit method is told beside f."""
function known_of(model::Model, differentiated::Bool)
    mass = model.mass === nothing ? I : model.mass
    colours = model.colours
    differentiated && return (; mass_matrix = mass, jac_prototype = model.prototype, colorvec = colours)
    tgrad = TimeGradient(model.f, model.autonomous, model.n)
    return (; mass_matrix = mass, jac = model.jacobian, jac_prototype = model.prototype, jvp = model.product, tgrad)
end

"""
The equations of a model for a kind of algorithm. `differentiated`: the user chose how the solver differentiates f, so
it is not given our Jacobian; `dense`: the linear part as a dense matrix, whose exponential is computed.
"""
function equations(model::Model, kind::Symbol, differentiated::Bool, dense::Bool)
    f = model.f
    kind === :explicit && return ODEFunction{true,specialised(f)}(f)
    kind === :implicit && return ODEFunction{true,specialised(f)}(f; known_of(model, differentiated)...)
    kind === :stochastic && return stochastic(model, differentiated)
    kind === :split && return with_linear_part(model, dense)
    kind === :partitioned && return partitioned(model)
    throw(BadOption("there is no kind of algorithm $kind"))
end

"""
Whether the solver is compiled for the type of f as it is: native code has one type for all models, so a wrapper around
each call (a fifth of a small model's time) buys nothing; generated functions have types of their own.
"""
specialised(::NativeFunction) = SciMLBase.FullSpecialize
specialised(::Segmented) = SciMLBase.AutoSpecialize

function stochastic(model::Model, differentiated::Bool)
    model.noise === nothing && throw(BadOption("the equations have no noise; choose a method for ordinary differential equations"))
    model.mass === nothing || throw(BadOption("stochastic methods do not solve algebraic equations"))
    model.jacobian === nothing && return SDEFunction{true}(model.f, model.noise)
    known = known_of(model, differentiated)
    return SDEFunction{true}(model.f, model.noise; known...)
end

function with_linear_part(model::Model, dense::Bool)
    model.linear === nothing && throw(BadOption("this method splits f = L y + N, and the equations have no constant linear part L"))
    operators = Base.require(Base.PkgId(SymnumBridge.PACKAGES["SciMLOperators"], "SciMLOperators"))
    matrix = dense ? Matrix(model.linear) : copy(model.linear)
    L = Base.invokelatest(operators.MatrixOperator, matrix)
    return SplitFunction{true}(L, Remainder(model.f, model.linear))
end

function partitioned(model::Model)
    isempty(model.positions) && throw(BadOption("this method is for q' = g(p), p' = h(t, q), and the equations have no such form"))
    half(rows) = Half(model.f, model.n, model.momenta, model.positions, rows)
    return SciMLBase.DynamicalODEFunction{true}(half(model.momenta), half(model.positions))
end

"""The problem of one run. `y0`, `p` are kept, not copied."""
function problem(equations, model::Model, kind::Symbol, y0, span, p, seed)
    kind === :stochastic && return stochastic_problem(equations, model, y0, span, p, seed)
    kind === :split && return SplitODEProblem(equations, y0, span, p)
    kind === :partitioned || return ODEProblem{true}(equations, y0, span, p)
    return SciMLBase.DynamicalODEProblem(equations, y0[model.momenta], y0[model.positions], span, p)
end

function stochastic_problem(equations, model::Model, y0, span, p, seed)
    model.columns == 0 && return SDEProblem{true}(equations, y0, span, p; seed)
    prototype = zeros(model.n, model.columns)
    return SDEProblem{true}(equations, y0, span, p; seed, noise_rate_prototype = prototype)
end

"""Whether an algorithm reads noise in the sense of Stratonovich."""
is_stratonovich(algorithm) =
    SciMLBase.alg_interpretation(algorithm) == SciMLBase.AlgorithmInterpretation.Stratonovich

function SymnumBridge.solver(model::Model, name, options, kind; rtol, atol, dt, max_steps, max_step, every_step, dense)
    kind = Symbol(kind)
    chosen = any(pair -> string(first(pair)) == "autodiff", options)
    default = chosen ? () : (:autodiff => SymnumBridge.differentiation("AutoFiniteDiff"),)
    made, given = Base.invokelatest(SymnumBridge.algorithm, name, options; default)
    if kind === :stochastic && Base.invokelatest(is_stratonovich, made)
        throw(BadOption("$name reads noise in the sense of Stratonovich, and the noise of a system is in the sense of Ito"))
    end
    krylov = any(pair -> string(first(pair)) == "krylov" && last(pair) === true, options)
    form = equations(model, kind, chosen, !krylov)
    settings = (; reltol = rtol, abstol = atol, save_everystep = every_step, dense, verbose = silent(),
        maxiters = isinf(max_steps) ? typemax(Int) : Int(max_steps))
    model.mass === nothing || (settings = (; settings..., initializealg = SciMLBase.NoInit()))
    kind === :stochastic && (settings = Base.structdiff(settings, NamedTuple{(:dense, :initializealg)}))
    dt == 0 || (settings = (; settings..., dt))
    isinf(max_step) || (settings = (; settings..., dtmax = max_step))
    return Solver(model, form, made, merge(settings, given), kind)
end

"""The verbosity that prints nothing; what happened is told by the return code."""
function silent()
    logging = Base.require(Base.PkgId(Base.UUID("a6db7da4-7206-11f0-1eab-35f2a5dbe1d1"), "SciMLLogging"))
    base = Base.require(Base.PkgId(SymnumBridge.PACKAGES["DiffEqBase"], "DiffEqBase"))
    return Base.invokelatest(base.DEVerbosity, Base.invokelatest(logging.None))
end
