"""The models that torch runs, the operator's own among them; and engines that are compiled, kept, and given up.

Weights that are in no package are made on the spot.
"""

import os
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from chassis.models import ModelUnavailable
from contracts.gateway import UpscaleOptions
from support.upscale_films import BARS, QUICK, flat, frames_of, written
from upscale.adapters.engine_shelf import EngineShelf
from upscale.adapters.engines import enhancer_for
from upscale.adapters.indexing import draw_plan
from upscale.adapters.making import make_chunk
from upscale.adapters.tiling import TiledEnhancer
from upscale.adapters.weights import denoise_of, model_named, models_here
from upscale.domain.plan import Plan
from upscale.domain.refusals import MalformedModel, UnknownModel
from upscale.ports import ChunkOrder, EngineMissing, PlanOrder, Workshop

torch = pytest.importorskip("torch", reason="torch is in requirements/engines.txt, which is not installed here")
pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("ignore")]

from upscale.adapters.torch_engine import TorchEngine  # noqa: E402
from upscale.adapters.torch_models import _general  # noqa: E402
from upscale.adapters.torch_networks import compact, lanczos  # noqa: E402

Array = NDArray[Any]


def a_workshop(folder: Path, *, models: Path | None = None) -> Workshop:
    return Workshop("torch", "f32", "cpu", 1_000_000, 2, models, folder / "cache")


@pytest.fixture
def picture() -> Array:
    """Slopes, a disc and stripes, 64x48, planes first."""
    rows, columns = np.mgrid[0:48, 0:64]
    disc = np.where((rows - 24) ** 2 + (columns - 32) ** 2 < 200, 200, 60)
    return np.stack([rows * 4 + 20, disc, 60 + 40 * np.sin(columns / 5)]).astype(np.uint8)


def shrunk_back(large: Array, size: tuple[int, int]) -> Array:
    factor = large.shape[1] // size[0]
    return large.astype(float).reshape(3, size[0], factor, size[1], factor).mean(axis=(2, 4))


# --- the family


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_net_for_drawings_draws_the_same_picture_larger(tmp_path: Path, picture: Array, scale: int) -> None:
    enhancer = enhancer_for("realesrgan-x4plus-anime", scale=scale, workshop=a_workshop(tmp_path))

    made = enhancer.enhance(picture[None])[0]

    assert made.shape == (3, 48 * scale, 64 * scale)
    assert np.abs(shrunk_back(made, (48, 64)) - picture)[:, 4:-4, 4:-4].mean() < 3


def test_the_net_for_photos_in_tiles_equals_itself_at_once(tmp_path: Path, picture: Array) -> None:
    enhancer = enhancer_for("realesrgan-x4plus", scale=2, workshop=a_workshop(tmp_path))
    wide = np.concatenate([picture, picture[:, :, ::-1], picture], axis=2)[:, 12:36]
    whole = enhancer.enhance(wide[None])[0].astype(int)

    (tiled,) = TiledEnhancer(enhancer, scale=2, tile_pixels=24 * 160).enhance([wide])

    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert np.abs(shrunk_back(whole, (24, 192)) - wide)[:, 4:-4, 4:-4].mean() < 3


def test_a_grey_stays_that_grey(tmp_path: Path) -> None:
    grey = np.full((1, 3, 40, 40), 128, np.uint8)

    made = enhancer_for("realesrgan-x4plus-anime", scale=2, workshop=a_workshop(tmp_path)).enhance(grey)

    assert np.abs(made[:, :, 16:-16, 16:-16].astype(int) - 128).max() <= 1


