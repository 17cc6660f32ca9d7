# Symbolics -> wire nodes. Sums and products are read from their parts, because `arguments` multiplies them out first.

const READERS = Dict{Any,Symbol}(f => op for (op, f) in BUILDERS if op !== :atan2 && op !== :pow)
merge!(READERS, Dict{Any,Symbol}(
    (<) => :lt, (<=) => :le, (>) => :gt, (>=) => :ge, (==) => :eq, (!=) => :ne,
    NaNMath.sin => :sin, NaNMath.cos => :cos, NaNMath.tan => :tan, NaNMath.asin => :asin, NaNMath.acos => :acos,
    NaNMath.acosh => :acosh, NaNMath.atanh => :atanh, NaNMath.log => :log,
))

"""
Functions without an operator of their own: what they mean, in functions that have one. `cbrt` of a negative number is negative, and
`signbit` is not told apart at -0.0.
"""
const FORMULAS = Dict{Any,Any}(
    sec => x -> inv(cos(x)), csc => x -> inv(sin(x)), cot => x -> cos(x) / sin(x),
    sech => x -> inv(cosh(x)), csch => x -> inv(sinh(x)), coth => x -> cosh(x) / sinh(x),
    asec => x -> acos(inv(x)), acsc => x -> asin(inv(x)), acot => x -> atan(inv(x)),
    asech => x -> acosh(inv(x)), acsch => x -> asinh(inv(x)), acoth => x -> atanh(inv(x)),
    exp2 => x -> exp(x * apply(log, constant(2))), exp10 => x -> exp(x * apply(log, constant(10))), expm1 => x -> exp(x) - 1,
    log2 => x -> log(x) / apply(log, constant(2)), log10 => x -> log(x) / apply(log, constant(10)), log1p => x -> log(1 + x),
    NaNMath.log2 => x -> log(x) / apply(log, constant(2)), NaNMath.log10 => x -> log(x) / apply(log, constant(10)),
    NaNMath.log1p => x -> log(1 + x), NaNMath.sqrt => x -> powered(x, 1 // 2),
    cbrt => x -> sign(x) * powered(abs(x), 1 // 3), abs2 => x -> x^2, inv => x -> 1 / x, deg2rad => x -> pi_term() * x / 180, rad2deg => x -> 180 * x / pi_term(),
    sinpi => x -> sin(pi_term() * x), cospi => x -> cos(pi_term() * x),
    sind => x -> sin(pi_term() * x / 180), cosd => x -> cos(pi_term() * x / 180), tand => x -> tan(pi_term() * x / 180),
    SpecialFunctions.erfc => x -> 1 - SpecialFunctions.erf(x), signbit => x -> x < 0, identity => identity,
    hypot => (x, y) -> powered(x^2 + y^2, 1 // 2), copysign => (x, y) -> abs(x) * ifelse(y < 0, -1, 1),
    mod => (x, y) -> x - y * floor(x / y), xor => (x, y) -> (x & !y) | (!x & y), isless => (x, y) -> x < y,
    SymbolicUtils.ifelse_eager => (c, x, y) -> apply(ifelse, c, x, y), SymbolicUtils.ifelse_branching => (c, x, y) -> apply(ifelse, c, x, y),
)

"""
One writing: positions of expressions that were met, and the names that are coordinates. By identity, since `isequal` takes
`sin(2.0*x)` and `sin(2*x)` for one.
"""
struct Reading
    writer::WireWriter
    known::IdDict{Sym,Int}
    coordinates::Set{Symbol}
end

function SymnumBridge.from_symbolics(expressions)
    return write_wire(read_terms(Sym[expression(e) for e in expressions]))
end

expression(e::Sym) = e
expression(e::Num) = expression(Symbolics.unwrap(e))
expression(e::Number) = constant(e)
expression(e) = throw(WireError("$(first(string(e), 200)) of type $(typeof(e)) is no real expression of Symbolics.jl"))

"""The nodes of expressions."""
function read_terms(roots::Vector{Sym})
    reading = Reading(WireWriter(), IdDict{Sym,Int}(), coordinates_of(roots))
    positions = [read_term!(reading, s) for s in roots]
    return WireTerms(reading.writer.nodes, positions)
end

"""Names that are arguments of called variables, or variables of derivatives."""
function coordinates_of(roots::Vector{Sym})
    found, seen, stack = Set{Symbol}(), Base.IdSet{Sym}(), copy(roots)
    while !isempty(stack)
        s = pop!(stack)
        (s in seen || !iscall(s)) && continue
        push!(seen, s)
        f = operation(s)
        for x in along(f, s)
            issym(x) && push!(found, nameof(x))
        end
        append!(stack, parts_of(s))
    end
    return found
end

"""What a call runs along: the variable of a derivative or an integral, the arguments of a called variable."""
function along(f, s::Sym)
    f isa Differential && return Sym[f.x]
    is_opaque(f, :integral) && return Sym[arguments(s)[2]]
    return f isa Sym && !is_opaque(f, :table) ? collect(Sym, arguments(s)) : Sym[]
end

function parts_of(s::Sym)
    (is_sum(s) || is_product(s)) && return collect(Sym, keys(s.dict))
    SymbolicUtils.isdiv(s) && return Sym[s.num, s.den]
    return collect(Sym, arguments(s))
end

"""The position of an expression, with everything below it; a stack in place of recursion, so that depth costs nothing."""
function read_term!(reading::Reading, root::Sym)
    stack = Tuple{Sym,Bool}[(root, false)]
    while !isempty(stack)
        s, ready = pop!(stack)
        haskey(reading.known, s) && continue
        if ready || !iscall(s)
            reading.known[s] = read_node!(reading, s)
        else
            push!(stack, (s, true))
            for part in parts_of(s)
                haskey(reading.known, part) || push!(stack, (part, false))
            end
        end
    end
    return reading.known[root]
end

at(reading::Reading, s::Sym) = reading.known[s]
number!(reading::Reading, value) = add!(reading.writer, value)

function read_node!(reading::Reading, s::Sym)
    writer = reading.writer
    isconst(s) && return read_constant!(writer, unwrap_const(s))
    issym(s) && return read_name!(reading, s)
    if is_sum(s)
        terms, values = collect(Sym, keys(s.dict)), collect(Any, Base.values(s.dict))
        return add!(writer, :sum, Int[at(reading, t) for t in terms], Any[exact_number(s.coeff); map(exact_number, values)])
    elseif is_product(s)
        bases, exponents = collect(Sym, keys(s.dict)), collect(Any, Base.values(s.dict))
        return add!(writer, :product, Int[at(reading, b) for b in bases], Any[exact_number(s.coeff); map(exact_number, exponents)])
    elseif SymbolicUtils.isdiv(s)
        return add!(writer, :product, Int[at(reading, s.num), at(reading, s.den)], Any[1, 1, -1])
    end
    return read_call!(reading, operation(s), collect(Sym, arguments(s)), s)
end

function read_constant!(writer::WireWriter, value)
    value isa Irrational || return add!(writer, value)
    value === π && return add!(writer, :pi, Int[])
    value === ℯ && return add!(writer, :exp, Int[add!(writer, 1)])
    return add!(writer, Float64(value))
end
read_constant!(::WireWriter, value::AbstractArray) = throw(WireError("an array inside an expression is no real term: $(first(string(value), 200))"))

function read_name!(reading::Reading, s::Sym)
    symtype(s) <: Real || throw(WireError("the variable $s of type $(symtype(s)) is not real"))
    name = nameof(s)
    name in reading.coordinates || return add!(reading.writer, WireName(:symbol, string(name), nothing))
    return add!(reading.writer, WireName(:coordinate, string(name), (name === :t ? :time : :space, "")))
end

function read_call!(reading::Reading, f, args::Vector{Sym}, s::Sym)
    writer, places = reading.writer, Int[at(reading, a) for a in args]
    f isa Differential && return read_derivative!(reading, s)
    f isa Sym && return read_called!(reading, f, args, places, s)
    f === sqrt && return add!(writer, :product, places, Any[1, 1 // 2])
    (f === (^) || f === NaNMath.pow) && return read_power!(writer, args, places)
    f === atan && return add!(writer, length(args) == 2 ? :atan2 : :atan, places)
    f === (+) && return add!(writer, :sum, places, Any[0; fill(1, length(places))])
    f === (*) && return add!(writer, :product, places, Any[1; fill(1, length(places))])
    f === (/) && return add!(writer, :product, places, Any[1, 1, -1])
    f === (-) && return add!(writer, :sum, places, length(places) == 1 ? Any[0, -1] : Any[0, 1, -1])
    if f === (<) && SymbolicUtils.hasmetadata(s, WrittenAsGreater)
        return add!(writer, :gt, reverse(places))
    elseif f === ifelse
        return add!(writer, :where, Int[read_condition(reading, args[1]), places[2], places[3]])
    elseif f === (&) || f === (|)
        return add!(writer, f === (&) ? :and : :or, Int[read_condition(reading, a) for a in args])
    elseif f === (!)
        return add!(writer, :not, Int[read_condition(reading, args[1])])
    elseif f === max || f === min
        return foldl((a, b) -> add!(writer, f === max ? :maximum : :minimum, Int[a, b]), places)
    end
    haskey(READERS, f) && return add!(writer, READERS[f], places)
    return read_formula!(reading, f, args, s)
end

"""`x != false` was made of the number x as a condition."""
function read_condition(reading::Reading, s::Sym)
    if iscall(s) && operation(s) === (!=)
        x, zero = arguments(s)
        isconst(zero) && unwrap_const(zero) === false && symtype(x) !== Bool && return at(reading, x)
    end
    return at(reading, s)
end

function read_power!(writer::WireWriter, args::Vector{Sym}, places::Vector{Int})
    isconst(args[2]) && return add!(writer, :product, places[1:1], Any[1, exact_number(unwrap_const(args[2]))])
    isconst(args[1]) && unwrap_const(args[1]) === ℯ && return add!(writer, :exp, places[2:2])
    return add!(writer, :pow, places)
end

"""Derivatives of derivatives are one node: taken one after the other, products would come apart."""
function read_derivative!(reading::Reading, s::Sym)
    body, along, orders = s, Int[], Int[]
    while iscall(body) && operation(body) isa Differential
        f = operation(body)
        f.order isa Integer || throw(WireError("the derivative $(first(string(s), 200)) is not of a whole order"))
        issym(f.x) || throw(WireError("the derivative $(first(string(s), 200)) is not along a variable"))
        x = read_term!(reading, f.x)
        k = findfirst(==(x), along)
        k === nothing ? (push!(along, x); push!(orders, f.order)) : (orders[k] += f.order)
        body = arguments(body)[1]
    end
    return add!(reading.writer, :derivative, Int[at(reading, body); along], orders)
end

function read_called!(reading::Reading, f::Sym, args::Vector{Sym}, places::Vector{Int}, s::Sym)
    is_opaque(f, :integral) && return add!(reading.writer, :integral, places)
    if is_opaque(f, :table)
        values = Any[exact_number(unwrap_const(a)) for a in args[2:end]]
        return add!(reading.writer, :table, places[1:1], (values[1], values[2:end]))
    end
    all(issym, args) || throw(WireError("$(first(string(s), 200)) is no field of coordinates"))
    return add!(reading.writer, WireName(:field, string(nameof(f)), (:float64, "")), places)
end

function read_formula!(reading::Reading, f, args::Vector{Sym}, s::Sym)
    formula = get(FORMULAS, f, nothing)
    if formula === nothing || !applicable(formula, args...)
        throw(WireError("the function $f of $(length(args)) arguments in $(first(string(s), 120)) has no counterpart among symnum's operators"))
    end
    return read_term!(reading, expression(formula(args...)))
end
