"""A velocity of the terms of a library from a data set of patterns."""

from rdtf import patterns
from rdtf.dynamics import flows, libraries, pair_training, snapshots
from rdtf.dynamics.library_velocity import LibraryVelocity


def train(
    data: patterns.DataSet, library: libraries.Library, options: flows.Options
) -> tuple[LibraryVelocity, dict]:
    """A velocity of given terms, and what is known of it.

    Args:
      data: stills of one preset in two dimensions, on unit cells.
      library: terms of the equations of all its species.
      options: how many snapshots and pairs are used. Supervision "snapshots": see
        `snapshots.identify`, pairs only set the unit of time; "pairs": from pairs
        alone, see `pair_training`.

    Returns:
      (velocity, result), the second as result.json of apps.train_flow has it.

    Raises:
      InputError: if the data are not so.
    """
    supervision, num_pairs = options.supervision, options.num_pairs
    velocity = LibraryVelocity(library.terms)
    snapshots.check_library(data, library)
    flows.check("library", supervision, num_pairs, None)
    used = flows.chosen(data, options.num_snapshots, num_pairs)
    result = {"model": "library", "supervision": supervision}
    result |= {"snapshots": len(used), "pairs": num_pairs}
    if supervision == "pairs":
        pair_training.learn_from(velocity, data, used[:num_pairs])
    else:
        found = snapshots.identify(
            data,
            library,
            num_snapshots=options.num_snapshots,
            num_pairs=num_pairs,
            bootstrap=0,
        )
        velocity.set_coefficients(found.coefficients)
        result |= {"gap": found.result.gap}
        result |= {"is_determined": found.result.is_determined}
    coefficients = velocity.coefficients
    result["equations"] = library.equations(coefficients)
    samples = snapshots.in_units(data)[used]
    truth = flows.true_velocity(data, samples)
    if truth is not None:
        field = flows.evaluate(velocity, samples)
        result |= flows.compare(field, truth, bool(num_pairs))
    return velocity, result
