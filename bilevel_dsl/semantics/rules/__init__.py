"""Rules over a whole model: errors and warnings."""
