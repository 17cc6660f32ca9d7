# Wire nodes -> Symbolics. The inner constructors take sums and products as they stand: the operators would distribute
# -1*(a + b), turn (x^2)^(1//2) into x and 2^(1//3) into a float.

const Impl = SymbolicUtils.BSImpl
const Sym = BasicSymbolic{SymReal}
const Parts = SymbolicUtils.ACDict{SymReal}
const ADD, MUL = SymbolicUtils.AddMulVariant.ADD, SymbolicUtils.AddMulVariant.MUL

"""Metadata of `b < a` that was written `a > b`: Symbolics itself has no `>`."""
struct WrittenAsGreater end

"""Metadata of a sum: the terms whose coefficient is a float that equals a fraction. Without it `2.0*x + 1` and `2*x + 1` are one object."""
struct FloatCoefficients end

constant(value) = Impl.Const{SymReal}(value)
apply(f, args...; type = Real) = Impl.Term{SymReal}(f, SymbolicUtils.ArgsT{SymReal}(args); type)

pi_term() = apply(identity, constant(π))  # as Symbolics writes it inside sums and products

const BUILDERS = Dict{Symbol,Any}(
    :exp => exp, :log => log, :sin => sin, :cos => cos, :tan => tan, :sinh => sinh, :cosh => cosh, :tanh => tanh,
    :asin => asin, :acos => acos, :atan => atan, :asinh => asinh, :acosh => acosh, :atanh => atanh, :atan2 => atan,
    :erf => SpecialFunctions.erf, :abs => abs, :sign => sign, :floor => floor, :ceil => ceil, :minimum => min, :maximum => max,
    :pow => (^),
)
const COMPARISONS = Dict{Symbol,Any}(:lt => (<), :le => (<=), :ge => (>=), :eq => (==), :ne => (!=))

function SymnumBridge.to_symbolics(codes, numbers, names)
    return Num[Num(s) for s in built(read_wire(codes, numbers, names))]
end

"""The roots as `BasicSymbolic`."""
function built(terms::WireTerms)
    made = Sym[]
    sizehint!(made, length(terms.nodes))
    for node in terms.nodes
        push!(made, build(node, Sym[made[i] for i in node.args]))
    end
    return Sym[made[i] for i in terms.roots]
end

function build(node::WireNode, args::Vector{Sym})
    op, data = node.op, node.data
    op === :number && return constant(safe_number(data))
    op === :name && return variable(data, args)
    op === :sum && return sum_of(data, args)
    op === :product && return product_of(data, args)
    op === :pi && return pi_term()
    haskey(BUILDERS, op) && return apply(BUILDERS[op], args...)
    haskey(COMPARISONS, op) && return apply(COMPARISONS[op], args...; type = Bool)
    if op === :gt
        metadata = Base.ImmutableDict{DataType,Any}(WrittenAsGreater, true)
        return Impl.Term{SymReal}((<), SymbolicUtils.ArgsT{SymReal}((args[2], args[1])); type = Bool, metadata)
    elseif op === :where
        return apply(ifelse, condition(args[1]), args[2], args[3])
    elseif op === :and || op === :or
        return apply(op === :and ? (&) : (|), condition(args[1]), condition(args[2]); type = Bool)
    elseif op === :not
        return apply((!), condition(args[1]); type = Bool)
    elseif op === :derivative
        return foldl((f, (x, k)) -> Differential(x, k)(f), zip(@view(args[2:end]), data); init = args[1])
    elseif op === :integral
        return apply(opaque(:integral), args...)
    elseif op === :table
        start, values = data
        return apply(opaque(:table), args[1], constant(start), map(constant, values)...)
    end
    throw(WireError("the operator $op has no form in Symbolics.jl"))
end

"""Whole numbers from 2^31 on as `BigInt`: products of `Int64` wrap around in silence."""
safe_number(value::Int64) = -2^31 < value < 2^31 ? value : big(value)
safe_number(value::Rational) = safe_number(numerator(value)) // safe_number(denominator(value))
safe_number(value) = value

"""A number as the condition that it is not zero, `x != false`, which reads back as `x`."""
condition(s::Sym) = symtype(s) === Bool ? s : apply((!=), s, constant(false); type = Bool)

const CALLED = SymbolicUtils.FnType{Tuple,Real,Nothing}  # the type of u in u(t, x)
const OPAQUE = SymbolicUtils.FnType{Tuple{Vararg{Real}},Real,Nothing}  # of integral(f, x) and table(i, ...), which Symbolics leaves alone

