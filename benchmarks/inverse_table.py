"""The table of the inverse benchmark: statistics of a row's fits, beside their bars."""

import math
import statistics

SUCCESS = 1.0  # %
_BARS = {
    "q90": "90 % < {:g} %",
    "median": "median < {:g} %",
    "success": "under 1 % in {:.0%}",
    "seconds": "< {:g} s",
    "peak": "< {:g} GiB",
    "coverage": "coverage > {:.0%}",
    "coverage_most": "< {:.0%}",
    "coverage_least": "each > {:.0%}",
}
_AT_LEAST = ("success", "coverage", "coverage_least")
HEADER = ["row", "fits", "failed", "median %", "90 %", "worst", "under 1 %"]
HEADER += ["CPU s", "90 %", "bars", "met"]


def summarise(answers: list[dict]) -> dict:
    """Statistics of a row's answers; failures count as infinite errors.

    Quantiles are of the worst parameter's error in %; seconds are of CPU time and leave
    out the first fit of every process, which compiles.
    """
    done = [a for a in answers if "error" not in a]
    errors = [math.inf if a.get("worst") is None else a["worst"] for a in done]
    errors += [math.inf] * (len(answers) - len(done))
    later = [a for a in done if not a["first"]] or done
    found = {
        "fits": len(answers),
        "failed": len(answers) - len(done),
        "median": quantile(errors, 0.5),
        "q90": quantile(errors, 0.9),
        "worst": max(errors),
        "success": sum(e < SUCCESS for e in errors) / len(errors),
        "seconds_median": quantile([a["cpu"] for a in later], 0.5),
        "seconds": quantile([a["cpu"] for a in later], 0.9),
        "wall": quantile([a["wall"] for a in later], 0.5),
        "evaluations": quantile([a["evaluations"] for a in later], 0.5),
        "peak": max((a["peak"] for a in done), default=math.nan),
        "errors": sorted({a["error"] for a in answers if "error" in a}),
        "statuses": _count(a["status"] for a in done),
    }
    inside = [a["inside"] for a in done if "inside" in a]
    return found | (_coverage(inside) if inside else {})


def quantile(values: list[float], share: float) -> float:
    """The least value that at least this share of all does not exceed."""
    ranked = sorted(values)
    if not ranked:
        return math.nan
    if share == 0.5 and math.isfinite(ranked[-1]):
        return statistics.median(ranked)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def _coverage(inside):
    by_name = {n: [a[n] for a in inside if n in a] for n in inside[0]}
    shares = {n: statistics.mean(values) for n, values in by_name.items()}
    pooled = statistics.mean(x for values in by_name.values() for x in values)
    return {
        "coverage": pooled,
        "coverage_most": pooled,
        "coverage_least": min(shares.values()),
        "coverage_by_parameter": shares,
    }


def missed(summary: dict, bars) -> list[str]:
    """The statistics that do not clear their bars."""
    return [
        name
        for name, bar in bars.items()
        if not (summary[name] >= bar if name in _AT_LEAST else summary[name] < bar)
    ]


def line(name: str, summary: dict, bars) -> list[str]:
    """A row of the table; bars beside results."""
    lost = missed(summary, bars)
    met = f"no: {', '.join(lost)}" if lost else "yes"
    texts = [_BARS[n].format(bar) for n, bar in bars.items()]
    extra = {
        "peak": "{:.2f} GiB",
        "coverage": "{:.1%}",
        "coverage_least": "each {:.0%}",
    }
    shown = [t.format(summary[n]) for n, t in extra.items() if n in bars]
    return [
        name + (f" ({', '.join(shown)})" if shown else ""),
        str(summary["fits"]),
        str(summary["failed"]),
        *(f"{summary[n]:.2g}" for n in ("median", "q90", "worst")),
        f"{summary['success']:.1%}",
        f"{summary['seconds_median']:.2g}",
        f"{summary['seconds']:.2g}",
        ", ".join(texts),
        met if bars else "",
    ]


def _count(values):
    values = list(values)
    return {value: values.count(value) for value in dict.fromkeys(values)}
