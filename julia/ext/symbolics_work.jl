# What Symbolics does with terms: derivatives and simplification.

"""The roots of a wire form as `Num`, the first `count` apart from the rest, which are names."""
function split_roots(codes, numbers, names, count)
    roots = built(read_wire(codes, numbers, names))
    0 <= count <= length(roots) || throw(WireError("$count terms are asked for where there are $(length(roots)) roots"))
    for v in @view roots[count+1:end]
        issym(v) || throw(WireError("$(first(string(v), 200)) is no name to differentiate by"))
    end
    return Num.(roots[1:count]), Num.(roots[count+1:end])
end

function SymnumBridge.symbolic_jacobian(codes, numbers, names, count)
    terms, variables = split_roots(codes, numbers, names, count)
    made = isempty(terms) || isempty(variables) ? Num[] : vec(permutedims(Symbolics.jacobian(terms, variables)))
    return SymnumBridge.from_symbolics(made)
end

function SymnumBridge.symbolic_sparse_jacobian(codes, numbers, names, count)
    terms, variables = split_roots(codes, numbers, names, count)
    if isempty(terms) || isempty(variables)
        return (; colptr = zeros(Int, length(variables) + 1), rowval = Int[], SymnumBridge.from_symbolics(Num[])...)
    end
    made = Symbolics.sparsejacobian(terms, variables)
    return (; colptr = made.colptr .- 1, rowval = made.rowval .- 1, SymnumBridge.from_symbolics(made.nzval)...)
end

function SymnumBridge.symbolic_hessian(codes, numbers, names)
    terms, variables = split_roots(codes, numbers, names, 1)
    made = isempty(variables) ? Num[] : vec(permutedims(Symbolics.hessian(only(terms), variables)))
    return SymnumBridge.from_symbolics(made)
end

# --- simplification ---------------------------------------------------------------------------------------------------

"""The rules took longer than they may."""
struct OutOfTime <: Exception end

"""A limit in seconds of work; what the compiler takes meanwhile is not counted."""
struct Deadline
    start::UInt64
    compiling::UInt64
    seconds::Float64
end

Deadline(seconds) = Deadline(time_ns(), first(Base.cumulative_compile_time_ns()), seconds)

function spent(d::Deadline)
    return (time_ns() - d.start) / 1e9 - (first(Base.cumulative_compile_time_ns()) - d.compiling) / 1e9
end

over(d::Deadline) = spent(d) > d.seconds

stop_if(deadline::Deadline) = over(deadline) ? throw(OutOfTime()) : nothing

"""
The default rules of `SymbolicUtils.simplify`, which look at the clock as they go: nothing can stop a Julia function from outside.
A rule for sums tries all pairs of summands, so it looks between pairs too.
"""
function limited_rules(deadline::Deadline)
    rules = SymbolicUtils.Rewriters.instrument(SymbolicUtils.get_default_simplifier(), rule -> watched(rule, deadline))
    return SymbolicUtils.If(iscall, SymbolicUtils.Fixpoint(rules))
end

"""A rule that looks at the clock. One type for all rules, or each would be compiled anew."""
struct Watched
    rule::Any
    deadline::Deadline
end

(w::Watched)(s) = (stop_if(w.deadline); w.rule(s))

"""The choices of summands that a rule tries, with a look at the clock before each."""
struct Choices
    sets::Any
    deadline::Deadline
end

(c::Choices)(places, arity) = ((stop_if(c.deadline); choice) for choice in c.sets(places, arity))

watched(rule, deadline::Deadline) = Watched(rule, deadline)
watched(rule::SymbolicUtils.ACRule, deadline::Deadline) =
    Watched(SymbolicUtils.ACRule(Choices(rule.sets, deadline), rule.rule, rule.arity), deadline)

const LARGEST_FRACTION = 200  # nodes; dividing polynomials cannot be stopped

function SymnumBridge.symbolic_simplify(codes, numbers, names, seconds)
    roots = built(read_wire(codes, numbers, names))
    unfinished = Int[]
    Base.cumulative_compile_timing(true)
    try
        deadline = Deadline(Float64(seconds))
        rules = limited_rules(deadline)
        for (i, root) in enumerate(roots)
            made = simplified(root, rules, deadline)
            made === nothing ? push!(unfinished, i - 1) : (roots[i] = made)
        end
    finally
        Base.cumulative_compile_timing(false)
    end
    return (; unfinished, write_wire(read_terms(roots))...)
end

"""The simplified expression, or nothing where time ran out."""
function simplified(root::Sym, rules, deadline::Deadline)
    iscall(root) || return root
    over(deadline) && return nothing
    try
        made = expression(SymbolicUtils.simplify(root; rewriter = rules, simplify_fractions = false))
        if !over(deadline) && size_of(made) <= LARGEST_FRACTION && SymbolicUtils.query(SymbolicUtils.isdiv, made)
            made = expression(SymbolicUtils.simplify_fractions(made))
        end
        return made
    catch error
        error isa OutOfTime && return nothing
        rethrow()
    end
end

"""Every distinct expression below (and at) the root."""
function below(root::Sym)
    seen, stack = Base.IdSet{Sym}(), Sym[root]
    while !isempty(stack)
        s = pop!(stack)
        s in seen && continue
        push!(seen, s)
        iscall(s) && append!(stack, parts_of(s))
    end
    return seen
end

size_of(root::Sym) = length(below(root))
