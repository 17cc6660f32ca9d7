# What the first calls into Symbolics would compile, compiled once. Only in sessions that Python opens, and with PythonCall loaded:
# its conversions make Julia throw away code that was compiled without them, here nearly all of it.
module SymnumBridgeSymbolicsPythonExt

using PythonCall: PythonCall
using SymbolicUtils: SymbolicUtils
using Symbolics: Symbolics
using SymnumBridge
using SymnumBridge: write_wire

"""Terms there and back, derivatives and simplification, once each."""
function rehearse()
    expressions = Any[
        :(3 + 2 * sin(x) - 0.5 * y * z^2 / (x + 1)), :(sqrt(x) * exp(-y) + atan(y, x)), :(ifelse((x < y) & (y >= 2), min(x, y), abs(x))),
        :(log(cos(tan(x))) + tanh(pi * x)^(1 // 3)), :(sin(x)^2 + cos(x)^2), :((x^2 - y^2) / (x - y)),
        # fractions of polynomials with whole, rational and floating coefficients: each is code of its own
        :((x * y / z - y * z / x) / (1 + x / z + z / y)), :(x * (0.16 / (1 + exp(-10 * sqrt(y / (6 * x)) - 5 // 6 * z))^2 - 0.32 * z)),
        :((x / 2 + 3 * y / 7) / (1 - exp(-(x + 55) / 10)) + (x + y) / (x^2 + 2 * x * y + y^2)),
    ]
    names = Any[:x, :y, :z]
    terms, system = write_wire(SymnumBridge.from_expr(expressions)), write_wire(SymnumBridge.from_expr([expressions; names]))
    SymnumBridge.from_symbolics(SymnumBridge.to_symbolics(terms...))
    SymnumBridge.symbolic_jacobian(system..., length(expressions))
    SymnumBridge.symbolic_sparse_jacobian(system..., length(expressions))
    SymnumBridge.symbolic_hessian(write_wire(SymnumBridge.from_expr([expressions[1]; names]))...)
    SymnumBridge.symbolic_simplify(terms..., 60.0)
    return nothing
end

# Code of Symbolics that was compiled for our calls is kept too; plain `precompile` would keep our own alone.
SymbolicUtils.PrecompileTools.@compile_workload rehearse()

end
