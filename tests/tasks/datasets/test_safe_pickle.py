"""Official pickles are read without running anything they ask for."""

import bz2
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from harness.errors import DataError
from tasks.datasets.safe_pickle import unpickle


def stored(path: Path, content: object, protocol: int = 4) -> Path:
    """The content as a pickle."""
    path.write_bytes(pickle.dumps(content, protocol))
    return path


class Runs:
    """Unpickling it calls a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_numbers_text_containers_and_arrays_come_out_as_they_went_in(tmp_path, protocol):
    content = {
        "list": (1, 2.5, "x", None, b"\xff", (True, {3}, frozenset({4}))),
        "ordered": OrderedDict(a=1),
        "scalar": np.float64(0.25),
        "byte": np.uint8(7),
        "matrix": np.arange(6, dtype=">i4").reshape(2, 3),
        "by column": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "empty": np.zeros((0, 3), np.float32),
        "yes": np.array([True, False]),
    }
    if protocol == 5:
        content = {k: v for k, v in content.items() if not isinstance(v, np.ndarray)}
    found = unpickle(stored(tmp_path / "p.pickle", content, protocol))
    assert found.keys() == content.keys()
    for name, value in content.items():
        assert np.all(found[name] == value), name
    if protocol < 5:  # numpy itself makes the byte order native
        assert (found["matrix"].dtype, found["yes"].dtype) == (np.dtype("i4"), np.dtype(bool))


@pytest.mark.parametrize(
    "call",
    [
        (os.system, "touch {marker}"),
        (os.mkdir, "{marker}"),
        (eval, "open('{marker}', 'w')"),
        (exec, "open('{marker}', 'w')"),
        (getattr, os, "system"),
        (np.load, "{marker}", None, True),
        (bytearray, 5),
    ],
)
def test_a_pickle_that_calls_something_does_not_run(tmp_path, call):
    marker = tmp_path / "ran"
    function, *words = call
    words = [word.format(marker=marker) if isinstance(word, str) else word for word in words]
    path = tmp_path / "evil.pickle"
    if os in words:
        path.write_bytes(b"c__builtin__\ngetattr\n(cos\npath\nVexists\ntR.")
    else:
        stored(path, {"meta_archs": [Runs(function, *words)]})
    with pytest.raises(DataError, match="which is not numpy or a plain container"):
        unpickle(path)
    assert not marker.exists()


def test_names_of_numpy_that_are_not_data_are_refused(tmp_path):
    for name in (b"numpy\nfromfile", b"numpy\nload", b"numpy.core.multiarray\nfrombuffer"):
        path = tmp_path / "p.pickle"
        path.write_bytes(b"c" + name + b"\n.")
        with pytest.raises(DataError, match="which is not numpy or a plain container"):
            unpickle(path)


def test_objects_cannot_be_forged_from_bytes(tmp_path):
    """numpy itself makes an array of objects at any address out of a buffer."""
    path = tmp_path / "p.pickle"
    for forged in (
        # ndarray((1,), dtype("O"), bytes)
        b"\x80\x02cnumpy\nndarray\nK\x01\x85U\x01OU\x08AAAAAAAA\x87R.",
        # scalar(dtype("O8"), bytes)
        b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02O8\x85RU\x08AAAAAAAA\x86R.",
    ):
        path.write_bytes(forged)
        with pytest.raises(DataError):
            unpickle(path)


def test_arrays_of_objects_and_structures_are_refused(tmp_path):
    for array in (np.array([1, "x"], object), np.zeros(2, [("a", "f8")]), np.array(["ab"])):
        with pytest.raises(DataError, match=r"of type .* not of numbers"):
            unpickle(stored(tmp_path / "p.pickle", array))


def test_an_array_whose_bytes_do_not_fit_its_shape_is_refused(tmp_path):
    honest = pickle.dumps(np.zeros(3), 2)
    assert honest.count(b"K\x03\x85") == 1  # the shape (3,)
    path = tmp_path / "p.pickle"
    path.write_bytes(honest.replace(b"K\x03\x85", b"K\xff\x85"))
    with pytest.raises(DataError, match="24 bytes for an array of shape"):
        unpickle(path)


def test_a_cut_file_says_to_download_it_again(tmp_path):
    path = tmp_path / "p.pickle.pbz2"
    whole = bz2.compress(pickle.dumps(list(range(1000))))
    for content in (whole[:-30], b"", b"no bzip2", bz2.compress(b"\x80\x04no pickle")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"is no whole official file .* download it again"):
            unpickle(path)
    path.write_bytes(whole)
    assert unpickle(path) == list(range(1000))
