"""One fault of each kind: a method that misbehaves is a failed row with a cause."""

import pytest

from harness.run import sandbox
from harness.run.stages import execute


@pytest.mark.parametrize(
    ("method", "status", "cause"),
    [
        ("raises", "failed", "RuntimeError: the method gave up"),
        ("nan_weights", "failed", "holds NaN or infinite values"),
        ("wrong_shape", "invalid_model", "not floats (256, 10)"),
        ("over_budget", "over_budget", "is above the budget"),
        ("floods", "failed", "limit of 10 MB"),
        ("returns_text", "failed", "solve returned str"),
        ("crashes", "crashed", "exit code"),
    ],
)
def test_a_failing_method_is_a_record_with_its_cause(run_of, method, status, cause):
    record, reused = execute(run_of(method))
    assert (record.status, reused) == (status, False)
    assert cause in record.cause
    assert record.quality_test is None


def test_a_method_that_never_ends_is_stopped_at_its_time_limit(run_of):
    record, _ = execute(run_of("never_ends", wall_seconds=3.0))
    assert record.status == "timeout"
    assert "limit of 3 s" in record.cause


def test_a_method_that_eats_memory_is_stopped_at_its_limit(run_of):
    record, _ = execute(run_of("eats_memory", memory_bytes=2 * 10**9))
    assert record.status == "out_of_memory"


@pytest.mark.skipif(sandbox.available() is not None, reason=f"no sandbox: {sandbox.available()}")
def test_a_method_that_goes_looking_for_test_data_finds_nothing(run_of, real_run):
    record, _ = execute(run_of("seeks_test_data"))
    assert record.cause == "LookupError: found []"
    assert record.environment["sandbox"] == "namespaces"


@pytest.fixture
def real_run(run_of):
    """A finished honest run, so that there are test predictions to be found."""
    record, _ = execute(run_of("honest"))
    assert record.status == "ok"


def test_a_finished_run_is_reused_and_a_failed_one_stays_on_record(run_of):
    for name in ("honest", "raises"):
        first, _ = execute(run_of(name))
        second, reused = execute(run_of(name))
        assert reused
        assert first == second
