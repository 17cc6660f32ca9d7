# The wire form of terms, version 1 (docs/wire.md; the Python half is symnum/bridge/wire.py): a DAG of terms as three
# flat arrays, read and written with nothing but Base.

"""
    WIRE_VERSION

The version of the wire form that this package reads and writes.
"""
const WIRE_VERSION = 1

const _INTEGER, _LARGE, _FRACTION, _FLOAT, _TRUTH = 1, 2, 3, 4, 5
const _SYMBOL, _COORDINATE, _FIELD, _PARAMETER = 8, 9, 10, 11
const _SUM, _PRODUCT, _DERIVATIVE, _INTEGRAL, _TABLE = 16, 17, 19, 20, 21
const _KINDS = (:symbol, :temporary, :index)
const _ROLES = (:time, :space)
const _DTYPES = (:float64, :complex128)

"""
    OPERATORS :: Dict{Int,Tuple{Symbol,Int}}

Code => (operator, number of arguments), of the operators whose record is nothing but their arguments.
"""
const OPERATORS = Dict{Int,Tuple{Symbol,Int}}(
    18 => (:pow, 2), 22 => (:pi, 0), 32 => (:exp, 1), 33 => (:log, 1),
    34 => (:sin, 1), 35 => (:cos, 1), 36 => (:tan, 1), 37 => (:sinh, 1), 38 => (:cosh, 1), 39 => (:tanh, 1),
    40 => (:asin, 1), 41 => (:acos, 1), 42 => (:atan, 1), 43 => (:asinh, 1), 44 => (:acosh, 1), 45 => (:atanh, 1),
    46 => (:atan2, 2), 47 => (:erf, 1), 48 => (:abs, 1), 49 => (:sign, 1), 50 => (:floor, 1), 51 => (:ceil, 1),
    52 => (:minimum, 2), 53 => (:maximum, 2), 64 => (:where, 3),
    65 => (:lt, 2), 66 => (:le, 2), 67 => (:gt, 2), 68 => (:ge, 2), 69 => (:eq, 2), 70 => (:ne, 2),
    71 => (:and, 2), 72 => (:or, 2), 73 => (:not, 1),
)
const _CODES = Dict{Symbol,Int}(op => code for (code, (op, _)) in OPERATORS)

"""
    WireError(message)

An array that is no wire form of terms, or a term that has none.
"""
struct WireError <: Exception
    message::String
end

Base.showerror(io::IO, error::WireError) = print(io, error.message)

_damaged(what...) = throw(WireError(string("the wire form of terms is damaged: ", what...)))

"""
    WireName(kind, name, info)

A symbol. `kind`: `:symbol`, `:temporary`, `:index`, `:coordinate`, `:field`, `:parameter`; `info`: what else belongs to
it (an integer, a text or nothing; `(role, units)`; `(dtype, units)`; `(units, default)`).
"""
struct WireName
    kind::Symbol
    name::String
    info::Any
end

"""
    WireNode(op, args, data)

One node. `op`: `:number`, `:name`, `:sum`, `:product`, `:derivative`, `:integral`, `:table` or an operator of
`OPERATORS`; `args`: positions of earlier nodes; `data`: the number, the `WireName`, the numbers
`[c0, c1, ..., cn]` of a sum or `[c, e1, ..., en]` of a product, the orders of a derivative, `(start, values)` of a table.
A field has its coordinates as `args`.
"""
struct WireNode
    op::Symbol
    args::Vector{Int}
    data::Any
end

WireNode(op::Symbol, args::Vector{Int}) = WireNode(op, args, nothing)

"""
    WireTerms(nodes, roots)

Terms: nodes in post-order, each once, and the positions of the roots.
"""
struct WireTerms
    nodes::Vector{WireNode}
    roots::Vector{Int}
end

# --- reading ----------------------------------------------------------------------------------------------------------

mutable struct _Cursor
    const codes::Vector{Int64}
    const numbers::Vector{Float64}
    const names::Vector{String}
    at::Int
    const last::Int
    const nodes::Vector{WireNode}
end

