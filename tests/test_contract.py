"""The contract: every registered task and method runs at smoke scale and becomes a whole record.

`make test` runs every method on one task and every task with three methods; the rest is slow.
"""

import hashlib
import json

import pytest

from harness import registry
from harness.run import search_runs
from harness.run.matrix import plan
from harness.run.prepare import prepare
from harness.run.reference import named
from harness.run.stages import execute

TASKS = registry.tasks()
METHODS = registry.methods()
EVERYWHERE = ("reference", "static_int8", "dynamic_int8")  # the reference is trained for them
TRAINED = "l1_filter_pruning"  # the third method of tasks that dynamic INT8 does not apply to
HOME = {
    "vector": "mnist_mlp_microcontroller",
    "image": "cifar10_resnet_slimming",
    "text": "sst2_bert_compression",
    "clicks": "beauty_graph_recommendation",
}


def home_of(method: registry.MethodListing) -> str | None:
    """The cheapest task that the method applies to; None for searches of tables."""
    names = (name for name in (*HOME.values(), *TASKS) if registry.applies(method, TASKS[name]))
    return next(names, None)


HOMES = {home_of(method) for method in METHODS.values()}  # each has more than three methods


def is_quick(task: str, method: str) -> bool:
    """Whether `make test` runs the pair."""
    third = not registry.applies(METHODS["dynamic_int8"], TASKS[task]) and method == TRAINED
    further = task not in HOMES and (method in EVERYWHERE or third)
    return further or home_of(METHODS[method]) == task


PAIRS = [
    pytest.param(task, method, marks=[] if is_quick(task, method) else pytest.mark.slow)
    for task in TASKS
    for method in METHODS
    if registry.applies(METHODS[method], TASKS[task])
]


# task: its version, and the recipe that its published rows were trained by
RECIPES = {
    "beauty_graph_recommendation": (1, "2d853b268dc4"),
    "cifar10_cell_networks": (1, "f4db32238cc1"),
    "cifar10_mobilenetv2_slimming": (1, "f7795b9eac3c"),
    "cifar10_resnet_slimming": (1, "f7795b9eac3c"),
    "fraud_late_fusion": (1, "8699d3c4486c"),
    "fraud_late_fusion_spliced": (1, "8699d3c4486c"),
    "mnist_mlp_microcontroller": (1, "93408b9bce30"),
    "sst2_bert_compression": (1, "aa937cb2394b"),
    "toys_graph_recommendation": (1, "2d853b268dc4"),
}


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_run_with_three_methods(name):
    quick = [each.values for each in PAIRS if not each.marks]
    assert sum(task == name for task, _ in quick) >= 3


@pytest.mark.parametrize("name", TASKS)
def test_a_recipe_changes_only_with_its_tasks_version(name):
    recipe = json.dumps(named(TASKS[name].recipe), sort_keys=True)
    found = (TASKS[name].version, hashlib.sha256(recipe.encode()).hexdigest()[:12])
    assert found == RECIPES[name], "rows of two recipes do not compare: raise the task's version"


@pytest.mark.parametrize(("task", "method"), PAIRS)
def test_a_method_solves_a_task_at_smoke_scale(task, method, place):
    prepared = prepare(TASKS[task], "smoke", place)
    record, _ = execute(plan(prepared, [METHODS[method]], place, settings="0")[0])
    assert (record.status, record.cause) == ("ok", None)
    assert record.quality_test > TASKS[task].metric.chance
    assert record.counts.macs > 0 or not record.cost.train_macs  # counts multiply nothing
    assert record.counts.size_bytes > record.counts.size_zstd_bytes > 0
    if task == HOME["vector"] and "int8" in method:
        assert record.counts.macs_int8 == record.counts.macs  # a microcontroller has no floats
    inherits = TASKS[task].search is not None and TASKS[task].search.inherits
    twice = record.setting.get("budget") == "reference" or (record.found and not inherits)
    searched = record.found.search_macs if record.found else 0.0
    most = (2 if twice else 1) * TASKS[task].budgets["smoke"].train_macs
    assert record.cost.train_macs - searched <= most * (1 + 1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_states_source_and_at_least_three_settings(name):
    method = METHODS[name]
    assert method.source
    assert len(method.summary) > 20
    assert len(method.settings) >= 3 or method.family == "reference" or method.solves == "Search"
    assert method.name == method.path.stem or method.family == "reference"


@pytest.mark.parametrize("name", METHODS)
def test_what_is_read_without_importing_equals_what_is_imported(name):
    listing = METHODS[name]
    method = registry.load_method(listing.path)
    for field in ("name", "version", "source", "modalities", "small_baseline", "uses_proxies"):
        assert getattr(method, field) == getattr(listing, field)
    assert [dict(each) for each in method.settings] == [dict(each) for each in listing.settings]
    assert method.solves.__name__ == listing.solves


SEARCHES = [
    pytest.param(
        task,
        method,
        marks=[] if task == "cell_search" or method == "random_search" else pytest.mark.slow,
    )
    for task in registry.table_tasks()
    for method in METHODS
    if any(
        search_runs.fits(METHODS[method], registry.table_tasks()[task], case)
        for case in registry.table_tasks()[task].cases
    )
]


@pytest.mark.parametrize(("task", "method"), SEARCHES)
def test_a_search_method_solves_a_case_at_smoke_scale(task, method, place):
    prepared = search_runs.prepare(registry.table_tasks()[task], "smoke", place)
    cases = search_runs.cases_of(prepared, ())
    case = next(one for one in cases if search_runs.fits(METHODS[method], prepared.task, one))
    run = search_runs.plan(prepared, [METHODS[method]], [case], place, settings="0")[0]
    record, trace, _ = search_runs.execute(run)
    assert (record.status, record.failures) == ("ok", [])
    assert set(trace["seed"][trace["answer"]].tolist()) == {0, 1}
    assert record.cost.queries > 0


@pytest.mark.parametrize("name", registry.table_tasks())
def test_a_table_task_has_a_card(name):
    task = registry.table_tasks()[name]
    assert (task.folder / "README.md").is_file()
    assert task.folder.name == name


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_a_card_and_keeps_what_its_model_has(name):
    task = TASKS[name]
    assert (task.folder / "README.md").is_file()
    assert task.folder.name == name
    modules = dict(task.build(**dict(task.smoke_shape)).named_modules())
    assert set(task.keep) <= set(modules)
