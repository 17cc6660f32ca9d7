using SymnumBridge: WireError, WireName, WireNode, WireTerms, WireWriter, add!, exact_number, from_expr, read_wire, to_expr, write_wire

roundtrip(terms) = read_wire(write_wire(terms)...)
same(a::WireTerms, b::WireTerms) = repr(to_expr(a)) == repr(to_expr(b))

@testset "expressions of every operator go there and back" begin
    expressions = Any[
        :(3 + 2 * sin(x) - y), :(x^2 * y / z), :(sqrt(x)^3), :(pi * exp(-x)), :(log(cos(tan(x)))), :(sinh(cosh(tanh(x)))),
        :(asin(acos(atan(x)))), :(asinh(acosh(atanh(x)))), :(atan(y, x)), :(erf(x)), :(abs(sign(floor(ceil(x))))),
        :(min(x, max(y, 2))), :(ifelse((x < y) & !(x >= 1), x, y)), :(ifelse((x == y) | (x != 2), x <= 1, x > 1)),
    ]
    terms = from_expr(expressions)
    back = roundtrip(terms)
    @test same(terms, back)
    @test write_wire(back) == write_wire(terms)
end

@testset "numbers are exact" begin
    values = Any[0, -1, typemax(Int64), typemin(Int64), big(2)^64, -big(10)^50, 1 // 3, big(10)^30 // 7, 0.1, -0.0, Inf, -Inf, 5e-324, true, false]
    writer = WireWriter()
    roots = [add!(writer, v) for v in values]
    back = roundtrip(WireTerms(writer.nodes, roots))
    for (value, root) in zip(values, back.roots)
        found = back.nodes[root].data
        @test isequal(found, value) && ((found isa Bool) == (value isa Bool))
    end
    @test add!(writer, 2) != add!(writer, 2.0)
    @test exact_number(big(7)) === 7
    @test exact_number(4 // 2) === 2
    @test exact_number(Float32(0.5)) === 0.5
    for bad in (NaN, 1 // 0, 1 + 2im)
        @test_throws WireError exact_number(bad)
    end
end

@testset "names keep what belongs to them" begin
    writer = WireWriter()
    t = add!(writer, WireName(:coordinate, "t", (:time, "s")))
    x = add!(writer, WireName(:coordinate, "x", (:space, "m")))
    u = add!(writer, WireName(:field, "u", (:float64, "K")), [t, x])
    k = add!(writer, WireName(:parameter, "k", ("1/s", 2.0)))
    p = add!(writer, WireName(:parameter, "p", ("", nothing)))
    i = add!(writer, WireName(:index, "i0", 0))
    s = add!(writer, WireName(:symbol, "s", "note"))
    d = add!(writer, :derivative, [u, t, x], [1, 2])
    w = add!(writer, :integral, [u, x])
    v = add!(writer, :table, [i], (3, Any[0.5, -0.25]))
    terms = WireTerms(writer.nodes, [u, k, p, i, s, d, w, v])
    back = roundtrip(terms)
    @test same(terms, back)
    named(terms) = [(n.data.kind, n.data.name, n.data.info) for n in terms.nodes if n.op === :name]
    @test named(back) == named(terms)
    @test to_expr(back)[6] == :(Differential(x, 2)(Differential(t, 1)(u(t, x))))
end

@testset "damage is named" begin
    damaged(codes...; numbers = Float64[], names = ["x"]) = read_wire(Int64[codes...], numbers, names)
    message(f) = try
        f()
        ""
    catch error
        sprint(showerror, error)
    end
    x = (8, 0, 0, 0, 0)
    @test occursin("has version 2", message(() -> damaged(2, 0, 0)))
    for codes in ((), (1, -1, 0), (1, typemax(Int64), 0), (1, 1, 1, 7, 0), (1, 1, 1, x..., 0, 0), (1, 1, 1, x..., 1), (1, 1, 1, 34, 0, 0),
                  (1, 2, 1, x..., 34, -1, 1), (1, 1, 1, 8, 1, 0, 0, 0, 0), (1, 1, 1, 8, 0, 9, 0, 0, 0), (1, 1, 1, 4, 0, 0), (1, 1, 1, 5, 2, 0),
                  (1, 1, 1, 2, 1, typemax(Int64), 5, 0), (1, 2, 1, 1, 0, 16, 0, 0, 1), (1, 2, 1, x..., 16, 1, 0, 0, 0, 1), (1, 2, 1, x..., 34),
                  (1, 3, 1, 1, 1, 1, 0, 3, 0, 1, 2), (1, 1, 1, 0, 0), (1, 1, 1, -5, 0))
        @test occursin("damaged", message(() -> damaged(codes...)))
    end
    @test occursin("NaN", message(() -> damaged(1, 1, 1, 4, 0, 0; numbers = [NaN])))
end

@testset "what is no term is refused" begin
    for bad in (:(f(x)), :(x[1]), "x", :(x -> x))
        @test_throws WireError from_expr([bad])
    end
end
