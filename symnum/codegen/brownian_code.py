"""Brownian paths in machine code: increments of m Wiener processes over the nodes of a binary tree, each a function of a seed and the node alone.

A node (root, level, index) is the interval of length h = length/2^level that begins at index*h after the start of its root. It holds

    W = W(t + h) - W(t)  ~ N(0, h)        H = 1/h int_t^{t+h} (W(s) - W(t)) ds - W/2  ~ N(0, h/12), independent of W

and its two halves follow exactly from it and two numbers Z ~ N(0, h/16), N ~ N(0, h/12) (J. Foster, T. Lyons, H. Oberhauser, An optimal polynomial
approximation of Brownian motion, SIAM J. Numer. Anal. 58 (2020); A. Jelincic and others, arXiv 2405.06464):

    W_left = W/2 + 3/2 H + Z    W_right = W/2 - 3/2 H - Z    H_left = H/4 - Z/2 + N/2    H_right = H/4 - Z/2 - N/2

The normal numbers are those of Box and Muller from Philox4x64-10, a generator without a state (J. K. Salmon and others, Parallel random
numbers: as easy as 1, 2, 3, SC11): its counter holds the node, its key the seed. So a path can be refined anywhere, in any order, and is
always the same. The last nodes made on each level are kept: one that follows another costs two normal numbers a process.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import literal

WORDS = ["key0", "key1", "m", "n", "depth", "tags", "rows", "u1", "u2", "w", "a", "values", "applied", "driven"]
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_BUMPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10


@cache
def module() -> Any:
    """The machine code, kept for the process: ``increment``, ``values`` and ``applied`` (see ``solvers.embedded.stochastic.driving``)."""
    from symnum.codegen.jit import compile_ir, has_fma

    return compile_ir(module_text(has_fma()))


def module_text(fma: bool) -> str:
    from symnum.codegen.vector_math import definitions

    metadata = Metadata()
    made = [
        _philox(metadata),
        _uniforms(metadata),
        _root(metadata),
        _pair(metadata),
        _descend(metadata),
        _inside(metadata),
    ]
    made += [_increment(metadata), _values(metadata), _applied(metadata)]
    declared = ["declare double @llvm.sqrt.f64(double)", "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"]
    return "\n".join(
        [definitions(["log", "sin", "cos"], fma=fma), *(code.text() for code in made), *declared, *metadata.lines, ""]
    )


def _own(c: Code, name: str, kind: str = "i64") -> str:
    return c.load("%path", WORDS.index(name), kind)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


# --- random numbers ---


def _philox(metadata: Metadata) -> Code:
    """One block: four 64-bit words into out from the counter (c0, c1, c2, c3) and the key."""
    c = Code(metadata, "philox", "i64 c0, i64 c1, i64 c2, i64 c3, i64 k0, i64 k1, ptr out")
    words, keys = ["%c0", "%c1", "%c2", "%c3"], ["%k0", "%k1"]
    for turn in range(_ROUNDS):
        if turn:
            keys = [c.iadd(key, _signed(bump)) for key, bump in zip(keys, _BUMPS, strict=True)]
        high, low = zip(*(_product(c, words[2 * i], _MULTIPLIERS[i]) for i in (0, 1)), strict=True)
        first = c.op(f"xor i64 {c.op(f'xor i64 {high[1]}, {words[1]}')}, {keys[0]}")
        third = c.op(f"xor i64 {c.op(f'xor i64 {high[0]}, {words[3]}')}, {keys[1]}")
        words = [first, low[1], third, low[0]]
    for i, word in enumerate(words):
        c.store(word, "%out", i, "i64")
    c.line("ret void")
    return c


def _product(c: Code, word: str, multiplier: int) -> tuple[str, str]:
    """High and low half of the 128-bit product."""
    wide = c.op(f"mul i128 {c.op(f'zext i64 {word} to i128')}, {multiplier}")
    high = c.op(f"trunc i128 {c.op(f'lshr i128 {wide}, 64')} to i64")
    return high, c.op(f"trunc i128 {wide} to i64")


def _uniforms(metadata: Metadata) -> Code:
    """u1, u2 of a node: two numbers in (0, 1) a process, odd multiples of 2^-53; block k serves processes 2k and 2k + 1."""
    c = Code(metadata, "uniforms", "ptr path, i64 root, i64 level, i64 index", inline=False)
    words = c.variable("[4 x i64]", "zeroinitializer")
    first, second = _own(c, "u1", "ptr"), _own(c, "u2", "ptr")
    keys = f"i64 {_own(c, 'key0')}, i64 {_own(c, 'key1')}"
    blocks = c.op(f"lshr i64 {c.iadd(_own(c, 'm'), 1)}, 1")
    with c.loop(blocks) as k:
        c.line(f"call void @philox(i64 {k}, i64 %index, i64 %level, i64 %root, {keys}, ptr {words})")
        for i in range(4):
            place = c.iadd(c.imul(k, 2), i // 2)
            c.store(_uniform(c, c.load(words, i, "i64")), (first, second)[i % 2], place)
    c.line("ret void")
    return c


def _uniform(c: Code, word: str) -> str:
    """The upper 52 bits as the digits of a number in [1, 2), less 1 - 2^-53."""
    digits = c.op(f"or i64 {c.op(f'lshr i64 {word}, 12')}, {0x3FF0000000000000}")
    return c.op(f"fsub double {c.op(f'bitcast i64 {digits} to double')}, {literal(1.0 - 2.0**-53)}")


def _normals(c: Code, uniforms: list[str], i: str) -> tuple[str, str]:
    """Two independent standard normal numbers of process i from u1 and u2."""
    u1, u2 = (c.load(pointer, i) for pointer in uniforms)
    log = c.op(f"call double @symnum_log(double {u1})")
    radius = c.op(f"call double @llvm.sqrt.f64(double {c.mul(literal(-2.0), log)})")
    angle = c.mul(literal(6.283185307179586), u2)
    cosine, sine = (c.op(f"call double @symnum_{name}(double {angle})") for name in ("cos", "sin"))
    return c.mul(radius, cosine), c.mul(radius, sine)


# --- the tree ---


def _root_of(c: Code, value: str) -> str:
    return c.op(f"call double @llvm.sqrt.f64(double {value})")


def _root(metadata: Metadata) -> Code:
    """W and H of a root."""
    c = Code(metadata, "root", "ptr path, i64 number, double length", inline=False)
    tags, rows, m = _own(c, "tags", "ptr"), _own(c, "rows", "ptr"), _own(c, "m")
    with c.when(c.test("ne", c.load(tags, 0, "i64"), "%number")):
        c.line("call void @uniforms(ptr %path, i64 %number, i64 0, i64 0)")
        wide = _root_of(c, "%length")
        narrow = _root_of(c, c.mul("%length", literal(1 / 12)))
        uniforms = [_own(c, name, "ptr") for name in ("u1", "u2")]
        with c.loop(m, vector=True) as i:
            z, n = _normals(c, uniforms, i)
            c.store(c.mul(wide, z), rows, i)
            c.store(c.mul(narrow, n), rows, c.iadd(m, i))
        c.store("%number", tags, 0, "i64")
    c.line("ret void")
    return c


def _node(c: Code, level: str, index: str) -> str:
    """Where W (m,), H (m,) of a node lie: a root's first, then of each level the left and the right node."""
    m, rows = _own(c, "m"), _own(c, "rows", "ptr")
    pair = c.iadd(c.imul(c.imul(m, 4), c.isub(level, 1)), c.imul(m, 2))
    side = c.imul(c.imul(m, 2), c.op(f"and i64 {index}, 1"))
    place = c.op(f"select i1 {c.test('eq', level, 0)}, i64 0, i64 {c.iadd(pair, side)}")
    return c.at(rows, place)


