"""What searches found, beside what it turned out to be once trained and measured."""

from leaderboard.pages.found import derived_plot, found_table

FOUND = {
    "space": "three layers",
    "architecture": "layer1=32 <b>",
    "quality_when_found": 0.91,
    "cost_of": "macs",
    "cost": 25_000.0,
    "cost_of_reference": 100_000.0,
    "search_macs": 2.5e12,
    "table": {},
    "derived": [],
}
ROW = {
    "usable": True,
    "method": "random_search",
    "setting": {"limit": 0.25},
    "unit": "fraction",
    "cost_queries": 40.0,
    "quality_validation": 0.98,
    "macs": 26_000,
    "params": 26_500,
    "latency_ms_p50": None,
    "profile": "ort-1t-zen5",
    "found": FOUND,
}


def test_a_found_network_stands_beside_what_it_became():
    html = found_table([ROW])
    for shown in ("<td>91.0%</td><td>98.0%</td>", "<td>0.250</td>", "<td>0.0260</td>", "2.50"):
        assert shown in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_predicted_milliseconds_stand_beside_measured_ones():
    found = {**FOUND, "cost_of": "ort-1t-zen5", "cost": 0.5, "cost_of_reference": 2.0}
    html = found_table([{**ROW, "found": found, "latency_ms_p50": 0.55}])
    assert "0.500 ms on ort-1t-zen5" in html
    assert "<td>0.550</td>" in html
    elsewhere = {**ROW, "found": found, "latency_ms_p50": 0.55, "profile": "ort-1t-xeon-amx"}
    assert "<td>0.550</td>" not in found_table([elsewhere])


def test_rows_that_no_search_found_are_left_out():
    assert found_table([{**ROW, "found": None}, {**ROW, "usable": False}]) == ""


def test_a_table_of_trained_cells_stands_beside_what_was_found_and_how_it_was():
    derived = [
        {"share": 0.0, "architecture": "|none~0|", "table": {"cifar10": 0.8427}},
        {"share": 0.5, "architecture": 6 * "|skip_connect~0|", "table": {"cifar10": 0.543}},
    ]
    found = {**FOUND, "table": {"cifar10": 0.543}, "derived": derived}
    html = found_table([{**ROW, "found": found}])
    assert "CIFAR-10 in the table" in html
    assert "<td>54.30%</td>" in html
    assert "at the right end: random_search 54.3" in derived_plot([{**ROW, "found": found}])
    assert "at the right end: random_search 6" in derived_plot([{**ROW, "found": found}])
    assert derived_plot([ROW]) == ""
