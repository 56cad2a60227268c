"""A fit on the console: one aligned line per iteration, above a progress bar."""

import math

from absl import logging


class Console:
    """Prints records as `--verbosity` asks.

    -1 and below: nothing; 0: one line per iteration; 1: one more per rate tried.
    """

    def __init__(self, names, total: int, max_steps: int):
        from tqdm import tqdm

        self._max_steps = max_steps
        self._names = list(names)
        self._quiet = logging.get_verbosity() < logging.INFO
        self._bar = tqdm(total=total, unit="it", leave=False, disable=self._quiet)
        self._stage = None

    def __call__(self, record) -> None:
        """Shows one `rdtf.inverse.reporting.recorders.Record`."""
        if not self._quiet:
            if record.stage != self._stage:
                self._stage = record.stage
                self._write(self._header())
            self._write(self._line(record))
            if logging.get_verbosity() >= logging.DEBUG:
                for trial in record.tried:
                    self._write(self._trial(trial))
        self._bar.set_description_str(f"{record.stage} loss {record.loss:.4g}", False)
        self._bar.update(max(0, record.iteration - self._bar.n))

    def checking(self, done: int, running: int) -> None:
        """Shows steps of the simulation that checks the result."""
        if self._stage is not None:
            self._stage = None
            self._bar.set_description_str("checking by simulation")
            self._bar.unit = "step"
            self._bar.reset(self._max_steps)
        self._bar.set_postfix_str(f"{running} running", refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Clears the bar."""
        self._bar.close()

    def _write(self, line):
        self._bar.write(line.rstrip())

    def _header(self):
        cells = [f"{'stage':<19}", f"{'it':>5}", f"{'loss':>11}"]
        cells += [f"{name:>9}" for name in self._names]
        cells += [f"{'d/d' + name:>10}" for name in self._names]
        cells += [f"{'rate':>8}", f"{'tries':>5}", f"{'steps':>6}", "status"]
        return " ".join(cells)

    def _line(self, record):
        rate = "-" if record.rate is None else f"{record.rate:.2g}"
        steps = "-" if record.steps is None else str(record.steps)
        refused = [t["outcome"] for t in record.tried if t["outcome"] != "ok"]
        status = record.status
        if refused and status == "ok":
            status = f"ok after: {', '.join(dict.fromkeys(refused))}"
        cells = [
            f"{record.stage:<19}",
            f"{record.iteration:>5}",
            f"{record.loss:>11.5g}",
        ]
        cells += [f"{record.params[name]:>9.6f}" for name in self._names]
        slopes = [record.gradient[name] for name in self._names]
        cells += [f"{'-':>10}" if math.isnan(s) else f"{s:>+10.2e}" for s in slopes]
        cells += [f"{rate:>8}", f"{len(record.tried):>5}", f"{steps:>6}", status]
        return " ".join(cells)

    def _trial(self, trial):
        params = " ".join(f"{n} {x:.6f}" for n, x in trial.get("params", {}).items())
        steps = f", {trial['steps']} steps" if "steps" in trial else ""
        return f"{'':14} rate {trial['rate']:.3g}{steps}: {trial['outcome']} {params}"
