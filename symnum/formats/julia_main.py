"""A main function for trying a generated Julia file: classical Runge-Kutta steps, one line of output a field."""

from __future__ import annotations

from symnum.ir.system import SemiDiscreteSystem

_MAIN = '''"""
    rk4_step(y, p, t, dt)

A step of the classical Runge-Kutta method: the new state, and the step times the size of the derivative that it met,
|k4 - k3| over the difference of their states. Above 2.7 the method is not stable; NaN where the step left the numbers.
"""
function rk4_step(y, p, t, dt)
    k1, k2, k3, k4 = similar(y), similar(y), similar(y), similar(y)
    rhs!(k1, y, p, t)
    rhs!(k2, y .+ (dt/2).*k1, p, t + dt/2)
    rhs!(k3, y .+ (dt/2).*k2, p, t + dt/2)
    rhs!(k4, y .+ dt.*k3, p, t + dt)
    following = y .+ (dt/6).*(k1 .+ 2 .*(k2 .+ k3) .+ k4)
    away = sum(abs2, k3 .- k2./2)
    size = away > 0 ? sqrt(sum(abs2, k4 .- k3)/away) : 0.0
    return following, all(isfinite, following) ? size : NaN
end

"""
    safe_step(y, p, t)

A step that the method is stable with: 1.5 over the size of the largest eigenvalue of the right-hand side's derivative
by y. A power iteration on differences, v <- f(y + e*v) - f(y), finds it: the mean growth of v over the last turns
(pairs of complex eigenvalues make it swing).
"""
function safe_step(y, p, t)
    turns, settled, longest = 60, 30, @span@  # a hundredth of the time span
    here, there = similar(y), similar(y)
    rhs!(here, y, p, t)
    v = [(isodd(n) ? 1.0 : -1.0) + 0.1*((n - 1) % 7) for n in eachindex(y)]
    e = 1e-6*(1 + sqrt(sum(abs2, y)/SIZE))
    growth = 0.0
    for turn in 1:turns
        norm = sqrt(sum(abs2, v)/SIZE)
        norm > 0 || return longest
        turn > settled + 1 && (growth += log(norm))
        rhs!(there, y .+ (e/norm).*v, p, t)
        v .= (there .- here)./e
    end
    return min(1.5/exp(growth/(turns - settled - 1)), longest)
end

"""
    main(arguments = ARGS)

`julia FILE.jl [steps [dt]]`: classical Runge-Kutta steps from the initial state; prints a line a field. Without dt it
takes steps that are stable; stiff equations need so many that an implicit solver is the better choice.
"""
function main(arguments = ARGS)
    steps = isempty(arguments) ? 100 : parse(Int, arguments[1])
    chosen = length(arguments) < 2
    p, t = parameters(), @start@
    y = initial_state(p)
    dt = chosen ? safe_step(y, p, t) : parse(Float64, arguments[2])
    for n in 1:steps
        if chosen && n % 10 == 1 && n > 1
            dt = min(2dt, safe_step(y, p, t))
        end
        following, size = rk4_step(y, p, t, dt)
        while chosen && !(size <= 2.5) && t + dt/2 > t  # too long a step: again with half of it
            dt /= 2
            following, size = rk4_step(y, p, t, dt)
        end
        isnan(size) && error("step $n from t = $t is not finite; ",
            chosen ? "no step is short enough" : "take a shorter step, or leave it out")
        y, t = following, t + dt
    end
    println("t = $t after $steps steps, the last of $dt")
    for (name, places) in FIELDS
        values = view(y, places)
        println("$name: min $(minimum(values)) max $(maximum(values)) mean $(sum(values)/length(values))")
    end
end'''


def main_program(semi: SemiDiscreteSystem) -> str:
    """The functions behind ``main``; empty for systems with algebraic equations, which no explicit method solves."""
    if semi.algebraic:
        return ""
    start, stop = semi.time_span
    return _MAIN.replace("@start@", repr(float(start))).replace("@span@", repr(float((stop - start) / 100)))
