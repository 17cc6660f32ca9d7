"""Data of a kernel in C: few numbers are written into the file, many are copied into the compiled library."""

from __future__ import annotations

import ctypes
import hashlib

from symnum.codegen.c_compiler import Library
from symnum.codegen.c_text import Writer
from symnum.ir.kernel import Kernel

_MOST_WRITTEN = 4096  # values of all constants together


def print_constants(kernel: Kernel) -> str:
    """Definitions ``static const double NAME_constants1[...] = {...};``, or of arrays that the caller fills.

    The digest of the data keeps the libraries of two kernels apart that differ in nothing else.
    """
    writer = Writer()
    vectors = kernel.constant_vectors
    written = sum(v.size for v in vectors) <= _MOST_WRITTEN
    for k, vector in enumerate(vectors):
        name = f"{kernel.name}_constants{k + 1}"
        if written:
            writer.statement(
                f"static const double {name}[{vector.size}] = {{{', '.join(repr(float(x)) for x in vector)}}};"
            )
            continue
        digest = hashlib.sha256(vector.tobytes()).hexdigest()[:16]
        writer.comment(f"Data, to be copied here before the first call (its SHA-256 begins with {digest}).")
        writer.line(f"double {name}[{vector.size}];")
    return "\n".join(writer.lines)


def fill_constants(library: Library, kernel: Kernel) -> None:
    """Copy the data that is not written in the source into a library that was just loaded."""
    vectors = kernel.constant_vectors
    if sum(v.size for v in vectors) > _MOST_WRITTEN:
        for k, vector in enumerate(vectors):
            ctypes.memmove(library.address(f"{kernel.name}_constants{k + 1}"), vector.ctypes.data, vector.nbytes)
