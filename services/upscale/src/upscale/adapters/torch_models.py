"""Models of the Real-ESRGAN family, and an operator's own, as torch or onnxruntime run them. The engines extra.

The scale that is wanted need not be the model's: what it makes is brought to size with a Lanczos window.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chassis.models import Model, ModelStore
from upscale.adapters.ncnn import Convolution, PReLU, read_layers
from upscale.adapters.srvgg import DETAIL, TONE_RADIUS, Network, load_network, shrunk
from upscale.adapters.torch_enhancer import TorchEnhancer, TorchModel, model_of
from upscale.adapters.torch_networks import lanczos, rrdb, tone_kept
from upscale.adapters.weights import CUSTOM, GENERAL, PARAM, WEAK, WEIGHTS, denoise_of, model_named
from upscale.domain.refusals import MalformedModel
from upscale.ports import EngineMissing, Enhancer, Workshop

__all__ = ["torch_enhancer_for"]

_PHOTO_BYTES = 6300
"""Memory a pixel of the source takes in the photo net."""
_PHOTO_PADDING = 48
"""The photo net reaches further, but less than one code value comes from there."""
_OWN_PADDING = 48
_OWN_BYTES = 8000


def torch_enhancer_for(name: str, *, scale: int, workshop: Workshop) -> Enhancer:
    """The enhancer for a model. Raises UnknownModel, ModelUnavailable, MalformedModel, EngineMissing."""
    model = model_named(name, models_dir=workshop.models_dir)
    folder = ModelStore(workshop.models_dir, workshop.cache_dir).ensure(model)
    file = folder / model.files[0].name
    if file.suffix == ".onnx":
        from upscale.adapters.onnx_enhancer import OnnxEnhancer  # heavy

        return OnnxEnhancer(file, scale=scale, device=workshop.device, threads=workshop.threads)
    network = replace(_torch_model(name, model, folder, scale=scale), network=model.sha256 + name)
    return TorchEnhancer(network, device=workshop.device, precision=workshop.precision, cache_dir=workshop.cache_dir)


def _torch_model(name: str, model: Model, folder: Path, *, scale: int) -> TorchModel:
    if name.startswith(CUSTOM):
        return _own(folder / model.files[0].name, scale=scale)
    if model.name == GENERAL.name:
        return model_of(_general(folder, denoise_of(name), scale=scale))
    layers = read_layers(folder / PARAM, folder / WEIGHTS)
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    if len(convolutions) < len(layers):
        return model_of(load_network(folder, scale=scale))
    return _photo(convolutions, scale=scale)


def _photo(convolutions: list[Convolution], *, scale: int) -> TorchModel:
    def build(torch: Any) -> Any:
        tensors = [tuple(torch.from_numpy(np.array(part)) for part in (one.weight, one.bias)) for one in convolutions]
        kept = tone_kept(torch, rrdb(torch, tensors), scale=4, radius=TONE_RADIUS, detail=DETAIL)
        return _sized(torch, kept, Fraction(scale, 4))

    return TorchModel(build, Fraction(scale), _PHOTO_PADDING, _PHOTO_BYTES)


def _sized(torch: Any, module: Any, ratio: Fraction) -> Any:
    return module if ratio == 1 else lanczos(torch, module, ratio)


def _general(folder: Path, denoise: float, *, scale: int) -> Network:
    """The network between the one that removes all noise and the one that leaves it (Wang et al., 2019, DNI)."""
    strong = _state(folder / GENERAL.files[0].name)
    weak = _state(folder / WEAK) if denoise < 1 else strong
    state = {name: denoise * values + (1 - denoise) * weak[name] for name, values in strong.items()}
    layers: list[Convolution | PReLU] = []
    for place in range(1 + max(int(name.split(".")[1]) for name in state)):
        weight = state[f"body.{place}.weight"]
        layers.append(PReLU(weight) if weight.ndim == 1 else Convolution(weight, state[f"body.{place}.bias"]))
    last = layers[-1]
    if not isinstance(last, Convolution) or last.bias.size != 48:
        raise MalformedModel("the network does not end in a convolution to 3 channels of 4x4 pixels")
    return Network((*layers[:-1], shrunk(last, scale)), scale)


def _state(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """The numbers in a file of torch's, by name; nothing in the file is run."""
    torch = _torch()
    content = torch.load(path, map_location="cpu", weights_only=True)
    for wrapper in ("params_ema", "params"):
        content = content.get(wrapper, content)
    return {name: values.float().numpy() for name, values in content.items()}


def _own(path: Path, *, scale: int) -> TorchModel:
    """Weights whose architecture spandrel finds out."""
    _torch()
    try:
        import spandrel  # the engines extra
    except ImportError:
        raise EngineMissing("weights of one's own need spandrel: install requirements/engines.txt") from None
    try:
        found = spandrel.ModelLoader(device="cpu").load_from_file(str(path))
    except MemoryError:
        raise
    except Exception as error:
        raise MalformedModel(f"{path.name} is no network that spandrel knows: {str(error)[:300]}") from error
    if not isinstance(found, spandrel.ImageModelDescriptor) or (found.input_channels, found.output_channels) != (3, 3):
        raise MalformedModel(f"{path.name} does not make pictures of pictures with three channels")
    own_scale: int = found.scale

    def build(torch: Any) -> Any:
        described = _described(torch, found)
        kept = tone_kept(torch, described, scale=own_scale, radius=TONE_RADIUS, detail=DETAIL)
        return _sized(torch, kept, Fraction(scale, own_scale))

    return TorchModel(build, Fraction(scale), _OWN_PADDING, _OWN_BYTES)


def _described(torch: Any, found: Any) -> Any:
    """A network of spandrel's, with the padding that its architecture asks for."""
    wanted, functional = found.size_requirements, torch.nn.functional
    multiple, least = max(1, wanted.multiple_of or 1), wanted.minimum or 0

    class Described(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = found.model.eval()
            for parameter in self.network.parameters():
                parameter.requires_grad_(False)

        def forward(self, picture: Any) -> Any:
            height, width = picture.shape[2:]
            high, wide = (max(least, -(-size // multiple) * multiple) for size in (height, width))
            kind = next(self.network.parameters()).dtype
            padded = functional.pad(picture, (0, wide - width, 0, high - height), mode="replicate").to(kind)
            return self.network(padded)[:, :, : height * found.scale, : width * found.scale].float()

    return Described()


def _torch() -> Any:
    try:
        import torch  # heavy, and in the engines extra alone
    except ImportError:
        raise EngineMissing("the torch engine is not installed: install requirements/engines.txt") from None
    return torch
