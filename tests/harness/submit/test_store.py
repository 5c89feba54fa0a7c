"""Artifacts in a store: never more bytes than promised, never another file."""

from __future__ import annotations

import functools
import http.server
import json
import threading

import pytest
from bundles import reseal

from harness.errors import RefusedError
from harness.record import sha256_of
from harness.submit.bundle import Pointer
from harness.submit.store import fetch, put
from harness.submit.verify import verify


@pytest.fixture
def artifact(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(256)) * 400)
    return path


@pytest.fixture
def served(tmp_path):
    """An address under which the files of a folder can be fetched."""
    folder = tmp_path / "served"
    folder.mkdir()
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *a: None})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_artifact_goes_into_a_folder_and_comes_back(artifact, tmp_path):
    pointer = put(artifact, str(tmp_path / "store"))
    found = fetch(pointer, tmp_path / "back.onnx", str(tmp_path / "store"))
    assert found.read_bytes() == artifact.read_bytes()


def test_an_artifact_is_fetched_by_address(artifact, served, tmp_path):
    folder, address = served
    (folder / "m.onnx").write_bytes(artifact.read_bytes())
    pointer = Pointer(
        url=f"{address}/m.onnx", sha256=sha256_of(artifact), size_bytes=artifact.stat().st_size
    )
    assert fetch(pointer, tmp_path / "back.onnx").read_bytes() == artifact.read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"x" * 200_000, "more than the 102400 bytes"), (b"x" * 10, "holds another file")],
)
def test_another_file_at_the_address_is_refused(artifact, served, tmp_path, content, reason):
    folder, address = served
    (folder / "m.onnx").write_bytes(content)
    pointer = Pointer(url=f"{address}/m.onnx", sha256=sha256_of(artifact), size_bytes=102_400)
    with pytest.raises(RefusedError, match=reason):
        fetch(pointer, tmp_path / "back.onnx")


def test_an_address_that_does_not_answer_is_a_sentence(served, tmp_path):
    _, address = served
    pointer = Pointer(url=f"{address}/none.onnx", sha256="0" * 64, size_bytes=1)
    with pytest.raises(RefusedError, match="cannot be read"):
        fetch(pointer, tmp_path / "back.onnx")


def test_a_folder_is_read_only_where_the_verifier_named_it(artifact, tmp_path):
    pointer = put(artifact, str(tmp_path / "store"))
    for store in (None, str(tmp_path / "elsewhere")):
        with pytest.raises(RefusedError, match="is not followed"):
            fetch(pointer, tmp_path / "back.onnx", store)
    climbing = pointer.model_copy(update={"url": f"{tmp_path}/store/../model.onnx"})
    with pytest.raises(RefusedError, match="is not followed"):
        fetch(climbing, tmp_path / "back.onnx", str(tmp_path / "store"))


def test_a_bundle_whose_artifact_lies_in_a_store_is_accepted(copy, options, tmp_path):
    from dataclasses import replace

    (path,) = (copy / "artifacts").iterdir()
    pointer = put(path, str(tmp_path / "store"))
    path.with_suffix(".json").write_text(json.dumps(pointer.model_dump()))
    path.unlink()
    found = verify(reseal(copy), replace(options, store=str(tmp_path / "store")))
    assert found.accepted, found.reasons()
