"""Pictures cut from larger steady patterns: what lies beyond the edge is unknown."""
