"""TransNetV2 (Souček and Lokoč, 2020, arXiv:2008.04838) as an OpenVINO graph, built from the published weights.

The colour histograms are counted outside the graph: numpy does it faster than a scatter would.
"""

from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as op
from numpy.typing import NDArray

__all__ = ["color_histograms", "transnet_graph"]

_LOOKUP = 101
"""Frames each frame is compared with: 50 before, itself, 50 after."""

_DILATIONS = (1, 2, 4, 8)
_NORM_EPSILON = 1e-3

Weights = dict[str, NDArray[Any]]


def transnet_graph(weights: Weights, *, window: int) -> ov.Model:
    """Inputs: frames ``[1,window,27,48,3]`` u8 and their histograms ``[1,window,512]`` f32.

    Output ``[1,window,2]``: the chance that a transition is at a frame, and that a frame is part of one.
    """
    frames = op.parameter([1, window, 27, 48, 3], np.uint8, name="frames")
    histograms = op.parameter([1, window, 512], np.float32, name="histograms")
    x = op.transpose(op.convert(frames, np.float32), op.constant([0, 4, 1, 2, 3]))
    x = op.multiply(x, op.constant(np.float32(1 / 255)))
    features = []
    for block in range(3):
        x = _stacked(x, weights, f"SDDCNN.{block}")
        features.append(op.reduce_mean(x, op.constant([3, 4]), keep_dims=False))
    flat = op.reshape(op.transpose(x, op.constant([0, 2, 3, 4, 1])), op.constant([1, window, -1]), special_zero=False)
    similar = _frame_similarity(op.concat(features, 1), weights, window)
    colors = op.relu(_linear(_compared(histograms, window), weights, "color_hist_layer.fc"))
    hidden = op.relu(_linear(op.concat([colors, similar, flat], 2), weights, "fc1"))
    heads = [_linear(hidden, weights, name) for name in ("cls_layer1", "cls_layer2")]
    return ov.Model([op.sigmoid(op.concat(heads, 2))], [frames, histograms], "transnetv2")


def _stacked(x: Any, weights: Weights, name: str) -> Any:
    first = op.relu(_dilated(x, weights, f"{name}.DDCNN.0"))
    second = op.relu(_dilated(first, weights, f"{name}.DDCNN.1"))
    return op.avg_pool(op.add(second, first), [1, 2, 2], [0, 0, 0], [0, 0, 0], [1, 2, 2], exclude_pad=True)


def _dilated(x: Any, weights: Weights, name: str) -> Any:
    """Four (2+1)D convolutions side by side, then batch normalization folded into one scale and shift."""
    scale = weights[f"{name}.bn.weight"] / np.sqrt(weights[f"{name}.bn.running_var"] + _NORM_EPSILON)
    shift = weights[f"{name}.bn.bias"] - weights[f"{name}.bn.running_mean"] * scale
    spatial = np.concatenate([weights[f"{name}.Conv3D_{dilation}.layers.0.weight"] for dilation in _DILATIONS])
    seen = op.convolution(x, op.constant(spatial), [1, 1, 1], [0, 1, 1], [0, 1, 1], [1, 1, 1])
    parts = op.split(seen, op.constant(1), len(_DILATIONS))
    branches = []
    for index, dilation in enumerate(_DILATIONS):
        temporal = weights[f"{name}.Conv3D_{dilation}.layers.1.weight"]
        count = len(temporal)
        own = temporal * scale[index * count : (index + 1) * count].reshape(-1, 1, 1, 1, 1)
        pad = [dilation, 0, 0]
        branches.append(op.convolution(parts.output(index), op.constant(own), [1, 1, 1], pad, pad, [dilation, 1, 1]))
    return op.add(op.concat(branches, 1), op.constant(shift.reshape(1, -1, 1, 1, 1)))


def _frame_similarity(features: Any, weights: Weights, window: int) -> Any:
    x = _linear(op.transpose(features, op.constant([0, 2, 1])), weights, "frame_sim_layer.projection")
    x = op.normalize_l2(x, op.constant([2]), 1e-12, "max")
    return op.relu(_linear(_compared(x, window), weights, "frame_sim_layer.fc"))


def _compared(vectors: Any, window: int) -> Any:
    """The cosine of each frame with the 50 before and after it, 0 beyond the window: ``[1,window,101]``."""
    cosines = op.matmul(vectors, vectors, False, True)
    side = op.constant([0, 0, (_LOOKUP - 1) // 2])
    padded = op.pad(cosines, side, side, "constant", op.constant(0.0, np.float32))
    # Row t of the padded table is wanted from column t on.
    columns = np.arange(window, dtype=np.int64)[:, None] + np.arange(_LOOKUP, dtype=np.int64)[None, :]
    return op.gather_elements(padded, op.constant(columns[None]), 2)


def _linear(x: Any, weights: Weights, name: str) -> Any:
    product = op.matmul(x, op.constant(weights[f"{name}.weight"]), False, True)
    return op.add(product, op.constant(weights[f"{name}.bias"]))


def color_histograms(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share of each of 8x8x8 colours per frame, as unit vectors: ``[T,27,48,3]`` to ``[T,512]``."""
    levels = (frames >> 5).astype(np.int32)
    bins = (levels[..., 0] << 6) + (levels[..., 1] << 3) + levels[..., 2]
    offsets = np.arange(len(frames), dtype=np.int32)[:, None, None] << 9
    counts = np.bincount((bins + offsets).ravel(), minlength=512 * len(frames)).reshape(-1, 512).astype(np.float32)
    unit: NDArray[np.float32] = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    return unit