"""
    read_wire(codes, numbers, names) -> WireTerms

The nodes of a wire form. Throws `WireError` for another version and for arrays that are not well made.
"""
function read_wire(codes::AbstractVector, numbers::AbstractVector, names::AbstractVector)
    words = Vector{Int64}(codes)
    length(words) >= 3 || _damaged(length(words), " codes, fewer than the 3 of its head")
    version, count, roots = words[1], words[2], words[3]
    version == WIRE_VERSION ||
        throw(WireError("the wire form of terms has version $version; this SymnumBridge reads version $WIRE_VERSION"))
    0 <= count <= length(words) && 0 <= roots <= length(words) - 3 ||
        _damaged("its head says $count nodes and $roots roots, but $(length(words)) codes follow")
    cursor = _Cursor(words, Vector{Float64}(numbers), String[String(n) for n in names], 3, length(words) - roots, WireNode[])
    sizehint!(cursor.nodes, count)
    for _ in 1:count
        push!(cursor.nodes, _read_node(cursor))
    end
    cursor.at == cursor.last || _damaged(cursor.last - cursor.at, " codes are left over")
    return WireTerms(cursor.nodes, [_node(cursor, i) for i in @view words[cursor.last+1:end]])
end

function _take(cursor::_Cursor)
    cursor.at < cursor.last || _damaged("a record runs beyond the end")
    cursor.at += 1
    return Int(cursor.codes[cursor.at])
end

function _several(cursor::_Cursor, count::Integer)
    0 <= count <= cursor.last - cursor.at || _damaged("a record of $count operands, where $(cursor.last - cursor.at) codes are left")
    cursor.at += count
    return cursor.codes[cursor.at-count+1:cursor.at]
end

function _count(cursor::_Cursor, least = 1)
    count = _take(cursor)
    least <= count <= cursor.last - cursor.at || _damaged("a record of $count parts")
    return count
end

# Positions are 0-based on the wire and 1-based here.
_node(cursor::_Cursor, i) = 0 <= i < length(cursor.nodes) ? Int(i) + 1 : _damaged("node $i of $(length(cursor.nodes)) known ones")
_name(cursor::_Cursor, i) = 0 <= i < length(cursor.names) ? cursor.names[i+1] : _damaged("name $i of $(length(cursor.names))")
_of(table, i) = 0 <= i < length(table) ? table[i+1] : _damaged("entry $i of $(length(table))")

function _value(cursor::_Cursor, i)
    node = cursor.nodes[_node(cursor, i)]
    node.op === :number && !(node.data isa Bool) || _damaged("a number is expected, and node $i is $(node.op)")
    return node.data
end

function _read_node(cursor::_Cursor)
    code = _take(cursor)
    code <= _TRUTH && return WireNode(:number, Int[], _read_number(cursor, code))
    code in (_SYMBOL, _COORDINATE, _FIELD, _PARAMETER) && return _read_name(cursor, code)
    if code == _SUM || code == _PRODUCT
        words = _several(cursor, 2 * _count(cursor) + 1)
        data = Any[_value(cursor, words[1]); [_value(cursor, w) for w in @view words[2:2:end]]]
        return WireNode(code == _SUM ? :sum : :product, [_node(cursor, w) for w in @view words[3:2:end]], data)
    elseif code == _DERIVATIVE
        body = _node(cursor, _take(cursor))
        words = _several(cursor, 2 * _count(cursor))
        all(>(0), @view words[2:2:end]) || _damaged("a derivative of orders $(words[2:2:end])")
        return WireNode(:derivative, [body; [_node(cursor, w) for w in @view words[1:2:end]]], Int.(words[2:2:end]))
    elseif code == _INTEGRAL
        return WireNode(:integral, [_node(cursor, _take(cursor)), _node(cursor, _take(cursor))])
    elseif code == _TABLE
        index = _node(cursor, _take(cursor))
        words = _several(cursor, _count(cursor) + 1)
        return WireNode(:table, [index], (_value(cursor, words[1]), Any[_value(cursor, w) for w in @view words[2:end]]))
    end
    haskey(OPERATORS, code) || _damaged("the operation code $code is not one of version $WIRE_VERSION")
    op, arity = OPERATORS[code]
    return WireNode(op, [_node(cursor, w) for w in _several(cursor, arity)])
