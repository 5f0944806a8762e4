"""Hyper-cleaning of Xiao and Chen (ICLR 2025) with a linear model: the rate that they prove, and wrong labels of digits.

python examples/papers/cleaning/run.py            minutes
python examples/papers/cleaning/run.py --quick    seconds: fewer iterations
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, curves, figure, model, run, table

T = 5  # inner steps of both methods
GAMMAS = (1, 10, 100)


def rates(steps: int) -> list[tuple]:
    """Orthogonal rows: the slope of ln (f + gamma g) over iterations, and that of the row of least curvature by hand."""
    problem, rows = model(__file__, "orthogonal"), []
    for gamma in GAMMAS:
        b = 0.5 / (1 + gamma)
        settings = {"gamma": gamma, "T": T, "beta": 0.5, "alpha": b, "max_iter": steps, "tol": 0}
        ways = {"pbgd_j": run(problem, "pbgd_j", **settings), "pbgd_b": run(problem, "pbgd_b", b=b, **settings)}
        for (name, way), inner in zip(ways.items(), (1, T)):
            values = way["report.f"] + gamma * way["report.g"]
            there = values > 1e-20
            kept = there & (way["iteration"] >= way["iteration"][there][-1] / 2)
            fitted = float(np.polyfit(way["iteration"][kept], np.log(values[kept]), 1)[0])
            least = min(1, gamma * way["report.least_weight"][-1])  # of validation rows, of training rows
            rows.append((f"{name} gamma={gamma}", fitted, float(2 * inner * np.log(1 - b * least))))
    return rows


def cleaning(steps: int) -> dict[str, dict]:
    """Digits with wrong labels."""
    problem, ways = model(__file__), {}
    for gamma in GAMMAS[1:]:
        settings = {"gamma": gamma, "T": T, "beta": 0.1, "alpha": 0.1 / (1 + gamma), "max_iter": steps, "tol": 0}
        ways[f"pbgd_j gamma={gamma}"] = run(problem, "pbgd_j", **settings)
        ways[f"pbgd_b gamma={gamma}"] = run(problem, "pbgd_b", b=0.1 / (1 + gamma), **settings)
    return ways


def follower(weight: np.ndarray) -> tuple[float, float]:
    """f and test accuracy of the follower's answer to these weights, by numpy: of many answers the shortest."""
    data = np.load(Path(__file__).parent / "digits.npz")
    X = {name: np.hstack([rows[:, :64] / 16, np.ones((len(rows), 1))]) for name, rows in data.items()}
    root = np.sqrt(weight)[:, None]
    W = np.linalg.lstsq(root * X["train"], root * np.eye(10)[data["train"][:, 64]], rcond=1e-10)[0]
    f = np.sum((X["validation"] @ W - np.eye(10)[data["validation"][:, 64]]) ** 2) / 400
    return float(f), float(np.mean(np.argmax(X["test"] @ W, axis=1) == data["test"][:, 64]))


def lines(ways: dict[str, dict]) -> list[tuple]:
    """With all rows, without the wrong ones, and what the methods found, judged by the follower's answer as well."""
    wrong = np.load(Path(__file__).parent / "digits.npz")["train"][:, 66] == 1
    plain = {"all rows": np.ones(200), "without the wrong ones": np.where(wrong, 0.0, 1.0)}
    rows = [(words, "", "", *follower(weight), *dropped(weight, wrong)) for words, weight in plain.items()]
    for words, way in ways.items():
        weight = np.array([way[f"report.w[{k}]"][-1] for k in range(1, 201)])
        own = (float(way[name][-1]) for name in ("report.f", "report.accuracy"))
        rows.append((words, *own, *follower(weight), *dropped(weight, wrong)))
    return rows


def dropped(weight: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """Shares of the wrong and of the other rows with a weight below a half."""
    return float(np.mean(weight[wrong] < 0.5)), float(np.mean(weight[~wrong] < 0.5))


def draw(page, ways: dict[str, dict]) -> None:
    left, right = page.subplots(1, 2)
    curves(left, {n: (w["iteration"], w["report.f"]) for n, w in ways.items()}, title="validation loss f", x="iterations")
    lines = {n: (w["iteration"], w["report.accuracy"]) for n, w in ways.items()}
    curves(right, lines, log="", title="test accuracy", x="iterations")
    left.legend(fontsize=6.5)


def main() -> None:
    asked = arguments(__doc__)
    slopes = rates(600)
    table(("orthogonal rows", "slope of ln L", "by hand"), slopes, asked.output / "slopes.csv")
    ways = cleaning(300 if asked.quick else 3000)
    head = ("digits", "f", "accuracy", "f of the answer", "its accuracy", "wrong rows dropped", "clean rows dropped")
    table(head, lines(ways), asked.output / "table.csv")
    figure(asked.output / "cleaning.png", (9, 3.6), lambda page: draw(page, ways))


if __name__ == "__main__":
    main()
