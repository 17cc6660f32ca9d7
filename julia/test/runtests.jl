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
    undocumented(name::Module) -> Vector{Symbol}

Functions and types that SymnumBridge defines itself and that have no docstring.
"""
function undocumented(home::Module)
    documented = Set(binding.var for binding in keys(Base.Docs.meta(home)))
    own(name) = isdefined(home, name) && !startswith(string(name), '#') && !startswith(string(name), '_')
    defines(value) = (value isa Function || value isa Type) && parentmodule(value) === home
    return [name for name in names(home; all = true) if own(name) && defines(getfield(home, name)) && !(name in documented) && !(name in (:eval, :include))]
end

@testset "SymnumBridge" begin
    @testset "$file" for file in filter(chosen, sort(readdir(@__DIR__)))
        include(joinpath(@__DIR__, file))
    end
    @testset "every public function has a docstring" begin
        @test undocumented(SymnumBridge) == Symbol[]
    end
end
