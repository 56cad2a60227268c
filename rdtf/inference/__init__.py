"""Parameters from pictures: equations, residuals, observation, uncertainty."""
