"""How far parameters may be off: intervals and posteriors."""
