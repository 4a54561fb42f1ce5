"""Which decoders untrusted bytes may reach. FFmpeg has hundreds, most of them for the formats of old games."""

from contracts.ingest import RejectionReason
from ingest.domain.refusal import Refused

__all__ = ["SOUND", "VIDEO", "check_video"]

VIDEO = frozenset({
    "h264", "hevc", "vvc", "av1", "vp8", "vp9", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "mpeg1video",
    "mpeg2video", "h263", "h261", "mjpeg", "prores", "dnxhd", "cfhd", "jpeg2000", "dvvideo", "wmv1", "wmv2", "wmv3",
    "vc1", "flv1", "vp6", "vp6f", "vp6a", "theora", "gif", "ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv",
    "lagarith", "rawvideo", "v210", "v308", "v408", "v410", "qtrle", "png", "rpza", "svq1", "svq3", "cinepak",
    "indeo3", "indeo4", "indeo5", "tscc", "tscc2", "zmbv", "flashsv", "flashsv2", "hap", "msrle", "msvideo1",
})  # fmt: skip
"""FFmpeg's canonical names of the picture codecs in use."""

SOUND = frozenset({
    "aac", "aac_latm", "mp3", "mp2", "mp1", "ac3", "eac3", "dts", "truehd", "mlp", "opus", "vorbis", "flac", "alac",
    "wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "amr_nb", "amr_wb", "speex", "nellymoser", "gsm", "gsm_ms",
    "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_swf", "qdm2", "qdmc", "mace3", "mace6", "wavpack", "tta",
    "ape", "pcm_bluray", "pcm_dvd", "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be",
    "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be",
})  # fmt: skip
"""The same for sound. A track in another codec is left out and named in a warning."""


def check_video(codec: str) -> None:
    """Refuse a picture codec nobody should be sending."""
    if codec not in VIDEO:
        raise Refused(
            RejectionReason.UNSUPPORTED,
            f"The picture is coded as {codec or 'something unknown'}, which is not taken in. "
            "Export it as H.264 in MP4.",
        )