opaque(name::Symbol) = Impl.Sym{SymReal}(name; type = OPAQUE)
is_opaque(f, name::Symbol) = f isa Sym && symtype(f) === OPAQUE && nameof(f) === name

function variable(name::WireName, coordinates::Vector{Sym})
    isempty(coordinates) && return Symbolics.unwrap(Symbolics.variable(Symbol(name.name)))
    f = Impl.Sym{SymReal}(Symbol(name.name); type = CALLED)
    f = SymbolicUtils.setmetadata(f, Symbolics.VariableSource, (:variables, Symbol(name.name)))
    made = apply(f, coordinates...)
    return SymbolicUtils.setmetadata(made, Symbolics.VariableSource, (:variables, Symbol(name.name)))
end

is_sum(s::Sym) = SymbolicUtils.isadd(s)
is_product(s::Sym) = SymbolicUtils.ismul(s)

function sum_of(data, args::Vector{Sym})
    parts, rest = Parts(), data[1]
    for (c, term) in zip(@view(data[2:end]), args)
        if isconst(term)
            rest += c * unwrap_const(term)
        elseif is_sum(term) && isone(c)  # a sum inside a sum, a product with a coefficient: shared as they stand
            rest += term.coeff
            foreach(((t, k),) -> add_part!(parts, t, k), term.dict)
        elseif is_product(term) && !isone(term.coeff)
            add_part!(parts, product_with(1, term.dict), safe_number(c) * term.coeff)
        else
            add_part!(parts, term, safe_number(c))
        end
    end
    filter!(pair -> !iszero(last(pair)), parts)
    isempty(parts) && return constant(safe_number(rest))
    if iszero(rest) && length(parts) == 1
        term, coefficient = first(parts)
        return isone(coefficient) ? term : product_with(coefficient, is_product(term) ? term.dict : Parts(term => 1))
    end
    inexact = Set{Sym}(t for (t, c) in parts if c isa Float64 && isinteger(ldexp(c, 40)))
    metadata = isempty(inexact) ? nothing : Base.ImmutableDict{DataType,Any}(FloatCoefficients, inexact)
    return Impl.AddMul{SymReal}(safe_number(rest), parts, ADD; type = Real, metadata)
end

add_part!(parts::Parts, key::Sym, number) = (parts[key] = get(parts, key, 0) + number)

"""`coefficient * prod(base^exponent)` of parts as they stand; parts that are one base to a power are that power."""
function product_with(coefficient, parts)
    if isone(coefficient) && length(parts) == 1
        base, exponent = first(parts)
        return isone(exponent) ? base : powered(base, exponent)
    end
    return Impl.AddMul{SymReal}(coefficient, parts, MUL; type = Real)
end

function product_of(data, args::Vector{Sym})
    above, below, coefficient = Parts(), Parts(), safe_number(data[1])
    for (e, base) in zip(@view(data[2:end]), args)
        if isone(e) && isconst(base)
            coefficient *= unwrap_const(base)
        elseif isone(e) && is_product(base)  # a product inside a product, shared as it stands
            coefficient *= base.coeff
            foreach(((b, k),) -> add_part!(above, b, k), base.dict)
        elseif isone(e) && is_whole_power(base)
            add_part!(above, arguments(base)[1], unwrap_const(arguments(base)[2]))
        elseif whole_power(base, abs(e))
            add_part!(e < 0 ? below : above, base, abs(e))
        else
            add_part!(e < 0 ? below : above, powered(base, abs(e)), 1)
        end
    end
    isempty(below) && return product_with(coefficient, above)
    numerator = isempty(above) ? constant(coefficient) : product_with(coefficient, above)
    return Impl.Div{SymReal}(numerator, product_with(1, below), false; type = Real)
end

"""Whether `base^exponent` may be an entry of a product: what holds a power already would be merged with it."""
function whole_power(base::Sym, exponent)
    is_product(base) && return false
    (isconst(base) || !(exponent isa Integer)) && return false
    return !(iscall(base) && operation(base) in ((^), sqrt, cbrt)) || isone(exponent)
end

"""Whether an expression is x^n that stands as an entry of its own in products."""
function is_whole_power(s::Sym)
    iscall(s) && operation(s) === (^) && isconst(arguments(s)[2]) || return false
    exponent = unwrap_const(arguments(s)[2])
    return exponent isa Integer && exponent > 0 && whole_power(arguments(s)[1], exponent)
end

function powered(base::Sym, exponent)
    exponent == 1 // 2 && return apply(sqrt, base)
    return apply((^), base, constant(safe_number(exponent)))
end
