needs("Symbolics") && include("symbolics_terms.jl")
