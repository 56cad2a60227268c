"""A learnt velocity: its numbers as text, and its field beside the true one."""

from rdtf import patterns
from rdtf.dynamics import flows, snapshots
from rdtf.dynamics.velocity import Velocity
from rdtf.viz import figures

_SHOWN = 4  # snapshots


def text(result: dict) -> str:
    """The numbers of `flows.train` or `library_flows.train` in a line or two."""
    lines = [f"{result['snapshots']} snapshots, {result['pairs']} pairs"]
    if "equations" in result:
        lines.append(result["equations"])
    if "gap" in result:
        verdict = "one field" if result["is_determined"] else "not determined"
        lines.append(f"{verdict} (gap {result['gap']:.3f})")
    for name in result.get("lifted", ()):
        lines.append(
            f"diffusivity of {name} found at or below 0.001: set to 0.001; use more "
            "snapshots"
        )
    if "cosine" in result:
        lines.append(f"cosine to the true field: {result['cosine']:.4f}")
    return "\n".join(lines)


def draw(path, velocity: Velocity, data: patterns.DataSet, channel: int) -> None:
    """The field beside the true one, where that is known, of a few snapshots.

    Args:
      path: the PNG to write.
      velocity: of the species of the data.
      data: stills.
      channel: the species that is shown, in standard deviations of its ∂s/∂t.
    """
    shown = snapshots.in_units(data)[:_SHOWN]
    rows = {"found": velocity(shown).numpy(), "true": flows.true_velocity(data, shown)}
    rows = {name: row[..., channel] for name, row in rows.items() if row is not None}
    rows = {name: row / row.std() for name, row in rows.items()}
    label = f"∂{data.metadata['species'][channel]}/∂t, in standard deviations"
    figures.compare(path, rows, label=label)
