"""Frames per second of the upscaling engine on the device at hand, beside Real-ESRGAN's per-frame method.

    python tests/bench/gpu_upscale.py                     # on a machine with a GPU: torch is all it needs
    python tests/bench/gpu_upscale.py --size 160x90 --frames 4   # to see that it works, on a CPU

It measures what the product runs: ``TorchEngine`` is loaded from this repository and imports nothing but torch. Weights
are drawn by chance in the shapes of the published ones, for speed does not depend on them. Frames are bytes in host
memory on both sides, before and after.

- **per frame**: as the published script does it: one picture at a time, float in host memory, to the device, half
  precision on a GPU, the network by 4, back as floats, clamped, rounded. Where less than 4 is wanted it is shrunk, here
  on the device, which is kinder than the script's way on the CPU.
- **limit**: the arithmetic the card does in a large matrix product at the same precision, measured; the share is how
  much of it the convolutions of the network alone would need at the measured rate.
"""

import argparse
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "services" / "upscale" / "src"))

import torch
from torch.utils.flop_counter import FlopCounterMode

from upscale.adapters.torch_engine import TorchEngine
from upscale.adapters.torch_networks import compact, lanczos, rrdb, tone_kept

RADIUS, DETAIL = 1, 0.75
KINDS = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
COMPACT_BYTES, PHOTO_BYTES = 1000, 6300


