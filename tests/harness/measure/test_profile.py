from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.measure.machine import Machine, machine
from harness.measure.profile import anchors, freeze_anchor, list_profiles, load_profile, mismatch

XEON = Machine(
    "GenuineIntel", 6, 167,
    frozenset(["avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"]), 2, "x", "Linux",
)  # fmt: skip


@pytest.fixture
def profile(tmp_path):
    source = load_profile("ort-1t-xeon-amx").path
    path = tmp_path / "mine.toml"
    path.write_text(source.read_text())
    return load_profile(path)


@pytest.mark.parametrize("name", list_profiles())
def test_every_profile_loads_and_carries_its_hash(name):
    profile = load_profile(name)
    assert profile.name == name
    assert len(profile.sha256) == 64
    assert profile.block().name == name


def test_a_profile_of_each_kind_and_runtime_is_there():
    profiles = [load_profile(name) for name in list_profiles()]
    assert {each.kind for each in profiles} == {"measured", "table", "predicted", "remote"}
    assert {"onnxruntime", "openvino", "torch_cuda", "ncnn"} <= {each.runtime for each in profiles}


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'ort-1t-xeon-amx'"):
        load_profile("ort-1t-xeon-amxx")


def test_an_unknown_key_is_named(profile):
    profile.path.write_text('colour = "red"\n' + profile.path.read_text())
    with pytest.raises(UsageError, match="unknown key 'colour'"):
        load_profile(profile.path)


def test_a_value_of_the_wrong_type_is_named(profile):
    profile.path.write_text(profile.path.read_text().replace("threads = 1", "threads = 0"))
    with pytest.raises(UsageError, match="'threads'"):
        load_profile(profile.path)


def test_a_file_that_is_no_toml_is_refused(profile):
    profile.path.write_text("threads = [")
    with pytest.raises(UsageError, match="not a TOML file"):
        load_profile(profile.path)


def test_a_machine_of_the_class_matches_whatever_its_name(profile):
    assert mismatch(profile, XEON, "1.31.1") is None
    assert mismatch(profile, replace(XEON, name="another"), "1.31.0") is None


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"vendor": "AuthenticAMD"}, "AuthenticAMD"),
        ({"model": 85}, "model 85"),
        ({"flags": frozenset(["avx512f"])}, "amx_int8"),
        ({"cores": 0}, "cores"),
    ],
)
def test_another_machine_is_a_mismatch_with_a_reason(profile, changed, word):
    assert word in mismatch(profile, replace(XEON, **changed), "1.31.1")


def test_a_machine_that_has_what_the_class_lacks_is_a_mismatch(profile):
    text = profile.path.read_text()
    profile.path.write_text(
        text.replace("[cpu]", '[cpu]\nlacks = ["amx_int8"]').replace(
            '"amx_int8", "amx_bf16"]', '"avx512_bf16"]'
        )
    )
    without = load_profile(profile.path)
    assert "without amx_int8" in mismatch(without, XEON, "1.31.1")
    hidden = replace(XEON, flags=XEON.flags - {"amx_int8", "amx_bf16"})
    assert mismatch(without, hidden, "1.31.1") is None


@pytest.mark.parametrize("version", ["1.3", "1.310.0", "1.30.9", "2.31"])
def test_another_release_of_the_runtime_is_a_mismatch(profile, version):
    assert f"installed is {version}" in mismatch(profile, XEON, version)


def test_freezing_an_anchor_keeps_the_profiles_hash(profile):
    before = profile.sha256
    freeze_anchor(
        profile, "ab", "task", [3.0, *[2.0] * 5, *[1.0] * 4], where=XEON, version="1.31.1"
    )
    freeze_anchor(profile, "cd", "other", [5.0] * 10, where=XEON, version="1.31.1")
    assert load_profile(profile.path).sha256 == before
    assert anchors(profile)["ab"].nominal_ms == 2.0
    assert anchors(profile)["cd"].task == "other"
    assert list_profiles(profile.path.parent) == ["mine"]


def test_too_few_starts_freeze_nothing(profile):
    with pytest.raises(UsageError, match="9 quiet starts"):
        freeze_anchor(profile, "ab", "task", [1.0] * 9, where=XEON, version="1.31.1")
    assert anchors(profile) == {}


def test_an_anchor_is_not_frozen_on_another_machine(profile):
    with pytest.raises(UsageError, match="not frozen"):
        freeze_anchor(
            profile, "ab", "task", [1.0] * 10, where=replace(XEON, family=26), version="1.31.1"
        )


def test_the_machine_is_read_from_cpuinfo(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("vendor_id : X\ncpu family : 26\nmodel : 2\nflags : a b\n\nvendor_id : Y\n")
    found = machine(path)
    assert (found.vendor, found.family, found.model) == ("X", 26, 2)
    assert found.flags == {"a", "b"}
    assert found.cores >= 1


def test_a_machine_without_cpuinfo_is_unknown_and_matches_nothing(tmp_path, profile):
    found = machine(tmp_path / "none")
    assert "unknown" in mismatch(profile, found, "1.31.1")
