# What is looked at while a solve runs: conditions that cross zero, and a monitor in Python.

"""
    Conditions(f, directions, acts)

All conditions g of a problem, by `f(out, y, p, t)`, and what happened.

`directions`: +1 where g must rise through zero, -1 where it must fall, 0 both; `acts`: the run stops at this event.
`muted`: conditions without a sign at the start `begun` of the run, because their own event has just happened there.
`found`: what happened: time, direction of each crossing (0 where there is none), state, g at the start of the step.
"""
mutable struct Conditions
    const f::Any
    const directions::Vector{Int8}
    const acts::Vector{Bool}
    const muted::Vector{Bool}
    begun::Float64
    const values::Vector{Float64}
    const found::Vector{Tuple{Float64,Vector{Int8},Vector{Float64},Vector{Float64}}}
    undefined::Int
    undefined_at::Float64
end
function Conditions(f, directions, acts)
    m = length(directions)
    Conditions(f, Int8.(directions), Bool.(acts), zeros(Bool, m), NaN, zeros(m), [], 0, NaN)
end

Base.length(c::Conditions) = length(c.directions)

"""
    reset!(conditions, t0, muted)

Forget what happened; a run begins at `t0`, where the conditions of the indices `muted` (from 1) have no sign yet.
"""
function reset!(c::Conditions, t0::Real, muted)
    empty!(c.found)
    c.muted .= false
    c.muted[Int.(muted)] .= true
    c.begun, c.undefined, c.undefined_at = t0, 0, NaN
    return c
end

function (c::Conditions)(out, y, t, integrator)
    values_at!(c, y, t, integrator.p)
    copyto!(out, c.values)
    return nothing
end

"""
    values_at!(conditions, y, t, p) -> values

All conditions at one state. The first that is NaN is noted.
"""
function values_at!(c::Conditions, y, t, p)
    c.f(c.values, y isa Vector{Float64} ? y : collect(Float64, y), p, Float64(t))
    for k in eachindex(c.values)
        if isnan(c.values[k])
            c.undefined == 0 && (c.undefined = k; c.undefined_at = t)
            c.values[k] = 0.0
        elseif c.muted[k] && t == c.begun
            c.values[k] = 0.0
        end
    end
    return c.values
end

"""
    note!(conditions, t, y, p, tprev, yprev, crossings) -> Bool

Note the crossings that count, at (t, y); whether the run stops here. A change of sign through infinity is none.
"""
function note!(c::Conditions, t, y, p, tprev, yprev, crossings)
    before = copy(values_at!(c, yprev, tprev, p))
    here = values_at!(c, y, t, p)
    counts(k) = crossings[k] != 0 && (c.directions[k] == 0 || c.directions[k] == crossings[k])
    pole(k) = abs(here[k]) > max(abs(before[k]), 1.0e-9)
    happened = Int8[counts(k) && !pole(k) ? crossings[k] : 0 for k in eachindex(c.directions)]
    all(iszero, happened) && return false
    push!(c.found, (t, happened, copy(y), before))
    return any(k -> happened[k] != 0 && c.acts[k], eachindex(happened))
end

"""
    Monitor(address, seconds)

A function `int32 (double t, const double *y)` of the caller, asked after accepted steps: at all of them where
`seconds` is 0, else when so many seconds have passed. The run stops where it gives something else than 0.
"""
mutable struct Monitor
    const address::Ptr{Cvoid}
    const seconds::Float64
    told::UInt64
    stopped::Bool
end
Monitor(address::Integer, seconds::Real) = Monitor(Ptr{Cvoid}(UInt(address)), seconds, time_ns(), false)

"""
    asks_to_stop(monitor, t, y) -> Bool

Ask the monitor if it is time; whether the run shall stop.
"""
function asks_to_stop(m::Monitor, t::Real, y)
    m.address == C_NULL && return false
    now = time_ns()
    now - m.told < 1.0e9 * m.seconds && return false
    m.told = now
    state = y isa Vector{Float64} ? y : collect(Float64, y)
    m.stopped = ccall(m.address, Cint, (Cdouble, Ptr{Cdouble}), t, state) != 0
    return m.stopped
end
