"""Methods, one file per paper; `registry` says which problems each accepts."""

from .registry import METHODS, MethodInfo, choose, fitting, ordered, require

__all__ = ["METHODS", "MethodInfo", "choose", "fitting", "ordered", "require"]
