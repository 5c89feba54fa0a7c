import time

import numpy as np
import pytest

from harness.measure.timing import (
    Plan,
    Requests,
    Timer,
    TimingError,
    alternate,
    deterministic,
    fastest_per_request,
    overhead_ns,
)

INPUTS = {"x": np.arange(12, dtype=np.float32).reshape(6, 2)}


class Clock:
    """A clock that only moves when a model says so, and by 10 ns a reading."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 10
        return self.now

    def spending(self, *milliseconds):
        """A model that takes the given times in turn, the last one for ever."""
        left = list(milliseconds)

        def model(inputs):
            self.now += round(1e6 * (left.pop(0) if len(left) > 1 else left[0]))
            return [inputs["x"]]

        return model


def timer(clock, model, **plan):
    return Timer(model, Requests(INPUTS), Plan(**plan), clock=clock)


def test_timer_overhead_is_the_least_difference_of_two_readings():
    assert overhead_ns(Clock()) == 10


def test_a_block_fills_its_time_and_drops_the_cold_calls():
    clock = Clock()
    one = timer(clock, clock.spending(10), block_ms=150)
    one.calibrate()
    assert one.calls == 2 + 15
    one.model = clock.spending(90, 50, 10)
    assert one.block() == pytest.approx(10, abs=1e-4)


def test_a_slow_model_drops_one_call_and_keeps_one():
    clock = Clock()
    one = timer(clock, clock.spending(1000), block_ms=150)
    one.calibrate()
    assert one.calls == 2
    one.model = clock.spending(5000, 1000)
    assert one.block() == pytest.approx(1000, abs=1e-4)


def test_warming_ends_when_a_block_stops_improving():
    clock = Clock()
    one = timer(clock, clock.spending(100), block_ms=50, dropped=0, warm_blocks=9)
    one.calls = 1
    one.model = clock.spending(100, 80, 60, 59.9, 10)
    one.warm()
    assert one.block() == pytest.approx(10, abs=1e-4)


def test_a_clock_that_steps_back_is_named():
    readings = iter([100, 50])
    one = timer(lambda: next(readings), lambda inputs: [inputs["x"]])
    one.calls = 1
    with pytest.raises(TimingError, match="clock stepped back by 50 ns"):
        one.block()


def test_blocks_alternate_in_an_order_drawn_by_lot():
    clock, order = Clock(), []

    def noting(name):
        def model(inputs):
            order.append(name)
            clock.now += 1_000_000
            return [inputs["x"]]

        return model

    timers = [timer(clock, noting(name)) for name in "ae"]
    for each in timers:
        each.calls = 1
    pairs = alternate(*timers, Plan(pairs=40, seed=1))
    firsts = order[::2]
    assert len(pairs) == 40
    assert all({a, b} == {"a", "e"} for a, b in zip(order[::2], order[1::2], strict=True))
    assert 10 < firsts.count("a") < 30


def test_every_request_is_a_fresh_copy_and_each_comes_once_a_round():
    requests = Requests(INPUTS)
    rows = []
    for _ in range(6):
        row, inputs = requests.fresh()
        inputs["x"][:] = -1
        rows += row
    assert sorted(rows) == list(range(6))
    assert INPUTS["x"].min() == 0


def test_outputs_within_tolerance_match():
    requests = Requests(INPUTS, [INPUTS["x"]], tolerance=1e-2)
    requests.check([3], [INPUTS["x"][3:4] + 0.1])
    assert requests.match is True
    requests.check([3], [INPUTS["x"][3:4] + 0.2])
    assert requests.match is False


def test_labels_are_compared_with_the_argmax():
    requests = Requests(INPUTS, [np.array([1, 1, 1, 1, 1, 0])])
    requests.check([0], [INPUTS["x"][:1]])
    assert requests.mismatched == 0
    requests.check([5], [INPUTS["x"][5:]])
    assert requests.mismatched == 1


def test_a_cache_that_answers_every_request_alike_is_caught():
    requests = Requests(INPUTS, [INPUTS["x"]])
    first = INPUTS["x"][:1]
    one = Timer(lambda inputs: [first], requests, Plan(block_ms=1))
    one.calls = 12
    one.block()
    assert requests.match is False


def test_no_number_is_an_error():
    with pytest.raises(TimingError, match="NaN"):
        Requests(INPUTS).check([0], [np.array([[np.nan]])])


def test_a_random_model_is_not_deterministic():
    random = np.random.default_rng(0)
    assert not deterministic(lambda inputs: [random.normal(size=2)], Requests(INPUTS))
    assert deterministic(lambda inputs: [inputs["x"]], Requests(INPUTS))


def test_each_request_keeps_its_fastest_call():
    calls = []

    def model(inputs):
        calls.append(int(inputs["x"][0, 0]) // 2)
        return [inputs["x"]]

    times = fastest_per_request(
        model, Requests(INPUTS), limit=4, passes=3, seconds=10, spread_seconds=0
    )
    assert len(times) == 4
    assert sorted(calls) == sorted([0, 1, 3, 5] * 3)  # of six, from the first to the last


def test_a_request_alone_costs_what_it_costs_in_a_block():
    weights = np.random.default_rng(0).normal(size=(64, 64)).astype("f4")

    def model(inputs):
        return [np.tanh(inputs["x"] @ weights)]

    inputs = {"x": np.random.default_rng(1).normal(size=(100, 64)).astype("f4")}
    timer = Timer(model, Requests(inputs), Plan(block_ms=20.0))
    timer.calibrate()
    block = min(timer.block() for _ in range(10))
    times = fastest_per_request(model, Requests(inputs), 100, passes=5, seconds=2)
    assert np.median(times) < 1.25 * block


def test_slow_requests_are_called_as_far_as_time_goes():
    times = fastest_per_request(
        lambda inputs: (time.sleep(0.02), [inputs["x"]])[1],
        Requests(INPUTS),
        limit=6,
        passes=3,
        seconds=0.05,
    )
    assert 1 <= len(times) <= 4
