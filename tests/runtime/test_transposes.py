"""Products that read data transposed: no copy is left, and the bits are those of the interpreter, which copies."""

from __future__ import annotations

import re

import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime import csource, transposes
from bilevel_dsl.runtime.csource import functions_source
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.layout import lay_out
from tests.runtime.machines import assert_same

pytestmark = pytest.mark.usefixtures("compiler", "empty_cache")

SENSING = """\
param C[30, 49] = normal(0, 1, 30, 49, seed=1);
param c[30] = normal(0, 1, 30, seed=2);
let P = x @ x' + y @ y';
upper { var x[7, 2] start normal(0, 1, 7, 2, seed=3); minimize mean((C @ vec(P) - c)^2); }
lower { var y[7] start normal(0, 1, 7, seed=4); minimize mean((C @ vec(P) - 2 * c)^2) + sumsqr(y); }
"""
COPIES = r"i<49; \+\+i\) for \(j=0; j<30; \+\+j\) rr\[i\+j\*49\]"


@pytest.fixture
def program():
    """A step of y, whose gradient multiplies by C' and whose Hessian does so for each column."""
    return METHODS["mgbio"].program(Oracles(bl.load(bl.Source("sensing", SENSING))))


def test_the_same_bits_without_copies(program, monkeypatch):
    with_copies = functions_source(lay_out(program))
    assert re.search(COPIES, with_copies)  # 1470 entries are few
    monkeypatch.setattr(csource, "without_transposes", lambda text: transposes.without_transposes(text, 1000))
    text = functions_source(lay_out(program))
    assert not re.search(COPIES, text) and len(re.findall(r"30, 49, [^;]*, 1\);", text)) > 7
    x, y = bl.load(bl.Source("sensing", SENSING)).start()
    assert_same(*(execute(program, x, y, executor=e, settings={"max_iter": 40}) for e in ("compiled", "interpreted")))


FUNCTION = """\
static int casadi_f1(const casadi_real** arg, casadi_real** res, casadi_int* iw, casadi_real* w, int mem) {
  casadi_int i, j;
  casadi_real *rr, *w01=w+7, *w03=w+11;
  const casadi_real *cs, *wr02;
  wr02 = arg[0] ? arg[0] : casadi_zeros;
  for (i=0, rr=w03, cs=wr02; i<4; ++i) for (j=0; j<3; ++j) rr[i+j*4] = *cs++;
  casadi_mtimes_dense(w03, 4, 3, w01, 1, w, 0);
  OTHER
  return 0;
}
"""


@pytest.mark.parametrize(
    "other, copied",
    [
        ("casadi_mtimes_dense(w03, 4, 3, w01, 2, w, 0);", False),
        ("casadi_mtimes_dense(w01, 1, 4, w03, 3, w, 0);", True),  # the second factor
        ("casadi_clear(w03, 12);", True),
        ("wr02 = arg[1] ? arg[1] : casadi_zeros;", True),  # other data
        ("for (i=0, rr=w03, cs=wr02; i<3; ++i) for (j=0; j<4; ++j) rr[i+j*3] = *cs++;", True),  # another shape
    ],
)
def test_a_copy_that_is_needed_stays(other, copied):
    text = FUNCTION.replace("OTHER", other)
    shorter = transposes.without_transposes(text, 1)
    assert ("w03" in shorter) == copied and (shorter == text) == copied
