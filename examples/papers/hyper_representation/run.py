"""Hyper-representation of Huang (arXiv 2303.03944) on few-shot tasks of handwritten digits: five digits, a picture of each.

python examples/papers/hyper_representation/run.py            a quarter of an hour
python examples/papers/hyper_representation/run.py --quick    a minute: few steps
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import arguments, curves, figure, model, run, table

RATE = 0.3
L = 2.0  # above the curvature of the follower
LEAK, RIDGE = 0.1, 0.01  # as in the model
SEEN = range(7)  # digits of the tasks that are learnt from
DETERMINISTIC = {
    "mgbio": {"gamma": RATE, "lam": RATE, "mu": 0.05, "L": L, "warm_up": 0},
    "galet": {"alpha": RATE, "N": 1, "beta": RATE, "T": 5, "rho": 1 / L**2, "warm": "no"},
    "bgs_opt": {"gamma": RATE, "before": 1, "exactly": "yes", "alpha": RATE, "T": 0, "N": 1, "beta": 1 / L**2},
    "bome": {"xi": RATE, "T": 10, "alpha": RATE},
    "v_pbgd": {"alpha": RATE, "gamma": 1, "T": 1, "beta": RATE, "keep": "yes"},
    "bvfsm": {"alpha": RATE, "T": 5, "step_z": RATE, "step_y": RATE},
}
BATCH = 2  # tasks
MOMENTUM = {"c": 0.1, "gamma": RATE, "lam": RATE, "mu": 0.05, "L": L, "C_f": 0.2, "C_g": 1, "warm_up": 0}
STOCHASTIC = {
    "msgbio": MOMENTUM,
    "vr_msgbio": MOMENTUM,
    "soba": {"gamma": RATE, "rho": RATE, "decay": 0},
    "v_pbsgd": {"alpha": RATE, "gamma": 1, "T": 10, "beta": RATE},
}


# --- tasks ---------------------------------------------------------------------------------------


def pictures(*tables: str) -> np.ndarray:
    """64 pixels from 0 to 16, label, true label, corrupted: the digits that hyper-cleaning learns from or tests with."""
    data = np.load(Path(__file__).parents[1] / "cleaning" / "digits.npz")
    return np.vstack([data[name] for name in tables])


def tasks(rows: np.ndarray, count: int, digits: range, seed: int) -> dict[str, np.ndarray]:
    """Of five digits each one picture that is shown, and five that are asked for, digit by digit."""
    rng, shown, asked = np.random.default_rng(seed), [], []
    for _ in range(count):
        chosen = rng.choice(digits, 5, replace=False)
        picked = [rng.choice(np.flatnonzero(rows[:, 65] == k), 6, replace=False) for k in chosen]
        shown.append([rows[p[0], :64] for p in picked])
        asked.append([row for p in picked for row in rows[p[1:], :64]])
    return {"shown": np.array(shown) / 16, "asked": np.array(asked) / 16}


def learnt_from() -> dict[str, np.ndarray]:
    """What is in tasks.npz."""
    return tasks(pictures("train", "validation"), 6, SEEN, seed=1)


# --- the follower's answers, by numpy -------------------------------------------------------------


def heads(features: np.ndarray, share: float, steps: int = 3000) -> np.ndarray:
    """(tasks, p, 5): gradient descent on share / 10 |neuron(features B) - I|^2 + RIDGE / 2 |B|^2 from B = 0."""
    B = np.zeros((len(features), features.shape[2], 5))
    length = 1 / (share / 5 * np.linalg.norm(features, axis=(1, 2)).max() ** 2 + RIDGE)
    for _ in range(steps):
        u = features @ B
        slope = np.where(u > 0, 1, LEAK)
        error = (np.maximum(u, LEAK * u) - np.eye(5)) * slope
        B -= length * (share / 5 * features.transpose(0, 2, 1) @ error + RIDGE * B)
    return B


def judged(W: np.ndarray, of: dict[str, np.ndarray], share: float = 1 / 6) -> tuple[float, float]:
    """The leader's loss and the accuracy on what is asked, the follower having its own answer."""
    u = of["asked"] @ W @ heads(of["shown"] @ W, share)
    truth = np.repeat(np.eye(5), 5, axis=0)
    loss = np.mean(np.sum((np.maximum(u, LEAK * u) - truth) ** 2, axis=(1, 2))) / 50
    return float(loss), float(np.mean(np.argmax(u, axis=2) == np.argmax(truth, axis=1)))


