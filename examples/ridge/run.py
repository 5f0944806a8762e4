"""A penalty for each feature, tuned on validation data, from NumPy arrays: which features does it drop?"""

from pathlib import Path

import numpy as np

import bilevel_dsl as bl

MODEL = Path(__file__).parent / "model.bilevel"
TRUE_W = np.array([2.0, -1.5, 1.0, 0.5, 0, 0, 0, 0, 0, 0])  # six of the ten features say nothing


def sample(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(rows, TRUE_W.size))
    return X, X @ TRUE_W + rng.normal(size=rows)


def main() -> None:
    rng = np.random.default_rng(0)
    (X, target), (Xv, target_v), (Xt, target_t) = (sample(rng, rows) for rows in (30, 500, 10_000))
    problem = bl.load(
        MODEL,
        data={
            "n": len(X),
            "p": TRUE_W.size,
            "X": X,
            "target": target,
            "n_validation": len(Xv),
            "X_validation": Xv,
            "target_validation": target_v,
        },
    )
    solution = bl.solve(problem)
    print(f"{solution.status}, {'verified' if solution.verified else 'not verified'}")

    def test_error(w):
        return np.mean((Xt @ w - target_t) ** 2)

    plain = np.linalg.lstsq(X, target, rcond=None)[0]
    print(f"test error, least squares   {test_error(plain):.3f}")
    print(f"test error, tuned penalties {test_error(solution['w']):.3f}   (noise alone: 1)")
    print("feature  true  least squares  tuned  log penalty")
    for k, true in enumerate(TRUE_W):
        print(f"{k:7}{true:6.1f}{plain[k]:15.2f}{solution['w'][k]:7.2f}{solution['log_penalty'][k]:13.1f}")


if __name__ == "__main__":
    main()
