"""The command that times a reference as its data grow: points, limits, what is refused."""

import pytest

from harness import registry
from harness.commands.complexity import complexity
from harness.errors import UsageError
from harness.record import read_records
from harness.record_studies import ComplexityRecord

CLICKS = "beauty_graph_recommendation"


def test_a_task_without_growth_is_refused(place):
    with pytest.raises(UsageError, match="does not say how it grows"):
        complexity("mnist_mlp_microcontroller", place, None, as_json=True)


@pytest.mark.slow
def test_every_part_of_small_sizes_is_timed(place):
    assert complexity(CLICKS, place, 1000, as_json=True) == 0
    (record,) = read_records([place.results / CLICKS / "complexity.standard.jsonl"])
    assert isinstance(record, ComplexityRecord)
    parts = {(one.phase, one.part) for one in record.points}
    assert len(parts) == 7
    assert all(one.ms > 0 and one.peak_bytes > 1e8 for one in record.points)
    sizes = registry.find_task(CLICKS).growth.sizes
    assert len(record.points) == 7 * (1 + len(sizes["neighbours"]))
