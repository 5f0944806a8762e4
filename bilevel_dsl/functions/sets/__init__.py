"""Constraint sets for solvers: projection, smooth description and emptiness side by side, a file for a family of sets."""

from . import balls, boxes, cones, planes, products, sums  # noqa: F401 - they register what they know
from .asked import all_inhabited, inhabited, nlp_description, project

__all__ = ["all_inhabited", "inhabited", "nlp_description", "project"]
