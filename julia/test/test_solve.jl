using SparseArrays
using SymnumBridge: Half, Model, NativeFunction, STATUS, collect!, flat, generated, independent, interpolate!, native_model,
    occurrence, report!, run!, set_events!, set_jacobian!, set_linear!, set_mass!, set_noise!, set_partition!, set_pattern!,
    set_product!, solver, source_model, store!

# y1' = p y2, y2' = -y1: with p = 1 the cosine and minus the sine
function c_oscillator(t::Cdouble, y::Ptr{Cdouble}, p::Ptr{Cdouble}, out::Ptr{Cdouble})
    unsafe_store!(out, unsafe_load(p) * unsafe_load(y, 2), 1)
    unsafe_store!(out, -unsafe_load(y, 1), 2)
    return nothing
end
const OSCILLATOR = UInt(@cfunction(c_oscillator, Cvoid, (Cdouble, Ptr{Cdouble}, Ptr{Cdouble}, Ptr{Cdouble})))
settings(; every = false, dense = false, steps = Inf, dt = 0.0) =
    (; rtol = 1.0e-9, atol = 1.0e-11, dt, max_steps = steps, max_step = Inf, every_step = every, dense)

"""Run from 0 to `stop`; the result, its times, its states as columns, and what `report!` wrote."""
function go(made, times; stop = 2.0, start = [1.0, 0.0], p = [1.0], seed = 0, monitor = 0)
    report = zeros(12)
    GC.@preserve times start p report begin
        result = run!(made, 0.0, stop, 0.0, stop, UInt(pointer(start)), UInt(pointer(p)), length(p),
            UInt(pointer(times)), isempty(times) ? -1 : length(times), seed, monitor, 0.0, UInt(pointer(report)))
    end
    rows, n = Int(report[1]), length(start)
    t, y, last = zeros(rows), zeros(n, rows), zeros(n)
    GC.@preserve t y last collect!(result, UInt(pointer(t)), UInt(pointer(y)), UInt(pointer(last)))
    return result, t, y, report
end

@testset "models" begin
    model = native_model(2, OSCILLATOR, true)
    set_jacobian!(model, OSCILLATOR, 2, [1, 2], [2, 3], [1, 2, 3], [2, 1])
    @test model.prototype == sparse([2, 1], [1, 2], ones(2)) && model.jacobian.to == [2, 3]
    set_pattern!(model, Int[], Int[])
    @test model.prototype === nothing
    set_pattern!(model, [1, 2, 3], [2, 1], [1, 1])
    @test model.colours == [1, 1]
    set_mass!(model, [1.0, 0.0])
    @test model.mass[2, 2] == 0.0
    set_noise!(model, OSCILLATOR, 0)
    @test model.noise isa NativeFunction && model.columns == 0
    set_linear!(model, [1, 2, 3], [2, 1], [-1.0, 1.0])
    @test model.linear[1, 2] == 1.0
    set_partition!(model, [1])
    @test model.momenta == [2]
    set_product!(model, OSCILLATOR)
    set_events!(model, OSCILLATOR, [1, -1], [1, 0])
    @test length(model.conditions) == 2 && model.conditions.acts == [true, false]
    other = independent(model)
    @test other.f !== model.f && other.jacobian.slots !== model.jacobian.slots && other.prototype === model.prototype
    named = source_model(2, (out, y, p, t) -> (out .= y; nothing), true, false)
    @test independent(named).f isa typeof(named.f)
    half, out = Half(model.f, 2, model.momenta, model.positions, [1]), zeros(1)
    half(out, [3.0], [1.0], [2.0], 0.0)
    @test out == [6.0]
    @test flat([1.0, 2.0], model) == [1.0, 2.0] && flat((; x = ([5.0], [7.0])), model) == [7.0, 5.0]
    @test store!(zeros(4), 2, [1.0, 2.0], model) == [0.0, 0.0, 1.0, 2.0]
end