end

function _read_number(cursor::_Cursor, code)
    code == _INTEGER && return _take(cursor)
    if code == _FLOAT
        number = _of(cursor.numbers, _take(cursor))
        return isnan(number) ? _damaged("a number is NaN") : number
    elseif code == _TRUTH
        return _of((false, true), _take(cursor))
    elseif code == _FRACTION
        above, below = _value(cursor, _take(cursor)), _value(cursor, _take(cursor))
        above isa Integer && below isa Integer && below > 0 || _damaged("the fraction $above/$below")
        return above // below
    elseif code == _LARGE
        sign = _take(cursor)
        limbs = _several(cursor, _count(cursor))
        sign in (1, -1) && all(l -> 0 <= l < 2^32, limbs) || _damaged("the sign or the limbs of a large integer")
        return sign * foldr((limb, rest) -> (rest << 32) + limb, limbs; init = big(0))
    end
    return _damaged("the operation code $code is not one of version $WIRE_VERSION")
end

function _read_name(cursor::_Cursor, code)
    name = _name(cursor, _take(cursor))
    if code == _COORDINATE
        role, units = _of(_ROLES, _take(cursor)), _name(cursor, _take(cursor))
        return WireNode(:name, Int[], WireName(:coordinate, name, (role, units)))
    elseif code == _FIELD
        info = (_of(_DTYPES, _take(cursor)), _name(cursor, _take(cursor)))
        on = [_node(cursor, w) for w in _several(cursor, _count(cursor, 0))]
        return WireNode(:name, on, WireName(:field, name, info))
    elseif code == _PARAMETER
        units, default = _name(cursor, _take(cursor)), _take(cursor)
        value = default == -1 ? nothing : cursor.nodes[_node(cursor, default)].data
        return WireNode(:name, Int[], WireName(:parameter, name, (units, value)))
    end
    kind, form, value = _of(_KINDS, _take(cursor)), _take(cursor), _take(cursor)
    form in (0, 1, 2) || _damaged("the symbol $name has a value of form $form")
    return WireNode(:name, Int[], WireName(kind, name, form == 0 ? nothing : form == 1 ? value : _name(cursor, value)))
end

# --- writing ----------------------------------------------------------------------------------------------------------

"""
    WireWriter()

Nodes as they are added, equal numbers and names once. `add!` gives the position of a node, `finish` the `WireTerms`.
"""
struct WireWriter
    nodes::Vector{WireNode}
    known::Dict{Any,Int}
end

WireWriter() = WireWriter(WireNode[], Dict{Any,Int}())

"""
    add!(writer, op, args, data = nothing) -> position
    add!(writer, number) -> position
    add!(writer, name::WireName, coordinates = Int[]) -> position

Add a node and give its position. A number that has no exact place in a term (NaN, a complex one, 1//0) throws `WireError`.
"""
function add!(writer::WireWriter, op::Symbol, args::Vector{Int}, data = nothing)
    push!(writer.nodes, WireNode(op, args, data))
    return length(writer.nodes)
end

function add!(writer::WireWriter, number::Number)
    value = exact_number(number)
    key = (typeof(value), value isa Float64 ? reinterpret(UInt64, value) : value)
    return get!(() -> add!(writer, :number, Int[], value), writer.known, key)
end

function add!(writer::WireWriter, name::WireName, coordinates::Vector{Int} = Int[])
    return get!(() -> add!(writer, :name, coordinates, name), writer.known, (name.kind, name.name, name.info, coordinates))
end

"""
    exact_number(number) -> Bool, Int64, BigInt, Rational or Float64

A Julia number as one of those that terms hold. Throws `WireError` where there is none.
"""
exact_number(number::Bool) = number
exact_number(number::Integer) = typemin(Int64) <= number <= typemax(Int64) ? Int64(number) : BigInt(number)
function exact_number(number::Rational)
    iszero(denominator(number)) && throw(WireError("the number $number is a division by zero"))
    return isone(denominator(number)) ? exact_number(numerator(number)) : number
