"""Records what every app gives, and whether a change left it as it was.

    python -m benchmarks.house --record=before.json
    python -m benchmarks.house --compare=before.json
    python -m benchmarks.house --counts

About a hundred small seeded commands (`benchmarks.house_cases`), with every number and
picture that they write, and the flags of all apps. What they wrote stays beside the record
(before_products/), and a comparison reads it as files of before: targets, data sets,
networks, and runs that were killed and have to go on. --counts prints how often the house
rebuilds one idea; it needs no record. Bit for bit means on the same machine.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

from absl import app, flags

from benchmarks import common, house_cases, house_counts, house_numbers

_RECORD = flags.DEFINE_string("record", None, "Run all cases and write them here.")
_COMPARE = flags.DEFINE_string("compare", None, "Run all cases, compare with these.")
_COUNTS = flags.DEFINE_bool("counts", False, "Print the counts of the house.")
_ONLY = flags.DEFINE_list("only", [], "Names of cases, and whatever begins so.")
_TOLERANCE = flags.DEFINE_float("tolerance", 1e-10, "Relative, of a comparison.")
_ROOT = pathlib.Path(__file__).resolve().parent.parent
_SHOWN = 6  # differences of a case


def main(argv):
    del argv
    if _COUNTS.value:
        house_counts.show(_ROOT)
    if _RECORD.value:
        record(pathlib.Path(_RECORD.value))
    if _COMPARE.value:
        return compare(pathlib.Path(_COMPARE.value))
    return 0


def products_of(path: pathlib.Path) -> pathlib.Path:
    """The directory beside a record that holds what its commands wrote."""
    return path.with_name(path.stem + "_products").resolve()


def record(path):
    """Runs every case and writes the record."""
    products = products_of(path)
    if not _ONLY.value:
        shutil.rmtree(products, ignore_errors=True)
    products.mkdir(parents=True, exist_ok=True)
    found = {"cases": {}}
    if _ONLY.value and path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
    found |= {"machine": common.machine(), "commit": _commit()}
    for case, numbers in run_all(products, products):
        found["cases"][case.name] = numbers
    found["flags"] = flags_of_apps()
    path.write_text(as_lines(found), encoding="utf-8")
    print(f"{path}: {len(found['cases'])} cases")


def as_lines(found: dict) -> str:
    """The record as JSON of one line a number, so that a renewed row is a line."""
    groups = []
    for name, value in sorted(found.items()):
        if not isinstance(value, dict):
            groups.append(f"{json.dumps(name)}: {json.dumps(value)}")
            continue
        blocks = []
        for case, numbers in sorted(value.items()):
            pairs = sorted(numbers.items())
            lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in pairs]
            blocks.append(f" {json.dumps(case)}: {{\n" + ",\n".join(lines) + "}")
        groups.append(f"{json.dumps(name)}: {{\n" + ",\n".join(blocks) + "}")
    return "{" + ",\n".join(groups) + "}\n"


def compare(path):
    """Runs every case; 1 if one differs from the record."""
    before = json.loads(path.read_text(encoding="utf-8"))
    old = products_of(path)
    equal = {"bit for bit": [], "within the tolerance": [], "different": []}
    with tempfile.TemporaryDirectory(prefix="house-") as directory:
        products = pathlib.Path(directory) / "new_products"
        if not old.exists():
            print(f"{old} is not there: files of before are not tried.")
            old = products
        if _ONLY.value and old.exists():
            shutil.copytree(old, products)  # what those cases read
        products.mkdir(exist_ok=True)
        for case, numbers in run_all(products, old):
            told = before["cases"].get(case.name)
            if told is None:
                print(f"{case.name:24} is not in the record")
                continue
            tolerance = max(_TOLERANCE.value, case.tolerance)
            lines, exact = house_numbers.differences(told, numbers, tolerance)
            kind = "different" if lines else "within the tolerance"
            kind = "bit for bit" if exact and not lines else kind
            equal[kind].append(case.name)
            print(f"{case.name:24} {kind}", *lines[:_SHOWN], sep="\n    ")
            if len(lines) > _SHOWN:
                print(f"    and {len(lines) - _SHOWN} more")
    lost = lost_flags(before["flags"], flags_of_apps())
    print(*lost, sep="\n")
    print(", ".join(f"{len(names)} {kind}" for kind, names in equal.items()))
    return int(bool(lost or equal["different"]))


def run_all(directory, old):
    """Yields (case, its numbers) for all that --only asks for."""
    for case in house_cases.all_cases():
        wanted = not _ONLY.value or case.name.startswith(tuple(_ONLY.value))
        house_cases.pictures(directory)
        if not wanted:
            continue
        began = time.monotonic()
        numbers = run(case, directory, old)
        seconds = time.monotonic() - began
        print(f"{case.name:24} {seconds:6.1f} s", file=sys.stderr, flush=True)
        if numbers is not None:
            yield case, numbers


def run(case, directory, old):
    """The numbers of a case; None of one that is killed."""
    own = directory / case.name
    shutil.rmtree(own, ignore_errors=True)
    if case.copy:
        shutil.copytree(old / case.copy, own)
    own.mkdir(exist_ok=True)
    places = {"{o}": own, "{d}": directory, "{old}": old}
    arguments = list(case.flags)
    for sign, place in places.items():
        arguments = [a.replace(sign, str(place)) for a in arguments]
    command = [sys.executable, "-m", f"apps.{case.app}", *arguments]
    process = subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if case.kill_when:
        _kill(process, own, case.kill_when)
        return None
    stdout, stderr = process.communicate()
    if process.returncode != case.code:
        last = stderr.strip().splitlines()[-1:] or ["nothing on stderr"]
        print(f"{case.name}: exit code {process.returncode}: {last[0]}")
    told = "" if case.prints_speeds else stdout
    return house_numbers.collect(own, told, process.returncode)


def _kill(process, own, patterns):
    """Kills a process as soon as a file is there whose name fits one of the patterns."""
    while process.poll() is None:
        if any(any(own.glob(pattern)) for pattern in patterns):
            time.sleep(0.3)
            process.kill()
        time.sleep(0.01)
    process.communicate()


def flags_of_apps() -> dict:
    """app -> flag -> its default, of every app that has a `main`."""
    found = {}
    for path in sorted((_ROOT / "apps").glob("*.py")):
        if 'if __name__ == "__main__"' not in path.read_text(encoding="utf-8"):
            continue
        command = [sys.executable, "-m", f"apps.{path.stem}", "--helpxml"]
        text = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, check=False
        ).stdout
        tree = xml.etree.ElementTree.fromstring(text[text.index("<") :])
        rows = {f.findtext("name"): f for f in tree.iter("flag")}
        own = {n: f for n, f in rows.items() if "absl" not in f.findtext("file", "")}
        found[path.stem] = {n: f.findtext("default") for n, f in own.items()}
    return found


def lost_flags(before: dict, after: dict) -> list[str]:
    """One line for each flag or default that is gone and not named in the CHANGELOG."""
    told = (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    lines = []
    for name, old in before.items():
        new = after.get(name, {})
        for flag, default in old.items():
            if flag in new and new[flag] == default:
                continue
            if not re.search(rf"--(no)?{flag}\b", told):
                change = f"default {default} -> {new[flag]}" if flag in new else "gone"
                lines.append(f"apps.{name} --{flag}: {change}")
    return lines


def _commit():
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()


if __name__ == "__main__":
    app.run(main)
