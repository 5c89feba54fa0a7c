import math

import numpy as np
import pytest
from scipy import stats

from harness.errors import SlimbenchError, UsageError
from harness.money import cost_per_million, cost_per_month
from harness.paired import (
    MINIMUM_STARTS,
    Interval,
    different,
    nominal_ms,
    of_artifacts,
    of_requests_alone,
    request_p99_ms,
    settled,
    speedup,
    spread,
    spread_ratio,
    student_quantile,
    throughput,
    undisturbed,
)


def noisy_pairs(generator, ratio=1.0, starts=8, between=0.02, blocks=6):
    """Starts of one pair: layout noise of each model per start, and neighbours that add time."""
    pairs = []
    for _ in range(starts):
        anchor, entry = ratio * math.exp(generator.normal(0, between)), 1.0
        slow = 1 + generator.exponential(0.02, size=(blocks, 2))
        pairs.append([(anchor * a, entry * b) for a, b in slow])
    return pairs


def test_an_entry_twice_as_fast_has_a_speedup_of_two():
    ratio = speedup([[(4.0, 2.0), (4.0, 2.0)], [(4.0, 2.0)]])
    assert ratio == Interval(2.0, 2.0, 2.0)


def test_the_interval_is_students_over_the_log_ratios_of_the_starts():
    step = 0.08
    ratio = speedup([[(math.exp(step * n), 1.0)] for n in (1, 2, 3)])
    error = 4.3027 * step / math.sqrt(3)
    assert ratio.value == pytest.approx(math.exp(2 * step))
    assert ratio.low == pytest.approx(math.exp(2 * step - error))
    assert ratio.high == pytest.approx(math.exp(2 * step + error))


def test_starts_in_which_either_model_was_slowed_are_left_out():
    quiet = [[(2.0, 1.0)], [(2.02, 1.0)], [(2.0, 1.01)]]
    slowed = [[(3.0, 1.4)], [(2.0, 1.3)], [(2.5, 1.0)]]
    assert undisturbed([*quiet, *slowed]).tolist() == [0, 1, 2]
    assert speedup([*slowed, *quiet]) == speedup(quiet)


def test_of_starts_that_were_all_slowed_the_two_least_are_kept():
    assert undisturbed([[(2.0, 9.0)], [(9.0, 1.0)], [(5.0, 2.0)]]).tolist() == [1, 2]


def test_one_odd_start_of_ten_moves_nothing():
    plain = [[(2.0, 1.0)], [(2.1, 1.0)]] * 5
    odd = [*plain[:-1], [(200.0, 1.0)]]
    assert speedup(odd).value == pytest.approx(speedup(plain).value, rel=0.02)


def test_the_fastest_blocks_of_a_start_count():
    assert speedup([[(4.0, 9.0), (9.0, 2.0)]] * 2).value == pytest.approx(2.0)


def test_one_start_alone_claims_no_range():
    assert speedup([[(2.0, 1.0)] * 50]) == Interval(2.0, 0.0, math.inf)


@pytest.mark.parametrize("pairs", [[], [[]], [[(1.0, 0.0)]], [[(1.0, float("nan"))]]])
def test_blocks_that_say_nothing_are_refused(pairs):
    with pytest.raises(SlimbenchError):
        speedup(pairs)


def test_identical_models_are_rarely_called_different():
    generator = np.random.default_rng(0)
    assert sum(different(noisy_pairs(generator)) for _ in range(400)) <= 400 * 0.09


def test_heavy_tails_do_not_break_the_range():
    generator = np.random.default_rng(2)
    draws = np.exp(0.01 * generator.standard_t(2, size=(400, 8)))
    held = sum(speedup([[(ratio, 1.0)] for ratio in starts]).holds(1.0) for starts in draws)
    assert held >= 0.93 * 400


