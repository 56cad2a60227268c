"""Which equations made a file, and whether others may be held against it."""

from collections.abc import Mapping

from rdtf.models.base import ReactionDiffusion
from rdtf.status import InputError


def check(metadata: Mapping, model: ReactionDiffusion, path) -> dict:
    """The metadata of targets, as `model` may take them.

    Equations of one's own may be held against any targets; the parameters of another
    model are then no truth, and are left out.

    Args:
      metadata: of the file; "model", "params" and "equations" count, if it has them.
      model: to be held against the targets.
      path: of the file, for the message.

    Raises:
      InputError: if another built-in model made the targets.
    """
    known, metadata = metadata.get("model"), dict(metadata)
    if model.source is not None:
        if set(metadata.get("params", ())) != set(model.parameters):
            metadata.pop("params", None)
        return metadata
    if known is not None and known != model.name:
        advice = f"{known}: add --model={known}"
        if "equations" in metadata:
            advice = f"other equations: add --equations={metadata['equations']!r}"
        raise InputError(
            f"Expected targets of {model.name}, but {path} holds {advice}."
        )
    return metadata
