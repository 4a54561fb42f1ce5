"""Reads the text in a small picture with RapidOCR (PaddleOCR on onnxruntime)."""

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.domain.boxes import Box
from vision.domain.judging import Reading

__all__ = ["TextReader"]

_ENLARGED = 3
_MARGIN = 12
_SURE = 0.7
_ENGINE_LOG = "RapidOCR"


class TextReader:
    """Holds the two nets. Loading takes a second and half a gigabyte: make one when there is something to read."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        from rapidocr import RapidOCR

        logging.getLogger(_ENGINE_LOG).setLevel(logging.ERROR)
        self._engine = RapidOCR(
            params={
                "Global.use_cls": False,
                "Global.log_level": "error",
                "Det.model_path": str(folder / "detection.onnx"),
                # The default makes the shorter side 736 pixels: a line of text would grow to twelve thousand.
                "Det.limit_type": "max",
                "Det.limit_side_len": 640,
                "Rec.model_path": str(folder / "recognition.onnx"),
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            }
        )

    def read(self, picture: NDArray[np.uint8]) -> list[Reading]:
        """Texts in a grey picture, with their boxes in its pixels."""
        padded = np.pad(picture, _MARGIN, mode="edge")
        large = cv2.resize(padded, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
        result: Any = self._engine(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR))
        if result is None or result.boxes is None or result.txts is None:
            return []
        return [
            Reading(text=text, box=_upright(corners))
            for corners, text, score in zip(result.boxes, result.txts, result.scores, strict=True)
            if score >= _SURE and text.strip()
        ]


def _upright(corners: NDArray[np.float32]) -> Box:
    left, top = corners.min(axis=0) / _ENLARGED - _MARGIN
    right, bottom = corners.max(axis=0) / _ENLARGED - _MARGIN
    return round(float(left)), round(float(top)), round(float(right - left)), round(float(bottom - top))
