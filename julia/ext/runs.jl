# [Solver] -> [Result]: one run, its continuous extension, and many runs in threads.

function SymnumBridge.run!(solver::Solver, t0, t1, low, high, y0, p, np, times, count, seed, monitor, seconds, report)
    model = solver.model
    model.f.low, model.f.high = low, high
    model.noise === nothing || ((model.noise.low, model.noise.high) = (low, high))
    start, parameters = copy(at_address(y0, model.n)), copy(at_address(p, np))
    posed = problem(solver.equations, model, solver.kind, start, (t0, t1), parameters, UInt64(seed))
    saveat = count < 0 ? () : copy(at_address(times, count))
    watching = callbacks(model, monitor, seconds)
    result = integrate(posed, solver.algorithm, solver.options, saveat, watching, model)
    report!(result, report)
    return result
end

"""Events and the monitor as callbacks; `nothing` where there are none."""
function callbacks(model::Model, address, seconds)
    c = model.conditions
    address == 0 && c === nothing && return nothing
    asks = Monitor(address, seconds)
    undefined() = c !== nothing && c.undefined > 0
    stops(y, t, integrator) = undefined() || asks_to_stop(asks, t, flat_view(y, model))
    stop = DiscreteCallback(stops, SciMLBase.terminate!; save_positions = (false, false))
    c === nothing && return CallbackSet(stop)
    happens(integrator, crossings) = acts!(c, integrator, crossings, model)
    condition(out, y, t, integrator) = c(out, flat_view(y, model), t, integrator)
    event = VectorContinuousCallback(condition, happens, length(c); rootfind = SciMLBase.RightRootFind,
        save_positions = (false, false), maybe_discontinuity = false)
    return CallbackSet(event, stop)
end

flat_view(y::Vector{Float64}, model::Model) = y
flat_view(y, model::Model) = y isa AbstractVector{Float64} && !hasproperty(y, :x) ? collect(y) : flat(y, model)

"""What happens at a crossing: it is noted, and the run stops there if the event acts."""
function acts!(c::Conditions, integrator, crossings, model::Model)
    SciMLBase.derivative_discontinuity!(integrator, false)
    y, before = flat_view(integrator.u, model), flat_view(integrator.uprev, model)
    note!(c, integrator.t, y, integrator.p, integrator.tprev, before, crossings) && SciMLBase.terminate!(integrator)
    return nothing
end

"""Solve, and keep what there is where an exception ends it."""
function integrate(posed, algorithm, options, saveat, watching, model::Model)
    integrator = SciMLBase.init(posed, algorithm; options..., saveat, callback = watching)
    status, message = "", ""
    try
        SciMLBase.solve!(integrator)
    catch error
        interrupted = error isa InterruptException
        interrupted || integrator.sol.stats.naccept > 0 || rethrow()
        status, message = interrupted ? "Interrupted" : "Exception", sprint(showerror, error)
    end
    return result(integrator, isempty(status) ? named(integrator.sol.retcode) : status, message, model)
end

function result(integrator, status, message, model::Model)
    sol = integrator.sol
    rows = min(length(sol.t), length(sol.u))
    rows == length(sol.t) || resize!(sol.t, rows)
    y = flat(integrator.u, model)
    return Result(sol, sol.t, sol.u, integrator.t, y, status, message, counts(sol.stats), model)
end

counts(s) = (s.nf, s.naccept, s.nreject, s.njacs, s.nsolve, s.nnonlinconvfail)

"""The name of a return code in `STATUS`."""
function named(code)
    name = string(Symbol(code))
    return name in SymnumBridge.STATUS ? name : SciMLBase.successful_retcode(code) ? "Success" : "Failure"
end

function SymnumBridge.interpolate!(result::Result, times, count, out)
    values = at_address(out, count * result.model.n)
    for (k, t) in enumerate(at_address(times, count))
        SymnumBridge.store!(values, (k - 1) * result.model.n, result.solution(t), result.model)
    end
    return nothing
end

function SymnumBridge.ensemble(
    solver::Solver, t0, t1, low, high, starts, parameters, np, runs, times, count, seeds, threaded,
)
    model, n = solver.model, solver.model.n
    model.conditions === nothing || throw(BadOption("events are not for ensembles in threads"))
    ys, ps = reshape(at_address(starts, n * runs), n, runs), reshape(at_address(parameters, np * runs), np, runs)
    function posed(k)
        own = independent(model)
        own.f.low, own.f.high = low, high
        form = equations(own, solver.kind, false, true)
        seed = isempty(seeds) ? UInt64(0) : UInt64(seeds[k])
        return problem(form, own, solver.kind, ys[:, k], (t0, t1), ps[:, k], seed)
    end
    saveat = count < 0 ? () : copy(at_address(times, count))
    many = EnsembleProblem(posed(1); prob_func = (_, context) -> posed(context.sim_id), safetycopy = false)
    how = threaded ? EnsembleThreads() : EnsembleSerial()
    made = SciMLBase.solve(many, solver.algorithm, how; trajectories = runs, solver.options..., saveat)
    return [from_solution(sol, model) for sol in made.u]
end

function from_solution(sol, model::Model)
    y = isempty(sol.u) ? fill(NaN, model.n) : flat(sol.u[end], model)
    t = isempty(sol.t) ? NaN : sol.t[end]
    return Result(sol, sol.t, sol.u, t, y, named(sol.retcode), "", counts(sol.stats), model)
end