def _pair(metadata: Metadata) -> Code:
    """Both halves of a node (level, index) of length h, where they are not known yet."""
    c = Code(metadata, "pair", "ptr path, i64 root, i64 level, i64 index, double h", inline=False)
    below = c.iadd("%level", 1)
    tag = c.at(_own(c, "tags", "ptr"), c.imul(below, 2), "i64")
    other = c.op(
        f"or i1 {c.test('ne', c.load(tag, 0, 'i64'), '%root')}, {c.test('ne', c.load(tag, 1, 'i64'), '%index')}"
    )
    with c.when(other):
        c.line(f"call void @uniforms(ptr %path, i64 %root, i64 {below}, i64 %index)")
        parent, left, m = _node(c, "%level", "%index"), _node(c, below, "0"), _own(c, "m")
        for_z = _root_of(c, c.mul("%h", literal(1 / 16)))
        for_n = _root_of(c, c.mul("%h", literal(1 / 12)))
        uniforms = [_own(c, name, "ptr") for name in ("u1", "u2")]
        with c.loop(m, vector=True) as i:
            z, n = _normals(c, uniforms, i)
            z, n = c.mul(for_z, z), c.mul(for_n, n)
            half, area = c.mul(literal(0.5), c.load(parent, i)), c.load(parent, c.iadd(m, i))
            more = c.add(c.mul(literal(1.5), area), z)
            mean, n = c.sub(c.mul(literal(0.25), area), c.mul(literal(0.5), z)), c.mul(literal(0.5), n)
            for k, value in enumerate((c.add(half, more), c.add(mean, n), c.sub(half, more), c.sub(mean, n))):
                c.store(value, left, c.iadd(c.imul(m, k), i))
        c.store("%root", tag, 0, "i64")
        c.store("%index", tag, 1, "i64")
    c.line("ret void")
    return c


