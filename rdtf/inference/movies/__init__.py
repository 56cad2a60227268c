"""Movies of patterns that move: filters driven by the species that is seen."""
