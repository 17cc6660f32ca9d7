# What juliacall compiles at the first call with arguments (3 s on a slow core), compiled once with this package instead.
#
# The signatures were noted with PYTHON_JULIACALL_TRACE_COMPILE and PythonCall 0.9.34; only those above 10 ms are kept. Names of
# closures change from version to version: a signature that has none any more is passed over, and costs its time again.
module SymnumBridgePythonCallExt

using PythonCall: PythonCall, Py, PyArray
using PythonCall.Convert: Convert, PyConvertRule

"""
    @compiled(signature)

Compile for the signature, unless PythonCall has no such function.
"""
macro compiled(signature)
    return quote
        try
            precompile($(esc(signature)))
        catch problem
            problem isa UndefVarError || rethrow()
        end
    end
end

const Rules = Vector{PyConvertRule}
const Converters = Dict{Ptr{PythonCall.C.PyObject},Vector{Function}}
const Numbered = Iterators.Enumerate{Rules}

# from Python's arguments to Julia's: the rules for a type are looked up and sorted at its first use
@compiled Tuple{typeof(Convert.pyconvert_get_rules),Type,Py}
@compiled Tuple{typeof(Core.kwcall),NamedTuple{(:by, :rev),Tuple{Convert.var"#10#21",Bool}},typeof(sort),Base.OneTo{Int}}
@compiled Tuple{typeof(collect),Base.Generator{Iterators.Filter{Convert.var"#28#34",Numbered},Convert.var"#27#33"}}
@compiled Tuple{typeof(collect),Iterators.Flatten{Base.Generator{Rules,Convert.var"#25#30"}}}
@compiled Tuple{typeof(collect),Base.Generator{Iterators.Filter{Convert.var"#26#32",Rules},typeof(identity)}}
@compiled Tuple{Type{Base.Generator{I,F} where {F,I}},Convert.var"#27#33",Iterators.Filter{Convert.var"#28#34",Numbered}}
@compiled Tuple{Type{Base.Generator{I,F} where {F,I}},Convert.var"#25#30",Rules}
@compiled Tuple{Convert.var"#24#31"{PyConvertRule},Type}
@compiled Tuple{Convert.var"#pyisin#11",Py,Vector{Py}}
@compiled Tuple{typeof(getindex),Rules,Vector{Int}}
@compiled Tuple{typeof(getindex),Rules,Int}
@compiled Tuple{typeof(setindex!),Rules,PyConvertRule,Int}
@compiled Tuple{typeof(setindex!),Vector{Function},Function,Int}
@compiled Tuple{typeof(iterate),Rules}
@compiled Tuple{typeof(iterate),Rules,Int}
@compiled Tuple{typeof(getproperty),PyConvertRule,Symbol}
@compiled Tuple{typeof(Base._array_for),Type{Function},Rules,Base.HasShape{1}}
@compiled Tuple{typeof(Base._array_for),Type{PyConvertRule},Rules,Base.HasShape{1}}
@compiled Tuple{
    typeof(Base.Order.lt),
    Base.Order.ReverseOrdering{Base.Order.ForwardOrdering},
    Tuple{PythonCall.PyConvertPriority,Int},
    Tuple{PythonCall.PyConvertPriority,Int},
}
for kind in (Any, Bool, Float64, Int, UInt, String, Vector{Any}, Vector{Int}, Vector{Float64}, Vector{String}, Dict{Symbol,Any})
    @compiled Tuple{typeof(get!),Type{Converters},Dict{Type,Converters},Type{kind}}
end
@compiled Tuple{Convert.var"#36#37"{Vector{Any},typeof(Convert.pyconvert_rule_iterable)},Py}
@compiled Tuple{Convert.var"#36#37"{Integer,typeof(Convert.pyconvert_rule_int)},Py}
@compiled Tuple{Convert.var"#36#37"{Float64,typeof(Convert.pyconvert_rule_float)},Py}
@compiled Tuple{Convert.var"#36#37"{String,typeof(Convert.pyconvert_rule_str)},Py}
@compiled Tuple{Convert.var"#36#37"{PyArray{T,N,M,L,R} where {R,L,M,N,T},typeof(PythonCall.Wrap.pyconvert_rule_array_nocopy)},Py}
for element in (Float64, Int)
    @compiled Tuple{Type{PyArray{element,1,true,true,element}},Val{:new},Ptr{element},Tuple{Int},Tuple{Int},Py,Py}
    @compiled Tuple{typeof(PythonCall.Wrap.pyarray_get_strides),PythonCall.Wrap.PyArraySource_ArrayStruct,Val{1},Type{element},Tuple{Int}}
end
@compiled Tuple{typeof(PythonCall.Wrap.pyarray_get_size),PythonCall.Wrap.PyArraySource_ArrayStruct,Val{1}}

# from Julia's values to Python's
for kind in (Type, Module, Function, String, Int, Float64, Bool)
    @compiled Tuple{Type{Py},kind}
end
@compiled Tuple{typeof(PythonCall.Core.pystr_fromUTF8),Ptr{UInt8},Int}
@compiled Tuple{typeof(PythonCall.Core.incref),Ptr{PythonCall.C.PyObject}}
@compiled Tuple{typeof(PythonCall.pygetattr),Py,String}
@compiled Tuple{typeof(PythonCall.JlWrap.pyjlany_getattr),Module,Py}
@compiled Tuple{typeof(PythonCall.C.PyObject_GetAttr),Py,Py}
@compiled Tuple{typeof(PythonCall.C.PyUnicode_DecodeUTF8),Ptr{UInt8},Int,Ptr{Nothing}}

end