end
function exact_number(number::AbstractFloat)
    isnan(number) && throw(WireError("a term holds the number NaN"))
    return Float64(number)
end
exact_number(number::Number) = throw(WireError("the number $number of type $(typeof(number)) has no place in a real term"))

"""
    write_wire(terms::WireTerms) -> (; codes::Vector{Int64}, numbers::Vector{Float64}, names::Vector{String})

The wire form of nodes.
"""
function write_wire(terms::WireTerms)
    words, numbers, names, places = Int64[], Float64[], String[], Dict{String,Int}()
    positions = Dict{Any,Int}()  # of numbers that are written where they are needed
    written = Int[]  # position on the wire of each node
    count = 0
    record(parts...) = (foreach(p -> append!(words, p), parts); count += 1; count - 1)
    name(text) = get!(() -> (push!(names, text); length(names) - 1), places, text)
    function number(value)
        key = (typeof(value), value isa Float64 ? reinterpret(UInt64, value) : value)
        haskey(positions, key) && return positions[key]
        position = if value isa Bool
            record((_TRUTH, value))
        elseif value isa Float64
            push!(numbers, value)
            record((_FLOAT, length(numbers) - 1))
        elseif value isa Rational
            above, below = number(exact_number(numerator(value))), number(exact_number(denominator(value)))
            record((_FRACTION, above, below))
        elseif value isa Int64
            record((_INTEGER, value))
        else
            limbs = digits(abs(value); base = big(2)^32)
            record((_LARGE, sign(value), length(limbs)), limbs)
        end
        return positions[key] = position
    end
    for node in terms.nodes
        push!(written, _write_node(node, written, record, name, number))
    end
    roots = [written[i] for i in terms.roots]
    return (; codes = Int64[WIRE_VERSION; count; length(roots); words; roots], numbers, names)
end

function _write_node(node::WireNode, written, record, name, number)
    args = [written[i] for i in node.args]
    node.op === :number && return number(node.data)
    node.op === :name && return _write_name(node.data, args, record, name, number)
    if node.op === :sum || node.op === :product
        values = [number(exact_number(c)) for c in node.data]
        pairs = Iterators.flatten(zip(@view(values[2:end]), args))
        return record((node.op === :sum ? _SUM : _PRODUCT, length(args), values[1]), pairs)
    elseif node.op === :derivative
        return record((_DERIVATIVE, args[1], length(args) - 1), Iterators.flatten(zip(@view(args[2:end]), node.data)))
    elseif node.op === :integral
        return record((_INTEGRAL,), args)
    elseif node.op === :table
        start, values = node.data
        positions = [number(exact_number(v)) for v in (start, values...)]
        return record((_TABLE, args[1], length(values)), positions)
    end
    return record((_CODES[node.op],), args)
end

_place(table, entry) = findfirst(==(entry), table) - 1

function _write_name(made::WireName, args, record, name, number)
    kind, info = made.kind, made.info
    kind === :coordinate && return record((_COORDINATE, name(made.name), _place(_ROLES, info[1]), name(info[2])))
    if kind === :field
        return record((_FIELD, name(made.name), _place(_DTYPES, info[1]), name(info[2]), length(args)), args)
    elseif kind === :parameter
        default = info[2] === nothing ? -1 : number(exact_number(info[2]))
        return record((_PARAMETER, name(made.name), name(info[1]), default))
    end
    form, value = info === nothing ? (0, 0) : info isa Integer ? (1, info) : (2, name(info))
    return record((_SYMBOL, name(made.name), _place(_KINDS, kind), form, value))
end

# --- Julia expressions ------------------------------------------------------------------------------------------------

const _FUNCTIONS = Dict{Symbol,Symbol}(
    :pow => :^, :atan2 => :atan, :minimum => :min, :maximum => :max, :where => :ifelse, :lt => :<, :le => :<=, :gt => :>,
    :ge => :>=, :eq => :(==), :ne => :!=, :and => :&, :or => :|, :not => :!,
)

