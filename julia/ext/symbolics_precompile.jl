# What the first calls would compile, compiled when the package is precompiled.

"""Terms there and back, derivatives and simplification, once each."""
function rehearse()
    expressions = Any[
        :(3 + 2 * sin(x) - 0.5 * y * z^2 / (x + 1)), :(sqrt(x) * exp(-y) + atan(y, x)), :(ifelse((x < y) & (y >= 2), min(x, y), abs(x))),
        :(log(cos(tan(x))) + tanh(pi * x)^(1 // 3)), :(sin(x)^2 + cos(x)^2), :((x^2 - y^2) / (x - y)),
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
