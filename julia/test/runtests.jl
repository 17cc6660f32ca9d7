# Runs every test_*.jl of this folder, or those named on the command line: `runtests.jl wire solve`.
#
# From the root of symnum, in an environment that holds what the tests need:
#   julia --project=ENVIRONMENT julia/test/runtests.jl
# Files whose packages are missing there say so and are skipped (see `needs` below).

using Test

const FOLDER = dirname(@__DIR__)
FOLDER in LOAD_PATH || push!(LOAD_PATH, FOLDER)  # SymnumBridge need not be in the environment
using SymnumBridge

"""
    needs(names...) -> Bool

Whether the environment holds all the packages; loads them. A test file says `if needs("Symbolics") ... end`.
"""
function needs(names...)
    absent = [name for name in names if SymnumBridge.located(name) === nothing]
    isempty(absent) || @info "skipped: the environment does not hold $(join(absent, ", "))"
    isempty(absent) && foreach(SymnumBridge.require, names)
    return isempty(absent)
end

chosen(file) = startswith(file, "test_") && endswith(file, ".jl") && (isempty(ARGS) || file[6:end-3] in ARGS)

"""
    own_names(home::Module) -> Vector{Symbol}

Functions and types that a module defines itself; those whose names begin with an underscore are its own affair.
"""
function own_names(home::Module)
    foreign(name) = !isdefined(home, name) || startswith(string(name), r"#|_") || name in (:eval, :include)
    defines(value) = (value isa Function || value isa Type) && parentmodule(value) === home
    return [name for name in names(home; all = true) if !foreign(name) && defines(getfield(home, name))]
end

"""
    undocumented(home::Module) -> Vector{Symbol}

Those of them without a docstring.
"""
function undocumented(home::Module)
    documented = Set(binding.var for binding in keys(Base.Docs.meta(home)))
    return filter(!in(documented), own_names(home))
end

"""
    untested(home::Module) -> Vector{Symbol}

Functions of a module that no file of this folder names.
"""
function untested(home::Module)
    text = join((read(joinpath(@__DIR__, file), String) for file in readdir(@__DIR__)), '\n')
    named = Set(Symbol(found.match) for found in eachmatch(r"\w+!?", text))
    return [name for name in own_names(home) if getfield(home, name) isa Function && !(name in named)]
end

@testset "SymnumBridge" begin
    @testset "$file" for file in filter(chosen, sort(readdir(@__DIR__)))
        include(joinpath(@__DIR__, file))
    end
    @testset "every public function has a docstring and a test" begin
        @test undocumented(SymnumBridge) == Symbol[]
        @test untested(SymnumBridge) == Symbol[]
    end
end
