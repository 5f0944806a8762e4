"""Find wrong labels: which rows of the training data lose their weight, and how many of them are really wrong?"""

from pathlib import Path

import numpy as np

import bilevel_dsl as bl

MODEL = Path(__file__).parents[2] / "models" / "applications" / "hyper_cleaning.bilevel"


def main() -> None:
    problem = bl.load(MODEL)
    solution = bl.solve(problem)
    print(f"{solution.status}, {'verified' if solution.verified else 'not verified'}")
    table = np.loadtxt(MODEL.parent / "digits" / "train.csv", delimiter=",", skiprows=1)
    label, true_label, corrupted = table[:, 64], table[:, 65], table[:, 66] == 1
    suspicious = solution["weight"] < 0.5
    print(
        f"{suspicious.sum()} of {len(table)} rows lose their weight; {np.sum(suspicious & corrupted)} of them "
        f"are among the {corrupted.sum()} wrong ones"
    )
    print("row  label  true label  weight")
    for row in np.flatnonzero(suspicious)[:8]:
        print(f"{row:3}{label[row]:7.0f}{true_label[row]:12.0f}{solution['weight'][row]:8.2f}")


if __name__ == "__main__":
    main()
