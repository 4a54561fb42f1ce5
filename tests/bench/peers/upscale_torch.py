"""Real-ESRGAN's published way with a video (``inference_realesrgan_video.py``), written anew: read a frame from ffmpeg,
enhance it with torch in float32, resize it to the wanted scale, write it to ffmpeg; one frame after the other."""

import sys
import time

import cv2
import ffmpeg
import imageio_ffmpeg
import numpy as np
import torch
from torch import nn

from bench.peers.upscaling import Job, job, say
from upscale.adapters.ncnn import Convolution, read_layers

TOOL = imageio_ffmpeg.get_ffmpeg_exe()


class Compact(nn.Module):
    """``SRVGGNetCompact``: convolutions with PReLU, a pixel shuffle by 4, and the picture enlarged by repetition."""

    def __init__(self, wanted: Job) -> None:
        super().__init__()
        self.body = nn.Sequential(*map(module, read_layers(wanted.param, wanted.weights)))
        self.upsampler = nn.PixelShuffle(4)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """One batch."""
        base = nn.functional.interpolate(picture, scale_factor=4, mode="nearest")
        return self.upsampler(self.body(picture)) + base


def module(layer) -> nn.Module:
    """A layer as torch has it."""
    if isinstance(layer, Convolution):
        made = nn.Conv2d(layer.weight.shape[1], layer.weight.shape[0], 3, 1, 1)
        made.weight.data, made.bias.data = (torch.from_numpy(values.copy()) for values in (layer.weight, layer.bias))
    else:
        made = nn.PReLU(layer.slope.size)
        made.weight.data = torch.from_numpy(layer.slope.copy())
    return made


@torch.no_grad()
def enhanced(net: nn.Module, frame: np.ndarray, scale: int) -> np.ndarray:
    """``RealESRGANer.enhance`` for a picture that needs no tiles: BGR bytes to BGR bytes."""
    picture = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_BGR2RGB)
    output = net(torch.from_numpy(np.transpose(picture, (2, 0, 1))).float().unsqueeze(0))
    large = np.transpose(output.squeeze().float().clamp_(0, 1).numpy()[[2, 1, 0]], (1, 2, 0))
    large = (large * 255.0).round().astype(np.uint8)
    size = frame.shape[1] * scale, frame.shape[0] * scale
    return large if scale == 4 else cv2.resize(large, size, interpolation=cv2.INTER_LANCZOS4)


def main() -> None:
    """Do it and say how long it took, from the first frame asked for to the file closed."""
    wanted = job()
    torch.set_num_threads(wanted.threads)
    net = Compact(wanted).eval()
    enhanced(net, np.zeros((wanted.height, wanted.width, 3), np.uint8), wanted.scale)
    began = time.perf_counter()
    reader = (
        ffmpeg.input(str(wanted.source))
        .output("pipe:", format="rawvideo", pix_fmt="bgr24", vframes=wanted.frames, loglevel="error")
        .run_async(pipe_stdout=True, cmd=TOOL)
    )  # fmt: skip
    size = f"{wanted.width * wanted.scale}x{wanted.height * wanted.scale}"
    writer = (
        ffmpeg.input("pipe:", format="rawvideo", pix_fmt="bgr24", s=size, framerate=wanted.rate)
        .output(str(wanted.target), pix_fmt="yuv420p", vcodec="libx264", preset="faster", crf=18, loglevel="error")
        .overwrite_output().run_async(pipe_stdin=True, cmd=TOOL)
    )  # fmt: skip
    for _ in range(wanted.frames):
        read = reader.stdout.read(wanted.width * wanted.height * 3)
        frame = np.frombuffer(read, np.uint8).reshape(wanted.height, wanted.width, 3)
        writer.stdin.write(enhanced(net, frame, wanted.scale).tobytes())
    writer.stdin.close()
    writer.wait()
    seconds = time.perf_counter() - began
    reader.stdout.close()
    reader.terminate()
    reader.wait()
    say(wanted, seconds, engine=f"torch {torch.__version__}")


if __name__ == "__main__":
    sys.exit(main())
