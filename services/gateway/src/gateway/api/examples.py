"""Examples for the OpenAPI document: put together from what the schemas say, never made up.

A schema says its example by ``examples``, a default, an enumeration or a format. Whatever says nothing has none, and a
test names it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["DOCUMENTS", "NoExample", "example_of"]

Schema = Mapping[str, Any]
_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"
_FORMATS = {"uuid": _ID, "date-time": _AT, "date": "2026-11-22"}
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_MARK = {"kind": "logo", "start": 0.0, "end": 5.28, "start_frame": 0, "end_frame": 132, "confidence": 0.94}

DOCUMENTS: dict[str, Any] = {
    "Media": {
        "sha256": _SHA256,
        "size_bytes": 1_055_736,
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "duration": 5.28,
        "width": 1280,
        "height": 720,
        "coded_width": 1280,
        "coded_height": 720,
        "frame_rate": "25/1",
        "frames": 132,
        "video_codec": "h264",
        "audio": [{"index": 1, "codec": "aac", "sample_rate": 48_000, "channels": 6, "default": True, "start": 0.0}],
        "color": {"pixel_format": "yuv420p", "range": "tv", "bit_depth": 8},
    },
    "Scenes": {
        "scenes": [
            {
                "index": 0,
                "start_frame": 0,
                "end_frame": 61,
                "start": 0.0,
                "end": 2.44,
                "transition": "start",
                "score": 1.0,
                "keyframe": f"/v1/jobs/{_ID}/results/keyframes/0000.jpg",
            }
        ],
        "engine": "transnetv2",
    },
    "Transcript": {
        "language": "en",
        "language_probability": 0.99,
        "duration": 5.28,
        "words": [{"text": "Hello.", "start": 1.02, "end": 1.4, "probability": 0.97}],
        "segments": [{"text": "Hello.", "start": 1.02, "end": 1.4, "first_word": 0, "last_word": 0}],
        "engine": "faster-whisper tiny.en",
    },
    "Ledger": {
        "script_matches": "yes",
        "coverage": 1.0,
        "omitted_words": 0,
        "ad_lib_seconds": 0.0,
        "lines": [
            {
                "line_id": "l1",
                "number": 1,
                "text": "Hello.",
                "kind": "dialogue",
                "speaker": "ANNA",
                "status": "spoken",
                "confidence": 0.96,
                "scene_ids": [0],
                "takes": [
                    {
                        "start": 1.02,
                        "end": 1.4,
                        "chosen": True,
                        "complete": True,
                        "score_text": 1.0,
                        "score_acoustic": 0.91,
                        "spoken_text": "Hello.",
                        "words": [{"text": "Hello.", "start": 1.02, "end": 1.4, "score": 0.91, "source": "aligned"}],
                    }
                ],
                "review": "open",
                "source_line": 4,
            }
        ],
        "ad_libs": [],
        "engine": "pocketsphinx",
    },
    "Watermarks": {
        "marks": [{**_MARK, "moving": False, "box": [1120, 24, 136, 48], "track": []}],
        "inconclusive": [],
        "engine": "opencv",
    },
    "QualityReport": {
        "frames_in": 132,
        "frames_out": 132,
        "pts_equal": True,
        "color_equal": True,
        "av_drift_ms": 0.0,
        "width": 2560,
        "height": 1440,
        "start_frame": 0,
        "end_frame": 132,
        "model": "realesr-animevideov3",
        "model_sha256": _SHA256,
        "source_sha256": _SHA256,
        "chunks": [{"index": 0, "frames": 132, "machine": "gpu-1", "attempts": 1, "seconds": 18.4, "sha256": _SHA256}],
        "passed": True,
        "failures": [],
        "warnings": [],
    },
}
"""Of the documents that the contracts describe, by the name of their schema."""


class NoExample(LookupError):
    """Nothing says what this might look like. The text is where: ``Video.media.width``."""


def example_of(schema: Schema, schemas: Mapping[str, Schema], where: str = "") -> Any:
    """What a value of this schema may look like. Raises NoExample."""
    reference = schema.get("$ref")
    if reference is not None:
        name = str(reference).rpartition("/")[2]
        return DOCUMENTS[name] if name in DOCUMENTS else example_of(schemas[name], schemas, name)
    for said in _said(schema):
        return said
    for choice in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        if choice.get("type") != "null":
            return example_of(choice, schemas, where)
    match schema.get("type"):
        case "object":
            return _object(schema, schemas, where)
        case "array":
            places = schema.get("prefixItems") or [schema.get("items", {})]
            return [example_of(place, schemas, f"{where}[]") for place in places]
        case "boolean":
            return True
        case _:
            raise NoExample(where)


def _said(schema: Schema) -> Iterator[Any]:
    """What the schema itself says, the best first."""
    yield from schema.get("examples", ())
    for word in ("example", "const", "default"):
        if word in schema:
            yield schema[word]
    yield from schema.get("enum", ())
    if schema.get("format") in _FORMATS:
        yield _FORMATS[schema["format"]]


def _object(schema: Schema, schemas: Mapping[str, Schema], where: str) -> dict[str, Any]:
    """All properties that say something; those that must be there have to."""
    found = {}
    for name, property_ in schema.get("properties", {}).items():
        try:
            found[name] = example_of(property_, schemas, f"{where}.{name}")
        except NoExample:
            if name in schema.get("required", ()):
                raise
    return found
