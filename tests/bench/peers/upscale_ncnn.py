"""The same network on ncnn, with the files that realesrgan-ncnn-vulkan and video2x run, on the processor.

PyAV reads and writes, one frame after the other, and the picture is not cut into tiles.
"""

import sys
import time
from fractions import Fraction

import av
import ncnn
import numpy as np

from bench.peers.upscaling import job, say


def main() -> None:
    """Do it and say how long it took, from the first frame asked for to the file closed."""
    wanted = job()
    net = ncnn.Net()
    net.opt.num_threads = wanted.threads
    net.load_param(str(wanted.param))
    net.load_model(str(wanted.weights))
    enhanced(net, np.zeros((wanted.height, wanted.width, 3), np.uint8))
    began = time.perf_counter()
    with av.open(str(wanted.source)) as reader, av.open(str(wanted.target), "w") as writer:
        reader.streams.video[0].thread_type = "AUTO"
        stream = writer.add_stream("libx264", rate=Fraction(wanted.rate))
        stream.width, stream.height = wanted.width * wanted.scale, wanted.height * wanted.scale
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "faster", "crf": "18"}
        for number, frame in enumerate(reader.decode(video=0)):
            if number == wanted.frames:
                break
            large = enhanced(net, frame.to_ndarray(format="rgb24"))
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="rgb24")))
        writer.mux(stream.encode(None))
    say(wanted, time.perf_counter() - began, engine=f"ncnn {ncnn.__version__}")


def enhanced(net: "ncnn.Net", frame: np.ndarray) -> np.ndarray:
    """RGB bytes to RGB bytes."""
    height, width, _ = frame.shape
    picture = ncnn.Mat.from_pixels(np.ascontiguousarray(frame), ncnn.Mat.PixelType.PIXEL_RGB, width, height)
    picture.substract_mean_normalize([], [1 / 255.0] * 3)
    run = net.create_extractor()
    run.input("data", picture)
    _, output = run.extract("output")
    large = np.array(output)
    return np.clip(np.rint(large * 255), 0, 255).astype(np.uint8).transpose(1, 2, 0)


if __name__ == "__main__":
    sys.exit(main())
