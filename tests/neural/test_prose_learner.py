"""The PROSE learner: words, masks, batches, decoding, measures by hand, a training that learns a handful of records, bad input."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.errors import FileError, ParseError, SolveError

torch = pytest.importorskip("torch")

from symnum.neural.prose.decoding import written_by  # noqa: E402
from symnum.neural.prose.learner import cosine  # noqa: E402
from symnum.neural.prose.metrics import rates, rates_error, relative_error, system_of  # noqa: E402
from symnum.neural.prose.model import ProseModel  # noqa: E402
from symnum.neural.prose.records import Batches  # noqa: E402
from symnum.neural.prose.vocabulary import END, PAD, START, Vocabulary  # noqa: E402

SMALL: dict[str, Any] = {
    "width": 32,
    "heads": 2,
    "data_layers": 1,
    "fusion_layers": 1,
    "data_decoder_layers": 1,
    "symbol_decoder_layers": 1,
}
FAMILIES = ["thomas", "rossler", "four_wing"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six systems, a trajectory each."""
    path = tmp_path_factory.mktemp("prose") / "six.prefix"
    sn.datasets.prose(FAMILIES, path, 6, seed=3, trajectories=1, noise=0.02, corruption=True)
    return path


@pytest.fixture(scope="module")
def records(file: Path) -> list[dict[str, Any]]:
    return list(sn.datasets.records(file))


@pytest.fixture(scope="module")
def taught(file: Path) -> sn.neural.ProseLearner:
    """A small learner that has seen six records until it knows them."""
    torch.set_num_threads(1)
    learner = sn.neural.ProseLearner(**SMALL)
    report = learner.fit(
        file, steps=300, batch=6, learning_rate=4e-3, noise=None, symbol_weight=1.0, queries=16, progress=False
    )
    assert report.success and report.history[-1]["loss"] < 0.05 * report.history[0]["loss"]
    return learner


# --- words


@pytest.mark.parametrize("family", sn.datasets.ODE15)
def test_every_family_in_numbers_and_back(family: str) -> None:
    tokens = sn.export(sn.datasets.ODE15[family].system, "prose").tokens
    vocabulary = Vocabulary(5)
    numbers = [START, *vocabulary.encode(tokens), END, PAD, PAD]
    assert vocabulary.decode(numbers) == tokens
    assert vocabulary.encode(sn.datasets.skeleton(tokens))


def test_near_mantissas_have_near_waves_and_no_two_the_same() -> None:
    waves = Vocabulary(3).waves
    first = Vocabulary(3).number["N000"]
    mantissas = waves[first : first + 1000]
    apart = np.linalg.norm(mantissas[:, None] - mantissas[None], axis=-1) + 9 * np.eye(1000)
    assert 0.5 < apart.min() < 1.5 and apart[:, 500].argmin() in (499, 501)
    assert not waves[:first].any() and not waves[first + 1000 :].any()


def test_an_unknown_word_is_named_with_its_place() -> None:
    with pytest.raises(ParseError, match=r"token 2: 'u_3' is no word for 3 variables.*Did you mean") as caught:
        Vocabulary(3).encode(["add", "u_0", "u_3"])
    assert caught.value.position == 2


# --- the model


def some(batch: int = 3) -> tuple[Any, ...]:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(batch, 64, 3, generator=generator)
    skeleton, written = (torch.randint(3, 200, (batch, n), generator=generator) for n in (9, 12))
    return values, skeleton, torch.linspace(2, 6, 7), written


def test_shapes() -> None:
    torch.manual_seed(0)
    model = ProseModel(**SMALL)
    prediction, logits = model(*some())
    assert prediction.shape == (3, 7, 3) and logits.shape == (3, 12, len(model.vocabulary))


