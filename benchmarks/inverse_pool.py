"""Fits in processes of their own, one thread each, and results that outlive a kill."""

import contextlib
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator

from benchmarks import inverse_rows

_ROOT = pathlib.Path(__file__).resolve().parent.parent


def key(task: dict) -> tuple:
    """What tells a task, or its answer, from the others."""
    return task["row"], task["case"], task["start"]


class Process:
    """A `benchmarks.inverse_worker`.

    Args:
      settings: JSON-able.
      core: the one to stay on, with one thread; None is all.
      timeout: seconds after which a task is given up.
    """

    def __init__(self, settings: dict, core: int | None, timeout: float):
        command = [sys.executable, "-m", "benchmarks.inverse_worker"]
        command += [json.dumps(settings), *([] if core is None else [str(core)])]
        paths = {"PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path[1:]])}
        self._timeout = timeout
        self._process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, task: dict) -> dict:
        """The answer; one with an "error" if the process ended or took too long."""
        timer = threading.Timer(self._timeout, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        late = not timer.is_alive()
        timer.cancel()
        reason = f"took {self._timeout:g} s" if late else "the process ended"
        return json.loads(line) if line else {**task, "error": reason}

    @property
    def alive(self) -> bool:
        """Whether it takes more tasks."""
        return self._process.poll() is None

    def close(self) -> None:
        """Ends the process, at once."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()


def answers(
    tasks: list[dict], settings: dict, processes: int, timeout: float
) -> Iterator[dict]:
    """Answers to all tasks, as they come."""
    todo, done, open_ones = queue.SimpleQueue(), queue.SimpleQueue(), {}
    for task in tasks:
        todo.put(task)

    def serve(number):
        core = None if processes == 1 else cores()[number % len(cores())]
        with contextlib.suppress(queue.Empty):
            while True:
                task = todo.get_nowait()
                fresh = inverse_rows.ROWS[task["row"]].fresh
                process = open_ones.pop(number, None)
                if process is not None and (fresh or not process.alive):
                    process.close()
                    process = None
                process = process or Process(settings, core, timeout)
                open_ones[number] = process
                done.put(process.ask(task))
                if fresh:
                    open_ones.pop(number).close()

    for number in range(min(processes, len(tasks))):
        threading.Thread(target=serve, args=(number,), daemon=True).start()
    try:
        for _ in tasks:
            yield done.get()
    finally:
        while not todo.empty():
            todo.get_nowait()
        for process in list(open_ones.values()):
            process.close()


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class Log:
    """Answers as JSON lines, under a line that says what they were measured with.

    Args:
      path: the file; None keeps nothing.
      measured: JSON-able; answers under another such line are refused.
    """

    def __init__(self, path: pathlib.Path | None, measured: dict):
        self.path, self.found = path, {}
        if path is None:
            return
        if path.exists() and path.stat().st_size:
            first, *lines = path.read_text(encoding="utf-8").splitlines()
            if json.loads(first) != measured:
                raise ValueError(
                    f"Expected results measured with {measured} in {path}, got {first}: "
                    "choose another file or remove it."
                )
            for line in lines:
                with contextlib.suppress(json.JSONDecodeError):  # half, after a kill
                    answer = json.loads(line)
                    if "error" not in answer:  # else it is tried again
                        self.found[key(answer)] = answer
            with open(path, "a", encoding="utf-8") as stream:
                stream.write("\n")  # ends a half line
        else:
            path.write_text(json.dumps(measured) + "\n", encoding="utf-8")

    def add(self, answer: dict) -> None:
        """Keeps an answer."""
        self.found[key(answer)] = answer
        if self.path is not None:
            with open(self.path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(answer) + "\n")