def test_the_range_holds_the_true_ratio_when_stopping_as_soon_as_it_settles():
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        pairs = noisy_pairs(generator, ratio=3.0, starts=20)
        starts = next((n for n in range(MINIMUM_STARTS, 20) if settled(pairs[:n])), len(pairs))
        held += speedup(pairs[:starts]).holds(3.0)
    assert held >= 0.9 * 300


def test_students_quantiles_are_scipys():
    for freedom in (*range(1, 61), 100, 1000):
        exact = stats.t.ppf(0.975, freedom)
        assert student_quantile(freedom) == pytest.approx(exact, rel=1e-3)


def test_nominal_latency_swaps_the_bounds():
    assert nominal_ms(10.0, Interval(2.0, 1.0, 4.0)) == Interval(5.0, 2.5, 10.0)


def test_p99_over_requests_scales_with_the_nominal_latency():
    requests = [1.0] * 97 + [3.0] * 3
    assert request_p99_ms(requests, Interval(5.0, 4.0, 6.0)) == pytest.approx(15.0)


def test_artifacts_count_alike_and_their_range_carries_how_they_differ():
    ratios = [Interval(value, 0.99 * value, value / 0.99) for value in (9.0, 10.0, 100 / 9)]
    found = of_artifacts(ratios)
    assert found.value == pytest.approx(10.0)
    between = 4.303 * math.log(10 / 9) / math.sqrt(3)
    error = math.hypot(between, math.log(1 / 0.99) / math.sqrt(3))
    assert math.log(found.high / found.value) == pytest.approx(error, rel=1e-3)
    assert math.log(found.value / found.low) == pytest.approx(error, rel=1e-3)
    assert of_artifacts(ratios[:1]) is ratios[0]
    once = of_artifacts([Interval(2.0, 0.0, math.inf), Interval(2.0, 1.9, 2.1)])
    assert (once.low, once.high) == (0.0, math.inf)


def test_requests_of_any_length_are_as_fast_as_their_mean():
    requests = [1.0, 2.0, 3.0, 4.0] * 50  # a block would keep the calls that take 1 ms
    pairs = [[(ms, 1.0), (1.1 * ms, 1.1)] for ms in (10.0, 10.1, 9.9)]
    found = of_requests_alone(pairs, requests)
    assert found.value == pytest.approx(10.0 / 2.5)
    drawn = 1.96 * math.sqrt(1.25 / 199) / 2.5
    starts = 4.30 * float(np.log([10.0, 10.1, 9.9]).std())
    assert math.log(found.high / found.value) == pytest.approx(math.hypot(drawn, starts), rel=0.01)
    with pytest.raises(SlimbenchError, match="no request was timed alone"):
        of_requests_alone(pairs, [])


def test_throughput_counts_examples_per_second():
    assert throughput(16, [(2.0, 8.0)], anchor_nominal_ms=4.0) == pytest.approx(1000.0)


def test_spread_is_deviation_over_mean():
    assert spread([9.0, 10.0, 11.0]) == pytest.approx(0.1)


def test_the_ratio_of_spreads_comes_with_a_range():
    generator = np.random.default_rng(0)
    ratio = spread_ratio(generator.normal(1, 0.01, 400), generator.normal(1, 0.05, 400))
    assert ratio.low < ratio.value < ratio.high
    assert ratio.holds(5.0)


def test_a_million_requests_of_36_ms_cost_ten_hours():
    cost = cost_per_million(0.5, Interval(36.0, 18.0, 72.0))
    assert cost == Interval(pytest.approx(5.0), pytest.approx(2.5), pytest.approx(10.0))


def test_a_month_pays_for_whole_machines():
    cost = cost_per_month(1.0, Interval(10.0, 5.0, 20.0), 100, utilisation=0.5)
    assert cost == Interval(2 * 730, 1 * 730, 4 * 730)


def test_an_impossible_utilisation_is_refused():
    with pytest.raises(UsageError, match="utilisation 0"):
        cost_per_month(1.0, Interval(1.0, 1.0, 1.0), 1, utilisation=0)