def test_later_words_do_not_change_earlier_logits() -> None:
    torch.manual_seed(0)
    model = ProseModel(**SMALL, dimension=3)
    values, skeleton, times, written = some()
    _, before = model(values, skeleton, times, written)
    other = written.clone()
    other[:, 5:] = 7
    _, after = model(values, skeleton, times, other)
    torch.testing.assert_close(before[:, :5], after[:, :5], rtol=1e-5, atol=1e-6)
    assert (before[:, 5:] - after[:, 5:]).abs().max() > 1e-3


def test_padding_and_neighbours_in_the_batch_do_not_matter() -> None:
    torch.manual_seed(0)
    model = ProseModel(**SMALL)
    values, skeleton, times, written = some()
    longer = torch.nn.functional.pad(skeleton, (0, 5), value=PAD)
    wanted = model(values, skeleton, times, written)
    for got, want in zip(model(values, longer, times, written), wanted, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    for got, want in zip(model(values[1:2], longer[1:2], times, written[1:2]), wanted, strict=True):
        torch.testing.assert_close(got, want[1:2], rtol=1e-4, atol=1e-5)


def test_the_symbols_matter_unless_they_are_left_out() -> None:
    values, skeleton, times, written = some()
    for symbols, matter in (("tree_skeleton", True), ("", False)):
        torch.manual_seed(0)
        model = ProseModel(**SMALL, symbols=symbols)
        changed = model(values, skeleton.flip(1), times, written)[0] - model(values, skeleton, times, written)[0]
        assert bool(changed.abs().max() > 1e-4) == matter


def test_words_one_by_one_have_the_logits_of_the_whole_text() -> None:
    torch.manual_seed(0)
    model = ProseModel(**(SMALL | {"symbol_decoder_layers": 2}))
    values, skeleton, _, written = some()
    memory, seen = model.encode(values, skeleton)
    whole = model.write(memory, seen, written)
    past: list[Any] = [{}, {}]
    steps = [model.write(memory, seen, written[:, k : k + 1], past, k) for k in range(written.shape[1])]
    torch.testing.assert_close(torch.cat(steps, 1), whole, rtol=1e-4, atol=1e-5)


# --- decoding


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("longest", [9, 40])
def test_what_keeps_to_the_grammar_is_a_system_whatever_the_weights(dimension: int, longest: int) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        model = ProseModel(**SMALL)
        values, skeleton, _, _ = some(4)
        texts = written_by(model, *model.encode(3 * values, skeleton), torch.full((4,), dimension), True, longest)
        assert all(len(t) <= longest for t in texts)
        assert [t for t in texts if len(system_of(t, dimension).equations) != dimension] == []


def test_a_text_without_end_is_cut() -> None:
    torch.manual_seed(0)
    model = ProseModel(**SMALL)
    with torch.no_grad():  # words that end or leave no trace are never the likeliest
        model.words.weight[[PAD, START, END]] = 0
    values, skeleton, _, _ = some(2)
    assert [len(t) for t in written_by(model, *model.encode(values, skeleton), torch.tensor([3, 3]), False, 20)] == [
        20,
        20,
    ]


# --- measures


def test_relative_error_by_hand() -> None:
    truth = np.array([[3.0, 0.0], [0.0, 4.0]])
    assert relative_error(truth + [[0.3, 0.0], [0.0, 0.4]], truth) == pytest.approx(0.1, rel=1e-12)


def test_rates_by_hand() -> None:
    points = np.array([[1.0, 2.0], [-0.5, 3.0]])
    text = "add mul + N250 E-2 u_0 sin u_1 | sub div u_0 u_1 pow2 neg cos inv u_1"
    x, y = points.T
    np.testing.assert_allclose(
        rates(text.split(), points).T, [2.5 * x + np.sin(y), x / y - np.cos(1 / y) ** 2], rtol=1e-14
    )


def test_error_of_rates_by_hand() -> None:
    """-u against 2u: |3u|/|2u|; 1/(u - u) is nowhere finite; exactly the same is 0."""
    rng = np.random.default_rng(0)
    truth = ["mul", "+", "N200", "E-2", "u_0"]
    assert rates_error(["neg", "u_0"], truth, 1, rng) == pytest.approx(1.5, rel=1e-12)
    assert rates_error(["inv", "sub", "u_0", "u_0"], truth, 1, rng) == np.inf
    assert rates_error(truth, truth, 1, rng) == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("neg u_0", "one equation too few"),
        ("neg u_0 | u_2", "a variable too many"),
        ("neg u_0 | u_1 | u_0", "one equation too many"),
        ("neg u_0 | add u_1", "an argument lacks"),
        ("neg u_0 | + N100", "a constant is cut"),
        ("neg u_0 | mul <PLACEHOLDER> u_1", "a number lacks"),
        ("", "nothing"),
    ],
)
def test_what_is_no_system_is_not_valid(text: str, why: str) -> None:
    assert system_of(text.split(), 2) is None, why
    assert system_of(["neg", "u_0", "|", "mul", "+", "N100", "E-2", "u_1"], 2) is not None


