# Run by test_terms.jl where there is Symbolics: its macros must be known before this file is read.
using Symbolics
using SymnumBridge: WireError, WireWriter, WireName, WireTerms, add!, from_expr, from_symbolics, read_wire, symbolic_hessian,
    symbolic_jacobian, symbolic_simplify, symbolic_sparse_jacobian, to_expr, to_symbolics, write_wire

wire(expressions...) = write_wire(from_expr(expressions))
sent(expressions...) = to_symbolics(wire(expressions...)...)
back(made) = to_expr(read_wire(made.codes, made.numbers, made.names))

@variables t x y z u(t, x)

@testset "what arrives is what Symbolics would build" begin
    expressions = Any[
        :(3 + 2 * sin(x) - y), :(x^2 * y / z), :(sqrt(x) * y), :(exp(-x)), :(log(cos(tan(x)))), :(sinh(cosh(tanh(x)))),
        :(asin(acos(atan(x)))), :(atan(y, x)), :(abs(sign(floor(ceil(x))))), :(min(x, max(y, 2))),
    ]
    expected = [3 + 2sin(x) - y, x^2 * y / z, sqrt(x) * y, exp(-x), log(cos(tan(x))), sinh(cosh(tanh(x))),
                asin(acos(atan(x))), atan(y, x), abs(sign(floor(ceil(x)))), min(x, max(y, 2))]
    for (e, s) in zip(expressions, expected)
        @test isequal(only(sent(e)), s)
    end
end

@testset "the round trip keeps what Symbolics would rewrite" begin
    for e in Any[:((x^2)^(1 // 2)), :(-1 * (x + y)), :(2^(1 // 3) * x), :(ifelse(x > y, x, y)), :(!(x < y) & (x >= 2))]
        first_time = back(from_symbolics(sent(e)))
        again = back(from_symbolics(to_symbolics(write_wire(from_expr(first_time))...)))
        @test repr(first_time) == repr(again)
    end
    @test occursin(">", repr(back(from_symbolics(sent(:(x > y))))))
    @test repr(back(from_symbolics(sent(:(2.0 * x + 1), :(2 * x + 1))))) |> s -> occursin("2.0", s)
end

@testset "fields, derivatives and coordinates" begin
    made = read_wire(from_symbolics([Differential(x)(Differential(t)(u)) + t])...)
    kinds = Dict(n.data.name => n.data.kind for n in made.nodes if n.op === :name)
    @test kinds == Dict("u" => :field, "t" => :coordinate, "x" => :coordinate)
    derivatives(made) = [(to_expr(WireTerms(made.nodes, n.args[1:1]))[1], n.data) for n in made.nodes if n.op === :derivative]
    nested = read_wire(from_symbolics([Differential(x)(Differential(t, 2)(Differential(x)(x * u)))])...)
    @test last(derivatives(nested)) == (:(u(t, x) * x), [2, 2]) || last(derivatives(nested)) == (:(x * u(t, x)), [2, 2])
    again = only(to_symbolics(write_wire(made)...))
    @test isequal(Symbolics.expand_derivatives(again - t), Differential(x)(Differential(t)(u))) || occursin("Differential", string(again))
end

@testset "numbers" begin
    @test only(sent(:(x * $(big(2)^80)))) |> s -> isequal(s, x * big(2)^80)
    @test back(from_symbolics(Any[3, 0.5, 1 // 3, true])) == Any[3, 0.5, 1 // 3, true]
    @test_throws WireError from_symbolics(Any[1 + 2im])
    @test_throws WireError from_symbolics(Any[Num(1 // 0)])
    @test_throws WireError from_symbolics(Any["x"])
end

@testset "functions without an operator" begin
    @test occursin("cos(x) ^ -1", repr(back(from_symbolics([sec(x)]))))
    message = try
        from_symbolics([Symbolics.SymbolicUtils.SpecialFunctions.besselj0(x)])
    catch error
        sprint(showerror, error)
    end
    @test occursin("besselj0", message)
end

@testset "derivatives" begin
    made = wire(:(x^2 * y), :(sin(x)), :x, :y)
    @test repr.(back(symbolic_jacobian(made..., 2))) == repr.(back(from_symbolics([2x * y, x^2, cos(x), 0])))
    sparse_made = symbolic_sparse_jacobian(made..., 2)
    @test sparse_made.colptr == [0, 2, 3] && sparse_made.rowval == [0, 1, 0]
    @test length(back(sparse_made)) == 3
    @test repr.(back(symbolic_hessian(wire(:(x^2 * y), :x, :y)...))) == repr.(back(from_symbolics([2y, 2x, 2x, 0])))
    @test isempty(back(symbolic_jacobian(wire(:x)..., 1)))
    @test_throws WireError symbolic_jacobian(wire(:(x^2), :(x + y))..., 1)
    @test_throws WireError symbolic_jacobian(wire(:(x^2))..., 2)
end

@testset "simplification has a limit" begin
    made = symbolic_simplify(wire(:(sin(x)^2 + cos(x)^2), :((x^2 - y^2) / (x - y)))..., 60)
    @test made.unfinished == []
    @test back(made)[1] == 1
    @test isequal(only(sent(back(made)[2])), x + y)
    long = Expr(:call, :+, (:(sin($(Symbol(:a, i))) * $(Symbol(:b, j)) * exp($(Symbol(:a, i)) * $(Symbol(:b, j)))) for i in 1:20 for j in 1:30)...)
    elapsed = @elapsed made = symbolic_simplify(wire(long, :(sin(x)^2 + cos(x)^2))..., 0.5)
    @test made.unfinished == [0, 1]
    @test elapsed < 30
    wide = Expr(:call, :+, (:($(Symbol(:a, i)) * $(Symbol(:b, i))) for i in 1:1500)...)
    elapsed = @elapsed made = symbolic_simplify(wire(:(sin(x)^2 + cos(x)^2), wide)..., 1.0)
    @test made.unfinished == [1] && back(made)[1] == 1
    @test elapsed < 30
end
