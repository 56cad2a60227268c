"""What a user may choose of a fit."""

import dataclasses
from collections.abc import Callable

from rdtf.inverse.simulated.bptt import OptimizerSettings
from rdtf.inverse.simulated.windows import WindowSettings
from rdtf.names import RESIDUAL_FORMS, ROUTES
from rdtf.status import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How a fit goes about it.

    Attributes:
      route: a name of `rdtf.names.ROUTES`; see `rdtf.inverse.routes`.
      form: of the residual, a name of `rdtf.names.RESIDUAL_FORMS`; None chooses by the
        noise.
      loss: of route bptt, which needs one: `loss(predicted, target)`, see
        `rdtf.losses.LOSSES`.
      windows, optimizer: of route bptt.
      polish_window: steps of the windows of route windows.
      posterior: whether route auto ends with draws from the posterior.
      check: whether the result is simulated, and gradients are certified.

    Raises:
      InputError: if there is no such route or form, route bptt has no loss, or
        `polish_window` is below 1.
    """

    route: str = "auto"
    form: str | None = None
    loss: Callable | None = None
    windows: WindowSettings = dataclasses.field(default_factory=WindowSettings)
    optimizer: OptimizerSettings = dataclasses.field(default_factory=OptimizerSettings)
    polish_window: int = 50
    posterior: bool = False
    check: bool = True

    def __post_init__(self):
        if self.route not in ROUTES:
            raise InputError(
                f"Expected a route among {', '.join(ROUTES)}, got {self.route!r}."
            )
        if self.form is not None and self.form not in RESIDUAL_FORMS:
            raise InputError(
                f"Expected a form of the residual among {', '.join(RESIDUAL_FORMS)}, "
                f"or None, got {self.form!r}."
            )
        if not callable(self.loss) and (self.route == "bptt" or self.loss is not None):
            raise InputError(
                f"Expected a loss for route {self.route}, such as "
                f"rdtf.losses.LOSSES['power_spectrum'], got {self.loss!r}."
            )
        if self.polish_window < 1:
            raise InputError(
                f"Expected polish_window of at least 1, got {self.polish_window}."
            )
