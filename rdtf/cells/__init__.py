"""Cell-fate patterns: gene-regulatory dynamics that networks learn."""
