"""Interval arithmetic on the expressions of a model, and global minimisation over boxes with it."""

from .graph import Graph, Node, Unsupported
from .walk import Enclosure, IntervalFunction, Range

__all__ = ["Enclosure", "Graph", "IntervalFunction", "Node", "Range", "Unsupported"]
