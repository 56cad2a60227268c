"""What a run left, as numbers that can be compared: files, texts, arrays by digest."""

import hashlib
import io
import json
import math
import pathlib
import re
import zipfile

import h5py
import numpy as np
from PIL import Image, ImageSequence

_IGNORED = re.compile(
    r"(^|[./_])(wall_seconds|processor_seconds|seconds|rdtf_version|checkpoint_time)$"
)
_SECONDS = re.compile(r"\d+(\.\d+)?(e[-+]?\d+)?(?= ?(s|ms|seconds|MB)\b)")
_PLACES = 6  # values of an array that are kept beside its digest


def collect(directory, stdout: str, code: int) -> dict:
    """Every number and text of a case: name -> number, text, or digest of an array.

    Args:
      directory: of the case.
      stdout: what it printed; times and sizes in it are left out.
      code: its exit code.
    """
    directory = pathlib.Path(directory)
    found = {"code": code, "stdout": _text(stdout, directory)}
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        name = path.relative_to(directory).as_posix()
        if name.startswith((".", "checkpoint", "stages.")) or "/." in name:
            continue  # how a run resumes is its own matter, what comes of it is not
        if name.startswith("tensorboard"):
            name = path.parent.relative_to(directory).as_posix()
        read = _READERS.get(path.suffix, _events if "tfevents" in path.name else None)
        values = read(path) if read else {"": "present"}
        for key, value in values.items():
            if not _IGNORED.search(key):
                found[f"{name}:{key}"] = _plain(value, directory)
    return found


def differences(before: dict, after: dict, tolerance: float) -> tuple[list[str], bool]:
    """(what differs by more than the tolerance, whether all is bit for bit the same).

    Args:
      before, after: of `collect`.
      tolerance: relative; of an array, relative to its root mean square.
    """
    lines, exact = [], True
    for key in sorted({*before, *after}):
        if key not in before or key not in after:
            lines.append(f"{key}: only {'before' if key in before else 'after'}")
            continue
        a, b = before[key], after[key]
        if a == b:
            continue
        exact = False
        if not _close(a, b, tolerance):
            lines.append(f"{key}: {_short(a)} -> {_short(b)}")
    return lines, exact


def _close(a, b, tolerance):
    if isinstance(a, dict) and isinstance(b, dict):
        if (a["shape"], a["dtype"]) != (b["shape"], b["dtype"]) or "norm" not in a:
            return False
        size = max(a["norm"], b["norm"])
        pairs = zip([a["norm"], *a["values"]], [b["norm"], *b["values"]], strict=True)
        return all(abs(x - y) <= tolerance * size for x, y in pairs)
    numbers = all(isinstance(x, (int, float)) for x in (a, b))
    return numbers and math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-300)


def _short(value):
    text = json.dumps(value)
    return text if len(text) < 160 else text[:157] + "..."


def _plain(value, directory):
    if isinstance(value, str):
        return _text(value, directory)
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _text(text, directory):
    """Without paths, times and bars; long texts by their digest and beginning."""
    if "\x1b" in text:
        text = "\n".join(line for line in text.splitlines() if "\x1b" not in line)
    text = re.sub(rf"{re.escape(str(directory.parent))}[^\s\"',]*/", "", text)
    text = re.sub(r"/\S*?_products/\S*?/", "", text)
    text = re.sub(r"# ?(ms|s)/step", "#/step", _SECONDS.sub("#", text))
    if len(text) <= 1500:
        return text
    return text[:300] + " sha " + hashlib.sha256(text.encode()).hexdigest()[:16]


def _array(array):
    """Shape, type, digest and, of numbers, root mean square and some values."""
    kept = {"shape": list(array.shape), "dtype": str(array.dtype)}
    kept["sha"] = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
    if array.dtype.kind in "fiub" and array.size:
        numbers = np.nan_to_num(np.float64(array.ravel()), posinf=0.0, neginf=0.0)
        places = np.linspace(0, array.size - 1, min(array.size, _PLACES)).astype(int)
        kept["norm"] = float(np.sqrt(np.mean(numbers**2)))
        kept["values"] = numbers[places].tolist()
    return kept


def _json(path):
    return dict(_leaves(json.loads(path.read_text(encoding="utf-8"))))


def _lines(path):
    """What the lines have in common, as columns."""
    rows = path.read_text(encoding="utf-8").splitlines()
    columns = {}
    for row in rows:
        for name, value in _leaves(json.loads(row)):
            columns.setdefault(name, []).append(value)
    return {name: _column(values) for name, values in columns.items()}


def _column(values):
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return np.array(values, np.float64)
    return json.dumps(values, default=lambda array: array.tolist())


def _leaves(value, name=""):
    """(dotted name, number or text); long lists of numbers become arrays."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        numbers = all(isinstance(x, (int, float)) for x in value)
        if numbers and len(value) > 3:
            yield name, np.array(value, np.float64)
            return
        for i, item in enumerate(value):
            yield from _leaves(item, f"{name}[{i}]")
    else:
        yield name, value


def _npz(path):
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return _arrays(arrays)


def _arrays(arrays):
    found = {}
    for name, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.kind not in "US" or array.ndim:
            found[name] = array if array.dtype.kind not in "US" else str(array.tolist())
            continue
        try:
            values = _leaves(json.loads(str(array)), name)
        except ValueError:
            values = [(name, str(array))]
        found |= dict(values)
    return found


def _hdf5(path):
    with h5py.File(path, "r") as file:
        return _datasets(file)


def _datasets(file):
    found = {}

    def visit(name, item):
        for key, value in item.attrs.items():
            value = np.asarray(value)
            text = value.dtype.kind == "O"
            found[f"{name}@{key}"] = str(value.tolist()) if text else value
        if isinstance(item, h5py.Dataset):
            value = item[()]
            if item.dtype.kind == "O" or isinstance(value, bytes):
                value = np.asarray(str(np.asarray(value).tolist()))
            elif item.dtype.names:
                value = np.asarray(str(value.tolist()))
            found[name] = np.asarray(value)

    visit("", file)
    file.visititems(visit)
    return _arrays(found)


def _keras(path):
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as weights:
            text = json.dumps(config, sort_keys=True)
            names = sorted(set(re.findall(r'"registered_name": "([^"]+)"', text)))
            return {"config": text, "registered": str(names)} | _datasets(weights)


def _picture(path):
    with Image.open(path) as image:
        frames = [np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(image)]
    return {"pixels": np.stack(frames)}


def _flags(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.partition("=")[0]: line for line in lines}


def _events(path):
    """The scalars of TensorBoard, and which pictures and texts there are."""
    from tensorboard.backend.event_processing import event_accumulator

    events = event_accumulator.EventAccumulator(str(path), {"tensors": 0, "images": 1})
    events.Reload()
    found = {}
    for tag in events.Tags()["tensors"]:
        protos = [event.tensor_proto for event in events.Tensors(tag)]
        contents = [proto.tensor_content or bytes(0) for proto in protos]
        numbers = [
            np.frombuffer(c, np.float32)[0] if len(c) == 4 else proto.float_val[:1]
            for c, proto in zip(contents, protos, strict=True)
        ]
        flat = [float(np.ravel(n)[0]) for n in numbers if np.size(n)]
        timed = "second" in tag or "epoch_time" in tag
        found[tag] = np.array(flat) if flat and not timed else len(protos)
    return found


_READERS = {
    ".json": _json,
    ".jsonl": _lines,
    ".npz": _npz,
    ".h5": _hdf5,
    ".keras": _keras,
    ".png": _picture,
    ".gif": _picture,
    ".flags": _flags,
}
