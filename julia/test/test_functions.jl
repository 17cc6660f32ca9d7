using SparseArrays
using SymnumBridge: AnyFunction, Jacobian, NativeFunction, NotNative, Product, Remainder, SourceFunction, TimeGradient

# Native code for tests: a Julia function behind a C pointer, as symnum's compiled kernels are.
function c_equations(t::Cdouble, y::Ptr{Cdouble}, p::Ptr{Cdouble}, out::Ptr{Cdouble})
    unsafe_store!(out, unsafe_load(p) * unsafe_load(y, 2) + t, 1)
    unsafe_store!(out, -unsafe_load(y, 1), 2)
    return nothing
end
const EQUATIONS = @cfunction(c_equations, Cvoid, (Cdouble, Ptr{Cdouble}, Ptr{Cdouble}, Ptr{Cdouble}))
exact(y, p, t) = [p[1] * y[2] + t, -y[1]]

@testset "native functions" begin
    f = NativeFunction(UInt(EQUATIONS))
    out, y, p = zeros(2), [1.0, 2.0], [3.0]
    f(out, y, p, 0.5)
    @test out == exact(y, p, 0.5)
    f.low, f.high = 1.0, 2.0
    f(out, y, p, 0.5)
    @test out == exact(y, p, 1.0)
    @test SymnumBridge.inside.([0.5, 1.5, 3.0], Ref(f)) == [1.0, 1.5, 2.0] && SymnumBridge.inside(big"0.5", f) isa BigFloat
    views = @view zeros(4)[1:2]
    f(views, @view([0.0, 1.0, 2.0][2:3]), p, 5.0)
    @test views == exact(y, p, 2.0)
    error = try f(zeros(BigFloat, 2), big.(y), p, 0.5) catch caught caught end
    @test error isa NotNative && occursin("BigFloat", sprint(showerror, error)) && occursin("target=\"julia\"", sprint(showerror, error))
    @test SymnumBridge.call_native(EQUATIONS, 0.0, y, p, out) === nothing && out == exact(y, p, 0.0)
end

@testset "generated functions" begin
    source = "helper(x) = 2x\nfunction twice!(out, y, p, t)\n    out .= helper.(y) .+ t\n    return nothing\nend\n"
    f = SymnumBridge.generated(source, "twice!")
    known = length(SymnumBridge.GENERATED)
    @test SymnumBridge.generated(source, "twice!") === f && length(SymnumBridge.GENERATED) == known
    y, out = [1.0, 2.0], zeros(2)
    SymnumBridge.evaluate!(f, 0.5, UInt(pointer(y)), 2, 0, 0, UInt(pointer(out)), 2)
    @test out == [2.5, 4.5]
    for wrapped in (SourceFunction(f), SourceFunction{Any}(f), AnyFunction(f))
        Base.invokelatest(wrapped, out, y, Float64[], 1.0)
        @test out == [3.0, 5.0]
    end
    inside = SourceFunction{Any}(f)
    inside.high = 0.25
    Base.invokelatest(inside, out, y, Float64[], 1.0)
    @test out == [2.25, 4.25]
    @test SymnumBridge.at_address(UInt(pointer(y)), 2) == y && isempty(SymnumBridge.at_address(0, 0))
end

@testset "Jacobians, time gradients and products" begin
    slots = (out, y, p, t) -> (out .= [y[1], p[1], 5.0]; nothing)
    dense, sparse_one = zeros(2, 2), sparse([1, 2, 2], [1, 1, 2], ones(3))
    Jacobian(slots, zeros(3), [1, 2, 3, 3], [1, 2, 4, 4])(dense, [7.0, 0.0], [2.0], 0.0)
    @test dense == [7.0 0.0; 2.0 10.0]
    Jacobian(slots, zeros(3), [1, 2, 3], [1, 2, 3])(sparse_one, [7.0, 0.0], [2.0], 0.0)
    @test sparse_one == [7.0 0.0; 2.0 5.0]
    f = NativeFunction(UInt(EQUATIONS))
    f.low, f.high = 0.0, 1.0
    rates = ones(2)
    for t in (0.0, 0.5, 1.0)
        TimeGradient(f, false, 2)(rates, [1.0, 2.0], [3.0], t)
        @test isapprox(rates, [1.0, 0.0]; atol = 1.0e-6)
    end
    TimeGradient(f, true, 2)(rates, [1.0, 2.0], [3.0], 0.5)
    @test iszero(rates)
    tangent = (out, both, p, t) -> (out .= both[1] .* both[3:4]; nothing)
    Product(tangent, 2)(rates, [3.0, 4.0], [2.0, 9.0], Float64[], 0.0)
    @test rates == [6.0, 8.0]
    L = sparse([1, 2], [2, 1], [3.0, -1.0])
    Remainder(f, L)(rates, [1.0, 2.0], [3.0], 0.5)
    @test isapprox(rates, [0.5, 0.0]; atol = 1.0e-15)
end
