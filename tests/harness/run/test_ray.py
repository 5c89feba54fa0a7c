"""The matrix on a real Ray cluster of several nodes on this machine, faults included."""

import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness import registry
from harness.record import RunRecord, parse_line, read_records
from harness.run import on_ray
from harness.run.dispatch import MOST_TRIES
from harness.run.matrix import plan, run_all
from harness.run.place import Place
from harness.run.prepare import prepare
from harness.run.ray_cluster import Cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning"),
]
ray = pytest.importorskip("ray")
DIGITS = "mnist_mlp_microcontroller"
METHODS = Path(__file__).parents[2] / "methods"


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Two nodes of one slot each, a head without any; each node caches in a folder of its own."""
    from ray.cluster_utils import Cluster as Nodes

    monkeypatch.setenv("SLIMBENCH_NODE_CACHE", str(tmp_path / "nodes"))
    monkeypatch.setenv("RAY_worker_niceness", "0")
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes.workers = [nodes.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def runs(place, tmp_path):
    """Six quick runs whose folders are this test's own."""
    here = Place(tmp_path / "runs", tmp_path / "data", tmp_path / "results", threads=1)
    prepared = prepare(registry.find_task(DIGITS), "smoke", here)
    methods = [registry.find_method("static_int8"), registry.find_method("width_scaled")]
    return plan(prepared, methods, here, seeds=(0,))


def store_of(tmp_path):
    return Cluster(str(tmp_path / "store"))


def check_every_key_once(runs, tmp_path):
    """Each record whole, once, in the store and in the results."""
    paths = sorted((tmp_path / "store" / DIGITS).glob("*/smoke/*/record.json"))
    assert sorted(path.parent.name for path in paths) == sorted(run.key[:16] for run in runs)
    assert all(isinstance(parse_line(p.read_text(), p.name), RunRecord) for p in paths)
    rows = read_records((tmp_path / "results" / DIGITS).glob("*.jsonl"))
    keys = Counter(row.key for row in rows if isinstance(row, RunRecord))
    assert keys == Counter(run.key for run in runs)
    assert not list((tmp_path / "store").rglob("*.part"))


def workers() -> list[psutil.Process]:
    """Ray's processes that solve a run at this moment."""
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if "ray::_solve" in " ".join(one.info["cmdline"] or [])
    ]


def kill_when(folder: Path, pattern: str) -> threading.Thread:
    """Kill one worker of Ray as soon as a file of that pattern appears on any node."""

    def watch() -> None:
        while not list(folder.rglob(pattern)):
            time.sleep(0.01)
        workers()[0].kill()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_the_cluster_gives_the_records_that_one_machine_gives(cluster, runs, tmp_path):
    running: list[int] = []
    done = list(on_ray.run_all(runs, store_of(tmp_path), watch=running.append))
    assert max(running) == 2
    check_every_key_once(runs, tmp_path)
    here = replace(runs[0].place, runs=tmp_path / "alone", results=tmp_path / "alone_results")
    alone = [replace(run, place=here) for run in runs]
    expected = {one.record.key: one.record for one in run_all(alone)}
    for one in done:
        other = expected[one.record.key]
        assert one.record.artifact_sha256 == other.artifact_sha256
        assert (one.record.quality_test, one.record.counts) == (other.quality_test, other.counts)


def test_a_matrix_begun_here_goes_on_there_and_back(cluster, runs, tmp_path):
    list(run_all(runs[:2]))
    shared = Cluster(str(runs[0].place.runs))
    done = list(on_ray.run_all(runs[:4], shared))
    assert [one.reused for one in done if one.run in runs[:2]] == [True, True]
    assert sum(one.reused for one in run_all(runs)) == 4


