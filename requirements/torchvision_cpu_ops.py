"""Let PyPI's torchvision be imported beside the CPU build of torch.

PyPI serves a CUDA build, whose compiled part does not load without CUDA; then the operators it would register are
missing and ``import torchvision`` itself fails, and with it transformers and Ultralytics. engines.mk appends this
file to ``torchvision/extension.py``: it defines the two operators that the import needs, with one in plain torch.
"""

import torch

_library = torch.library.Library("torchvision", "DEF")
_library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Non-maximum suppression: indexes of the boxes (x1, y1, x2, y2) to keep, best score first."""
    order = scores.argsort(descending=True)
    left, top, right, bottom = boxes.unbind(1)
    area = (right - left) * (bottom - top)
    kept = []
    while order.numel():
        best, rest = order[0], order[1:]
        kept.append(best)
        width = (torch.minimum(right[best], right[rest]) - torch.maximum(left[best], left[rest])).clamp(min=0)
        height = (torch.minimum(bottom[best], bottom[rest]) - torch.maximum(top[best], top[rest])).clamp(min=0)
        overlap = width * height
        order = rest[overlap / (area[best] + area[rest] - overlap) <= iou_threshold]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.long)


_library.impl("nms", _nms, "CPU")


def _assert_has_ops() -> None:
    """What torchvision calls before it uses an operator. Those not defined here fail where they are called."""
