"""What IPOPT, through CasADi, calls after every iteration."""

from __future__ import annotations

import casadi as ca


class AfterIteration(ca.Callback):
    """`eval` of a subclass returns [1] to stop the solver, else [0]. Whoever makes it keeps it: the solver does not.

    Args:
        n, rows: of the program.
    """

    def __init__(self, name: str, n: int, rows: int):
        ca.Callback.__init__(self)
        self.sizes = {"f": 1, "x": n, "lam_x": n, "g": rows, "lam_g": rows}
        self.construct(name, {})

    def get_n_in(self):
        return ca.nlpsol_n_out()

    def get_n_out(self):
        return 1

    def get_sparsity_in(self, i):
        return ca.Sparsity.dense(self.sizes.get(ca.nlpsol_out(i), 0), 1)
