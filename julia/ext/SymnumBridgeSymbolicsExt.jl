# Symbolics.jl: terms both ways, Jacobians, simplification.
module SymnumBridgeSymbolicsExt

using SymnumBridge
using SymnumBridge: WireError, WireName, WireNode, WireTerms, WireWriter, add!, exact_number, read_wire, write_wire
using Symbolics: Symbolics, Differential, Num
using SymbolicUtils: SymbolicUtils, BasicSymbolic, SymReal, iscall, operation, arguments, isconst, issym, unwrap_const, symtype

const NaNMath = SymbolicUtils.NaNMath
const SpecialFunctions = SymbolicUtils.SpecialFunctions

include("symbolics_build.jl")
include("symbolics_read.jl")
include("symbolics_work.jl")

end
