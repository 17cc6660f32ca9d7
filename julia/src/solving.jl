# Models, solvers and results. What needs SciMLBase is in ext/SymnumBridgeSciMLExt.jl.

"""
    Model(n, f, autonomous)

y'(t) = f(t, y; p) with n unknowns, and what is known of it; all else is set by the functions below.
"""
mutable struct Model
    const n::Int
    const f::Segmented
    const autonomous::Bool
    jacobian::Any
    prototype::Any
    colours::Any
    product::Any
    mass::Any
    noise::Any
    columns::Int
    linear::Any
    momenta::Vector{Int}
    positions::Vector{Int}
    conditions::Any
end
Model(n::Integer, f::Segmented, autonomous::Bool) =
    Model(n, f, autonomous, nothing, nothing, nothing, nothing, nothing, nothing, 0, nothing, Int[], Int[], nothing)

"""
    native_model(n, address, autonomous) -> Model

A model whose right-hand side is native code at an address.
"""
native_model(n::Integer, address::Integer, autonomous::Bool) = Model(n, NativeFunction(address), autonomous)

"""
    source_model(n, f, autonomous, wrapped) -> Model

A model whose right-hand side is a generated function (see `generated`). `wrapped`: the solver wraps it itself (as
explicit methods do), so that its type may be its own.
"""
source_model(n::Integer, f, autonomous::Bool, wrapped::Bool) =
    Model(n, wrapped ? SourceFunction(f) : SourceFunction{Any}(f), autonomous)

"""
    set_jacobian!(model, f, slots, from, to, pointers, rows)

The Jacobian as `Jacobian` describes it, with the pattern of a sparse matrix (`pointers`, `rows`, from 1). Without
`pointers` the matrix is dense and `to` are linear indices. `f`: an address, or a generated function.
"""
function set_jacobian!(model::Model, f, slots::Integer, from, to, pointers, rows)
    called = f isa Integer ? NativeFunction(f) : AnyFunction(f)
    model.jacobian = Jacobian(called, zeros(slots), Vector{Int}(from), Vector{Int}(to))
    set_pattern!(model, pointers, rows)
    return model
end

"""
    set_pattern!(model, pointers, rows; colours)

The pattern of the Jacobian, and the groups of columns that share no row (for differentiation by the solver).
"""
function set_pattern!(model::Model, pointers, rows, colours = ())
    n = model.n
    model.prototype = isempty(pointers) ? nothing :
                      SparseMatrixCSC(n, n, Vector{Int}(pointers), Vector{Int}(rows), ones(length(rows)))
    model.colours = isempty(colours) ? nothing : Vector{Int}(colours)
    return model
end

"""
    set_product!(model, f)

(df/dy) v by a function of [y; v]: an address, or a generated function.
"""
function set_product!(model::Model, f)
    model.product = Product(f isa Integer ? NativeFunction(f) : AnyFunction(f), model.n)
    return model
end

"""
    set_mass!(model, differential)

Which rows have a time derivative: M y' = f with M the identity with zeros in the other rows.
"""
function set_mass!(model::Model, differential)
    model.mass = Diagonal(Vector{Float64}(differential))
    return model
end

"""
    set_noise!(model, f, columns)

dy = f dt + B dW by a function that writes B: one number a row where `columns` is 0 (every unknown has a Wiener process
of its own), else the n x columns matrix.
"""
function set_noise!(model::Model, f, columns::Integer)
    model.noise = f isa Integer ? NativeFunction(f) : SourceFunction{Any}(f)
    model.columns = columns
    return model
end

"""
    set_linear!(model, pointers, rows, values)

The constant linear part L of f (compressed columns, from 1), for methods that split f = L y + N.
"""
function set_linear!(model::Model, pointers, rows, values)
    model.linear = SparseMatrixCSC(model.n, model.n, Vector{Int}(pointers), Vector{Int}(rows), Vector{Float64}(values))
    return model
end

"""
    set_partition!(model, positions)

Which unknowns (from 1) are positions q of q' = g(p), p' = h(t, q); the others are momenta.
"""
function set_partition!(model::Model, positions)
    model.positions = Vector{Int}(positions)
    model.momenta = setdiff(1:model.n, model.positions)
    return model
end

"""
    set_events!(model, f, directions, acts)

The conditions that are watched (see `Conditions`); `f`: an address, or a generated function.
"""
function set_events!(model::Model, f, directions, acts)
    model.conditions = Conditions(f isa Integer ? NativeFunction(f) : AnyFunction(f), collect(directions), collect(acts))
    return model
end

"""
    independent(model) -> Model

The same model with buffers of its own, for another thread.
"""
function independent(model::Model)
    f = model.f isa NativeFunction ? NativeFunction(model.f.address, model.f.low, model.f.high) :
        typeof(model.f)(model.f.f, model.f.low, model.f.high)
    made = Model(model.n, f, model.autonomous)
    j, p = model.jacobian, model.product
    made.jacobian = j === nothing ? nothing : Jacobian(j.f, copy(j.slots), j.from, j.to)
    made.prototype, made.colours = model.prototype, model.colours
    made.product = p === nothing ? nothing : Product(p.f, copy(p.both))
    made.mass, made.noise, made.columns, made.linear = model.mass, model.noise, model.columns, model.linear
    made.momenta, made.positions = model.momenta, model.positions
    return made
end