# --- records


def test_records_as_tensors(file: Path, records: list[dict[str, Any]]) -> None:
    found = sn.neural.ProseLearner(dimension=4, **SMALL).records(file)
    assert found.data.shape == (6, 192, 4) and found.noisy.shape == (6, 64, 4) and not found.data[..., 3].any()
    np.testing.assert_array_equal(found.data[2, :, :3], np.asarray(records[2]["data"], np.float32))
    np.testing.assert_array_equal(found.noisy[2, :, :3], np.asarray(records[2]["data_noisy"][:64], np.float32))
    assert found.types == [r["type"] for r in records] and found.dimensions.tolist() == [3] * 6
    assert found[1:3].types == found.types[1:3]
    rest = found.without(found[torch.tensor([1, 5])])
    assert rest.tokens == [found.tokens[k] for k in (0, 2, 3, 4)]


def test_noise_is_of_the_level_that_is_asked_for_and_new_each_time(file: Path) -> None:
    source = sn.neural.ProseLearner(dimension=4, **SMALL).records(file)
    torch.manual_seed(0)
    batches = Batches(source, 200, 2, 0.02)
    (data, values, _, _), (_, others, _, _) = list(batches)
    noise = values - data[:, :64]
    level = noise[..., :3].square().mean((1, 2)).sqrt() / data[..., :3].square().mean((1, 2)).sqrt()
    assert level.mean() == pytest.approx(0.02, rel=0.02) and not noise[..., 3].any()
    assert not torch.equal(values, others)
    assert all(torch.isin(v, source.noisy).all() for _, v, _, _ in Batches(source, 2, 1, None))


# --- training


def test_it_learns_six_records(taught: sn.neural.ProseLearner, file: Path, records: list[dict[str, Any]]) -> None:
    """Their trajectories, and their equations word by word."""
    scores = taught.evaluate(file, solve=3)
    assert scores["prediction"] < 0.05 and scores["valid"] == scores["valid_grammar"] == scores["form"] == 1
    assert scores.written == [r["tree_encoded"] for r in records] and scores["rates"] < 1e-12
    assert scores["solve_count"] == scores["solved_count"] == 3 and scores["solved"] < 1e-4
    assert set(scores.rows) == {*FAMILIES, "all"} and scores.rows["thomas"]["records"] == 2
    assert "four_wing" in scores.table() and "100.00 %" in scores.table()


