"""Every Python block of docs/ runs: a page is one script, from top to bottom, with its own assertions; it leaves the pictures that it shows.

Foreign code beside ours (docs/coming_from) stands in ``py`` and ``julia`` blocks, which are not run. Pages that show pieces get what these need from
``BEFORE``.
"""

from __future__ import annotations

import re
import runpy
import warnings
from doctest import DocTestParser
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import pytest

from symnum.errors import ModelWarning

DOCS = Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
TORCH = {
    "tutorial/09_fit",
    "tutorial/10_neural_term",
    "coming_from/diffrax",
    "coming_from/torchdiffeq",
    "concepts/regularisers",
    "neural",
    "learner",
}

# Run by a test of their own, which looks closer.
ELSEWHERE = {"tracing", "kernels", "gpu", "julia"}

# What pages that show pieces need before a piece: page -> number of the block -> code.
BEFORE = {
    "numerics": {
        0: """
            import symnum as sn
            t = sn.coordinates("t")
            u = sn.field("u", (t,))
            mu, sigma = sn.parameters(mu=1.0, sigma=0.5)
        """,
        1: """
            k, a = sn.parameters(k=1.0, a=1.0)
            system = sn.ODESystem([sn.Eq(sn.dt(u), a - k * u)], t=(0, 2), initial={u: 1.0})
        """,
    },
    "neural": {
        1: """
            model, loader = node, [torch.ones(30, 1, 2)] * 2
            accuracy = lambda model: -float((model(y0, ts).y - 1).abs().mean())
            loss = lambda model, batch: (model(y0, ts).y - batch).square().mean()
        """,
        2: "times, data = torch.linspace(0, 1, 5), torch.zeros(5, 25)",
        3: "values = torch.tensor([0.7, 0.3, 0.5])",
        4: """
            times = [0.05 * k for k in range(21)]
            truth = sn.PDESystem([sn.Eq(sn.dt(u), 0.05 * sn.diff(u, x, 2) + 3 * (u - u**3))], system.domain, system.conditions, system.initial)
            data = torch.tensor(sn.solve(truth, resolution=24, scheme="central", saveat=times)["u"].values)
            loss = lambda model, data: ((model(times)[u] - data) / 0.01).square().mean()
        """,
        5: """
            x = sn.field("x", (t,))
            a, b = sn.parameters(a=1.0, b=1.0)
            system = sn.ODESystem([sn.Eq(sn.dt(x), a - b * x)], t=(0, 2), initial={x: 0})
            times = torch.linspace(0.1, 2, 20).numpy()
            values = 1.3 * (1 - 2.718281828**-times)
        """,
        6: """
            drift, diffusion = torch.nn.Linear(2, 2), lambda t, y: 0.1 + 0 * y
            y0, ts = torch.zeros(8, 2), torch.linspace(0, 1, 5)
            mean, variance = torch.zeros(5, 2), torch.ones(5, 2)
        """,
        7: """
            times = torch.linspace(0, 2, 9, dtype=torch.float64)
            values, mask = torch.sin(6.28 * times).expand(4, 9)[..., None], torch.ones(4, 9)
            batches = [(values, mask, times)]
        """,
    },
    "learner": {
        0: """
            import symnum as sn
            sn.datasets.prose("thomas", "test.prefix", 4, seed=2, noise=0.02, corruption=True)
            sizes = dict(width=32, heads=2, data_layers=1, fusion_layers=1, data_decoder_layers=1)
            learner = sn.neural.ProseLearner(**sizes)
            learner.fit("test.prefix", steps=100, batch=4, learning_rate=5e-3, symbol_weight=1.0, progress=False)
            learner.save("learner.pt")
        """,
    },
    "wire": {0: 'import symnum as sn\nx = sn.symbol("x")'},
}

FOLDERS = ("tutorial", "howto", "concepts", "coming_from")
OTHERS = (
    "index",
    "formats",
    "datasets",
    "rewriting",
    "pictures",
    "notebooks",
    "numerics",
    "neural",
    "learner",
    "wire",
    "view",
    "repl",
)


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


def pages() -> list[Path]:
    found = [page for folder in FOLDERS for page in sorted((DOCS / folder).glob("*.md"))]
    found += [DOCS / f"{name}.md" for name in OTHERS if (DOCS / f"{name}.md").exists()]
    return [page for page in found if BLOCK.search(page.read_text("utf-8"))]


def blocks(page: Path) -> list[str]:
    """The blocks of a page with what they need; of one that shows a session, what is typed, each answer checked as it is printed."""
    before = {k: dedent(code) for k, code in BEFORE.get(name_of(page), {}).items()}
    made = []
    for k, block in enumerate(BLOCK.findall(page.read_text("utf-8"))):
        made.append(before.get(k, ""))
        if block.startswith(">>>"):
            typed = [(example.source.strip(), example.want.strip()) for example in DocTestParser().get_examples(block)]
            made += [f"assert repr(({line})) == {answer!r}" if answer else line for line, answer in typed]
        else:
            made.append(block)
    return made


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name_of(page) in TORCH:
        pytest.importorskip("torch")
    text = page.read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(page)), "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModelWarning)  # examples are well posed
        runpy.run_path(str(script))
    shown = re.findall(r"!\[[^\]]*\]\((?:\.\./)?(pictures/(?:tutorial/|concepts/|gallery/|spots)[\w.]+)\)", text)
    assert page.parent.name != "tutorial" or len(shown) == 1
    for picture in map(Path, shown):
        assert (tmp_path / picture.name).read_bytes()[:4] == b"\x89PNG", (
            f"{name_of(page)} shows {picture} and does not make it"
        )
        assert (DOCS / picture).stat().st_size < 150_000


def test_every_block_is_run_by_some_test() -> None:
    """A page with Python blocks is run here, or by the test that is named for it."""
    here = {name_of(page) for page in pages()}
    left = [
        name_of(p) for p in sorted(DOCS.rglob("*.md")) if BLOCK.search(p.read_text("utf-8")) and name_of(p) not in here
    ]
    assert set(left) <= ELSEWHERE, left


def test_tutorial_steps_follow_each_other() -> None:
    """Each step leads to the next, and the index lists them all."""
    steps = sorted(path.stem for path in (DOCS / "tutorial").glob("[01]*.md"))
    assert len(steps) == 10
    for one, following in pairwise(steps):
        assert f"]({following}.md)" in (DOCS / "tutorial" / f"{one}.md").read_text("utf-8")
    listed = (DOCS / "tutorial" / "index.md").read_text("utf-8")
    assert re.findall(r"^\d\d_\w+$", listed, re.M) == steps
