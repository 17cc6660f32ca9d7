# Packages of the environment: what the bridge may ask for, loaded by name when first needed.

"""
    PACKAGES :: Dict{String,UUID}

Every package that `require` knows, by name. With the identity a package is found also where it is only a
dependency of what the user's project names (a project with nothing but DifferentialEquations holds
OrdinaryDiffEqSDIRK all the same).
"""
const PACKAGES = Dict{String,Base.UUID}(
    # terms
    "Symbolics" => Base.UUID("0c5d862f-8b57-4792-8d23-62f2024744c7"),
    "SymbolicUtils" => Base.UUID("d1185830-fcd6-423d-90d6-eec64667417b"),
    "TermInterface" => Base.UUID("8ea1fca8-c5ef-4a55-8b96-4e9afe9c9a3c"),
    "SpecialFunctions" => Base.UUID("276daf66-3868-5448-9aa4-cd146d93841b"),
    # what all solvers share
    "SciMLBase" => Base.UUID("0bca4576-84f4-4d90-8ffe-ffa030f20462"),
    "DiffEqBase" => Base.UUID("2b5f629d-d688-5b77-993f-72d75c75574e"),
    "DiffEqCallbacks" => Base.UUID("459566f4-90b8-5000-8ac3-15dfb0a30def"),
    "DiffEqNoiseProcess" => Base.UUID("77a26b50-5914-5dd7-bc55-306e6241c503"),
    "LinearSolve" => Base.UUID("7ed4a6bd-45f5-4d41-b270-4a48e9bafcae"),
    "NonlinearSolve" => Base.UUID("8913a72c-1f9b-4ce2-8d82-65094dcecaec"),
    "SciMLOperators" => Base.UUID("c0aeaf25-5076-4817-a8d5-81caf7dfa961"),
    "ADTypes" => Base.UUID("47edcb42-4c32-4615-8424-f2b9edc5f35b"),
    "ForwardDiff" => Base.UUID("f6369f11-7733-5829-9624-2563aa707210"),
    "FiniteDiff" => Base.UUID("6a86dc24-6348-571c-b903-95158fe2bd41"),
    "SparseMatrixColorings" => Base.UUID("0a514795-09f3-496d-8182-132a7b665d35"),
    # ordinary differential equations
    "DifferentialEquations" => Base.UUID("0c46a032-eb83-5123-abaf-570d42b7fbaa"),
    "OrdinaryDiffEq" => Base.UUID("1dea7af3-3e70-54e6-95c3-0bf5283fa5ed"),
    "OrdinaryDiffEqAdamsBashforthMoulton" => Base.UUID("89bda076-bce5-4f1c-845f-551c83cdda9a"),
    "OrdinaryDiffEqBDF" => Base.UUID("6ad6398a-0878-4a85-9266-38940aa047c8"),
    "OrdinaryDiffEqCore" => Base.UUID("bbf590c4-e513-4bbe-9b18-05decba2e5d8"),
    "OrdinaryDiffEqDefault" => Base.UUID("50262376-6c5a-4cf5-baba-aaf4f84d72d7"),
    "OrdinaryDiffEqDifferentiation" => Base.UUID("4302a76b-040a-498a-8c04-15b101fed76b"),
    "OrdinaryDiffEqExplicitRK" => Base.UUID("9286f039-9fbf-40e8-bf65-aa933bdc4db0"),
    "OrdinaryDiffEqExponentialRK" => Base.UUID("e0540318-69ee-4070-8777-9e2de6de23de"),
    "OrdinaryDiffEqExtrapolation" => Base.UUID("becaefa8-8ca2-5cf9-886d-c06f3d2bd2c4"),
    "OrdinaryDiffEqFIRK" => Base.UUID("5960d6e9-dd7a-4743-88e7-cf307b64f125"),
    "OrdinaryDiffEqFeagin" => Base.UUID("101fe9f7-ebb6-4678-b671-3a81e7194747"),
    "OrdinaryDiffEqFunctionMap" => Base.UUID("d3585ca7-f5d3-4ba6-8057-292ed1abd90f"),
    "OrdinaryDiffEqHighOrderRK" => Base.UUID("d28bc4f8-55e1-4f49-af69-84c1a99f0f58"),
    "OrdinaryDiffEqIMEXMultistep" => Base.UUID("9f002381-b378-40b7-97a6-27a27c83f129"),
    "OrdinaryDiffEqLinear" => Base.UUID("521117fe-8c41-49f8-b3b6-30780b3f0fb5"),
    "OrdinaryDiffEqLowOrderRK" => Base.UUID("1344f307-1e59-4825-a18e-ace9aa3fa4c6"),
    "OrdinaryDiffEqLowStorageRK" => Base.UUID("b0944070-b475-4768-8dec-fb6eb410534d"),
    "OrdinaryDiffEqNonlinearSolve" => Base.UUID("127b3ac7-2247-4354-8eb6-78cf4e7c58e8"),
    "OrdinaryDiffEqNordsieck" => Base.UUID("c9986a66-5c92-4813-8696-a7ec84c806c8"),
    "OrdinaryDiffEqPDIRK" => Base.UUID("5dd0a6cf-3d4b-4314-aa06-06d4e299bc89"),
    "OrdinaryDiffEqPRK" => Base.UUID("5b33eab2-c0f1-4480-b2c3-94bc1e80bda1"),
    "OrdinaryDiffEqQPRK" => Base.UUID("04162be5-8125-4266-98ed-640baecc6514"),
    "OrdinaryDiffEqRKN" => Base.UUID("af6ede74-add8-4cfd-b1df-9a4dbb109d7a"),
    "OrdinaryDiffEqRosenbrock" => Base.UUID("43230ef6-c299-4910-a778-202eb28ce4ce"),
    "OrdinaryDiffEqSDIRK" => Base.UUID("2d112036-d095-4a1e-ab9a-08536f3ecdbf"),
    "OrdinaryDiffEqSSPRK" => Base.UUID("669c94d9-1f4b-4b64-b377-1aa079aa2388"),
    "OrdinaryDiffEqStabilizedIRK" => Base.UUID("e3e12d00-db14-5390-b879-ac3dd2ef6296"),
    "OrdinaryDiffEqStabilizedRK" => Base.UUID("358294b1-0aab-51c3-aafe-ad5ab194a2ad"),
    "OrdinaryDiffEqSymplecticRK" => Base.UUID("fa646aed-7ef9-47eb-84c4-9443fc8cbfa8"),
    "OrdinaryDiffEqTaylorSeries" => Base.UUID("9c7f1690-dd92-42a3-8318-297ee24d8d39"),
    "OrdinaryDiffEqTsit5" => Base.UUID("b1df2697-797e-41e3-8120-5422d3b24e4a"),
    "OrdinaryDiffEqVerner" => Base.UUID("79d7bb75-1356-48c1-b8c0-6832512096c2"),
    # stochastic differential equations
    "StochasticDiffEq" => Base.UUID("789caeaf-c7a9-5a7d-9973-96adeb23e2a0"),
    "StochasticDiffEqCore" => Base.UUID("19c5a474-6cd1-4a5f-be79-46dc34e54d7f"),
    "StochasticDiffEqHighOrder" => Base.UUID("0520c28c-50fd-4d16-9c96-902fc80b3bab"),
    "StochasticDiffEqIIF" => Base.UUID("ebf54054-c36b-4494-9aba-657e36df524f"),
    "StochasticDiffEqImplicit" => Base.UUID("5080b986-4c76-4669-b5dc-373a41579d5b"),
    "StochasticDiffEqLeaping" => Base.UUID("aefaaa88-39f2-4e89-b162-d61b7e8cc81b"),
    "StochasticDiffEqLevyArea" => Base.UUID("90dbc90e-856a-4131-af2c-e8c5aa0f35b5"),
    "StochasticDiffEqLowOrder" => Base.UUID("d15fe365-ce7f-450a-828a-7985bd5b681b"),
    "StochasticDiffEqMilstein" => Base.UUID("8c95a807-c8e7-4581-8419-890d001af53e"),
    "StochasticDiffEqROCK" => Base.UUID("db241ea8-0e6b-4abc-8f2d-1adff2294fd9"),
    "StochasticDiffEqRODE" => Base.UUID("49714585-0aa1-4f53-b1e6-a9b8c0d5e03f"),
    "StochasticDiffEqWeak" => Base.UUID("af2a2fcd-1c36-4cbe-a6d0-5afda784a085"),
)

