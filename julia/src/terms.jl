# Terms as expressions of Symbolics.jl, and what Symbolics does with them. The methods are in ext/SymnumBridgeSymbolicsExt.jl.

"""
    to_symbolics(codes, numbers, names) -> Vector{Num}

The terms of a wire form as expressions of Symbolics.jl, one a root. Sums and products are built as they stand, in one step whatever
their length; a field becomes a call `u(t, x)`, a derivative `Differential(x, k)(f)`, a whole integral `integral(f, x)`, a table
`table(i, start, values...)`. Whole numbers from 2^31 on are `BigInt`, because `Int64` arithmetic wraps around.
"""
function to_symbolics end

"""
    from_symbolics(expressions) -> (; codes, numbers, names)

Expressions of Symbolics.jl (`Num`, `BasicSymbolic`, numbers) in wire form. A variable is a plain symbol; one that functions are
called with, or that is differentiated along, is a coordinate; a called variable `u(t, x)` is a field. Functions that terms do not have
(`sec`, `log1p`, `signbit`, ...) are written by what they mean. Throws `WireError`, naming it, for a function without such a formula.
"""
function from_symbolics end

"""
    symbolic_jacobian(codes, numbers, names, count) -> (; codes, numbers, names)

The derivatives of the first `count` roots by each of the other roots (names), row by row, by `Symbolics.jacobian`.
"""
function symbolic_jacobian end

"""
    symbolic_sparse_jacobian(codes, numbers, names, count) -> (; colptr, rowval, codes, numbers, names)

The same by `Symbolics.sparsejacobian`: the stored entries column by column as roots, with `colptr` and `rowval` counted from 0.
"""
function symbolic_sparse_jacobian end

"""
    symbolic_hessian(codes, numbers, names) -> (; codes, numbers, names)

The second derivatives of the first root by the other roots (names), row by row, by `Symbolics.hessian`.
"""
function symbolic_hessian end

"""
    symbolic_simplify(codes, numbers, names, seconds) -> (; unfinished, codes, numbers, names)

The roots, each as `Symbolics.simplify` leaves it. The rules are stopped where they take longer than `seconds` for all roots together
(time spent on compiling does not count): the roots that had no turn or no end, numbered from 0 in `unfinished`, come back as they were.
"""
function symbolic_simplify end