def a_general(folder: Path, *, seed: int) -> None:
    """Weights in the names and shapes of realesr-general-x4v3, but few of them."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"body.0": (8, 3, 3, 3), "body.2": (8, 8, 3, 3), "body.4": (48, 8, 3, 3)}
    state = {f"{name}.weight": torch.randn(shape, generator=generator) * 0.1 for name, shape in shapes.items()}
    state |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in shapes.items()}
    state |= {f"body.{place}.weight": torch.full((8,), 0.2) for place in (1, 3)}
    torch.save({"params": state}, folder)


def test_the_strength_of_denoising_lies_between_two_networks(tmp_path: Path) -> None:
    a_general(tmp_path / "net.pth", seed=1)
    a_general(tmp_path / "weak.pth", seed=2)

    strong, middle, weak = (_general(tmp_path, strength, scale=4).layers[0] for strength in (1.0, 0.25, 0.0))

    assert np.allclose(middle.weight, 0.25 * strong.weight + 0.75 * weak.weight, atol=1e-6)
    assert not np.allclose(strong.weight, weak.weight)


def test_a_model_says_by_its_name_how_much_noise_goes_and_which_files_it_needs() -> None:
    whole, half = model_named("realesr-general-x4v3"), model_named("realesr-general-x4v3-dn0.5")

    assert [file.name for file in whole.files] == ["net.pth"]
    assert [file.name for file in half.files] == ["net.pth", "weak.pth"]
    assert denoise_of("realesr-general-x4v3-dn0.5") == 0.5
    with pytest.raises(UnknownModel):
        model_named("realesr-general-x4v3-dn2")


def test_a_model_that_needs_torch_is_refused_elsewhere_in_words(tmp_path: Path) -> None:
    workshop = replace(a_workshop(tmp_path), engine="openvino")

    with pytest.raises(EngineMissing, match="UPSCALE_ENGINE=torch"):
        enhancer_for("realesrgan-x4plus", scale=2, workshop=workshop)


# --- the operator's own


def a_compact_state() -> dict[str, Any]:
    """What spandrel knows for a Real-ESRGAN Compact network by 2."""
    torch.manual_seed(3)
    features, blocks = 16, 2
    state: dict[str, Any] = {}
    sizes = [3, *[features] * (blocks + 1)]
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        state[f"body.{2 * place}.weight"] = torch.randn(outputs, inputs, 3, 3) * 0.05
        state[f"body.{2 * place}.bias"] = torch.zeros(outputs)
        state[f"body.{2 * place + 1}.weight"] = torch.full((outputs,), 0.1)
    last = 2 * len(sizes) - 2
    state[f"body.{last}.weight"] = torch.randn(12, features, 3, 3) * 0.02
    state[f"body.{last}.bias"] = torch.zeros(12)
    return state


def kept_as(folder: Path, suffix: str) -> None:
    folder.mkdir(parents=True)
    if suffix == "pth":
        torch.save({"params": a_compact_state()}, folder / "net.pth")
    else:
        from safetensors.torch import save_file

        save_file(a_compact_state(), folder / "net.safetensors")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("scale", [2, 3])
def test_weights_of_the_operators_own_are_found_and_run(
    tmp_path: Path, picture: Array, suffix: str, scale: int
) -> None:
    models = tmp_path / "models"
    kept_as(models / "custom-ours", suffix)

    enhancer = enhancer_for("custom-ours", scale=scale, workshop=a_workshop(tmp_path, models=models))
    made = enhancer.enhance(picture[None])[0]

    assert made.shape == (3, 48 * scale, 64 * scale)
    assert np.abs(shrunk_back(made, (48, 64)) - picture)[:, 6:-6, 6:-6].mean() < 6
    assert models_here(models, engine="torch")["custom-ours"] == model_named("custom-ours", models_dir=models).sha256


def test_an_onnx_network_of_the_operators_own_is_run_on_onnxruntime(tmp_path: Path, picture: Array) -> None:
    a_nearest(tmp_path / "models" / "custom-nearest")
    workshop = a_workshop(tmp_path, models=tmp_path / "models")

    twice = enhancer_for("custom-nearest", scale=2, workshop=workshop).enhance(picture[None])[0]
    thrice = enhancer_for("custom-nearest", scale=3, workshop=workshop).enhance(picture[None])[0]

    assert np.array_equal(twice, picture.repeat(2, axis=1).repeat(2, axis=2))
    assert thrice.shape == (3, 144, 192)


def a_nearest(folder: Path) -> None:
    """A network in ONNX that repeats each pixel."""
    from onnx import TensorProto, helper, save

    folder.mkdir(parents=True)
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, 2, 2])
    graph = helper.make_graph(
        [helper.make_node("Resize", ["in", "", "scales"], ["out"], mode="nearest")],
        "twice",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [scales],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "net.onnx")


@pytest.mark.parametrize("content", [b"not weights at all", b""])
@pytest.mark.parametrize("suffix", ["pth", "safetensors", "onnx"])
def test_a_file_that_is_no_network_is_refused_in_words(tmp_path: Path, content: bytes, suffix: str) -> None:
    folder = tmp_path / "models" / "custom-broken"
    folder.mkdir(parents=True)
    (folder / f"net.{suffix}").write_bytes(content)

    with pytest.raises(MalformedModel, match=f"net.{suffix}"):
        enhancer_for("custom-broken", scale=2, workshop=a_workshop(tmp_path, models=tmp_path / "models"))


@pytest.mark.parametrize("name", ["custom-absent", "custom-../../etc", "custom-two"])
def test_a_name_that_is_no_model_is_refused(tmp_path: Path, name: str) -> None:
    two = tmp_path / "models" / "custom-two"
    two.mkdir(parents=True)
    for number in range(2):
        (two / f"{number}.pth").write_bytes(b"x")

    with pytest.raises(UnknownModel, match="one file"):
        enhancer_for(name, scale=2, workshop=a_workshop(tmp_path, models=tmp_path / "models"))


# --- a job with it


def a_film(folder: Path) -> Path:
    return written(
        folder / "film.mp4", [flat([(40 + 20 * number, 128, 128), *BARS[:3]], size=32) for number in range(4)]
    )


def planned_with(film: Path, models: Path, model: str) -> Plan:
    options = UpscaleOptions(model=model)
    return draw_plan(PlanOrder(film, "0" * 64, options, QUICK, 8.0, models_dir=models, engine="torch"))


@pytest.mark.parametrize("suffix", ["pth", "onnx"])
def test_a_film_is_planned_and_sharpened_with_weights_of_the_operators_own(tmp_path: Path, suffix: str) -> None:
    film, models = a_film(tmp_path), tmp_path / "models"
    if suffix == "pth":
        kept_as(models / "custom-ours", suffix)
    else:
        a_nearest(models / "custom-ours")
    plan = planned_with(film, models, "custom-ours")

    made = make_chunk(ChunkOrder(film, plan, 0, tmp_path / "chunk.mp4", a_workshop(tmp_path, models=models), 1))

    before = np.stack(frames_of(film, pixel_format="gray"))
    after = np.stack(frames_of(tmp_path / "chunk.mp4", pixel_format="gray"))
    assert (made.frames, made.engine.partition("-")[0]) == (4, "torch" if suffix == "pth" else "onnxruntime")
    assert plan.model_sha256 == model_named("custom-ours", models_dir=models).sha256
    assert after.shape == (4, 64, 256)
    assert np.abs(after[:, 8:56, 8:56].mean(axis=(1, 2)) - before[:, 4:28, 4:28].mean(axis=(1, 2))).max() < 2


def test_weights_that_changed_since_the_film_was_planned_make_no_chunk(tmp_path: Path) -> None:
    film, models = a_film(tmp_path), tmp_path / "models"
    kept_as(models / "custom-ours", "pth")
    plan = planned_with(film, models, "custom-ours")
    torch.save({"params": {**a_compact_state(), "body.0.bias": torch.ones(16)}}, models / "custom-ours" / "net.pth")

    with pytest.raises(ModelUnavailable, match="where it was planned"):
        make_chunk(ChunkOrder(film, plan, 0, tmp_path / "chunk.mp4", a_workshop(tmp_path, models=models), 1))


@pytest.mark.parametrize(("here", "known"), [(["net"], [""]), (["net", "weak"], ["", "-dn"])])
def test_a_machine_tells_which_strengths_of_denoising_it_has_the_weights_for(
    tmp_path: Path, here: list[str], known: list[str]
) -> None:
    folder = tmp_path / "realesr-general-x4v3"
    folder.mkdir()
    for name in here:
        (folder / f"{name}.pth").write_bytes(b"")

    found = models_here(tmp_path, engine="torch")

    assert {name: sha for name, sha in found.items() if "general" in name} == {
        f"realesr-general-x4v3{end}": model_named(f"realesr-general-x4v3{end and '-dn0.3'}").sha256 for end in known
    }


# --- any size


@pytest.mark.parametrize("ratio", [Fraction(1, 2), Fraction(3, 4), Fraction(2, 3), Fraction(3, 2)])
def test_resampling_is_that_of_a_lanczos_window(picture: Array, ratio: Fraction) -> None:
    part = np.ascontiguousarray(picture[:, :, :60])  # all of these ratios divide it
    size = (int(60 * ratio), int(48 * ratio))
    expected = np.stack([Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS) for plane in part])

    given = torch.from_numpy(part[None]).float() / 255
    made = (lanczos(torch, torch.nn.Identity(), ratio)(given)[0] * 255).round().numpy()

    assert made.shape == expected.shape
    assert np.abs(made - expected)[:, 8:-8, 8:-8].max() <= 1


# --- compiled engines


def a_network(*, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    layers = [(torch.randn(8, 3, 3, 3) * 0.2, torch.zeros(8)), (torch.full((8,), 0.2),)]
    return compact(torch, [*layers, (torch.randn(12, 8, 3, 3) * 0.05, torch.zeros(12))], scale=2)


def an_engine(folder: Path | None, **more: Any) -> TorchEngine:
    return TorchEngine(a_network(), device="cpu", network="of this test", cache=folder, **more)


PICTURES = torch.randint(0, 256, (3, 3, 24, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_a_compiled_engine_gives_what_the_plain_one_gives_and_is_kept_on_disk(tmp_path: Path) -> None:
    plain = an_engine(None).run(PICTURES)
    before = dict(os.environ)

    engine = an_engine(tmp_path, compiling="always")
    made = engine.run(PICTURES)

    assert engine.compiled == 1
    assert (made.int() - plain.int()).abs().max() <= 1
    key = engine.key((1, 3, 24, 32))
    assert len(list((tmp_path / "torch" / key.digest / "inductor").rglob("*.cpp"))) > 0
    assert EngineShelf(tmp_path / "torch").failed(key) == ""
    assert {name: value for name, value in os.environ.items() if name in before} == before


class Uncompilable(TorchEngine):
    tried = 0

    def _compile(self, step: Any) -> Any:
        type(self).tried += 1
        raise RuntimeError("no compiler here")


def test_where_nothing_can_be_compiled_the_plain_network_goes_on_and_that_is_remembered(tmp_path: Path) -> None:
    Uncompilable.tried = 0
    plain = an_engine(None).run(PICTURES)

    made = [
        Uncompilable(a_network(), device="cpu", network="n", cache=tmp_path, compiling="always").run(PICTURES)
        for _ in range(2)
    ]
    other = Uncompilable(a_network(), device="cpu", network="another", cache=tmp_path, compiling="always").run(PICTURES)

    assert all(torch.equal(result, plain) for result in (*made, other))
    assert Uncompilable.tried == 2  # once for each network


class Mistaken(TorchEngine):
    def _compile(self, step: Any) -> Any:
        return lambda pictures: step(pictures).roll(3, dims=3)


def test_an_engine_that_computes_something_else_is_not_used(tmp_path: Path) -> None:
    engine = Mistaken(a_network(), device="cpu", network="n", cache=tmp_path, compiling="always")

    made = engine.run(PICTURES)

    assert engine.compiled == 0
    assert torch.equal(made, an_engine(None).run(PICTURES))
    assert "code values off" in EngineShelf(tmp_path / "torch").failed(engine.key((1, 3, 24, 32)))


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "Tesla T4"}, {"driver": "550.54"}, {"software": "torch 9"}, {"shape": (4, 3, 720, 1280)},
        {"precision": "f16"}, {"network": "f" * 64},
    ],
)  # fmt: skip
def test_an_engine_is_of_one_gpu_driver_software_shape_precision_and_network(changes: dict[str, Any]) -> None:
    key = an_engine(None).key((1, 3, 24, 32))

    assert replace(key, **changes).digest != key.digest
    assert replace(key).digest == key.digest


def test_a_disk_that_cannot_be_written_to_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    made = an_engine(tmp_path / "file", compiling="always").run(PICTURES)

    assert (made.int() - an_engine(None).run(PICTURES).int()).abs().max() <= 1


# --- memory


class Small(torch.nn.Module):
    """Holds so many pictures at once, and no more."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.inner = a_network()
        self.seen: list[int] = []

    def forward(self, pictures: Any) -> Any:
        self.seen.append(len(pictures))
        if len(pictures) > self.most:
            raise torch.cuda.OutOfMemoryError("for so many there is no room")
        return self.inner(pictures)


def test_when_a_batch_does_not_fit_half_of_it_is_tried_and_that_is_remembered() -> None:
    network = Small(1)
    engine = TorchEngine(network, device="cpu")
    engine._most = 3

    first, second = engine.run(PICTURES), engine.run(PICTURES)

    assert network.seen == [3, 1, 1, 1, 1, 1, 1]
    assert torch.equal(first, second)
    assert torch.equal(first, an_engine(None).run(PICTURES))


def test_when_not_even_one_picture_fits_that_is_said_so_that_tiles_become_smaller() -> None:
    engine = TorchEngine(Small(0), device="cpu")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        engine.run(PICTURES)
