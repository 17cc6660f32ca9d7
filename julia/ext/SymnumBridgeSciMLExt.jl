# Solving with SciMLBase's interface: problems from models, one run, many runs.
module SymnumBridgeSciMLExt

using LinearAlgebra
using SciMLBase
using SparseArrays
using SymnumBridge
using SciMLBase: CallbackSet, DiscreteCallback, EnsembleProblem, EnsembleSerial, EnsembleThreads, ODEFunction, ODEProblem,
    ReturnCode, SDEFunction, SDEProblem, SplitFunction, SplitODEProblem, VectorContinuousCallback
using SymnumBridge: BadOption, Conditions, Half, Model, Monitor, NativeFunction, Remainder, Result, Segmented, Solver,
    TimeGradient, asks_to_stop, at_address, flat, independent, note!, report!

include("problems.jl")
include("runs.jl")

end
