"""Artifacts that crash, hang, read other files or cheat; each bundle around them is consistent."""

from __future__ import annotations

import pickle
from dataclasses import replace

import hostile_graphs as graphs
import numpy as np
import pytest
from bundles import put_artifact
from refusals import assert_refused

from harness.data import load_split
from harness.submit.pack import pack_model
from harness.submit.verify import verify

DIGITS = "mnist_mlp_microcontroller"


@pytest.fixture(scope="module")
def weight(digits):
    """A linear model of the training examples, float32 (784, 10), by least squares."""
    train = load_split(digits.data, "train")
    pixels = train.inputs["image"].reshape(len(train), -1).astype(float)
    found = np.linalg.lstsq(pixels, np.eye(10)[np.asarray(train.targets)], rcond=1e-3)[0]
    return np.asarray(found, np.float32)


@pytest.fixture(scope="module")
def test_split(digits):
    split = load_split(digits.data, "test")
    return np.array(split.inputs["image"]), np.array(split.targets)


UNREADABLE = {
    "a pickle": (lambda w: pickle.dumps({"weights": [1]}), "not an ONNX"),
    "an empty file": (lambda w: b"", "is empty"),
    "text": (lambda w: b"#!/bin/sh\nrm -rf /\n", "not an ONNX"),
    "a cut file": (lambda w: graphs.content(graphs.linear(w))[:-5000], "not an ONNX"),
    "parser recursion": (lambda w: graphs.nested_bytes(), "not an ONNX|nests graphs"),
    "nested graphs": (lambda w: graphs.content(graphs.nested(w)), "deeper than"),
    "weights elsewhere": (
        lambda w: graphs.content(graphs.external(w, "../../../etc/passwd")),
        r"lie in another file \('\.\./\.\./\.\./etc/passwd'\)",
    ),
    "weights at an absolute path": (
        lambda w: graphs.content(graphs.external(w, "/proc/self/environ")),
        "lie in another file",
    ),
    "a custom operator": (
        lambda w: graphs.content(graphs.custom_operator(w)),
        "custom domain 'evil.example'",
    ),
    "a tensor of 128 TB": (lambda w: graphs.content(graphs.giant_tensor(w)), "claims 351843"),
    "a tensor cut short": (lambda w: graphs.content(graphs.cut_tensor(w)), "cut or damaged"),
    "an open height": (lambda w: graphs.content(graphs.open_shape(w)), "dimension 1 open"),
    "an input of its own": (lambda w: graphs.content(graphs.with_input(w)), "asks for .'label'"),
    "NaN": (
        lambda w: graphs.content(graphs.not_finite(w, np.nan)),
        "returns NaN or infinite values",
    ),
    "infinity": (
        lambda w: graphs.content(graphs.not_finite(w, np.inf)),
        "returns NaN or infinite values",
    ),
    "nine classes": (lambda w: graphs.content(graphs.nine_classes(w)), r"not floats \(256, 10\)"),
    "whole numbers": (lambda w: graphs.content(graphs.whole_numbers(w)), "returns int32"),
    "40 outputs": (lambda w: graphs.content(graphs.many_outputs(w)), "more than 4 outputs"),
    "4 TB of memory": (
        lambda w: graphs.content(graphs.memory_hog(w)),
        "memory|allocate|bad_alloc|does not run",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_artifact_that_cannot_be_scored_is_refused(name, copy, judged, weight, tmp_path):
    make, reason = UNREADABLE[name]
    assert_refused(judged, put_artifact(copy, make(weight)), reason, tmp_path)


def test_an_artifact_that_never_ends_is_stopped(copy, options, weight, tmp_path):
    bundle = put_artifact(copy, graphs.content(graphs.endless(weight)))
    short = replace(options, seconds=8)
    reason = "still running after the limit of 8 s|ended the process|does not know"
    assert_refused(lambda path: verify(path, short), bundle, reason, tmp_path)


def packed(model, honest, tmp_path):
    """A bundle whose every claim is what the harness itself computes for the artifact."""
    path = tmp_path / "cheat.onnx"
    path.write_bytes(graphs.content(model))
    return pack_model(
        path, DIGITS, honest.card, tmp_path / "packed", scale="smoke", place=honest.place
    )


@pytest.fixture
def untimed(monkeypatch):
    """Packing does not time: only the audits are asked for here."""
    from harness.submit import pack

    monkeypatch.setattr(pack.timing, "default_profile", lambda: None)


def test_test_labels_known_by_hash_are_found(honest, judged, weight, test_split, tmp_path, untimed):
    bundle = packed(graphs.memorised(*test_split, 0 * weight), honest, tmp_path)
    verdict = assert_refused(judged, bundle, "known by heart", tmp_path)
    (row,) = verdict.rows
    assert row.run.quality_test == 1.0
    assert sum("known by heart" in reason for reason in verdict.reasons()) == 2


def test_labels_known_by_hash_beside_an_honest_model_are_found(
    honest, judged, weight, test_split, tmp_path, untimed
):
    images, targets = test_split
    noisy = weight + np.random.default_rng(0).normal(0, 4e-4, weight.shape).astype(np.float32)
    bundle = packed(graphs.memorised(images, targets, noisy), honest, tmp_path)
    assert_refused(judged, bundle, "memorisation: one grey level.*known by heart", tmp_path)


def test_outputs_cached_for_the_known_requests_are_found(
    honest, judged, test_split, tmp_path, untimed
):
    bundle = packed(graphs.cached(*test_split), honest, tmp_path)
    assert_refused(judged, bundle, "known requests are not faster: ", tmp_path)


def test_a_model_that_works_in_batches_only_is_found(honest, judged, weight, tmp_path, untimed):
    bundle = packed(graphs.only_in_batches(weight), honest, tmp_path)
    assert_refused(judged, bundle, "timed outputs are the scored ones", tmp_path)


def test_a_model_that_draws_lots_is_found(honest, judged, weight, tmp_path, untimed):
    bundle = packed(graphs.random_noise(weight), honest, tmp_path)
    assert_refused(judged, bundle, "labels differ", tmp_path)


def test_an_honest_linear_model_alone_is_accepted(honest, judged, weight, tmp_path, untimed):
    verdict = judged(packed(graphs.linear(weight), honest, tmp_path))
    assert verdict.accepted, verdict.reasons()
    assert verdict.rows[0].run.method.family == "model"