# --- the experiment ---------------------------------------------------------------------------------


def learn(steps: int, names: tuple[str, ...] = (*DETERMINISTIC, *STOCHASTIC)) -> dict[str, dict]:
    problem, ways = model(__file__), {}
    drawn = {"batch": BATCH, "seed": 1, "average": "no", "every": 10, "steps": steps}
    for name in names:
        settings = DETERMINISTIC.get(name) or {**STOCHASTIC[name], **drawn}
        ways[name] = run(problem, name, max_iter=steps, tol=0, **settings)
    return ways


def representation(way: dict, row: int = -1) -> np.ndarray:
    p = sum(name.startswith("report.features[1,") for name in way)
    return np.array([[way[f"report.features[{i},{j}]"][row] for j in range(1, p + 1)] for i in range(1, 65)])


def unseen() -> dict[str, dict[str, np.ndarray]]:
    """Tasks to test with, none of whose pictures was learnt from."""
    rows = pictures("test")
    return {"seen digits": tasks(rows, 300, SEEN, seed=2), "any digits": tasks(rows, 300, range(10), seed=3)}


def lines(ways: dict[str, dict]) -> list[tuple]:
    """Loss of the method, that of the follower's answer, accuracies; the start and the pixels themselves beside."""
    tests, known = unseen(), learnt_from()
    both = lambda W: tuple(judged(W, of)[1] for of in tests.values())  # noqa: E731
    rows = [("pixels", "", "", judged(np.eye(64), known)[0], *both(np.eye(64)), "")]
    start = np.array(model(__file__).start()[0]).reshape(64, -1, order="F")
    rows += [("at the start", "", "", judged(start, known)[0], *both(start), "")]
    for name, way in ways.items():
        W = representation(way)
        half = np.searchsorted(way["iteration"], way["iteration"][-1] / 2)
        loss = (float(way["upper"][half]), float(way["upper"][-1]), judged(W, known)[0])
        rows.append((name, *loss, *both(W), float(way["seconds"][-1])))
    return rows


def answers(way: dict, known: dict, places: int = 15) -> tuple[np.ndarray, np.ndarray]:
    """The leader's loss at the follower's answers, along the way."""
    rows = np.unique(np.linspace(0, len(way["iteration"]) - 1, places).astype(int))
    return way["iteration"][rows], np.array([judged(representation(way, k), known)[0] for k in rows])


def draw(page, ways: dict[str, dict]) -> None:
    known = learnt_from()
    for axes, (words, names) in zip(
        page.subplots(1, 2), {"all tasks": DETERMINISTIC, "two tasks a step": STOCHASTIC}.items()
    ):
        found = {name: answers(ways[name], known) for name in names if name in ways}
        curves(axes, found, title=words, x="steps", y="loss at the follower's answers" if words == "all tasks" else "")
        axes.legend(fontsize=6.5)


HEAD = ("method", "loss halfway", "loss", "of the answers", "accuracy, seen digits", "any digits", "seconds")


def main() -> None:
    asked = arguments(__doc__)
    ways = learn(30 if asked.quick else 400)
    table(HEAD, lines(ways), asked.output / "table.csv")
    figure(asked.output / "loss.png", (9, 3.6), lambda page: draw(page, ways))


if __name__ == "__main__":
    main()
