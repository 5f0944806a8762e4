"""Methods, one file per paper; `registry` says which problems each accepts."""

from .registry import METHODS, MethodInfo, choose, fitting, no_method, ordered, require

__all__ = ["METHODS", "MethodInfo", "choose", "fitting", "no_method", "ordered", "require"]