def main() -> None:
    """Measure, print, and write JSON where it is asked for."""
    options = _parser().parse_args()
    torch.manual_seed(7)
    width, height = (int(side) for side in options.size.split("x"))
    ours, published, pixel_bytes = _networks(options.model, options.scale)
    engine = TorchEngine(
        ours, device=options.device, precision=options.precision, pixel_bytes=pixel_bytes,
        network=f"bench {options.model} {options.scale}", cache=options.cache, compiling=options.compiling,
    )  # fmt: skip
    per_frame = PerFrame(published, engine.device, Fraction(options.scale, 4))
    frames = torch.randint(0, 256, (options.frames, 3, height, width), dtype=torch.uint8)
    subjects: dict[str, Callable[[], Any]] = {
        "engine": lambda: [engine.run(part) for part in frames.split(max(1, engine.batch))],
        "per frame": lambda: [per_frame(frame) for frame in frames],
    }
    measured = _measured(subjects, engine.device, rounds=options.rounds, frames=options.frames)
    flops = _flops_a_pixel(ours) * width * height
    limit = _limit(engine.device, KINDS[engine.precision])
    fps = statistics.median(measured["engine"]["fps"])
    report = {
        "device": torch.cuda.get_device_name() if engine.on_gpu else f"{platform.processor() or 'CPU'}",
        "torch": torch.__version__, "cuda": torch.version.cuda, "precision": engine.precision,
        "compiled": bool(engine.compiled), "model": options.model, "scale": options.scale, "size": options.size,
        "subjects": measured, "ratio": fps / statistics.median(measured["per frame"]["fps"]),
        "flops_a_frame": flops, "limit_flops": limit, "share_of_limit": fps * flops / limit,
        "psnr_to_f32": _psnr(engine, frames[: min(2, len(frames))]),
        "host_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip
    _show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


class PerFrame:
    """The published method, on torch."""

    def __init__(self, network: Any, device: Any, ratio: Fraction) -> None:
        self.half = device.type == "cuda"
        self.device = device
        self.network = network.to(device).to(torch.float16 if self.half else torch.float32).eval()
        self.ratio = ratio

    def __call__(self, frame: Any) -> Any:
        """One picture."""
        with torch.inference_mode():
            return self._made(frame)

    def _made(self, frame: Any) -> Any:
        picture = (frame.float() / 255).unsqueeze(0).to(self.device)
        made = self.network(picture.half() if self.half else picture).float()
        if self.ratio != 1:
            made = torch.nn.functional.interpolate(made, scale_factor=float(self.ratio), mode="bicubic", antialias=True)
        return (made.squeeze(0).cpu().clamp_(0, 1) * 255).round().to(torch.uint8)


def _networks(model: str, scale: int) -> tuple[Any, Any, int]:
    """What the engine runs, what is published (by 4, without keeping the tone), and bytes a pixel takes."""
    if model == "photo":
        parts = _photo_parts()
        whole = tone_kept(torch, rrdb(torch, parts), scale=4, radius=RADIUS, detail=DETAIL)
        ours = whole if scale == 4 else lanczos(torch, whole, Fraction(scale, 4))
        return ours, _Plain(rrdb(torch, parts)), PHOTO_BYTES
    layers = _compact_parts(scale)
    return (
        tone_kept(torch, compact(torch, layers, scale=scale), scale=scale, radius=RADIUS, detail=DETAIL),
        _Plain(compact(torch, _compact_parts(4), scale=4)),
        COMPACT_BYTES,
    )


class _Plain(torch.nn.Module):  # type: ignore[misc]
    """A network as it is published: nothing but itself."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.contiguous_format)

    def forward(self, picture: Any) -> Any:
        return self.network(picture)


def _compact_parts(scale: int) -> list[tuple[Any, ...]]:
    """Shapes of realesr-animevideov3."""
    sizes = [3, *[64] * 17, 3 * scale**2]
    parts: list[tuple[Any, ...]] = []
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        parts.append(_drawn(inputs, outputs, gain=0.1 if place == 17 else 1.0))
        if place < 17:
            parts.append((torch.full((outputs,), 0.25),))
    return parts


def _photo_parts() -> list[tuple[Any, ...]]:
    """Shapes of realesrgan-x4plus."""
    dense = [(64 + 32 * place, 32 if place < 4 else 64) for place in range(5)]
    shapes = [(3, 64), *dense * 3 * 23, (64, 64), (64, 64), (64, 64), (64, 64), (64, 3)]
    return [_drawn(inputs, outputs, gain=0.3) for inputs, outputs in shapes]


def _drawn(inputs: int, outputs: int, *, gain: float) -> tuple[Any, Any]:
    spread = gain * (2 / (9 * inputs)) ** 0.5
    return torch.randn(outputs, inputs, 3, 3) * spread, torch.zeros(outputs)


def _measured(
    subjects: dict[str, Callable[[], Any]], device: Any, *, rounds: int, frames: int
) -> dict[str, dict[str, Any]]:
    """Rates in turns, each after one round that is not counted: what is compiled or allocated once is not measured."""
    found: dict[str, dict[str, Any]] = {name: {"fps": [], "device_peak_mib": 0.0} for name in subjects}
    for number in range(rounds + 1):
        for name, run in subjects.items():
            if device.type == "cuda":
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
            began = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
                peak = torch.cuda.max_memory_allocated() / 2**20
                found[name]["device_peak_mib"] = max(found[name]["device_peak_mib"], peak)
            if number:
                found[name]["fps"].append(frames / (time.perf_counter() - began))
    return found


def _flops_a_pixel(network: Any) -> float:
    """Floating-point operations for a pixel of the source, counted while the network runs on a small picture."""
    kind = next(network.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, 48, 48, device=kind))
    return float(counter.get_total_flops()) / 48**2


def _limit(device: Any, kind: Any) -> float:
    """Floating-point operations a second in the largest product that is quick to make."""
    side = 8192 if device.type == "cuda" else 1024
    one, other = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(12):
        if device.type == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        one @ other
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def _psnr(engine: TorchEngine, frames: Any) -> float:
    exact = (engine.run(frames.float() / 255) * 255).round()
    error = (engine.run(frames).float() - exact).pow(2).mean().item()
    return float("inf") if error == 0 else 10 * torch.log10(torch.tensor(255**2 / error)).item()


def _show(report: dict[str, Any]) -> None:
    compiled = "compiled" if report["compiled"] else "not compiled"
    print(f"{report['device']}, torch {report['torch']}, {report['precision']}, {compiled}")
    print(f"{report['model']} x{report['scale']} of {report['size']}, medians of rounds taken in turns\n")
    print(f"{'':12}{'frames/s':>12}{'range':>20}{'device MiB':>12}")
    for name, found in report["subjects"].items():
        rates = found["fps"]
        spread = f"{min(rates):.2f}-{max(rates):.2f}"
        print(f"{name:12}{statistics.median(rates):>12.2f}{spread:>20}{found['device_peak_mib']:>12.0f}")
    print(f"\nratio to per frame    {report['ratio']:.2f}")
    print(f"arithmetic            {report['flops_a_frame'] / 1e9:.1f} GFLOP a frame")
    print(f"limit of the device   {report['limit_flops'] / 1e12:.2f} TFLOP/s in a matrix product")
    print(f"share of the limit    {report['share_of_limit']:.1%}")
    print(f"PSNR to f32           {report['psnr_to_f32']:.1f} dB")
    print(f"host memory           {report['host_peak_mib']:.0f} MiB at most")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--scale", type=int, choices=[2, 3, 4], default=2)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", choices=["compact", "photo"], default="compact")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=["auto", "f32", "f16", "bf16"], default="auto")
    parser.add_argument("--compiling", choices=["auto", "always", "never"], default="auto")
    parser.add_argument("--cache", type=Path, help="where compiled engines are kept")
    parser.add_argument("--json", type=Path)
    return parser


if __name__ == "__main__":
    main()