"""
    EXTENSIONS :: Dict{String,Symbol}

The extension of this package that becomes active with a package.
"""
const EXTENSIONS = Dict{String,Symbol}(
    "Symbolics" => :SymnumBridgeSymbolicsExt,
    "SciMLBase" => :SymnumBridgeSciMLExt,
)

"""
    MissingPackage(name, project)

The package `name` is not in the active environment `project`.
"""
struct MissingPackage <: Exception
    name::String
    project::String
end

function Base.showerror(io::IO, missing::MissingPackage)
    print(io, "the Julia environment ", missing.project, " does not hold the package ", missing.name)
end

"""
    identity_of(name) -> PkgId or nothing

The identity of a package by name: from `PACKAGES`, else from the packages that the active project names.
"""
function identity_of(name::AbstractString)
    uuid = get(PACKAGES, name, nothing)
    return uuid === nothing ? Base.identify_package(String(name)) : Base.PkgId(uuid, String(name))
end

"""
    located(name) -> path of the package's main file, or nothing

Where the active environment has the package `name`; nothing is loaded.
"""
function located(name::AbstractString)
    id = identity_of(name)
    return id === nothing ? nothing : Base.locate_package(id)
end

"""
    require(name) -> Module

Load the package `name` of the active environment and, where one belongs to it, this package's extension.
Where it has to be compiled first, a line on `stderr` says so. Throws `MissingPackage` where the environment does not
hold it, and what the package throws where it does not load.

What is loaded here is visible to the next call from Python. A Julia function that calls `require` and then uses
the module must go through `Base.invokelatest`.
"""
function require(name::AbstractString)
    located(name) === nothing && throw(MissingPackage(name, active_project()))
    return CoreLogging.with_logger(Announcer(CoreLogging.current_logger())) do
        loaded = Base.require(identity_of(name))
        extension = get(EXTENSIONS, name, nothing)
        extension === nothing || require_extension(extension)
        loaded
    end
