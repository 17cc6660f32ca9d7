"""A handler in machine code that passes SIGINT on to Julia's thread, from whichever thread the system gave it to.

The system gives Ctrl-C to the first thread that lets it in. That may be one that knows nothing of Julia, if it was there before
Julia was: a worker of BLAS or torch, a thread of Jupyter's. Julia's own handler, run there, does nothing: it only notes that it
ran, which is how Julia's thread, by a signal to itself, asks whether SIGINT is still Julia's affair. So:

    sent to one thread (Julia's question)    Julia's handler
    sent to the process                      sent again; as the thread in its handler does not let it in, the next one gets it

until Julia's thread does. Python cannot be that handler: it would wait for the thread that is inside Julia.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

_SIGINFO = 4  # SA_SIGINFO: the handler is told who sent it
_HANDLER = """
declare i32 @getpid()
declare i32 @kill(i32, i32)
define void @handle(i32 %signal, ptr %information, ptr %context) {{
  %at = getelementptr i8, ptr %information, i64 8
  %code = load i32, ptr %at
  %question = icmp eq i32 %code, -6
  br i1 %question, label %julia, label %next
julia:
  call void inttoptr (i64 {handler} to ptr)(i32 %signal)
  ret void
next:
  %process = call i32 @getpid()
  %sent = call i32 @kill(i32 %process, i32 %signal)
  ret void
}}
"""  # offset 8: si_code; -6: SI_TKILL


class Action(ctypes.Structure):
    """``struct sigaction`` of Linux on 64 bits."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_char * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def passed_on(action: Any) -> Any:
    """Julia's action for SIGINT, a buffer that holds a ``struct sigaction``, changed in place to one that passes the signal on."""
    if sys.platform == "linux" and ctypes.sizeof(ctypes.c_void_p) == 8:
        entry = Action.from_buffer(action)
        if entry.handler and not entry.flags & _SIGINFO:
            entry.handler = _compiled(entry.handler).get_function_address("handle")
            entry.flags |= _SIGINFO
    return action


@cache
def _compiled(handler: int) -> Any:
    """The engine that holds the machine code, for as long as the process lives."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_HANDLER.format(handler=handler)), machine)
    engine.finalize_object()
    return engine
