"""Flags that several commands have, and what their values are read as."""

from __future__ import annotations

import argparse
import math


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a .bilevel file")
    add_data(parser)


def add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data")
    data.add_argument(
        "--param",
        action="append",
        default=[],
        type=pair,
        metavar="NAME=EXPR",
        help="value of a parameter: 12, [1, 2], sqrt(2) * 3; repeatable",
    )
    data.add_argument(
        "--data", action="append", default=[], metavar="FILE", help="values of parameters: .json, .npz, .csv; repeatable"
    )
    data.add_argument(
        "--data-dir", action="append", default=[], metavar="DIR", help="folder that the model may read from too; repeatable"
    )


def add_effort(parser, levels: tuple[str, ...]) -> None:
    parser.add_argument(
        "--verify",
        choices=levels,
        default="normal",
        metavar="LEVEL",
        help=f"of the check: {', '.join(levels)}",
    )


def add_ties(parser) -> None:
    parser.add_argument(
        "--ties",
        choices=("optimistic", "pessimistic", "report"),
        metavar="HOW",
        help="of the follower's answers: optimistic (default), pessimistic, report",
    )


def add_method(parser) -> None:
    parser.add_argument("--method", metavar="NAME", help="auto, or a name that `bileveldsl methods` lists")
    parser.add_argument(
        "-O",
        action="append",
        default=[],
        type=pair,
        dest="options",
        metavar="KEY=VALUE",
        help="a setting of the method; repeatable",
    )
    parser.add_argument("--tol", type=positive, metavar="TOL", help="relative tolerance of the method")
    parser.add_argument("--no-scaling", action="store_true", help="give the method the numbers as they are")


def add_volume(parser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="no table, progress or warnings")
    parser.add_argument("-v", "--verbose", action="store_true", help="more in the table; tracebacks if we fail")


def add_color(parser) -> None:
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        metavar="WHEN",
        help="auto (default: on a terminal), always or never",
    )


# --- values -------------------------------------------------------------------------------------


def pair(text: str) -> tuple[str, str]:
    name, equal, value = text.partition("=")
    if not equal or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form NAME=VALUE")
    return name.strip(), value.strip()


def interval(text: str) -> tuple[str, tuple[float, float] | None]:
    name, equal, ends = text.partition("=")
    if not equal:
        return name.strip(), None
    try:
        low, high = (float(end) for end in ends.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form NAME or NAME=LOW:HIGH") from None
    return name.strip(), (low, high)


def points(text: str) -> int:
    number = count(text)
    if not 2 <= number <= 10000:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 2 to 10000")
    return number


def count(text: str) -> int:
    try:
        number = int(float(text)) if float(text) == int(float(text)) else -1
    except (ValueError, OverflowError):
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 0")
    return number


def from_one(text: str) -> int:
    number = count(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 1")
    return number


def positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number > 0:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number above 0")
    return number
