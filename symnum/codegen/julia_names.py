"""Julia identifiers and numbers: users' names keep their letters, Greek ones too; numbers read back to the same double."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from symnum.codegen.c_names import ATOM, UNARY, Names, Numbers, Text

_KEYWORDS = """abstract baremodule begin break catch ccall cglobal const continue do else elseif end export false finally for function
global if import importall in isa let local macro missing module mutable new nothing outer primitive public quote return struct true try
type using var where while"""
# Functions and constants that printed code calls by name: a variable of that name would hide them.
_CALLED = """abs acos acosh asin asinh atan atanh cos cosh exp log sin sinh sqrt tan tanh ceil floor max min sign float zero zeros one oftype
ifelse isinf isfinite isnan round similar view reshape eltype length eachindex fill fill! copyto! mod1 sortperm push pi π Inf NaN Int Float64
Vector Matrix Bool String tuple first last collect parse print println erf sum maximum minimum extrema main parameters initial_state
full_fields jacobian jacobian_pattern jacobian_entries safe_step step rk4_step Base Core Main ARGS PROGRAM_FILE eval include im"""
_SAME_LETTER = {"\u00b5": "\u03bc", "\u025b": "\u03b5", "\u00b7": "\u22c5"}  # Julia's parser takes these for each other
_OPENS = ("Lu", "Ll", "Lt", "Lm", "Lo", "Nl")
_FOLLOWS = (*_OPENS, "Mn", "Mc", "Nd")


class JuliaNames(Names):
    """Julia identifiers handed out once each."""

    RESERVED = frozenset(f"{_KEYWORDS} {_CALLED} rhs piece weights".split())

    def spell(self, name: str) -> str:
        """``σ`` stays ``σ``; what Julia cannot read becomes an underscore."""
        letters = (_SAME_LETTER.get(c, c) for c in unicodedata.normalize("NFC", name))
        made = "".join(c if c == "_" or unicodedata.category(c) in _FOLLOWS else "_" for c in letters)
        made = re.sub(r"^_+", "", re.sub(r"__+", "_", made))
        if made and unicodedata.category(made[0]) in _OPENS and not made.startswith("nan_"):
            return made
        return f"x_{made}".rstrip("_") if made else "x"


class JuliaNumbers(Numbers):
    """Numbers as Julia text."""

    def plain(self, value: Any) -> Text:
        """See ``Numbers.plain``; infinity is ``Inf``."""
        if isinstance(value, float) and value != value:
            return "NaN", ATOM
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            return ("Inf", ATOM) if value > 0 else ("-Inf", UNARY)
        return super().plain(value)


LANGUAGE = (JuliaNames, JuliaNumbers)
