"""What people write who come from other languages, and what is written here."""

from __future__ import annotations

NAMES = {"pi": "declare it: `param pi = 2 * acos(0);`", "Inf": "write `inf`", "infinity": "write `inf`",
         "Infinity": "write `inf`", "e": "write `exp(1)`", "end": "the last entry of `x` is `x[rows(x)]`",
         "true": "write 1", "false": "write 0", "True": "write 1", "False": "write 0"}
FUNCTIONS = {
    "ln": "`log` is the natural logarithm", "log10": "write `log(x) / log(10)`", "log2": "write `log(x) / log(2)`",
    "pow": "write `x^p`", "power": "write `x^p`", "sqr": "write `x^2`", "square": "write `x^2`",
    "transpose": "write `A'`", "matmul": "write `A @ B`", "mtimes": "write `A @ B`", "len": "write `rows(x)`",
    "length": "write `rows(x)`", "numel": "write `rows(x)`", "size": "write `rows(x)` and `cols(x)`",
    "shape": "write `rows(x)` and `cols(x)`", "card": "a set `1..n` has n members", "identity": "write `eye(n)`",
    "sumsq": "write `sumsqr(x)`", "sum_square": "write `sumsqr(x)`", "sum_squares": "write `sumsqr(x)`",
    "sum_of_squares": "write `sumsqr(x)`", "quad_form": "write `x' @ Q @ x`", "dot_product": "write `dot(a, b)`",
    "inner": "write `dot(a, b)`", "norm2": "write `norm(x)`", "norm_1": "write `norm1(x)`",
    "norm_inf": "write `norminf(x)`", "arctan": "write `atan(x)`", "arcsin": "write `asin(x)`",
    "arccos": "write `acos(x)`", "arctan2": "write `atan2(y, x)`", "rand": "write `uniform(0, 1, n, seed=1)`",
    "randn": "write `normal(0, 1, n, seed=1)`", "maximum": "write `max(a, b)`", "minimum": "write `min(a, b)`",
    "logistic": "write `softplus(x)` for log(1 + exp(x)), `sigmoid(x)` for 1 / (1 + exp(-x))",
    "range": "a range is written `1..n`", "seq": "a range is written `1..n`", "vertcat": "write `vcat(a, b)`",
    "horzcat": "write `hcat(a, b)`", "concatenate": "write `vcat(a, b)`", "diagonal": "write `diag(A)`",
}
SETS = {
    "integer": "variables are continuous: an interval is written `[0, 10]`",
    "int": "variables are continuous: an interval is written `[0, 10]`",
    "binary": "variables are continuous: the interval is written `[0, 1]`",
    "bool": "variables are continuous: the interval is written `[0, 1]`", "real": "write nothing, or `free`",
    "reals": "write nothing, or `free`", "float": "write nothing, or `free`", "positive": "write `nonneg`",
    "nonnegative": "write `nonneg`", "negative": "write `[-inf, 0]`", "sdp": "write `psd`",
    "sphere": "write `ball(center, radius)`", "interval": "write `[l, u]`",
}
