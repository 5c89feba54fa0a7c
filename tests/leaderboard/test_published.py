"""Numbers of papers beside ours."""

import pytest

from harness import registry
from leaderboard.pages.sections import results_table
from leaderboard.published import FOLDER, cost_of, curves_of, repeats_of, results_of


def row(method, params, quality, validation, usable=True):
    return {
        "method": method,
        "setting": {},
        "usable": usable,
        "params": params,
        "quality": quality,
        "quality_validation": validation,
    }


ROWS = [
    row("little", 4e6, 0.90, 0.88),
    row("large", 20e6, 0.92, 0.91),
    row("broken", 1e6, 0.99, 0.99, usable=False),
]
PUBLISHED = """
result = [
  { name = "Dev one", source = "s", quality = 0.905, split = "dev", params = 22e6 },
  { name = "Test one", source = "s", quality = 0.910, split = "test", params = 5e6 },
  { name = "Tiny", source = "s", quality = 0.8, split = "test", params = 1e5 },
]
"""


@pytest.fixture
def published(tmp_path):
    (tmp_path / "task.toml").write_text(PUBLISHED)
    return results_of("task", tmp_path)


def test_dev_stands_beside_our_validation_and_test_beside_our_test(published):
    _, dev, test, tiny = results_table(ROWS, published, "fraction").split("<tr>")[-4:]
    assert "large" in dev and "+0.50" in dev  # 0.91 on validation against 0.905
    assert "little" in test and "-1.00" in test  # 0.90 on test against 0.91
    assert "little" not in tiny and "large" not in tiny


OF_MODELS = [path for path in sorted(FOLDER.glob("*.toml")) if "search" not in path.stem]


@pytest.mark.parametrize("path", OF_MODELS, ids=lambda path: path.stem)
def test_every_published_file_is_read_and_names_its_sources(path):
    repeated = repeats_of(path.stem)
    assert repeated is None or repeated in registry.tasks()
    found = [*curves_of(path.stem), *results_of(path.stem), *filter(None, [cost_of(path.stem)])]
    assert found or repeated
    assert all(one.source for one in found)


def test_a_task_without_a_file_has_no_published_numbers(tmp_path):
    assert (curves_of("none", tmp_path), results_of("none", tmp_path)) == ([], [])
