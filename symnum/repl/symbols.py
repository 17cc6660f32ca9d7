r"""LaTeX names of characters: ``\alpha`` is α. What the Tab key, the tokenizer and the help read.

Names as in LaTeX and amssymb; ``\_x``, ``\^2`` and ``\half`` as in Julia's shell.
"""

from __future__ import annotations

_GREEK = """
alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ mu μ nu ν xi ξ omicron ο pi π rho ρ sigma σ tau τ
upsilon υ phi φ chi χ psi ψ omega ω varepsilon ε vartheta θ varphi φ varrho ρ varkappa κ varsigma ς
Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
"""
_OTHERS = """
partial ∂ derivative|nabla ∇ gradient, ∇· divergence, ∇² Laplacian|laplacian Δ Laplacian|int ∫ integral
sqrt √ square root|cbrt ∛ cube root|infty ∞ infinity|cdot · product|times × product, curl after ∇|div ÷ quotient
pm ± not in the grammar; write both cases|le ≤ at most|leq ≤ at most|ge ≥ at least|geq ≥ at least|ne ≠ not equal
neq ≠ not equal|in ∈ x ∈ (0, 1): the interval of a coordinate|wedge ∧ and|land ∧ and|vee ∨ or|lor ∨ or|neg ¬ not
lnot ¬ not|prime ′ time derivative|lfloor ⌊ floor|rfloor ⌋ floor|lceil ⌈ ceiling|rceil ⌉ ceiling|to → reaction
rightarrow → reaction|Rightarrow ⇒ reaction with its rate in full|rightleftharpoons ⇌ reaction, there and back
emptyset ∅ nothing, in reactions|half ½ one half|third ⅓ one third|quarter ¼ one quarter|ldots … from ... to
dots … from ... to|hbar ℏ a name|^0 ⁰ power|^1 ¹ power|^2 ² square, second derivative|^3 ³ cube, third derivative
^4 ⁴ power|^5 ⁵ power|^6 ⁶ power|^7 ⁷ power|^8 ⁸ power|^9 ⁹ power|^- ⁻ negative power|^n ⁿ power|_0 ₀ index
_1 ₁ index|_2 ₂ index|_3 ₃ index|_4 ₄ index|_5 ₅ index|_6 ₆ index|_7 ₇ index|_8 ₈ index|_9 ₉ index
_t ₜ derivative in time|_x ₓ derivative along x|_a ₐ index|_e ₑ index|_h ₕ index|_i ᵢ index|_j ⱼ index|_k ₖ index
_l ₗ index|_m ₘ index|_n ₙ index|_o ₒ index|_p ₚ index|_r ᵣ index|_s ₛ index|_u ᵤ index|_v ᵥ index|_beta ᵦ index
_gamma ᵧ index|_rho ᵨ index|_phi ᵩ index|_chi ᵪ index
"""


def _table() -> dict[str, tuple[str, str]]:
    words = _GREEK.split()
    made = {name: (letter, f"Greek letter {name}") for name, letter in zip(words[::2], words[1::2], strict=True)}
    made["pi"] = ("π", "the number π")
    for row in _OTHERS.replace("\n", "|").split("|"):
        if row:
            name, character, meaning = row.split(" ", 2)
            made[name] = (character, meaning)
    made["Delta"] = ("Δ", "Laplacian, or a Greek letter")
    return made


#: LaTeX name (no backslash) -> (character, meaning in a few words).
SYMBOLS: dict[str, tuple[str, str]] = _table()

#: Greek letter -> its name, for letters that may stand for a name: α and alpha are twins, so one finds the other.
GREEK_NAMES: dict[str, str] = {
    letter: name for name, letter in zip(_GREEK.split()[::2], _GREEK.split()[1::2], strict=True) if name[:3] != "var"
}
GREEK_LETTERS: dict[str, str] = {name: letter for letter, name in GREEK_NAMES.items()}

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", "0123456789aehijklmnoprstuvxβγρφχ", strict=True))
FRACTIONS = dict(zip("½⅓⅔¼¾⅕⅙⅛", ("1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "1/6", "1/8"), strict=True))


def twin(name: str) -> str:
    """The other spelling of a name that begins with a Greek letter: ``alpha_1`` of ``α_1`` and back; "" where there is none."""
    head = name.partition("_")[0].rstrip("0123456789")
    other = GREEK_NAMES.get(head) or GREEK_LETTERS.get(head)
    return other + name[len(head) :] if other else ""