def _descend(metadata: Metadata) -> Code:
    """Make a node known, after those above it where they are not; gives its length."""
    args = "ptr path, i64 root, i64 level, i64 index, double length"
    c = Code(metadata, "descend", args, result="double", inline=False)
    exponent = c.op(f"shl i64 {c.isub(1023, '%level')}, 52")
    h = c.mul("%length", c.op(f"bitcast i64 {exponent} to double"))  # 2^-level
    top = c.test("eq", "%level", 0)
    with c.when(top):
        c.line("call void @root(ptr %path, i64 %root, double %length)")
    above = c.op("lshr i64 %index, 1")
    known = c.op(f"or i1 {top}, {_tagged(c, '%level', above)}")
    with c.when(c.op(f"xor i1 {known}, true")):
        upper = c.isub("%level", 1)
        node = f"ptr %path, i64 %root, i64 {upper}, i64 {above}"
        twice = c.op(f"call double @descend({node}, double %length)")
        c.line(f"call void @pair({node}, double {twice})")
    c.line(f"ret double {h}")
    return c


def _tagged(c: Code, level: str, above: str) -> str:
    """Whether the pair kept on a level are the halves of a node (``above`` is its index)."""
    tag = c.at(_own(c, "tags", "ptr"), c.imul(level, 2), "i64")
    same = c.test("eq", c.load(tag, 0, "i64"), "%root")
    return c.op(f"and i1 {same}, {c.test('eq', c.load(tag, 1, 'i64'), above)}")


