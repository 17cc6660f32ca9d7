using SymnumBridge: BadOption, algorithm, algorithm_package, algorithm_type, keywords, option_names

@testset "names" begin
    @test algorithm_package("Rodas5P") == "OrdinaryDiffEqRosenbrock" && algorithm_package("SOSRI") == "StochasticDiffEqHighOrder"
    @test_throws BadOption algorithm_package("Rodas7")
    @test issubset(values(SymnumBridge.ALGORITHMS), keys(SymnumBridge.PACKAGES))
    @test issubset(SymnumBridge.SWITCHING, keys(SymnumBridge.ALGORITHMS))
    @test keywords((; a = 1, b = 2) -> a + b) == [:a, :b]
    @test SymnumBridge.norm_of("max")([1.0, -3.0], 0.0) == 3.0 && SymnumBridge.norm_of("rms") === nothing
    @test SymnumBridge.largest(-2.0, 0.0) == 2.0
    @test_throws BadOption SymnumBridge.norm_of("l1")
    holder = (; eigen_est = Ref(0.0))
    @test SymnumBridge.SpectralRadius(3.0).value == 3.0
end

if needs("SciMLBase", "ADTypes", "OrdinaryDiffEqTsit5")
    @testset "every algorithm is what its package exports ($package)" for package in unique(values(SymnumBridge.ALGORITHMS))
        path = SymnumBridge.located(package)
        loaded = get(Base.loaded_modules, SymnumBridge.identity_of(package), nothing)
        if loaded !== nothing
            mine = [name for (name, home) in SymnumBridge.ALGORITHMS if home == package]
            @test all(isdefined(loaded, Symbol(name)) for name in mine)
        else
            @test path === nothing || isfile(path)
        end
    end

    @testset "options" begin
        made, solves = algorithm("Tsit5", (("dtmax", 0.5), ("internalnorm", "max")))
        @test string(nameof(typeof(made))) == "Tsit5" && solves == (; dtmax = 0.5, internalnorm = SymnumBridge.largest)
        @test algorithm_type("Tsit5") === typeof(made).name.wrapper && "dtmax" in option_names("Tsit5")
        @test_throws BadOption algorithm("Tsit5", (("dtmix", 0.5),))
        @test_throws BadOption algorithm("Tsit5", (("dtmax", "large"),))
        @test_throws BadOption algorithm("Tsit5", (("controller", "NoController"),))
        @test string(nameof(typeof(SymnumBridge.controller("PIController", "Tsit5")))) == "PIController"
        @test nameof(typeof(SymnumBridge.differentiation(false))) == :AutoFiniteDiff
        @test nameof(typeof(SymnumBridge.differentiation("AutoForwardDiff"))) == :AutoForwardDiff
        @test_throws BadOption SymnumBridge.named("ADTypes", SymnumBridge.DIFFERENTIATION, :autodiff, "AutoMagic")
        @test SymnumBridge.value_of(:extrapolant, "linear", "KenCarp4") === :linear
        @test SymnumBridge.value_of(:eigen_est, 4, "ROCK4") == SymnumBridge.SpectralRadius(4.0)
        @test_throws BadOption SymnumBridge.value_of(:interpretation, "Stratonovich", "RKMil")
        @test SymnumBridge.from_package("SciMLBase", "ReturnCode") isa Module
    end
end
