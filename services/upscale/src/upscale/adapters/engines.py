"""Chooses the engine. Imported in child processes alone: the service itself never loads one."""

from chassis.models import ModelStore
from upscale.adapters.int8 import integers_of
from upscale.adapters.srvgg import load_network
from upscale.adapters.weights import model_named, require_engine
from upscale.ports import Enhancer, Workshop

__all__ = ["enhancer_for"]


def enhancer_for(model: str, *, scale: int, workshop: Workshop) -> Enhancer:
    """The enhancer that settings ask for. Raises UnknownModel, ModelUnavailable, EngineMissing."""
    if workshop.engine == "torch":
        from upscale.adapters.torch_models import torch_enhancer_for  # heavy

        return torch_enhancer_for(model, scale=scale, workshop=workshop)
    from upscale.adapters.openvino_enhancer import OpenVinoEnhancer  # heavy

    known = model_named(model, models_dir=workshop.models_dir)
    require_engine(known, workshop.engine)
    folder = ModelStore(workshop.models_dir, workshop.cache_dir).ensure(known)
    network = load_network(folder, scale=scale)
    integers = integers_of(model)
    precision = "auto" if workshop.precision == "int8" and integers is None else workshop.precision
    return OpenVinoEnhancer(
        network, precision=precision, threads=workshop.threads, cache_dir=workshop.cache_dir, integers=integers
    )