if needs("SciMLBase", "DiffEqBase", "ADTypes", "OrdinaryDiffEqTsit5")
    @testset "a run" begin
        model = native_model(2, OSCILLATOR, true)
        result, t, y, report = go(solver(model, "Tsit5", (), "explicit"; settings()...), [0.5, 2.0])
        @test t == [0.5, 2.0] && isapprox(y[1, :], cos.(t); atol = 1.0e-7)
        @test STATUS[Int(report[3])+1] == "Success" && report[2] == 2.0 && report[4] > report[5] > 0
        dense = solver(model, "Tsit5", (), "explicit"; settings(every = true, dense = true)...)
        result, t, y, report = go(dense, Float64[])
        @test length(t) == report[5] + 1 && issorted(t)
        times, inside = [0.1, 1.3], zeros(2, 2)
        GC.@preserve times inside interpolate!(result, UInt(pointer(times)), 2, UInt(pointer(inside)))
        @test isapprox(inside[1, :], cos.(times); atol = 1.0e-7)
        short = solver(model, "Tsit5", (), "explicit"; settings(steps = 3.0)...)
        @test STATUS[Int(go(short, [2.0])[4][3])+1] == "MaxIters"
    end

    @testset "events" begin
        model = native_model(2, OSCILLATOR, true)
        set_events!(model, OSCILLATOR, [0, -1], [0, 1])  # conditions y2 (noted) and -y1 falling (acts: y1 rises through 0)
        made = solver(model, "Tsit5", (), "explicit"; settings()...)
        result, t, y, report = go(made, [1.0, 6.0]; stop = 6.0)
        @test report[10] == 2 && isapprox(report[2], 1.5pi; atol = 1.0e-7) && STATUS[Int(report[3])+1] == "Terminated"
        state = zeros(2)
        when, crossings, before = GC.@preserve state occurrence(result, 1, UInt(pointer(state)))
        @test isapprox(when, pi; atol = 1.0e-7) && crossings == [1, 0] && before[1] < 0 && isapprox(state[1], -1; atol = 1.0e-7)
    end

    @testset "ensembles" begin
        model = native_model(2, OSCILLATOR, true)
        made = solver(model, "Tsit5", (), "explicit"; settings()...)
        starts, parameters, times = [1.0 2.0; 0.0 0.0], [1.0 1.0], [1.0, 2.0]
        results = GC.@preserve starts parameters times SymnumBridge.ensemble(made, 0.0, 2.0, 0.0, 2.0, UInt(pointer(starts)),
            UInt(pointer(parameters)), 1, 2, UInt(pointer(times)), 2, Int[], Threads.nthreads() > 1)
        @test [r.times for r in results] == [times, times]
        @test isapprox([r.states[2][1] for r in results], [1, 2] .* cos(2.0); atol = 1.0e-7)
    end
end

if needs("SciMLBase", "DiffEqBase", "ADTypes", "OrdinaryDiffEqTsit5")
    @testset "native code is called without a wrapper, generated code behind one" begin
        native = solver(native_model(2, OSCILLATOR, true), "Tsit5", (), "explicit"; settings()...)
        base = SymnumBridge.require("SciMLBase")
        @test base.specialization(native.equations) === base.FullSpecialize
        source = source_model(2, (out, y, p, t) -> (out .= y; nothing), true, true)
        made = solver(source, "Tsit5", (), "explicit"; settings()...)
        @test base.specialization(made.equations) === base.AutoSpecialize
        @test isapprox(go(made, [1.0]; start = [1.0, 2.0])[3][:, 1], [1.0, 2.0] .* exp(1.0); rtol = 1.0e-7)
    end
end

if needs("SciMLBase", "DiffEqBase", "ADTypes", "OrdinaryDiffEqRosenbrock")
    @testset "an implicit method with a Jacobian of ours" begin
        slots = generated("function slots!(out, y, p, t)\n out[1] = p[1]\n out[2] = -1.0\n return nothing\nend", "slots!")
        model = native_model(2, OSCILLATOR, true)
        set_jacobian!(model, slots, 2, [2, 1], [2, 3], Int[], Int[])
        result, t, y, report = go(solver(model, "Rodas5P", (), "implicit"; settings()...), [2.0])
        @test isapprox(y[1, end], cos(2.0); atol = 1.0e-7) && report[7] > 0
    end
end
