import numpy as np
import onnx
import pytest
from toy_models import SIZE


@pytest.fixture
def models(tmp_path):
    """Writes models by name and returns their paths."""

    def write(name, model):
        path = tmp_path / f"{name}.onnx"
        onnx.save(model, path)
        return path

    return write


@pytest.fixture
def inputs():
    return {"x": np.random.default_rng(1).normal(size=(32, SIZE)).astype(np.float32)}


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    monkeypatch.setenv("SLIMBENCH_LOCKS", str(tmp_path / "locks"))
