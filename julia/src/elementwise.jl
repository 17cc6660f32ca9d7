# Generated functions of one point, over whole arrays that Python owns.

"""
    elementwise!(f, out, count, inputs, shape)

`f` at `count` points. `inputs`: a row (address, length) for each argument; length 0 says one number for all points. `out`: the address of
a `count` x K matrix, a column for each value. `shape`: empty where `f(x, y)` gives a number (K = 1), else the size of the array that
`f!(values, x, y)` fills, whose entries are taken row by row.
"""
function elementwise!(f, out::Integer, count::Integer, inputs::AbstractMatrix{<:Integer}, shape::AbstractVector{<:Integer})
    arguments = Tuple(length == 0 ? at_address(address, 1)[1] : at_address(address, length) for (address, length) in eachrow(inputs))
    values = at_address(out, count * prod(shape; init = 1))
    if isempty(shape)
        Base.invokelatest(each_number!, f, values, arguments)
    else
        Base.invokelatest(each_array!, f, reshape(values, Int(count), :), arguments, Tuple(Int.(shape)))
    end
    return nothing
end

"""
    each_number!(f, out, arguments)

`out[i] = f(x[i], y[i], ...)`; arguments that are numbers stay what they are.
"""
function each_number!(f, out, arguments)
    out .= f.(arguments...)
    return out
end

"""
    each_array!(f!, out, arguments, shape)

`f!(values, x[i], y[i], ...)` at each point i, its values row by row in `out[i, :]`.
"""
function each_array!(f!, out, arguments, shape)
    row = zeros(prod(shape))
    values = PermutedDimsArray(reshape(row, reverse(shape)), length(shape):-1:1)
    for i in axes(out, 1)
        f!(values, map(a -> a isa Number ? a : a[i], arguments)...)
        out[i, :] .= row
    end
    return out
end
