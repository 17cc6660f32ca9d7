"""
    SymnumBridge

The Julia half of symnum's bridge. Python calls it with values (numbers, arrays, names), never with code; what needs
Symbolics.jl or the SciML solvers lies in extensions that are loaded with those packages.

| file | what it holds |
|---|---|
| `packages.jl` | packages of the environment, loaded by name; versions |
| `wire.jl` | the wire form of terms: three flat arrays, read and written |
| `terms.jl` | terms as expressions of Symbolics.jl, and what Symbolics does with them |
| `functions.jl` | right-hand sides, Jacobians and the like: native code at an address, or generated Julia |
| `elementwise.jl` | generated functions of one point, over whole arrays |
| `algorithms.jl` | names of algorithms and of their options, looked up |
| `events.jl` | conditions that are watched while a solve runs |
| `solving.jl` | models, solvers, results (the extension for SciMLBase solves) |
"""
module SymnumBridge

using Base: CoreLogging
using LinearAlgebra
using SparseArrays
using TOML: TOML

include("packages.jl")
include("wire.jl")
include("terms.jl")
include("functions.jl")
include("elementwise.jl")
include("algorithms.jl")
include("events.jl")
include("solving.jl")

end
