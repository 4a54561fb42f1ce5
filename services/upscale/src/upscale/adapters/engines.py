"""Chooses the engine. Imported in child processes alone: the service itself never loads one."""

from chassis.models import ModelStore
from upscale.adapters.int8 import integers_of
from upscale.adapters.srvgg import load_network
from upscale.adapters.weights import model_named
from upscale.ports import Enhancer, Workshop

__all__ = ["enhancer_for"]


def enhancer_for(model: str, *, scale: int, workshop: Workshop) -> Enhancer:
    """The enhancer that settings ask for. Raises UnknownModel, ModelUnavailable, EngineMissing."""
    folder = ModelStore(workshop.models_dir, workshop.cache_dir).ensure(model_named(model))
    network = load_network(folder, scale=scale)
    if workshop.engine == "torch":
        from upscale.adapters.torch_enhancer import TorchEnhancer  # heavy

        return TorchEnhancer(network, device=workshop.device, precision=workshop.precision)
    from upscale.adapters.openvino_enhancer import OpenVinoEnhancer  # heavy

    integers = integers_of(model)
    precision = "auto" if workshop.precision == "int8" and integers is None else workshop.precision
    return OpenVinoEnhancer(
        network, precision=precision, threads=workshop.threads, cache_dir=workshop.cache_dir, integers=integers
    )
