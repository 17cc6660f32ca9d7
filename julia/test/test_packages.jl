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

@testset "what is compiled is announced" begin
    seen, said = Test.TestLogger(; min_level = Base.CoreLogging.Info), Pipe()
    redirect_stderr(said) do
        Base.CoreLogging.with_logger(SymnumBridge.Announcer(seen)) do
            @warn "for the logger inside"
            @debug "for nobody"
            Base.eval(Base, :(@debug "Precompiling X [ab2db7f8-c2b3-46d3-a04f-807e9a2c9802]" _group = :loading))
            Base.eval(Base, :(@debug "Loading the cache file of X" _group = :loading))
        end
    end
    close(said.in)
    @test read(said, String) == "symnum: Julia, once: Precompiling X ...\n"
    @test [record.message for record in seen.logs] == ["for the logger inside"]
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
