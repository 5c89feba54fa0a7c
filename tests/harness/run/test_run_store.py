"""The shared store of run folders: whole files, the last word last, patience."""

import threading
import time

import pytest

from harness.errors import SlimbenchError
from harness.run.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path / "store"))
    made.create()
    return made


def folder_of_a_run(tmp_path):
    folder = tmp_path / "here"
    (folder / "solve").mkdir(parents=True)
    for name in ("model.onnx", "solve.json", "record.json", "lock", "model.onnx.part"):
        (folder / name).write_text(name)
    return folder


def test_a_folder_comes_back_as_it_was_without_locks_and_parts(store, tmp_path):
    store.push(folder_of_a_run(tmp_path), "task/method/smoke/key")
    assert store.pull("task/method/smoke/key", tmp_path / "there")
    names = sorted(path.name for path in (tmp_path / "there").iterdir())
    assert names == ["model.onnx", "record.json", "solve.json"]
    assert (tmp_path / "there" / "model.onnx").read_text() == "model.onnx"


def test_a_folder_that_is_not_there_says_so(store, tmp_path):
    assert not store.pull("task/method/smoke/other", tmp_path / "there")


def test_the_record_is_uploaded_last(store, tmp_path, monkeypatch):
    written = []
    put = store._put
    monkeypatch.setattr(
        store, "_put", lambda path, name: (written.append(path.name), put(path, name))
    )
    store.push(folder_of_a_run(tmp_path), "task/method/smoke/key")
    assert written == ["model.onnx", "solve.json", "record.json"]


def test_finished_runs_are_those_with_a_record(store, tmp_path):
    folder = folder_of_a_run(tmp_path)
    store.push(folder, "task/method/smoke/key1")
    (folder / "record.json").unlink()
    store.push(folder, "task/method/smoke/key2")
    assert store.finished("task", "smoke") == {"task/method/smoke/key1"}
    assert store.finished("task", "standard") == set()


def test_a_store_that_fails_for_a_while_is_waited_for(store, tmp_path):
    root, away = tmp_path / "store", tmp_path / "away"
    root.rename(away)
    back = threading.Timer(1.0, lambda: away.rename(root))
    begin = time.monotonic()
    back.start()
    store.push(folder_of_a_run(tmp_path), "task/method/smoke/key")
    assert time.monotonic() - begin > 0.9
    assert store.finished("task", "smoke") == {"task/method/smoke/key"}
    assert not list(root.rglob("*.part"))


def test_a_store_that_stays_away_is_an_error_that_names_it(tmp_path):
    store = Store(str(tmp_path / "nowhere"), patience_seconds=0.3)
    with pytest.raises(SlimbenchError, match=r"store .*nowhere failed for 0 s: it does not answer"):
        store.pull("task", tmp_path / "there")


def test_an_address_of_an_unknown_kind_is_refused():
    with pytest.raises(SlimbenchError, match=r"store gopher://lab cannot be opened"):
        Store("gopher://lab")
