"""Today's ways to time one ONNX model, each alone in its process: prints one latency in ms.

    python tests/benchmarks/rival_timers.py METHOD MODEL.onnx SECONDS

Each follows its tool's documented defaults (see references in site/measuring.md); the number of
threads is 1 and the input the same for every call, as in those tools.
"""

import statistics
import sys
import time

import numpy as np
import onnxruntime


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    loaded = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (item,) = loaded.get_inputs()
    x = np.random.default_rng(0).normal(size=(1, *item.shape[1:])).astype(np.float32)
    return lambda: loaded.run(None, {item.name: x})


def sequential_median(run, seconds):
    """50 warm-up calls, then the median of single calls."""
    return statistics.median(calls(run, seconds, warm=50))


def ort_perf_test(run, seconds):
    """`onnxruntime_perf_test -m duration`: one warm-up call, then the average."""
    return statistics.fmean(calls(run, seconds, warm=1))


def torch_benchmark(run, seconds):
    """`torch.utils.benchmark.Timer(...).blocked_autorange()`: the median over blocks."""
    from torch.utils.benchmark import Timer

    timer = Timer("run()", globals={"run": run}, num_threads=1)
    return 1000 * timer.blocked_autorange(min_run_time=seconds).median


def pytest_benchmark_rounds(run, seconds):
    """pytest-benchmark: at least 5 rounds, each long enough for the timer, for `max_time`."""
    import gc

    iterations = 1
    while (took := repeated(run, iterations)) < 1e-4:
        iterations = max(iterations + 1, round(iterations * 1e-4 / max(took, 1e-9)))
    gc.disable()
    rounds = []
    end = time.perf_counter() + seconds
    while len(rounds) < 5 or time.perf_counter() < end:
        rounds.append(1000 * repeated(run, iterations) / iterations)
    return rounds


def pytest_benchmark_median(run, seconds):
    return statistics.median(pytest_benchmark_rounds(run, seconds))


def pytest_benchmark_min(run, seconds):
    return min(pytest_benchmark_rounds(run, seconds))


def repeated(run, iterations):
    begin = time.perf_counter()
    for _ in range(iterations):
        run()
    return time.perf_counter() - begin


def calls(run, seconds, warm):
    for _ in range(warm):
        run()
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - begin))
    return times


RIVALS = {
    rival.__name__: rival
    for rival in (
        sequential_median,
        ort_perf_test,
        torch_benchmark,
        pytest_benchmark_median,
        pytest_benchmark_min,
    )
}

if __name__ == "__main__":
    method, path, seconds = sys.argv[1:4]
    print(RIVALS[method](session(path), float(seconds)))