def test_what_it_writes_is_read_and_solved(taught: sn.neural.ProseLearner, records: list[dict[str, Any]]) -> None:
    """Against SciPy on the family's own formulas."""
    from scipy.integrate import solve_ivp

    record = next(r for r in records if r["type"] == "rossler")
    (tokens,) = taught.write(record)
    solution = sn.solve(sn.read(tokens, "prose", initial=record["data"][0]), saveat=[0.0, 6.0], rtol=1e-9, atol=1e-11)
    a, b, c = (float(f"{t[1:]}{e.lower()}") for t, e in pairwise(tokens) if t[0] == "N")
    assert 0.09 <= a <= 0.11 and 0.09 <= b <= 0.11 and 12.6 <= c <= 15.4
    truth = solve_ivp(
        lambda t, u: [-u[1] - u[2], u[0] + a * u[1], b + u[2] * (u[0] - c)],
        (0, 6),
        record["data"][0],
        rtol=1e-10,
        atol=1e-12,
    )
    got = [float(solution[u][-1]) for u in ("u_0", "u_1", "u_2")]
    np.testing.assert_allclose(got, truth.y[:, -1], rtol=1e-6, atol=1e-9)


def test_prediction_at_other_times_and_from_measured_values_alone(
    taught: sn.neural.ProseLearner, records: list[dict[str, Any]]
) -> None:
    grid = np.linspace(0, 6, 192)
    whole = taught.predict(records)
    np.testing.assert_allclose(taught.predict(records, grid[[100, 191]]), whole[:, [36, 127]], rtol=1e-4, atol=1e-5)
    given = {key: records[1][key] for key in ("tree_skeleton",)} | {"data_noisy": records[1]["data_noisy"][:64]}
    np.testing.assert_allclose(taught.predict(given)[0], whole[1], rtol=1e-4, atol=1e-5)


def test_constants_and_start_are_fitted_to_the_values() -> None:
    """u' = -1.3 u, v' = 0.4 - u from exact values with one gap; the written constants are 20 % off."""
    times = np.linspace(0, 2, 21)
    u = 2 * np.exp(-1.3 * times)
    values = np.stack([u, 1 + 0.4 * times + (u - 2) / 1.3], axis=1)
    values[7, 1] = np.nan
    found = sn.neural.refined("mul - N104 E-2 u_0 | sub + N500 E-3 u_0", times, values, until=3.0, within=0.3)
    want = {"c_0": -1.3, "c_1": 0.4, "start_0": 2.0, "start_1": 1.0}
    assert found.success and found.parameters == pytest.approx(want, rel=1e-5) and found.data == 41
    assert float(sn.solve(found.system)["u_0"][-1]) == pytest.approx(2 * np.exp(-3.9), rel=1e-4)
    near = sn.neural.refined(
        "mul - N104 E-2 u_0 | sub + N500 E-3 u_0", times, values, within=0.1, bounds={"c_1": (0, 9)}
    )
    assert near.parameters["c_0"] == pytest.approx(-1.04 * 1.1) and near.parameters["c_1"] < 0.45  # at its bound; free


