"""Archives and folders that try to run code, leave their place or fill the machine."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from bundles import reseal
from refusals import assert_refused

from harness.submit import archive


class Payload:
    """A pickle that leaves a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def zipped(folder: Path, out: Path, extra: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                made.write(path, path.relative_to(folder))
        for name, content in (extra or {}).items():
            made.writestr(name, content)
    return out


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system = 3
    made.external_attr = mode << 16
    return made


def add(folder: Path, name: str, content: bytes = b"x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return folder


def a_pickle(copy, outside):
    return add(copy, "model.pkl", pickle.dumps(Payload(outside / "ran")))


def a_checkpoint(copy, outside):
    return add(copy, "artifacts/model.pt", pickle.dumps(Payload(outside / "ran")))


def with_entry(name, content=b"x", mode=0o100644):
    def spoil(copy, outside):
        made = outside / "bundle.zip"
        zipped(copy, made)
        with zipfile.ZipFile(made, "a") as opened:
            opened.writestr(entry(name, mode), content)
        return made

    return spoil


def a_link_in_the_folder(copy, outside):
    (copy / "method.py").unlink()
    (copy / "method.py").symlink_to("/etc/passwd")
    return copy


def a_linked_folder(copy, outside):
    shutil.rmtree(copy / "predictions")
    (copy / "predictions").symlink_to("/etc")
    return copy


def a_pipe(copy, outside):
    (copy / "method.py").unlink()
    os.mkfifo(copy / "method.py")
    return copy


def a_zip_bomb(copy, outside):
    return zipped(copy, outside / "b.zip", {f"artifacts/{'0' * 16}.onnx": bytes(210 * 10**6)})


def a_bomb_that_lies_about_its_size(copy, outside):
    """The directory of the archive says 10 bytes, the content has 200,000."""
    made = zipped(copy, outside / "b.zip", {"predictions/0123456789abcdef.npz": bytes(200_000)})
    raw = made.read_bytes()
    size = struct.pack("<I", 200_000)
    assert raw.count(size) == 2
    made.write_bytes(raw.replace(size, struct.pack("<I", 10)))
    return made


def many_files(copy, outside):
    names = [f"predictions/{number:016x}.npz" for number in range(1100)]
    return zipped(copy, outside / "b.zip", dict.fromkeys(names, b""))


def together_too_large(copy, outside):
    names = [f"artifacts/{number:016x}.onnx" for number in range(4)]
    with zipfile.ZipFile(outside / "b.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, bytes(140 * 10**6), compresslevel=1)
    return outside / "b.zip"


def encrypted(copy, outside):
    made = zipped(copy, outside / "b.zip")
    raw = bytearray(made.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.find(signature)
        while start >= 0:
            raw[start + offset] |= 1
            start = raw.find(signature, start + 4)
    made.write_bytes(bytes(raw))
    return made


def twice(copy, outside):
    made = zipped(copy, outside / "b.zip")
    with zipfile.ZipFile(made, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("card.toml", "another")
    return made


def truncated(copy, outside):
    made = zipped(copy, outside / "b.zip")
    made.write_bytes(made.read_bytes()[:-200])
    return made


def damaged(copy, outside):
    made = zipped(copy, outside / "b.zip")
    raw = bytearray(made.read_bytes())
    middle = len(raw) // 3
    raw[middle : middle + 50] = bytes(50)
    made.write_bytes(bytes(raw))
    return made


def no_archive(copy, outside):
    path = outside / "b.zip"
    path.write_bytes(b"MZ\x90" * 1000)
    return path


def an_empty_archive(copy, outside):
    with zipfile.ZipFile(outside / "b.zip", "w"):
        pass
    return outside / "b.zip"


def unknown_compression(copy, outside):
    made = zipped(copy, outside / "b.zip")
    raw = bytearray(made.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = raw.find(signature)
        while start >= 0:
            raw[start + offset] = 97
            start = raw.find(signature, start + 4)
    made.write_bytes(bytes(raw))
    return made


def without(name):
    def spoil(copy, outside):
        (copy / name).unlink()
        return reseal(copy) if name != "bundle.json" else copy

    return spoil


def deleted_and_still_listed(copy, outside):
    (copy / "method.py").unlink()
    return copy


def changed_after_packing(copy, outside):
    (copy / "method.py").write_text("import os\n")
    return copy


def not_listed(copy, outside):
    return add(copy, f"artifacts/{'0' * 16}.onnx")


def manifest(content: bytes):
    def spoil(copy, outside):
        (copy / "bundle.json").write_bytes(content)
        return copy

    return spoil


def manifest_of_another_format(copy, outside):
    fields = json.loads((copy / "bundle.json").read_text())
    (copy / "bundle.json").write_text(json.dumps(fields | {"format": 2}))
    return copy


HOSTILE = {
    "a pickle": (a_pickle, "may hold a pickle"),
    "a checkpoint": (a_checkpoint, r"model\.pt' may hold a pickle"),
    "a name that climbs": (with_entry("../../../evil.py"), "leads outside"),
    "a name that climbs inside": (with_entry("artifacts/../../evil"), "leads outside"),
    "an absolute name": (with_entry("/etc/cron.d/evil"), "'/etc/cron.d/evil' leads outside"),
    "a name with backslashes": (with_entry("..\\evil.exe"), "leads outside"),
    "a drive letter": (with_entry("C:/evil.exe"), "leads outside"),
    "a link in the archive": (with_entry("method2.py", b"/etc/passwd", 0o120777), "is a link"),
    "a link in the folder": (a_link_in_the_folder, "'method.py' is a link"),
    "a linked folder": (a_linked_folder, "'predictions' is a link"),
    "a pipe": (a_pipe, "not a plain file"),
    "an archive in the archive": (with_entry("more.tar.gz"), "archive in the archive"),
    "a program": (with_entry("run.sh"), "'run.sh' has no place"),
    "a start-up file": (with_entry("sitecustomize.py"), "'sitecustomize.py' has no place"),
    "git hooks": (with_entry(".git/hooks/post-checkout"), "has no place"),
    "a name in capitals": (with_entry("METHOD.PY"), "'METHOD.PY' has no place"),
    "a name of 60,000 characters": (with_entry("a" * 60_000), "'a{77}...' has no place"),
    "a name that turns around": (with_entry("artifacts/\u202exnno.py"), r"\\u202exnno"),
    "a zip bomb": (a_zip_bomb, "210.0 MB is above the limit 200.0 MB"),
    "a bomb that lies": (a_bomb_that_lies_about_its_size, "damaged|is not listed"),
    "too many files": (many_files, "files are above the limit 1000"),
    "too much together": (together_too_large, "560 MB is above the limit 500 MB"),
    "encrypted": (encrypted, "is encrypted"),
    "a name twice": (twice, "card.toml is in the archive twice"),
    "truncated": (truncated, "the archive is damaged"),
    "damaged inside": (damaged, "damaged|cannot be read"),
    "no archive at all": (no_archive, "File is not a zip file"),
    "an empty archive": (an_empty_archive, "the bundle is empty"),
    "an unknown compression": (unknown_compression, "cannot be read .*compression"),
    "no manifest": (without("bundle.json"), "bundle.json is missing"),
    "no card": (without("card.toml"), "card.toml is missing"),
    "no records": (without("records.jsonl"), "records.jsonl is missing"),
    "a listed file is gone": (deleted_and_still_listed, "'method.py' is listed"),
    "a file was changed": (changed_after_packing, "method.py is not the file that was packed"),
    "a file is not listed": (not_listed, "is not listed in bundle.json"),
    "the manifest is no JSON": (manifest(b"{'format': 1}"), "Invalid JSON"),
    "the manifest is nested": (manifest(b"[" * 100_000), "Invalid JSON: recursion"),
    "the manifest is not UTF-8": (manifest(b'{"format": "\xff\xfe"}'), "bundle.json.*invalid"),
    "the manifest is of another format": (manifest_of_another_format, "'format': Input should be"),
    "the manifest is too long": (manifest(b" " * 1_100_000), "above the limit 1.0 MB"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_with_its_own_reason(name, copy, judged, tmp_path):
    spoil, reason = HOSTILE[name]
    assert_refused(judged, spoil(copy, tmp_path), reason, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_names_that_climb_are_written_nowhere(copy, judged, tmp_path):
    marker = f"slimbench-escape-{os.getpid()}"
    bundle = with_entry(f"../../../../../../../../tmp/{marker}")(copy, tmp_path)
    assert not judged(bundle).accepted
    assert not Path("/tmp", marker).exists()


def test_a_file_that_becomes_a_link_while_it_is_read_is_not_followed(tmp_path):
    (tmp_path / "card.toml").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"), archive._plain(tmp_path / "card.toml"):
        pass


def test_the_mode_of_a_plain_file_is_no_link():
    assert not stat.S_ISLNK(entry("x", 0o100644).external_attr >> 16)