end

"""
    Announcer(inner)

A logger for the time of loading: on `stderr` it says what Julia compiles, or waits for, which takes minutes and which Julia
itself tells only at the level Debug. Everything else goes to the logger `inner`.
"""
struct Announcer{L<:CoreLogging.AbstractLogger} <: CoreLogging.AbstractLogger
    inner::L
end

_of_loading(level, home, group) = level == CoreLogging.Debug && home === Base && group === :loading
CoreLogging.min_enabled_level(::Announcer) = CoreLogging.Debug
CoreLogging.catch_exceptions(logger::Announcer) = CoreLogging.catch_exceptions(logger.inner)
CoreLogging.shouldlog(logger::Announcer, level, home, group, id) =
    _of_loading(level, home, group) ||
    (level >= CoreLogging.min_enabled_level(logger.inner) && CoreLogging.shouldlog(logger.inner, level, home, group, id))

function CoreLogging.handle_message(logger::Announcer, level, message, home, group, id, file, line; details...)
    if !_of_loading(level, home, group)
        CoreLogging.handle_message(logger.inner, level, message, home, group, id, file, line; details...)
    elseif startswith(message, r"Precompiling|Waiting")
        println(stderr, "symnum: Julia, once: ", replace(message, r" \[[-0-9a-f]{36}\]" => ""), " ...")
    end
    return nothing
end

"""
    require_extension(name::Symbol) -> Module

The extension `name` of SymnumBridge, which Julia loads together with its trigger. Julia only logs the failure of an
extension, so it is asked for here, once more, and its failure becomes an error.
"""
function require_extension(name::Symbol)
    found = Base.get_extension(@__MODULE__, name)
    found === nothing || return found
    Base.retry_load_extensions()
    found = Base.get_extension(@__MODULE__, name)
    found === nothing && error("the extension $name of SymnumBridge could not be loaded; Julia's message is above")
    return found
end

"""
    active_project() -> String

Folder of the active Julia environment.
"""
function active_project()
    file = Base.active_project()
    return file === nothing ? "(none)" : dirname(file)
end

"""
    versions() -> Dict{String,String}

Version of Julia, of this package, and of every package of `PACKAGES` that the active environment holds; nothing is
loaded. A package without a version of its own is listed as `""`.
"""
function versions()
    found = Dict("julia" => string(VERSION), "SymnumBridge" => version_at(pathof(@__MODULE__)))
    for name in keys(PACKAGES)
        path = located(name)
        path === nothing || (found[name] = version_at(path))
    end
    return found
end

"""
    version_at(path) -> String

The version in the Project.toml of the package whose main file is `path` (`.../src/Name.jl`).
"""
function version_at(path::AbstractString)
    file = joinpath(dirname(dirname(path)), "Project.toml")
    return isfile(file) ? get(TOML.parsefile(file), "version", "") : ""
end

"""
    thread_count() -> Int

Number of threads that Julia was started with.
"""
thread_count() = Threads.nthreads()

"""
    prepare()

Called once when a session opens: Ctrl-C becomes an `InterruptException` where Julia is, and does not end the process.
"""
prepare() = Base.exit_on_sigint(false)