@pytest.mark.parametrize(
    ("tokens", "shape", "error", "says"),
    [
        ("neg u_0", (8, 2), sn.ModelError, r"values \(8, 2\); expected \(m,\) and \(m, 1\)"),
        ("neg u_0", (7, 1), sn.ModelError, r"times have the shape \(8,\), values \(7, 1\)"),
        ("add u_0", (8, 1), ParseError, "add takes 2 arguments"),
        ("neg u_1", (8, 1), ParseError, "u_1 has no equation"),
    ],
)
def test_what_cannot_be_fitted_is_named(tokens: str, shape: tuple[int, int], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        sn.neural.refined(tokens, np.linspace(0, 1, 8), np.ones(shape))


@pytest.mark.parametrize("within", [0, -1, "all", float("nan"), True])
def test_a_share_that_is_none_is_named(within: Any) -> None:
    with pytest.raises(sn.ModelError, match=r"is no share of the constants; write within=0\.2"):
        sn.neural.refined("neg u_0", np.linspace(0, 1, 8), np.ones((8, 1)), within=within)


def test_a_training_that_was_stopped_goes_on_bit_by_bit(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(checkpoint: Path | None) -> Any:
        learner = sn.neural.ProseLearner(**SMALL)
        learner.fit(file, steps=100, batch=4, queries=4, checkpoint=checkpoint, progress=False)
        return torch.nn.utils.parameters_to_vector(learner.model.parameters())

    wanted = train(None)
    calls = 0
    true_loss = sn.neural.ProseLearner._loss

    def stopping(self: Any, *given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 70:
            raise KeyboardInterrupt
        return true_loss(self, *given)

    monkeypatch.setattr(sn.neural.ProseLearner, "_loss", stopping)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "learner.training")
    monkeypatch.undo()
    torch.manual_seed(99)
    assert torch.equal(train(tmp_path / "learner.training"), wanted)


def test_the_rate_rises_and_falls() -> None:
    values = [cosine(s, 0.05) for s in np.linspace(0, 1, 201)]
    assert values[0] == 0 and max(values) == pytest.approx(1) and np.argmax(values) == 10
    assert np.all(np.diff(values[10:]) < 0) and values[-1] == pytest.approx(0.01)


def test_a_learner_in_a_file(taught: sn.neural.ProseLearner, records: list[dict[str, Any]], tmp_path: Path) -> None:
    taught.save(tmp_path / "learner.pt")
    again = sn.neural.ProseLearner.load(tmp_path / "learner.pt")
    assert again.settings == taught.settings and repr(again) == repr(taught)
    np.testing.assert_array_equal(again.predict(records), taught.predict(records))
    assert [p.name for p in tmp_path.iterdir()] == ["learner.pt"]


# --- bad input


def test_a_file_that_is_no_learner_is_refused(tmp_path: Path) -> None:
    """A file that would run code when it is read as a pickle too."""
    (tmp_path / "text").write_text("hello", "utf-8")
    torch.save({"format": "another"}, tmp_path / "other")
    torch.save(Path("x"), tmp_path / "object")
    for name in ("text", "other", "object"):
        with pytest.raises(FileError, match="is no learner"):
            sn.neural.ProseLearner.load(tmp_path / name)
    small = sn.neural.ProseLearner(**SMALL)
    small.save(tmp_path / "small")
    state = torch.load(tmp_path / "small", weights_only=True)
    torch.save(state | {"settings": {"width": 64}}, tmp_path / "mixed")
    torch.save({"format": state["format"]}, tmp_path / "half")
    torch.save(state | {"settings": state["settings"] | {"data_layers": 10**12}}, tmp_path / "deep")  # would never be built
    torch.save(state | {"settings": state["settings"] | {"width": 10_000}}, tmp_path / "wide")
    torch.save(state | {"model": [1]}, tmp_path / "list")
    for name in ("mixed", "half", "deep", "wide", "list"):
        with pytest.raises(FileError, match="parts do not agree"):
            sn.neural.ProseLearner.load(tmp_path / name)
    with pytest.raises(FileError, match="cannot be read"):
        sn.neural.ProseLearner.load(tmp_path / "nothing")
    with pytest.raises(FileError, match="cannot be saved"):
        sn.neural.ProseLearner(**SMALL).save(tmp_path / "no" / "folder")


def _with(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {k: v for k, v in (record | changes).items() if v is not None}


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"tree_skeleton": None}, FileError, r"record 2 has no 'tree_skeleton'.*corruption=True"),
        ({"data_noisy": None}, FileError, r"record 2 has no 'data_noisy'.*noise=0\.02"),
        ({"data": [[1.0, 2.0]] * 192}, FileError, r"record 2: data has 2 variables, data_noisy 3"),
        ({"data": [[1.0] * 3] * 100}, FileError, r"record 2, data has 100 times; 192 are needed"),
        ({"data": [[float("nan")] * 3] * 192}, FileError, r"record 2, data: no table of finite numbers"),
        ({"data": [[1.0], [1.0, 2.0]]}, FileError, r"record 2, data: no table of finite numbers"),
        ({"data": [[0.0] * 3] * 192}, FileError, r"record 2: all values after the given ones are zero"),
        ({"data": [[1.0] * 4] * 192, "data_noisy": [[1.0] * 4] * 192}, FileError, r"4 variables, the learner 3; write ProseLearner\(dimension=4"),
        ({"tree_encoded": ["tanh", "u_0"]}, ParseError, r"record 2, tree_encoded, token 0: 'tanh' is no word"),
        ({"tree_skeleton": ["neg", "u_7"]}, ParseError, r"record 2, tree_skeleton, token 1: 'u_7' is no word"),
        ({"tree_skeleton": "neg u_0"}, FileError, r"record 2, tree_skeleton: tokens are a list of 1 to 510 words"),
        ({"tree_skeleton": []}, FileError, r"tree_skeleton: tokens are a list of 1 to 510 words"),
        ({"tree_encoded": ["neg"] * 510 + ["u_0"]}, FileError, r"tree_encoded: tokens are a list of 1 to 510 words"),
    ],
)  # fmt: skip
def test_bad_records_are_named(
    records: list[dict[str, Any]], changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        sn.neural.ProseLearner(**SMALL).records([records[0], _with(records[1], **changes)])


def test_what_are_no_records_is_named(tmp_path: Path) -> None:
    learner = sn.neural.ProseLearner(**SMALL)
    (tmp_path / "empty.prefix").write_text("", "utf-8")
    for given, says in (
        (tmp_path / "empty.prefix", "there are no records in"),
        (tmp_path / "nowhere.prefix", "there is no file"),
        ([], "there are no records"),
        (7, "records are a path, or a list of dictionaries"),
        (["u_0"], "record 1 is a str, not a dictionary"),
    ):
        with pytest.raises((FileError, SolveError), match=says):
            learner.records(given)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"dimension": 0}, "dimension=0 is no whole number from 1 on"),
        ({"width": 2.5}, r"width=2\.5 is no whole number"),
        ({"width": 30, "heads": 4}, "width=30 cannot be divided by heads=4"),
        ({"patch": 7}, "points=64 cannot be divided by patch=7"),
        ({"points": 192}, "points=192"),
        ({"span": 0.0}, r"span=0\.0"),
        ({"symbols": "skeleton"}, r"symbols='skeleton'.*tree_skeleton"),
        ({"depth": 3}, "has no setting 'depth'"),
        ({"seed": -1}, "seed=-1 is no whole number from 0 on"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SolveError, match=says):
        sn.neural.ProseLearner(**settings)


