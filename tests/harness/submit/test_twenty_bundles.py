"""Twenty honest bundles of every task, of other seeds and packed by hand: all are accepted."""

import zipfile
from dataclasses import replace

import pytest
from bundles import CARD

from harness import registry
from harness.run import search_runs
from harness.run.matrix import plan, run_all
from harness.run.prepare import prepare
from harness.submit.pack import pack_runs
from harness.submit.verify import verify

pytestmark = pytest.mark.slow
SEEDS = range(3, 10)  # no published row has these
COUNT = 20


def by_hand(folder, number):
    """As people pack: the folder itself, a zip of its files, a zip of the folder."""
    if number % 3 == 0:
        return folder
    out = folder.with_suffix(".zip")
    top = folder if number % 3 == 1 else folder.parent
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if number % 2 else zipfile.ZIP_DEFLATED) as z:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_file():
                z.write(path, path.relative_to(top))
    return out


def all_accepted(folders, options, tmp_path):
    (tmp_path / "card.toml").write_text(CARD)
    for number, folder in enumerate(folders):
        home = tmp_path / str(number)
        home.mkdir()
        packed = pack_runs([folder], tmp_path / "card.toml", home / "bundle", store=str(home))
        verdict = verify(by_hand(packed, number), replace(options, store=home))
        assert verdict.accepted, verdict.reasons()


@pytest.mark.parametrize("name", registry.tasks())
def test_twenty_bundles_of_a_task_are_accepted(name, place, options, tmp_path):
    prepared = prepare(registry.find_task(name), "smoke", place)
    methods = [registry.find_method("width_scaled"), registry.find_method("static_int8")]
    runs = plan(prepared, methods, place, seeds=SEEDS, settings="0,1")[:COUNT]
    done = list(run_all(runs))
    assert [one.record.status for one in done] == ["ok"] * COUNT
    all_accepted([one.run.folder for one in done], options, tmp_path)


def test_twenty_bundles_of_searches_are_accepted(place, options, tmp_path):
    task = registry.find_table_task("cell_search")
    prepared = search_runs.prepare(task, "smoke", place)
    names = ("local_search", "random_search", "regularized_evolution", "size_proxy")
    methods = [registry.find_method(name) for name in names]
    cases = [case for case in search_runs.cases_of(prepared, ()) if case.device is None]
    runs = search_runs.plan(prepared, methods, cases, place, seeds=SEEDS, settings="0")[:COUNT]
    assert len(runs) == COUNT
    for run in runs:
        assert search_runs.execute(run)[0].status == "ok"
    all_accepted([run.folder for run in runs], options, tmp_path)
