"""The intern table of terms: key -> the one living term, weakly held, safe between threads.

It does what ``weakref.WeakValueDictionary`` does at half the cost a term: look-ups need no lock, and a reference knows its key.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from itertools import repeat
from operator import is_
from typing import Any

_LOCK = threading.RLock()  # re-entrant: collecting garbage inside the lock may forget a term


class Reference(weakref.ref[Any]):
    """A weak reference to a term, with its key in the table."""

    __slots__ = ("key",)
    key: Any


_put_key = Reference.key.__set__

references: dict[Any, Reference] = {}


def found_term(key: Any) -> Any:
    """The living term of a key, or None."""
    reference = references.get(key)
    return reference() if reference is not None else None


def keep_term(key: Any, term: Any) -> Any:
    """Put a new term into the table; the one that another thread put there meanwhile wins."""
    reference = Reference(term, _forget)
    reference.key = key
    with _LOCK:
        kept = references.setdefault(key, reference)  # keys are long tuples: each look-up counts
        if kept is not reference:
            found = kept()
            if found is not None:
                return found
            references[key] = reference
    return term


def keep_terms(keys: list[Any], terms: list[Any]) -> list[Any]:
    """``keep_term`` for many terms under one lock; two of one key become one."""
    made = list(map(Reference, terms, repeat(_forget)))
    deque(map(_put_key, made, keys), maxlen=0)
    with _LOCK:
        kept = list(map(references.setdefault, keys, made))
        if all(map(is_, kept, made)):
            return terms
        return [keep_term(key, term) for key, term in zip(keys, terms, strict=True)]


def _forget(reference: Reference) -> None:
    with _LOCK:
        if references.get(reference.key) is reference:
            del references[reference.key]
