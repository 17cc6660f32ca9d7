# What a user of DifferentialEquations.jl would write by hand: the peers of bench julia.
module SymnumPeer

using SciMLBase: ODEFunction, ODEProblem, solve

function lorenz!(du, u, p, t)
    s, r, b = p
    x, y, z = u
    du[1] = s * (y - x)
    du[2] = x * (r - z) - y
    du[3] = x * y - b * z
    return nothing
end

lorenz() = ODEProblem{true}(lorenz!, [1.0, 0.0, 0.0], (0.0, 100.0), [10.0, 28.0, 8 / 3])

brusselator_f(x, y, t) = ((x - 0.3)^2 + (y - 0.6)^2 <= 0.1^2) * (t >= 1.1) * 5.0
limit(a, n) = a == n + 1 ? 1 : a == 0 ? n : a

# The loop of the benchmarks of DifferentialEquations.jl (Brusselator work-precision diagrams), with the coordinates of n periodic points.
function brusselator!(du, u, p, t)
    A, B, alpha, n = p
    N = Int(n)
    dx = 1 / N
    a = alpha / dx^2
    @inbounds for j in 1:N
        y = (j - 1) * dx
        jp, jm = limit(j + 1, N), limit(j - 1, N)
        for i in 1:N
            x = (i - 1) * dx
            ip, im = limit(i + 1, N), limit(i - 1, N)
            du[i, j, 1] = a * (u[im, j, 1] + u[ip, j, 1] + u[i, jp, 1] + u[i, jm, 1] - 4u[i, j, 1]) +
                          B + u[i, j, 1]^2 * u[i, j, 2] - (A + 1) * u[i, j, 1] + brusselator_f(x, y, t)
            du[i, j, 2] = a * (u[im, j, 2] + u[ip, j, 2] + u[i, jp, 2] + u[i, jm, 2] - 4u[i, j, 2]) +
                          A * u[i, j, 1] - u[i, j, 1]^2 * u[i, j, 2]
        end
    end
    return nothing
end

function brusselator(N)
    grid = (0:(N - 1)) ./ N
    u = zeros(N, N, 2)
    for (j, y) in enumerate(grid), (i, x) in enumerate(grid)
        u[i, j, 1] = 22 * (y * (1 - y))^1.5
        u[i, j, 2] = 27 * (x * (1 - x))^1.5
    end
    return ODEProblem{true}(brusselator!, u, (0.0, 11.5), [3.4, 1.0, 10.0, Float64(N)])
end

"""Solve, keep the end alone; returns (number of right-hand sides, accepted steps, the end as a vector)."""
function run(problem, algorithm; options...)
    solution = solve(problem, algorithm; save_everystep = false, save_start = false, options...)
    return (Float64(solution.stats.nf), Float64(solution.stats.naccept), vec(solution.u[end]))
end

end