def _inside(metadata: Metadata) -> Code:
    """w and a over the first ``share`` of a node of length h, down the tree to the limit of its depth (2^-depth of a root is left out at most)."""
    c = Code(metadata, "inside", "ptr path, i64 root, i64 level, i64 index, double h, double share", inline=False)
    w, a, m, depth = _own(c, "w", "ptr"), _own(c, "a", "ptr"), _own(c, "m"), _own(c, "depth")
    length, rest = c.variable("double", "%h"), c.variable("double", c.mul("%h", "%share"))
    at = c.variable("i64", "%index")
    with c.loop(m, vector=True) as i:
        c.store(literal(0.0), w, i)
        c.store(literal(0.0), a, i)
    with c.loop(depth, start="%level") as k, c.when(c.op(f"fcmp ogt double {c.load(rest)}, {literal(0.0)}")):
        index = c.load(at, 0, "i64")
        c.line(f"call void @pair(ptr %path, i64 %root, i64 {k}, i64 {index}, double {c.load(length)})")
        half = c.mul(literal(0.5), c.load(length))
        c.store(half, length)
        beyond = c.op(f"fcmp oge double {c.load(rest)}, {half}")
        with c.when(beyond):
            left = _node(c, c.iadd(k, 1), "0")
            with c.loop(m, vector=True) as i:
                inner, before = c.load(left, i), c.load(w, i)
                area = c.add(c.mul(literal(0.5), inner), c.load(left, c.iadd(m, i)))
                c.store(c.add(c.load(a, i), c.mul(half, c.add(area, before))), a, i)
                c.store(c.add(before, inner), w, i)
            c.store(c.op(f"fsub double {c.load(rest)}, {half}"), rest)
        c.store(c.iadd(c.imul(index, 2), c.op(f"zext i1 {beyond} to i64")), at, 0, "i64")
    whole = c.op(f"fdiv double {literal(1.0)}, {c.mul('%h', '%share')}")
    with c.loop(m, vector=True) as i:
        c.store(c.mul(whole, c.load(a, i)), a, i)
    c.line("ret void")
    return c


# --- what a driver calls ---


def _increment(metadata: Metadata) -> Code:
    """The increments over a node, or its first share: w = W, a = W/2 + H = 1/h int (W(s) - W(t)) ds; as vectors (n,) where asked for."""
    args = "ptr path, double root, double level, double index, double length, double share, ptr wout, ptr aout"
    c = Code(metadata, "increment", args, internal=False)
    root, level, index = (c.op(f"fptosi double %{name} to i64") for name in ("root", "level", "index"))
    node = f"ptr %path, i64 {root}, i64 {level}, i64 {index}"
    h = c.op(f"call double @descend({node}, double %length)")
    w, a, m = _own(c, "w", "ptr"), _own(c, "a", "ptr"), _own(c, "m")
    part = c.op(f"fcmp olt double %share, {literal(1.0)}")
    with c.when(part):
        c.line(f"call void @inside({node}, double {h}, double %share)")
    with c.when(c.op(f"xor i1 {part}, true")):
        at = _node(c, level, index)
        with c.loop(m, vector=True) as i:
            value = c.load(at, i)
            c.store(value, w, i)
            c.store(c.add(c.mul(literal(0.5), value), c.load(at, c.iadd(m, i))), a, i)
    with c.when(c.op("icmp ne ptr %wout, null")):
        for source, target in ((w, "%wout"), (a, "%aout")):
            _spread(c, source, target, m)
    c.line("ret void")
    return c


def _spread(c: Code, source: str, target: str, m: str) -> None:
    """One number a process into a vector of n; a single process is the same for all unknowns."""
    n = _own(c, "n")
    single = c.op(f"select i1 {c.test('eq', m, 1)}, i64 0, i64 -1")
    with c.loop(n) as i:
        c.store(c.load(source, c.op(f"and i64 {i}, {single}")), target, i)


def _values(metadata: Metadata) -> Code:
    """out = B(t, y): its diagonal, or its only column."""
    c = Code(metadata, "values", "ptr path, double t, ptr y, ptr p, ptr out", internal=False)
    c.line(f"call void {_own(c, 'values', 'ptr')}(double %t, ptr %y, ptr %p, ptr %out)")
    c.line("ret void")
    return c


def _applied(metadata: Metadata) -> Code:
    """out = what the noise does over a step of length h, from the increments asked for last."""
    c = Code(metadata, "applied", "ptr path, double t, double h, ptr y, ptr p, ptr out", internal=False)
    driven, n, m = _own(c, "driven", "ptr"), _own(c, "n"), _own(c, "m")
    for target, source, count in ((driven, "%y", n), (c.at(driven, n), _own(c, "w", "ptr"), m)):
        c.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {c.imul(count, 8)}, i1 false)")
    c.store("%h", driven, c.iadd(n, m))
    c.line(f"call void {_own(c, 'applied', 'ptr')}(double %t, ptr {driven}, ptr %p, ptr %out)")
    c.line("ret void")
    return c
