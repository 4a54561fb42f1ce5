"""WhisperX hears real speech behind the same port.

No package carries wav2vec2 weights, so the aligner here is tiny and random: the plumbing is real, the times it gives
within a passage mean nothing, and nothing is asserted of them but order and bounds.
"""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from support.speech import RATE, TWO_CITIES, decoded, two_cities, write_wav
from support.transcript_scores import normalised_words, word_error_rate
from transcribe.adapters.listening import listen
from transcribe.domain.transcripts import transcript_of
from transcribe.ports import Ears

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(find_spec("whisperx") is None, reason="WhisperX is not installed: make test-engines"),
    # torchaudio, lightning and pyannote warn of their own deprecations while they are imported.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def aligner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wav2vec2 CTC model over English letters: two layers, random weights."""
    import torch
    from transformers import (  # type: ignore[import-not-found]  # not in the lean environment
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    folder = tmp_path_factory.mktemp("aligner")
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", "'", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    (folder / "vocab.json").write_text(json.dumps({letter: index for index, letter in enumerate(letters)}))
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(letters),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        pad_token_id=0,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), pad_token="<pad>", word_delimiter_token="|")
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(sampling_rate=RATE), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def ears(aligner: Path, tmp_path_factory: pytest.TempPathFactory) -> Ears:
    return Ears(
        recognizer="whisperx",
        models_dir=None,
        cache_dir=tmp_path_factory.mktemp("models"),
        beam=1,
        threads=2,
        device="cpu",
        compute_type="int8",
        align_model=str(aligner),
    )


def test_a_reading_of_dickens_is_written_down_word_by_word(ears: Ears, tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", decoded(two_cities()))

    hearing = listen(ears, "whisper-base", audio, None)

    transcript = transcript_of(hearing.heard, pause_s=0.6, longest_segment_s=12, engine=hearing.engine)
    text = " ".join(word.text for word in transcript.words)
    opening = " ".join(normalised_words(text)[: len(normalised_words(TWO_CITIES))])
    times = [time for word in transcript.words for time in (word.start, word.end)]
    assert word_error_rate(TWO_CITIES, opening) <= 0.05
    assert transcript.language == "en"
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= transcript.duration
    assert len(set(times)) > len(transcript.words)
    assert hearing.engine.startswith("whisperx 3.8.6, whisper-base")


def test_where_nobody_speaks_nothing_is_written(ears: Ears, tmp_path: Path) -> None:
    hiss = np.random.default_rng(1).normal(0, 0.02, RATE * 10)

    hearing = listen(ears, "whisper-tiny.en", write_wav(tmp_path / "a.wav", hiss), "en")

    assert hearing.heard.passages == ()
    assert hearing.heard.duration == 10.0