def test_bad_options_are_named(taught: sn.neural.ProseLearner, file: Path, records: list[dict[str, Any]]) -> None:
    with pytest.raises(SolveError, match="nothing is left to train on"):
        taught.fit(file, unlike=file, progress=False)
    with pytest.raises(SolveError, match="solve=-1 is no whole number from 0 on"):
        taught.evaluate(file, solve=-1)
    with pytest.raises(SolveError, match="steps=0 is no whole number"):
        taught.fit(file, steps=0, progress=False)
    for name in ("noise", "learning_rate", "symbol_weight", "weight_decay"):
        with pytest.raises(SolveError, match=f"{name}=-1 is no number from 0 on"):
            taught.fit(file, progress=False, **{name: -1})
    blind = sn.neural.ProseLearner(**SMALL, symbols="")
    with pytest.raises(
        SolveError, match=r"\('', 64, 3\), the learner has \('tree_skeleton', 64, 3\).*learner\.records"
    ):
        taught.predict(blind.records(file))
    with pytest.raises(SolveError, match="its truth is not known"):
        taught.fit(taught.records(records, truth=False), progress=False)
    for times in ([7.0], [-1.0], [], [[2.0]], [float("nan")], 3.0, "late"):
        with pytest.raises(SolveError, match="times must be numbers from 0 to 6"):
            taught.predict(records, times)
