"""A function to be traced, as a copy whose names mean recording stand-ins: ``np.zeros(n)``, ``np.array([...])``, ``math.exp(t)``, ``max(a, b)``.

NumPy hands over calls that have an array argument of ours; calls without one (``np.zeros(n)``) would make ordinary arrays that cannot be written to.
So the globals and closure cells that the function uses, and those of the functions that it calls, are looked through, and the copy gets stand-ins for
the modules. Lists, dicts and plain objects are copied too: what they hold may be such functions, and what f keeps in them stays in the copy.
Nothing outside of the copy changes: NumPy is not patched.
"""

from __future__ import annotations

import copy
import functools
import math
import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from symnum.tracing.graph import Graph
from symnum.tracing.stand_ins import BUILTINS, EXTREMES, ClosedOver, InnerStandIn, MathStandIn, NumPyStandIn

_PLAIN = frozenset((int, float, bool, str, type(None)))
_LIBRARIES = frozenset(sys.stdlib_module_names) | {
    "numpy",
    "scipy",
    "symnum",
    "torch",
    "jax",
    "numba",
    "sympy",
    "matplotlib",
    "pandas",
}


class Rebinder:
    """Copies of functions for one trace."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.numpy = NumPyStandIn(graph)
        self.math = MathStandIn()
        self._inside = False  # of NumPy
        self._made: dict[int, tuple[Any, Any]] = {}  # the original is kept, so its id stays its own

    def value(self, value: Any) -> Any:
        """What stands for a value that a traced function uses."""
        if value is np:
            return self.numpy
        if value is math:
            return self.math
        if value is random:
            return self.numpy.random
        if value is np.ndarray:
            return self.numpy.ndarray
        if type(value) in (list, dict, tuple):
            return self._container(value)
        if isinstance(value, (BuiltinFunctionType, FunctionType)) or type(value) is type(np.sum):
            module = str(getattr(value, "__module__", "") or "")
            name = getattr(value, "__name__", "")
            if module == "math":
                return getattr(self.math, name)
            if module.partition(".")[0] == "numpy":
                return getattr(self.numpy, name) if getattr(np, name, None) is value else value
        if isinstance(value, np.ndarray) and type(value) is np.ndarray and value.ndim:
            return value.view(ClosedOver)
        if isinstance(value, (FunctionType, MethodType, functools.partial)):
            return self.function(value)
        if isinstance(value, ModuleType) and self._inside and value.__name__.startswith("numpy"):
            return InnerStandIn(value, self.numpy)
        if isinstance(value, ModuleType) and _is_users(value.__name__):
            return _Module(value, self)
        return self._instance(value) if _is_users_file(type(value).__module__) else value

    def _container(self, held: Any) -> Any:
        """A copy of a list, dict or tuple, with what stands for its values."""
        if id(held) in self._made:
            return self._made[id(held)][1]
        if isinstance(held, tuple):
            return tuple(v if type(v) in _PLAIN else self.value(v) for v in held)
        made: Any = type(held)()
        self._made[id(held)] = (held, made)  # before its values: it may hold itself
        if isinstance(held, dict):
            made.update((k, v if type(v) in _PLAIN else self.value(v)) for k, v in held.items())
        else:
            made.extend(v if type(v) in _PLAIN else self.value(v) for v in held)
        return made

    def numpys_own(self, f: Any) -> Any:
        """The copy of a function that NumPy writes in Python: it works with traced arrays where what it calls does."""
        self._inside = True
        return self._copy(f)

    def function(self, f: Any) -> Any:
        """The copy of a function, method, partial or callable object."""
        if id(f) in self._made:
            return self._made[id(f)][1]
        if isinstance(f, functools.partial):
            made: Any = functools.partial(self.function(f.func), *map(self.value, f.args), **f.keywords)
        elif isinstance(f, MethodType):
            made = MethodType(self.function(f.__func__), self._instance(f.__self__))
        elif isinstance(f, FunctionType):
            return self._copy(f) if _is_users(f.__module__ or "") else f
        elif hasattr(f, "py_func"):  # numba's
            made = self.function(f.py_func)
        elif isinstance(vars(type(f)).get("__call__"), FunctionType):
            made = MethodType(self.function(type(f).__call__), self._instance(f))
        else:
            made = f
        self._made[id(f)] = (f, made)
        return made

    def _copy(self, f: FunctionType) -> FunctionType:
        names = set(_names(f.__code__))
        scope: dict[str, Any] = dict(f.__globals__)
        cells = tuple(CellType() for _ in f.__closure__ or ())
        made = FunctionType(f.__code__, scope, f.__name__, f.__defaults__, cells if f.__closure__ else None)
        made.__kwdefaults__ = f.__kwdefaults__
        made.__qualname__, made.__module__, made.__doc__ = f.__qualname__, f.__module__, f.__doc__
        self._made[id(f)] = (f, made)
        for name in names & scope.keys():
            scope[name] = self.value(scope[name])
        stand_ins = BUILTINS if _is_users(f.__module__ or "") else EXTREMES
        for name in names & stand_ins.keys() - scope.keys():
            scope[name] = stand_ins[name]
        for cell, old in zip(cells, f.__closure__ or (), strict=True):
            with suppress(ValueError):  # an empty cell
                cell.cell_contents = self.value(old.cell_contents)
        return made

    def _instance(self, owner: Any) -> Any:
        """An object whose methods are copies, where it is a user's plain object; a class stays."""
        kind = type(owner)
        if isinstance(owner, type) or not _is_users(kind.__module__) or not hasattr(owner, "__dict__"):
            return owner
        if id(owner) in self._made:
            return self._made[id(owner)][1]
        try:
            made = copy.copy(owner)
            if made is owner:  # such as the members of an enum
                return owner
            bases = [b for b in kind.__mro__ if _is_users(b.__module__)]
            copies = {b: type(b.__name__, (b,), {}) for b in bases[1:]}  # in the way of super()
            own = type(kind.__name__, (kind, *copies.values()), {})
            object.__setattr__(made, "__class__", own)  # frozen dataclasses have their own __setattr__
        except (TypeError, AttributeError, RecursionError):
            return owner
        self._made[id(owner)] = (owner, made)  # before what it holds, which may hold it
        for base, copied in [(kind, own), *copies.items()]:
            for name, member in vars(base).items():
                stand_in = self._member(member) if not name.startswith("__") or name == "__call__" else member
                if stand_in is not member:
                    setattr(copied, name, stand_in)
        for name, held in vars(owner).items():
            made.__dict__[name] = self.value(held)
        return made

    def _member(self, member: Any) -> Any:
        """A method or property of a class, as a copy."""
        if isinstance(member, FunctionType):
            return self.function(member)
        if isinstance(member, property) and isinstance(member.fget, FunctionType):
            return property(self.function(member.fget), member.fset)
        if isinstance(member, staticmethod) and isinstance(member.__func__, FunctionType):
            return staticmethod(self.function(member.__func__))
        return member


def _is_users(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in _LIBRARIES or top in ("__main__", "__mp_main__")


def _is_users_file(module: str) -> bool:
    """A module of the user that is no installed package: the objects of those are not copied."""
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return _is_users(module) and "site-packages" not in file and "dist-packages" not in file


def _names(code: CodeType) -> Iterator[str]:
    """The global names that a code object uses, functions inside of it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


class _Module(ModuleType):
    """A module of the user: its functions as copies."""

    def __init__(self, module: ModuleType, rebinder: Rebinder) -> None:
        super().__init__(module.__name__)
        self._module, self._rebinder = module, rebinder

    def __getattr__(self, name: str) -> Any:
        return self._rebinder.value(getattr(self._module, name))
