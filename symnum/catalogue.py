"""A folder of modules as named entries: one file, one entry, no list to edit.

    targets = Catalogue("target", package="symnum.codegen.targets")
    targets.names()            # ('c', 'llvm', 'numpy'): read from the folder, nothing imported
    targets.one_line("llvm")   # first line of its docstring, read by ast, nothing imported
    targets.load("llvm")       # the module

    models = Catalogue("model", folder=shipped_folder("models"))   # a folder that is not a package serves as well

An entry whose optional package is missing stays dormant: it is listed, and asking for it answers with the line that
installs the package. Files whose name starts with an underscore are helpers of their neighbours (``from ._common import
...``), not entries.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

from symnum.errors import BackendUnavailable, FileError, UnknownName, did_you_mean

# Packages that are imported under another name than they are installed by.
_INSTALLED_AS = {"IPython": "ipython", "sksundae": "scikit-sundae"}


@dataclass(frozen=True)
class Catalogue:
    """The modules of one folder, by name.

    ``kind``: what an entry is, in the singular, for messages ("target", "model"). Exactly one of ``package`` (dotted
    name of an importable package) and ``folder`` (any folder of .py files) says where they are.
    """

    kind: str
    package: str = ""
    folder: Path | None = None

    def __post_init__(self) -> None:
        assert bool(self.package) != (self.folder is not None), "give a package or a folder"

    def names(self) -> tuple[str, ...]:
        """Names of all entries, sorted. Imports nothing. Raises FileError where the folder is missing."""
        folder = self._folder()
        if not folder.is_dir():
            raise FileError(f"The folder of {self.kind}s, {str(folder)!r}, is missing; expected a folder of .py files.")
        return tuple(sorted(path.stem for path in folder.glob("*.py") if _is_entry(path)))

    def path(self, name: str) -> Path:
        """The file of an entry. Raises UnknownName."""
        self._check(name)
        return self._folder() / f"{name}.py"

    def one_line(self, name: str) -> str:
        """First line of an entry's docstring ("" without one; of a broken file, what is wrong). Imports nothing."""
        try:
            tree = ast.parse(self.path(name).read_bytes())
        except (SyntaxError, ValueError) as error:
            return f"(not valid Python: {error})"
        return next(iter((ast.get_docstring(tree) or "").splitlines()), "")

    def load(self, name: str) -> ModuleType:
        """Import an entry. Raises UnknownName, or BackendUnavailable where a package it needs is not installed.

        Whatever else the module raises (an error in the entry itself) comes through as it is.
        """
        self._check(name)
        try:
            return importlib.import_module(f"{self._parent()}.{name}")
        except BackendUnavailable:
            raise
        except ImportError as error:
            missing = (error.name or "").partition(".")[0]
            if not missing or missing == self._parent().partition(".")[0] or missing == "symnum":
                raise  # a slip in the entry, not an absent package
            raise BackendUnavailable(_how_to_install(self.kind, name, missing, error)) from error

    def problem(self, name: str) -> str:
        """Why an entry does not load here, with the line that mends it; "" when it does. Raises UnknownName."""
        try:
            self.load(name)
        except BackendUnavailable as error:
            return str(error)
        return ""

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def _check(self, name: str) -> None:
        names = self.names()
        if name not in names:
            listed = f"The {self.kind}s are: {', '.join(names)}." if names else f"There are no {self.kind}s."
            raise UnknownName(f"Unknown {self.kind} {name!r}.{did_you_mean(str(name), names)} {listed}")

    def _folder(self) -> Path:
        if self.folder is not None:
            return Path(self.folder)
        top, *rest = self.package.split(".")
        spec = importlib.util.find_spec(top)  # a top-level package is found without importing anything
        if spec is None or not spec.submodule_search_locations:
            raise FileError(f"The package {top!r}, which holds the {self.kind}s, is not installed.")
        return Path(next(iter(spec.submodule_search_locations)), *rest)

    def _parent(self) -> str:
        """Dotted name of the package that the entries are imported from; a bare folder gets a package made for it."""
        return self.package or _package_of_folder(self._folder().resolve())


def shipped_folder(name: str) -> Path:
    """A top-level folder of the project that travels with it: ``models`` or ``benchmarks``.

    In an installed wheel it is ``symnum/_models``; in a source checkout it lies beside the package. Raises FileError.
    """
    package = Path(__file__).resolve().parent
    carried, beside = package / f"_{name}", package.parent / name
    if carried.is_dir():
        return carried
    if beside.is_dir() and (package.parent / "pyproject.toml").is_file():
        return beside
    looked = f"looked for {carried} and {beside}"
    raise FileError(
        f"The folder {name!r} did not come with this copy of symnum ({looked}). "
        "Install it again: pip install --force-reinstall symnum"
    )


def _is_entry(path: Path) -> bool:
    return path.stem.isidentifier() and not path.stem.startswith("_") and path.is_file()


def _package_of_folder(folder: Path) -> str:
    """Register a package without code whose modules are the files of ``folder``; one folder gives one package."""
    name = f"symnum_{folder.name.strip('_')}_{blake2b(str(folder).encode(), digest_size=4).hexdigest()}"
    if name not in sys.modules:
        package = ModuleType(name, f"The modules of {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def _how_to_install(kind: str, name: str, missing: str, error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError):
        seen = f"The {kind} {name!r} needs the package {missing!r}, which is not installed."
    else:
        seen = f"The {kind} {name!r} cannot use the installed package {missing!r} ({error})."
    return f"{seen} Install it: pip install {_requirement(_INSTALLED_AS.get(missing, missing))}"


def _requirement(distribution: str) -> str:
    """What to give pip: the extra of symnum that brings the package, else the package (with symnum's bound, if any)."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = requires("symnum") or []
    except PackageNotFoundError:  # a checkout that is not installed
        lines = []
    for line in lines:
        wanted, _, marker = (part.strip() for part in line.partition(";"))
        if re.split(r"[^\w.-]", wanted, maxsplit=1)[0].lower() == distribution.lower():
            extra = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
            return f"'symnum[{extra[1]}]'" if extra else f"--upgrade '{wanted}'"
    return distribution
