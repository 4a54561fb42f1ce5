"""Sentence embeddings by MiniLM-L6-v2 (int8 ONNX) on onnxruntime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

__all__ = ["MiniLm"]

_LONGEST = 256
"""Tokens: what the model was trained with."""
_BATCH = 16


class MiniLm:
    """Turns sentences into unit vectors whose dot product says how near their meanings are.

    Mean pooling over tokens, then L2 (Reimers and Gurevych 2019, sentence-transformers/all-MiniLM-L6-v2).
    """

    def __init__(self, directory: Path, *, threads: int = 1) -> None:
        """``directory`` holds ``model.onnx`` and ``tokenizer.json``."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(directory / "model.onnx"), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_length=_LONGEST)
        self._tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")

    def __call__(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (sentences, 384)."""
        vectors = np.zeros((len(sentences), 384), dtype=np.float32)
        # Sentences of like length share a batch, so that little is computed for padding.
        order = sorted(range(len(sentences)), key=lambda at: len(sentences[at]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            vectors[batch] = self._embed([sentences[at] for at in batch])
        return vectors

    def _embed(self, sentences: list[str]) -> NDArray[np.float32]:
        encoded = self._tokenizer.encode_batch(sentences)
        ids = np.array([one.ids for one in encoded], dtype=np.int64)
        mask = np.array([one.attention_mask for one in encoded], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, feeds)[0]
        weight = mask[..., None].astype(np.float32)
        pooled = (hidden * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
        unit: NDArray[np.float32] = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
        return unit
