# Functions of one point over arrays at an address.

using SymnumBridge: at_address, each_array!, each_number!, elementwise!

rows(arguments...) = [Int[Int(pointer(a)) for a in arguments] Int[length(a) == 1 ? 0 : length(a) for a in arguments]]

@testset "a number at each point" begin
    x, k, out = collect(1.0:5.0), [2.0], fill(NaN, 5)
    GC.@preserve x k out elementwise!((x, k) -> k*x^2, Int(pointer(out)), 5, rows(x, k), Int[])
    @test out == 2 .* (1:5) .^ 2
    @test each_number!(+, zeros(3), ([1.0, 2.0, 3.0], 10.0)) == [11.0, 12.0, 13.0]
    GC.@preserve out elementwise!(() -> 7.0, Int(pointer(out)), 5, zeros(Int, 0, 2), Int[])
    @test all(==(7.0), out)
end

@testset "an array at each point, row by row" begin
    f!(out, x, y) = (out[1, 1] = x; out[1, 2] = y; out[2, 1] = x*y; out[2, 2] = x - y; out[3, 1] = 0; out[3, 2] = 1)
    x, y, out = [1.0, 2.0], [3.0, 5.0], fill(NaN, 2, 6)
    GC.@preserve x y out elementwise!(f!, Int(pointer(out)), 2, rows(x, y), [3, 2])
    @test out == [1 3 3 -2 0 1; 2 5 10 -3 0 1]
    @test each_array!((out, x) -> (out[1] = x; out[2] = -x), zeros(2, 2), ([1.0, 4.0],), (2,)) == [1 -1; 4 -4]
    @test at_address(Int(pointer(x)), 2) == x
end
