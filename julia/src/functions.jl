# Functions that solvers call: native code at an address, or Julia source that symnum printed.
#
#   native      void f(double t, const double *y, const double *p, double *out)
#   generated   f!(out, y, p, t)
#
# Every kind has one type, so solver code compiled for one model serves all. A function is asked only for times of
# [low, high], the inside of a segment between two discontinuities.

"""
    NotNative(what)

Native code was called with numbers that are not `Float64`, as automatic differentiation does.
"""
struct NotNative <: Exception
    what::String
end

function Base.showerror(io::IO, error::NotNative)
    print(io, "the equations run as native code, which takes only Float64, and were called with ", error.what,
        "; automatic differentiation needs target=\"julia\"")
end

"""
    Segmented

A function f(out, y, p, t) that is asked only for times of [low, high], its mutable fields.
"""
abstract type Segmented end

"""
    inside(t, f)

The time of [f.low, f.high] nearest to t (comparisons alone: `clamp` and `min` cost as much as a small model).
"""
inside(t::Real, f::Segmented) = t < f.low ? oftype(t, f.low) : t > f.high ? oftype(t, f.high) : t

"""
    NativeFunction(address)

`f(out, y, p, t)` at an address, for `Float64` arrays. `low`, `high` (fields): the times that it is asked for.
"""
mutable struct NativeFunction <: Segmented
    const address::Ptr{Cvoid}
    low::Float64
    high::Float64
end
NativeFunction(address::Integer) = NativeFunction(Ptr{Cvoid}(UInt(address)), -Inf, Inf)

function (f::NativeFunction)(out::Array{Float64}, y::Vector{Float64}, p::Vector{Float64}, t::Float64)
    call_native(f.address, inside(t, f), y, p, out)
    return nothing
end
function (f::NativeFunction)(out::AbstractArray{Float64}, y::AbstractArray{Float64}, p, t::Real)
    copied = Vector{Float64}(undef, length(out))
    f(copied, collect(Float64, vec(y)), p, Float64(t))
    copyto!(out, copied)
    return nothing
end
(f::NativeFunction)(out, y, p, t) = throw(NotNative("$(eltype(out)), $(eltype(y)) at a time of type $(typeof(t))"))

"""
    call_native(address, t, y, p, out)

Call the native function at an address with Julia arrays.
"""
function call_native(address::Ptr{Cvoid}, t::Float64, y, p, out)
    ccall(address, Cvoid, (Cdouble, Ptr{Cdouble}, Ptr{Cdouble}, Ptr{Cdouble}), t, y, p, out)
end

"""
    SourceFunction(f)
    SourceFunction{Any}(f)

A generated function `f(out, y, p, t)` of any number type, asked only for times of a segment. With `Any` the type is
the same for all functions, so a solver that is compiled for one serves all, at the price of a call that is looked up.
"""
mutable struct SourceFunction{F} <: Segmented
    const f::F
    low::Float64
    high::Float64
end
SourceFunction(f) = SourceFunction(f, -Inf, Inf)
SourceFunction{Any}(f) = SourceFunction{Any}(f, -Inf, Inf)

function (s::SourceFunction)(out, y, p, t)
    s.f(out, y, p, inside(t, s))
    return nothing
end

"""
    AnyFunction(f)

A generated function behind one type for all, at the price of a call that is looked up at run time (Jacobians,
conditions: the compiled solver does not depend on the model).
"""
struct AnyFunction
    f::Any
end
(a::AnyFunction)(out, y, p, t) = (a.f(out, y, p, t); nothing)

"""
    GENERATED :: Dict{String,Any}

Generated functions by the text they were made of: a model that comes again defines nothing new.
"""
const GENERATED = Dict{String,Any}()
const GENERATED_LOCK = ReentrantLock()

"""
    generated(source, name) -> f!

The function `name` that the Julia text `source` defines, in a module of its own; the text is a whole file written by
symnum's Julia target. The same text gives the same function again.
"""
function generated(source::AbstractString, name::AbstractString)
    lock(GENERATED_LOCK) do
        get!(GENERATED, string(name, '\n', source)) do
            home = Module(Symbol(:Generated_, length(GENERATED) + 1))
            Base.include_string(home, String(source), string(name, ".jl"))
            Base.invokelatest(getfield, home, Symbol(name))
        end
    end
end

"""
    evaluate!(f!, t, y, ny, p, np, out, nout)

`f!(out, y, p, t)` for arrays at the addresses `y`, `p`, `out` of `ny`, `np`, `nout` numbers.
"""
function evaluate!(f!, t::Real, y::Integer, ny::Integer, p::Integer, np::Integer, out::Integer, nout::Integer)
    Base.invokelatest(f!, at_address(out, nout), at_address(y, ny), at_address(p, np), Float64(t))
    return nothing
end

"""
    at_address(address, count) -> Vector{Float64}

The numbers at an address; nothing is copied, the owner must outlive the vector.
"""
at_address(address::Integer, count::Integer) =
    count == 0 ? Float64[] : unsafe_wrap(Array, Ptr{Float64}(UInt(address)), Int(count))

# --- Jacobians -------------------------------------------------------------------------------------------------------

"""
    Jacobian(f, slots, from, to)

df/dy by a function that writes all its distinct values ("slots"): entry `to[k]` of the matrix (position among the
stored values of a sparse one, linear index of a dense one) is the sum of the values `slots[from[k]]`.
"""
struct Jacobian{F}
    f::F
    slots::Vector{Float64}
    from::Vector{Int}
    to::Vector{Int}
end

function (j::Jacobian)(J, y, p, t)
    j.f(j.slots, y, p, t)
    data = J isa SparseMatrixCSC ? nonzeros(J) : J
    fill!(data, 0.0)
    @inbounds for k in eachindex(j.from, j.to)
        data[j.to[k]] += j.slots[j.from[k]]
    end
    return nothing
end

"""
    TimeGradient(f, autonomous)

df/dt: zero where f does not depend on t by itself, else a difference over a short stretch of the segment around t.
"""
struct TimeGradient{F<:Segmented}
    f::F
    autonomous::Bool
    moved::Vector{Float64}
end
TimeGradient(f::Segmented, autonomous::Bool, n::Integer) = TimeGradient(f, autonomous, Vector{Float64}(undef, n))

function (g::TimeGradient)(out, y, p, t)
    g.autonomous && return (fill!(out, 0.0); nothing)
    width = g.f.high - g.f.low
    h = max(6.0e-8 * (isfinite(width) ? width : 1.0), 1.0e-10 * abs(t))
    earlier, later = max(t - h, g.f.low), min(t + h, g.f.high)
    g.f(out, y, p, earlier)
    g.f(g.moved, y, p, later)
    @. out = (g.moved - out) / (later - earlier)
    return nothing
end

"""
    Product(f, n)

(df/dy) v by a function of the vector [y; v] of 2n numbers.
"""
struct Product{F}
    f::F
    both::Vector{Float64}
end
Product(f, n::Integer) = Product(f, Vector{Float64}(undef, 2n))

function (j::Product)(out, v, y, p, t)
    n = length(y)
    copyto!(j.both, 1, y, 1, n)
    copyto!(j.both, n + 1, v, 1, n)
    j.f(out, j.both, p, t)
    return nothing
end

"""
    Remainder(f, L)

f(t, y) - L y, what a split method treats by itself.
"""
struct Remainder{F<:Segmented}
    f::F
    L::SparseMatrixCSC{Float64,Int}
end

function (r::Remainder)(out, y, p, t)
    r.f(out, y, p, t)
    mul!(out, r.L, y, -1.0, 1.0)
    return nothing
end
