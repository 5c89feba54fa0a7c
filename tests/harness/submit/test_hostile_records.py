"""Bundles whose records, card or predictions were edited; every hash in them was renewed."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from bundles import CARD, reseal, rewrite
from refusals import assert_refused

from harness.measure.machine import machine
from harness.measure.profile import load_profile
from harness.record import MeasurementRecord, sha256_of, to_line

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")


def edited(*path, to):
    """A record whose field at `path` was changed."""

    def spoil(copy, honest):
        def change(fields):
            for key in path[:-1]:
                fields = fields[key]
            fields[path[-1]] = to(fields[path[-1]]) if callable(to) else to

        return rewrite(copy, change)

    return spoil


def carded(**lines):
    """A card with lines replaced (or added) as raw TOML."""

    def spoil(copy, honest):
        kept = [line for line in CARD.splitlines() if line.split(" = ")[0] not in lines]
        added = [f"{name} = {value}" for name, value in lines.items() if value is not None]
        (copy / "card.toml").write_text("\n".join([*kept, *added]))
        return reseal(copy)

    return spoil


def card_bytes(content):
    def spoil(copy, honest):
        (copy / "card.toml").write_bytes(content)
        return reseal(copy)

    return spoil


def lines(make):
    """Records as raw lines."""

    def spoil(copy, honest):
        path = copy / "records.jsonl"
        path.write_bytes(make(path.read_bytes()))
        return reseal(copy)

    return spoil


def predictions(make):
    """Predictions replaced by other bytes; record and hashes follow."""

    def spoil(copy, honest):
        (path,) = (copy / "predictions").iterdir()
        path.write_bytes(make(path))
        return rewrite(copy, lambda fields: fields.update(predictions_sha256=sha256_of(path)))

    return spoil


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def other_labels(path):
    with np.load(path) as stored:
        labels = stored["prediction"].copy()
    labels[:3] = (labels[:3] + 1) % 10
    return npz(prediction=labels, example_scores=np.ones(len(labels), bool))


def header_that_claims_the_moon(path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (10000000000000,), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("prediction.npy", content)
    return buffer.getvalue()


def objects(path):
    return npz(prediction=np.array([{"a": 1}] * 512, dtype=object))


def timed(**changes):
    """The honest record with a timing beside it, of which some fields are changed."""

    def spoil(copy, honest):
        run = json.loads((copy / "records.jsonl").read_text().splitlines()[0])
        profile = load_profile("ort-1t-xeon-amx")
        fields = {
            "task": run["task"]["name"],
            "task_version": run["task"]["version"],
            "artifact_sha256": run["artifact_sha256"],
            "anchor_sha256": sha256_of(honest.anchor),
            "anchor_nominal_ms": 0.03,
            "profile": profile.block("1.31.1"),
            "status": "ok",
            "pairs": [[(0.03, 0.015)] * 4] * 10,
            "settled": True,
            "environment": machine().facts()
            | {"vendor": "GenuineIntel", "family": 6, "model": 143, "flags": profile.cpu.flags},
            "created": run["created"],
        }
        record = MeasurementRecord(**(fields | changes))
        with (copy / "records.jsonl").open("a") as file:
            file.write(f"{to_line(record)}\n")
        return reseal(copy)

    return spoil


def same_run_again(copy, honest):
    text = (copy / "records.jsonl").read_text()
    (copy / "records.jsonl").write_text(text * 2)
    return reseal(copy)


def another_method_beside(copy, honest):
    text = (copy / "records.jsonl").read_text()
    rewrite(copy, lambda fields: fields["method"].update(version=2))
    (copy / "records.jsonl").write_text(text + (copy / "records.jsonl").read_text())
    return reseal(copy)


def another_file_as_method(copy, honest):
    (copy / "method.py").write_text("import os\nos.system('touch ran')\n")
    return reseal(copy)


def no_method_file(copy, honest):
    (copy / "method.py").unlink()
    return reseal(copy)


def swapped_artifact(copy, honest):
    (path,) = (copy / "artifacts").iterdir()
    path.write_bytes(honest.anchor.read_bytes())
    return reseal(copy)


def no_artifact(copy, honest):
    (path,) = (copy / "artifacts").iterdir()
    path.unlink()
    return reseal(copy)


def pointer(url, size=1000):
    def spoil(copy, honest):
        (path,) = (copy / "artifacts").iterdir()
        path.unlink()
        fields = {"url": url, "sha256": "0" * 64, "size_bytes": size}
        path.with_suffix(".json").write_text(json.dumps(fields))
        return reseal(copy)

    return spoil


def no_predictions(copy, honest):
    (path,) = (copy / "predictions").iterdir()
    path.unlink()
    return reseal(copy)


def predictions_of_another_run(copy, honest):
    (path,) = (copy / "predictions").iterdir()
    path.write_bytes(other_labels(path))
    return reseal(copy)


def many_runs(copy, honest):
    text = (copy / "records.jsonl").read_text()
    (copy / "records.jsonl").write_text(text * 401)
    return reseal(copy)


HOSTILE = {
    "an edited row with its old digest": (
        lines(lambda raw: raw.replace(b'"seed":0', b'"seed":1')),
        "digest .* does not fit",
    ),
    "no row": (lines(lambda raw: b""), "holds no run"),
    "a row that is no JSON": (lines(lambda raw: b"seed: 0\n"), "not a JSON row"),
    "a row nested 100,000 deep": (lines(lambda raw: b"[" * 100_000), "recursion|not a JSON row"),
    "a number of 100,000 digits": (lines(lambda raw: b"1" * 100_000), "digits|not a JSON row"),
    "rows that are not UTF-8": (lines(lambda raw: b"\xff\xfe" + raw), "records.jsonl is not UTF-8"),
    "a pickle as a row": (lines(lambda raw: pickle.dumps(Path("x"))), "not UTF-8|not a JSON row"),
    "a status of its own": (
        edited("kind", to="status"),
        "not a valid record at 'status",
    ),
    "an unknown field": (
        lambda copy, honest: rewrite(copy, lambda fields: fields.update(bonus=1)),
        "not a valid record at 'run.bonus'",
    ),
    "a setting that is a number": (edited("setting", to=3), "not a valid record at 'run.setting'"),
    "NaN as quality": (edited("quality_test", to=float("nan")), "'quality_test' is NaN"),
    "infinite quality": (edited("quality_validation", to=float("inf")), "'quality_validation' is"),
    "NaN hidden in a slice": (edited("slices_test", "3", to=float("nan")), r"'slices_test\.3'"),
    "a higher score": (edited("quality_test", to=0.99999), "quality_test: the artifact scores"),
    "a higher validation score": (
        edited("quality_validation", to=0.12345),
        "quality_validation: the artifact scores",
    ),
    "fewer MACs": (edited("counts", "macs", to=lambda n: n // 2), "macs: the artifact's macs"),
    "fewer parameters": (edited("counts", "params", to=1), "params: the artifact's params is"),
    "fewer non-zero ones": (edited("counts", "params_nonzero", to=1), "params_nonzero: the"),
    "a smaller size": (edited("counts", "size_bytes", to=1), "size_bytes: the artifact's"),
    "less memory": (edited("counts", "peak_memory_bytes", to=1), "peak_memory_bytes: the"),
    "no counts": (edited("counts", to=None), "lacks its quality or its counts"),
    "an old task version": (edited("task", "version", to=0), "task version 0, current is 1"),
    "a future task version": (edited("task", "version", to=2), "task version 2, current is 1"),
    "an unknown task": (edited("task", "name", to="mnist"), "no task is named 'mnist'"),
    "a task name that climbs": (edited("task", "name", to="../../x"), "no task is named"),
    "an easier limit": (edited("task", "limits", 0, "bound", to=0.5), "'limits' was changed"),
    "another metric": (edited("task", "metric", "chance", to=0.9), "'metric' was changed"),
    "fewer test examples": (edited("task", "test_examples", to=10), "'test_examples' was changed"),
    "another reference": (
        edited("task", "reference", "sha256", to="0" * 64),
        "compared with another reference",
    ),
    "a slower reference": (
        edited("task", "reference", "macs", to=lambda n: 2 * n),
        "reference's figures were changed",
    ),
    "a weaker reference": (
        edited("task", "reference", "quality_test", to=0.5),
        "reference's figures were changed",
    ),
    "a future date": (edited("created", to=TOMORROW), "lies in the future"),
    "a date without a zone": (edited("created", to="2026-11-01T10:00:00"), "names no time zone"),
    "no date": (edited("created", to="yesterday"), "'yesterday' is no ISO date"),
    "a date before the project": (edited("created", to="1999-01-01T00:00:00Z"), "before slimbench"),
    "verified by itself": (edited("verification", to="verified"), "calls itself 'verified'"),
    "a failed run": (edited("status", to="failed"), "has the status 'failed'"),
    "a key that is a path": (edited("key", to="../" * 22), "key .* is no sha256"),
    "an artifact that is a path": (edited("artifact_sha256", to="/etc/passwd"), "is no sha256"),
    "a negative seed": (edited("seed", to=-1), "a seed is a whole number"),
    "a setting of a megabyte": (edited("setting", to={"a": "x" * 10**6}), "more than 2000 char"),
    "a name of 10 MB": (edited("method", "name", to="a" * 10**7), "is no name: use 2 to 61"),
    "a Cyrillic letter": (
        edited("method", "name", to="stud\u0435nt"),
        r"stud\\u0435nt",
    ),
    "a name that turns around": (edited("method", "name", to="a\u202eb"), r"a\\u202eb"),
    "a name with a tag": (edited("method", "name", to="<script>alert(1)"), "is no name"),
    "a name that climbs": (edited("method", "name", to="../../etc/x"), "is no name"),
    "a family with a tag": (edited("method", "family", to="<b>"), "family '<b>' is no name"),
    "our name": (edited("method", "name", to="l1_filter_pruning"), "is taken by a method"),
    "the reference's name": (edited("method", "name", to="reference"), "is taken by a method"),
    "called a small baseline": (edited("method", "small_baseline", to=True), "only ours are"),
    "the same run twice": (same_run_again, "two runs of the bundle have the same key"),
    "two methods": (another_method_beside, "one bundle holds one method"),
    "too many rows": (many_runs, "401 records are above the limit 400"),
    "another method file": (another_file_as_method, "method.py is not the file that made"),
    "no method file": (no_method_file, "method.py is missing"),
    "a swapped artifact": (swapped_artifact, "is not the file that its record names"),
    "no artifact": (no_artifact, r"artifacts/.*\.onnx is missing"),
    "an artifact at a local path": (pointer("/etc/passwd"), "address '/etc/passwd' is not"),
    "an artifact at file://": (pointer("file:///etc/passwd"), "is not followed"),
    "a chain of file systems": (
        pointer("simplecache::https://example.org/m.onnx"),
        "is not followed",
    ),
    "a chain inside an address": (
        pointer("https://example.org::file:///etc/passwd"),
        "is not followed",
    ),
    "an artifact in a local shell": (pointer("ssh://example.org/m.onnx"), "is not followed"),
    "an artifact of a terabyte": (pointer("https://example.org/m.onnx", 10**12), "limit is 200 MB"),
    "no predictions": (no_predictions, r"predictions/.*\.npz is missing"),
    "predictions of another run": (predictions_of_another_run, "not those its record names"),
    "edited predictions": (predictions(other_labels), "3 labels differ; on the same class"),
    "predictions that are objects": (predictions(objects), "no plain predictions"),
    "predictions that are a pickle": (
        predictions(lambda path: pickle.dumps([1, 2])),
        "no plain predictions",
    ),
    "predictions that claim the moon": (
        predictions(header_that_claims_the_moon),
        "cannot be read: MemoryError|no plain predictions",
    ),
    "predictions that unpack to gigabytes": (
        predictions(lambda path: npz(prediction=np.zeros(10**8, np.uint8))),
        "bytes for 512 examples",
    ),
    "too few predictions": (
        predictions(lambda path: npz(prediction=np.zeros(5, np.uint8))),
        r"uint8 \(5,\), not a number for each",
    ),
    "predictions that are text": (
        predictions(lambda path: npz(prediction=np.array(["a"] * 512))),
        "not a number for each",
    ),
    "a timing off profile": (
        timed(environment=machine().facts() | {"vendor": "AuthenticAMD", "family": 26}),
        "measured off profile: .* is for GenuineIntel",
    ),
    "a timing of another runtime": (
        timed(profile=load_profile("ort-1t-xeon-amx").block("1.20.0")),
        "measured off profile: .* installed is 1.20.0",
    ),
    "a timing on no machine": (timed(environment={}), "off profile"),
    "a timing on an unknown profile": (
        timed(profile=load_profile("ort-1t-xeon-amx").block().model_copy(update={"name": "../x"})),
        r"no profile is named '\.\./x'",
    ),
    "a timing on a changed profile": (
        timed(
            profile=load_profile("ort-1t-xeon-amx").block().model_copy(update={"sha256": "0" * 64})
        ),
        "was changed since",
    ),
    "a timing against another anchor": (timed(anchor_sha256="0" * 64), "another anchor"),
    "a timing of another task": (timed(task="cifar10"), "the timing is of task 'cifar10'"),
    "a timing of another artifact": (timed(artifact_sha256="0" * 64), "that no run of the bundle"),
    "negative times": (timed(pairs=[[(0.03, -0.01)]]), "not a positive finite time"),
    "infinite times": (timed(pairs=[[(float("inf"), 0.01)]]), "not a positive finite time"),
    "no block": (timed(pairs=[[]]), "holds no block"),
    "no start": (timed(pairs=[]), "0 process starts"),
    "one start called settled": (timed(pairs=[[(0.03, 0.01)]]), "calls itself settled"),
    "a failed timing": (timed(status="failed"), "the timing has the status 'failed'"),
    "a future timing": (timed(created=TOMORROW), "a measurement: the date .* in the future"),
    "no known licence": (carded(licence='"Do what you like"'), "is no known SPDX name"),
    "a licence that is a list": (carded(licence='["MIT"]'), "'licence': Input should be a valid"),
    "no licence": (carded(licence=None), "'licence': Field required"),
    "no try": (carded(tries="0"), "'tries': Input should be greater"),
    "tries as text": (carded(tries='"7"'), "'tries': Input should be a valid integer"),
    "an unknown card field": (carded(verified="true"), "'verified': Extra inputs"),
    "a card name too long": (carded(name=f'"{"a" * 81}"'), "'name': String should have at most"),
    "a card of 10 MB": (carded(name=f'"{"a" * 10**7}"'), "10.0 MB is above the limit 0.1 MB"),
    "a card that turns around": (carded(description='"good \u202etxt.exe"'), r"U\+202E"),
    "a card with a hidden letter": (carded(authors='["Ada\u200b Lovelace"]'), r"U\+200B"),
    "a script as address": (carded(code_url='"javascript:alert(1)"'), "is no https:// address"),
    "an address with a blank": (carded(code_url='"https://a.b/ onload=x"'), "is no https"),
    "no author": (carded(authors="[]"), "'authors': List should have at least 1"),
    "a card that is no TOML": (card_bytes(b"name: x\n"), "card.toml is not TOML"),
    "a card that is not UTF-8": (card_bytes(b'name = "\xff\xfe"'), "card.toml is not UTF-8"),
    "a card nested 20,000 deep": (card_bytes(b"a = " + b"[" * 20_000), "card.toml is not TOML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_edited_bundle_is_refused_with_its_own_reason(name, copy, honest, judged, tmp_path):
    spoil, reason = HOSTILE[name]
    assert_refused(judged, spoil(copy, honest), reason, tmp_path)


def test_more_runs_than_the_card_admits_to_are_refused(copy, judged, tmp_path):
    lines = (copy / "records.jsonl").read_text()
    rewrite(copy, lambda fields: fields.update(key="a" * 64))
    (copy / "records.jsonl").write_text(lines + (copy / "records.jsonl").read_text())
    (copy / "card.toml").write_text(CARD.replace("tries = 7", "tries = 1"))
    assert_refused(judged, reseal(copy), "1 tries, the bundle alone holds 2 runs", tmp_path)


def test_the_method_file_of_a_bundle_is_never_run(copy, judged, tmp_path, monkeypatch):
    """An honest bundle whose method would leave a file when imported: accepted, and no file."""
    monkeypatch.chdir(tmp_path)
    source = (copy / "method.py").read_text() + "\nopen('ran', 'w').close()\n"
    (copy / "method.py").write_text(source)
    digest = sha256_of(source.encode())
    verdict = judged(rewrite(copy, lambda fields: fields["method"].update(source_sha256=digest)))
    assert verdict.accepted, verdict.reasons()
    assert not (tmp_path / "ran").exists()