"""
    to_expr(terms::WireTerms) -> Vector{Any}

Julia expressions of the roots, for reading and for tests: `:(3 + 2 * sin(x))`. Shared parts are one object. `erf` is written
by that name; a derivative is `Differential(x, k)(f)`, an integral `Integral(x)(f)`, a table `table(i, start, values...)`.
"""
function to_expr(terms::WireTerms)
    made = Any[]
    for node in terms.nodes
        push!(made, _expression(node, Any[made[i] for i in node.args]))
    end
    return Any[made[i] for i in terms.roots]
end

function _expression(node::WireNode, args::Vector{Any})
    op, data = node.op, node.data
    op === :number && return data
    if op === :name
        return isempty(args) ? Symbol(data.name) : Expr(:call, Symbol(data.name), args...)
    elseif op === :sum
        parts = Any[isone(c) ? t : Expr(:call, :*, c, t) for (c, t) in zip(@view(data[2:end]), args)]
        iszero(data[1]) || pushfirst!(parts, data[1])
        return length(parts) == 1 ? parts[1] : Expr(:call, :+, parts...)
    elseif op === :product
        parts = Any[isone(e) ? b : Expr(:call, :^, b, e) for (e, b) in zip(@view(data[2:end]), args)]
        isone(data[1]) || pushfirst!(parts, data[1])
        return length(parts) == 1 ? parts[1] : Expr(:call, :*, parts...)
    elseif op === :derivative
        return foldl((f, (x, k)) -> Expr(:call, Expr(:call, :Differential, x, k), f), zip(@view(args[2:end]), data); init = args[1])
    elseif op === :integral
        return Expr(:call, Expr(:call, :Integral, args[2]), args[1])
    elseif op === :table
        return Expr(:call, :table, args[1], data[1], data[2]...)
    elseif op === :pi
        return :pi
    end
    return Expr(:call, get(_FUNCTIONS, op, op), args...)
end

"""
    from_expr(expressions) -> WireTerms

Terms from Julia expressions of numbers, names and the functions of `OPERATORS` under their Julia names (`+ - * / ^ sqrt exp ...
min max ifelse < & !`); a name is a plain symbol. Nothing is evaluated. Throws `WireError`, naming the function, for anything else.
"""
function from_expr(expressions)
    writer = WireWriter()
    roots = [_from_expr!(writer, e) for e in expressions]
    return WireTerms(writer.nodes, roots)
end

const _OPERATOR_OF = Dict{Tuple{Symbol,Int},Symbol}((get(_FUNCTIONS, op, op), arity) => op for (op, arity) in values(OPERATORS))

_from_expr!(writer::WireWriter, number::Number) = add!(writer, number)
_from_expr!(writer::WireWriter, name::Symbol) =
    name === :pi ? add!(writer, :pi, Int[]) : add!(writer, WireName(:symbol, string(name), nothing))
_from_expr!(::WireWriter, other) = throw(WireError("$other of type $(typeof(other)) is no term"))

function _from_expr!(writer::WireWriter, expression::Expr)
    expression.head === :call || throw(WireError("the expression $expression is no function of terms"))
    f = expression.args[1]
    if length(expression.args) == 3 && expression.args[3] isa Number
        number = expression.args[3]
        f === :^ && return add!(writer, :product, [_from_expr!(writer, expression.args[2])], Any[1, exact_number(number)])
        f === :// && expression.args[2] isa Integer && return add!(writer, expression.args[2] // number)
    end
    args = [_from_expr!(writer, a) for a in @view expression.args[2:end]]
    ones_for(list) = Any[1 for _ in list]
    f === :+ && return add!(writer, :sum, args, Any[0; ones_for(args)])
    f === :- && return add!(writer, :sum, args, length(args) == 1 ? Any[0, -1] : Any[0, 1, -1])
    f === :* && return add!(writer, :product, args, Any[1; ones_for(args)])
    f === :/ && return add!(writer, :product, args, Any[1, 1, -1])
    f === :sqrt && return add!(writer, :product, args, Any[1, 1 // 2])
    op = get(_OPERATOR_OF, (f, length(args)), nothing)
    op === nothing && throw(WireError("the function $f of $(length(args)) arguments is no operator of terms"))
    return add!(writer, op, args)
end
