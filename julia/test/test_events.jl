using SymnumBridge: Conditions, Monitor, asks_to_stop, note!, reset!, values_at!

height(out, y, p, t) = (out .= [y[1], y[2] - 1]; nothing)

@testset "conditions" begin
    c = Conditions(height, [-1, 0], [true, false])
    @test length(c) == 2 && values_at!(c, [2.0, 3.0], 0.0, Float64[]) == [2.0, 2.0]
    reset!(c, 0.0, [1])
    @test values_at!(c, [2.0, 3.0], 0.0, Float64[]) == [0.0, 2.0]  # muted where the run begins
    @test values_at!(c, [2.0, 3.0], 0.1, Float64[]) == [2.0, 2.0]
    out = zeros(2)
    c(out, [5.0, 5.0], 1.0, (; p = Float64[]))
    @test out == [5.0, 4.0]
    # x falls through zero: it acts; y - 1 rises: it is noted; x rising is none of the events
    @test note!(c, 1.0, [0.0, 1.0], Float64[], 0.5, [1.0, 0.0], Int8[-1, 1])
    @test !note!(c, 1.0, [0.0, 5.0], Float64[], 0.5, [-1.0, 5.0], Int8[1, 0])
    @test !note!(c, 1.0, [3.0, 1.0], Float64[], 0.5, [1.0, 0.0], Int8[0, 1])
    @test [found[2] for found in c.found] == [[-1, 1], [0, 1]] && c.found[1][4] == [1.0, -1.0]
    # a change of sign through infinity is no event
    @test !note!(c, 1.0, [-1.0e9, 5.0], Float64[], 0.5, [1.0, 5.0], Int8[-1, 0]) && length(c.found) == 2
    values_at!(c, [1.0, NaN], 2.0, Float64[])
    @test c.undefined == 2 && c.undefined_at == 2.0 && isempty(reset!(c, 0.0, Int[]).found) && c.undefined == 0
end

const ASKED = Ref(0)
c_stop(t::Cdouble, y::Ptr{Cdouble}) = (ASKED[] += 1; Cint(t > 1))
const STOP = @cfunction(c_stop, Cint, (Cdouble, Ptr{Cdouble}))

@testset "a monitor is asked, each time or after a while" begin
    each = Monitor(UInt(STOP), 0.0)
    @test !asks_to_stop(each, 0.5, [1.0]) && asks_to_stop(each, 1.5, [1.0]) && each.stopped && ASKED[] == 2
    @test !asks_to_stop(Monitor(UInt(STOP), 100.0), 1.5, [1.0]) && ASKED[] == 2
    @test !asks_to_stop(Monitor(0, 0.0), 1.5, [1.0])
end
