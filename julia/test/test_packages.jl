@testset "identities" begin
    @test SymnumBridge.identity_of("Symbolics").uuid == SymnumBridge.PACKAGES["Symbolics"]
    @test SymnumBridge.identity_of("NoSuchPackageAnywhere") === nothing
    @test all(length(string(uuid)) == 36 for uuid in values(SymnumBridge.PACKAGES))
    @test allunique(values(SymnumBridge.PACKAGES))
    @test issubset(keys(SymnumBridge.EXTENSIONS), keys(SymnumBridge.PACKAGES))
end

@testset "what the environment holds" begin
    @test SymnumBridge.located("NoSuchPackageAnywhere") === nothing
    @test isfile(SymnumBridge.located("SymnumBridge"))
    @test isdir(SymnumBridge.active_project())
    @test SymnumBridge.require("SymnumBridge") === SymnumBridge
    message = sprint(showerror, SymnumBridge.MissingPackage("Symbolics", "here"))
    @test occursin("here does not hold the package Symbolics", message)
    @test_throws SymnumBridge.MissingPackage SymnumBridge.require("NoSuchPackageAnywhere")
    @test_throws ErrorException SymnumBridge.require_extension(:NoSuchExtension)
end

@testset "versions" begin
    found = SymnumBridge.versions()
    @test found["julia"] == string(VERSION)
    @test VersionNumber(found["SymnumBridge"]) == pkgversion(SymnumBridge)
    @test SymnumBridge.version_at(pathof(SymnumBridge)) == found["SymnumBridge"]
    @test SymnumBridge.version_at(joinpath("no", "such", "Package.jl")) == ""
    @test all(SymnumBridge.located(name) !== nothing for name in keys(found) if name != "julia")
    @test SymnumBridge.prepare() === nothing
    @test SymnumBridge.thread_count() == Threads.nthreads()
end
