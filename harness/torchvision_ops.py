"""Lets `import torchvision` work beside a CPU-only torch.

The torchvision wheel on PyPI is built against CUDA; without CUDA its compiled operators are
missing and the import fails at `operator torchvision::nms does not exist`. Declaring the two
schemas that it looks up is enough for everything that slimbench uses of it (model definitions).
Active only when torchvision's own operators are missing.
"""

import importlib.util
from pathlib import Path
from typing import Any

import torch


def _own_operators_load() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True
    libraries = list(Path(spec.submodule_search_locations[0]).glob("_C*.so"))
    try:
        for library in libraries:
            torch.ops.load_library(library)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return bool(libraries)


if not _own_operators_load():
    _LIBRARY: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    _LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
