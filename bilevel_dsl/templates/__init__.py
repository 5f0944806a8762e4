"""Models to start from, for `bileveldsl new`. Each solves as it is."""

from __future__ import annotations

TEMPLATES = {
    "tolls": "a road owner sets tolls, drivers spread over the roads",
    "ridge": "the ridge penalty that is best on validation data",
    "hyper-cleaning": "weights of training rows that find the wrong labels",
    "simple": "simple bilevel: of all best fits, the shortest",
    "mpc-weights": "the weights of a controller that give the response you want",
}


def text(name: str) -> str:
    """The model of a template, one of `TEMPLATES`."""
    from importlib.resources import files  # every command knows the names, and only one reads a text

    return files(__package__).joinpath(f"{name}.bilevel").read_text(encoding="utf-8")