@pytest.mark.parametrize("stage", ["solve/log.txt", "solve.json", "counts.json", "score.json"])
def test_a_worker_killed_in_any_stage_costs_no_record(cluster, runs, tmp_path, stage):
    killer = kill_when(tmp_path / "nodes", stage)
    done = list(on_ray.run_all(runs, store_of(tmp_path)))
    killer.join(10)
    assert not killer.is_alive()
    assert {one.record.status for one in done} == {"ok"}
    check_every_key_once(runs, tmp_path)


def test_a_node_lost_and_one_joined_in_the_middle(cluster, runs, tmp_path):
    done = []
    for one in on_ray.run_all(runs, store_of(tmp_path)):
        done.append(one)
        if len(done) == 1:
            cluster.remove_node(cluster.workers[0], allow_graceful=False)
            cluster.add_node(num_cpus=1)
    assert {one.record.status for one in done} == {"ok"}
    check_every_key_once(runs, tmp_path)


def test_a_driver_that_was_stopped_goes_on_where_it_was(cluster, runs, tmp_path):
    first = []
    for one in on_ray.run_all(runs, store_of(tmp_path)):
        first.append(one)
        if len(first) == 2:
            break
    done = list(on_ray.run_all(runs, store_of(tmp_path)))
    assert sum(one.reused for one in done) >= 2
    check_every_key_once(runs, tmp_path)


def test_a_store_that_fails_for_30_seconds_costs_no_record(cluster, runs, tmp_path):
    store, away = tmp_path / "store", tmp_path / "away"
    done = []
    for one in on_ray.run_all(runs, store_of(tmp_path)):
        done.append(one)
        if len(done) == 1:
            store.rename(away)
            threading.Timer(30, lambda: away.rename(store)).start()
    assert {one.record.status for one in done} == {"ok"}
    check_every_key_once(runs, tmp_path)


def test_a_run_whose_worker_always_dies_is_a_failed_row_after_three_tries(cluster, runs, tmp_path):
    method = registry.find_method("never_ends", [METHODS / "never_ends.py"])
    poisoned = plan(runs[0].prepared, [method], runs[0].place)
    ended, killed = threading.Event(), []

    def kill_whoever_runs_it() -> None:
        while not ended.wait(0.1):
            for worker in workers():
                try:
                    if any("/never_ends/" in file.path for file in worker.open_files()):
                        worker.kill()
                        killed.append(worker.pid)
                except psutil.Error:
                    continue

    killer = threading.Thread(target=kill_whoever_runs_it, daemon=True)
    killer.start()
    done = list(on_ray.run_all([*runs[:2], *poisoned], store_of(tmp_path)))
    ended.set()
    killer.join()
    failed = [one.record for one in done if one.record.status != "ok"]
    assert [record.status for record in failed] == ["crashed"]
    assert f"lost {MOST_TRIES} times on the cluster" in failed[0].cause
    assert len(killed) == MOST_TRIES
    check_every_key_once([*runs[:2], *poisoned], tmp_path)


def test_a_method_that_fails_by_itself_is_not_tried_again(cluster, runs, tmp_path):
    method = registry.find_method("raises", [METHODS / "raises.py"])
    failing = plan(runs[0].prepared, [method], runs[0].place)
    (done,) = on_ray.run_all(failing, store_of(tmp_path))
    assert done.record.status == "failed"
    assert done.record.cost.solve_seconds > 0


def test_measurements_go_to_a_node_that_offers_the_profile(cluster, runs, tmp_path):
    from harness.run.timing import default_profile

    profile = default_profile()
    if profile is None:
        pytest.skip("this machine matches no profile")
    cluster.add_node(num_cpus=0, resources={f"profile:{profile.name}": 1})
    cluster.wait_for_nodes()
    where = replace(store_of(tmp_path), profile=profile.name)
    list(on_ray.run_all(runs[:2], where))
    measured = list((tmp_path / "store" / DIGITS).glob("*/smoke/*/measure/*.json"))
    assert len(measured) == 2
    rows = read_records((tmp_path / "results" / DIGITS).glob("*.jsonl"))
    assert sum(not isinstance(row, RunRecord) for row in rows) == 2
