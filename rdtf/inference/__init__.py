"""Parameters from pictures: equations, residuals, observation, uncertainty."""

from rdtf import lazy

__getattr__, __dir__ = lazy.attributes(
    __name__,
    {
        "FieldFit": "field_fits",
        "Observation": "observation",
        "ResidualFit": "stills",
        "SteadyResidual": "residual",
        "Stills": "stills",
        "fit_field": "field_fits",
        "fit_residual": "stills",
    },
)