"""
    Half(f, n, momenta, positions, rows)

The rows `rows` of f as a function (out, p, q, parameters, t) of momenta and positions.
"""
struct Half{F<:Segmented}
    f::F
    momenta::Vector{Int}
    positions::Vector{Int}
    rows::Vector{Int}
    y::Vector{Float64}
    out::Vector{Float64}
end
Half(f::Segmented, n::Integer, momenta, positions, rows) =
    Half(f, momenta, positions, rows, zeros(n), zeros(n))

function (h::Half)(out, momenta, positions, p, t)
    @views h.y[h.momenta] .= momenta
    @views h.y[h.positions] .= positions
    h.f(h.out, h.y, p, t)
    @views out .= h.out[h.rows]
    return nothing
end

"""
    Solver

A model with the equations in the solver's own form (`equations`), an algorithm and the options of `solve`; made by
`solver`, used by `run!` as often as wanted.
"""
struct Solver
    model::Model
    equations::Any
    algorithm::Any
    options::NamedTuple
    kind::Symbol
end

"""
    Result

What one run gave: `times`, `states`, the end (`t`, `y`), `status` (a name of `STATUS`), `message` of an exception, and
`solution`, the solver's own object.
"""
mutable struct Result
    const solution::Any
    const times::Vector{Float64}
    const states::Vector
    const t::Float64
    const y::Vector{Float64}
    const status::String
    const message::String
    const statistics::NTuple{6,Int}
    const model::Model
end

"""
    STATUS

How a run can end: return codes of SciMLBase, and ours for interrupts, exceptions and the caller's wish.
"""
const STATUS = ("Success", "Terminated", "Stopped", "MaxIters", "DtLessThanMin", "DtNaN", "Unstable",
    "ConvergenceFailure", "InitialFailure", "InternalLinearSolveFailed", "Interrupted", "Exception", "Failure")

"""
    report!(result, address)

Write into 12 numbers at `address`: rows saved, time of the end, index in `STATUS` (from 0), evaluations of f, steps
accepted and rejected, Jacobians, linear solves, failed Newton iterations, events, the condition that became NaN
(0: none) and when.
"""
function report!(result::Result, address::Integer)
    out = at_address(address, 12)
    code = something(findfirst(==(result.status), STATUS), length(STATUS)) - 1
    out[1], out[2], out[3] = length(result.times), result.t, code
    for (k, count) in enumerate(result.statistics)
        out[3+k] = count
    end
    c = result.model.conditions
    out[10], out[11], out[12] = c === nothing ? (0, 0, NaN) : (length(c.found), c.undefined, c.undefined_at)
    return nothing
end

"""
    collect!(result, times, states, last)

Copy the saved times, the states (one after another, each of n numbers) and the last state to three addresses.
"""
function collect!(result::Result, times::Integer, states::Integer, last::Integer)
    n, rows = result.model.n, length(result.times)
    copyto!(at_address(times, rows), result.times)
    all_states = at_address(states, n * rows)
    for (k, state) in enumerate(result.states)
        store!(all_states, (k - 1) * n, state, result.model)
    end
    copyto!(at_address(last, n), result.y)
    return nothing
end

"""
    store!(out, offset, state, model)

Write a state of the solver into `out` from `offset` on, in the order of the model.
"""
store!(out::Vector{Float64}, offset::Integer, state::Vector{Float64}, model::Model) =
    copyto!(out, offset + 1, state, 1, model.n)
function store!(out::Vector{Float64}, offset::Integer, state, model::Model)
    momenta, positions = state.x
    out[offset.+model.momenta] .= momenta
    out[offset.+model.positions] .= positions
    return out
end

"""
    flat(state, model) -> Vector{Float64}

A state of the solver in the order of the model, a copy.
"""
flat(state, model::Model) = store!(Vector{Float64}(undef, model.n), 0, state, model)

"""
    occurrence(result, k, address) -> (t, crossings, before)

Event number k (from 1) of a run: when, the direction in which each condition crossed zero (0: it did not), and the
conditions at the start of the step; the state is copied to `address`.
"""
function occurrence(result::Result, k::Integer, address::Integer)
    t, crossings, y, before = result.model.conditions.found[k]
    copyto!(at_address(address, result.model.n), y)
    return t, Int.(crossings), before
end

"""
    solver(model, name, options, kind; rtol, atol, dt, max_steps, max_step, every_step, dense) -> Solver

Make an algorithm by name and put the model into its form. `options`: pairs of the user's, see `algorithm`; `kind`:
"explicit", "implicit" (takes the Jacobian), "split" (takes f = L y + N), "partitioned" or "stochastic". `dt`: first or
only step, 0 for the solver's choice; `max_steps`, `max_step`: Inf for none. Needs SciMLBase.
"""
function solver end

"""
    run!(solver, t0, t1, low, high, y0, p, np, times, count, seed, monitor, seconds, report) -> Result

Integrate from t0 to t1 with f asked only in [low, high]. `y0`, `p` (np numbers), `times` (count save times; count < 0:
every step) and `report` (see `report!`) are addresses; `monitor`: see `Monitor`, 0 for none. Needs SciMLBase.
"""
function run! end

"""
    interpolate!(result, times, count, out)

The continuous extension of a run that kept all its steps, at `count` times; the states are written to `out`.
"""
function interpolate! end

"""
    ensemble(solver, t0, t1, low, high, starts, parameters, np, runs, times, count, seeds, threaded) -> Vector{Result}

`run!` for many starts (n x runs numbers) and parameters (np x runs), in threads where `threaded`. Needs SciMLBase.
"""
function ensemble end
