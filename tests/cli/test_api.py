"""The package as a library."""

import json

import numpy as np
import pytest

import bilevel_dsl as bl

from .conftest import SHIFT, VECTOR


def test_the_documented_session(model, tmp_path):
    problem = bl.load(model(), data={"target": 4})
    solution = bl.solve(problem, method="auto", tol=1e-8)
    assert solution.status == "converged" and solution.verified
    assert solution.upper == pytest.approx(2.25, rel=1e-8)
    assert solution["x"] == pytest.approx(2.5, abs=1e-6)
    assert len(solution.trace["iteration"]) == solution.iterations
    assert bl.export_c(problem, tmp_path / "out", method="penalty")
    assert isinstance(problem, bl.Problem) and isinstance(solution, bl.Solution)


def test_public_names_exist_and_others_do_not():
    assert all(getattr(bl, name) is not None for name in bl.__all__)
    assert set(bl.__all__) <= set(dir(bl))
    with pytest.raises(AttributeError, match="no attribute `slove`"):
        _ = bl.slove


def test_shapes_of_values(model):
    problem = bl.load(model(VECTOR), data={"n": 2, "a": np.array([0.4, 0.8])})
    solution = bl.solve(problem)
    assert solution["x"].shape == (2,) and isinstance(bl.solve(bl.load(model()))["x"], float)
    with pytest.raises(KeyError, match="no value for `z`"):
        solution["z"]


@pytest.mark.parametrize(
    "data", [{"a": [1, 2, 3]}, {"a": (1, 2, 3)}, {"a": np.array([1, 2, 3])}, {"a": np.array([[1], [2], [3]])}]
)
def test_data_of_many_kinds(model, data):
    (a,) = [q for q in bl.load(model(VECTOR), data=data).parameters if q.name == "a"]
    assert a.value.tolist() == [1, 2, 3]


def test_parameters_as_expressions_win(model):
    problem = bl.load(model(), data={"target": 1}, params={"target": "sqrt(16)"})
    assert problem.parameters[0].value == 4


def test_mistakes_are_one_exception_with_all_of_them(model):
    with pytest.raises(bl.BilevelError) as caught:
        bl.load(model(SHIFT.replace("(y - x)^2", "(y - u)^2").replace("x + y;", "x + v;")))
    assert [d.primary.span.line for d in caught.value.diagnostics] == [4, 5]
    assert "`u`" in str(caught.value) and "^" in str(caught.value)


@pytest.mark.parametrize("start", [{"x": "far"}, {"x": [1, 2]}, {"x": None}, {"x": [[1], [2, 3]]}, {"u": 1}, {"x": np.nan}])
def test_starts_that_do_not_fit(model, start):
    with pytest.raises(bl.BilevelError):
        bl.solve(bl.load(model()), start=start)


def test_a_saved_result_is_read_back(model, tmp_path):
    problem = bl.load(model())
    solution = bl.solve(problem)
    solution.save(tmp_path / "r.json")
    found = json.loads((tmp_path / "r.json").read_text())
    assert found == json.loads(json.dumps(solution.to_json()))
    point = bl.verify(problem, found["variables"])
    assert point.verified and point.upper == solution.upper
    assert point.certificate["lower_gap"] == solution.certificate["lower_gap"]


def test_a_result_prints_as_its_table(model):
    solution = bl.solve(bl.load(model()))
    assert str(solution).startswith("shift: proved, a global solution\n") and repr(solution).startswith(
        "<Solution of shift:"
    )


def test_progress_and_stages(model):
    stages, seen = [], []
    bl.solve(bl.load(model()), compile=False, on_stage=stages.append, on_progress=lambda k, m: seen.append((k, m)))
    assert stages[:3] == ["building", "iterating", "verifying"]
    assert all(k > 0 and "upper" in m for k, m in seen)


def test_trace_and_progress_show_objectives_as_written(model):
    seen = []
    problem = bl.load(model(VECTOR), data={"a": 1})
    solution = bl.solve(problem, compile=False, on_progress=lambda k, m: seen.append(m["upper"]))
    assert problem.f.sense == -1 and solution.upper == pytest.approx(0.75)
    assert solution.trace["upper"][-1] == solution.measures["upper"] == pytest.approx(solution.upper, abs=1e-6)
    assert all(value > -1e-9 for value in seen)


def test_functions_by_name(model):
    f = bl.functions_of(bl.load(model(VECTOR), data={"a": [1, 2, 3]}))
    x, y = np.array([0.1, 0.2, 0.3]), np.array([1.0, 1.0, 1.0])
    assert np.allclose(np.array(f["grad_y_g"](x, y, *f.data)), 2 * np.array([[0.9], [0.8], [0.7]]))
    assert np.allclose(np.array(f["hess_yy_g"](x, y, *f.data)), 2 * np.eye(3))
    assert float(f["f"](x, y, *f.data)) == pytest.approx(-(6 - 0.14))  # minimised: the maximum is negated
    assert np.allclose(np.array(f["project_x"](np.array([-1, 0.5, 2]), *f.data)), np.array([[0], [0.5], [1]]))
    assert {"f", "g", "grad_x_f", "hess_xy_g", "project_y"} <= set(f) and len(f) == len(list(f))
    with pytest.raises(KeyError, match="no function `grad_z_g`"):
        f["grad_z_g"]


def test_the_data_of_a_solution_are_those_it_was_made_with(model):
    path = model()
    first = bl.solve(bl.load(path))
    second = bl.solve(bl.load(path, data={"target": 4}))
    assert (first["x"], second["x"]) == (pytest.approx(1.5, abs=1e-4), pytest.approx(2.5, abs=1e-4))


def test_the_reference_is_for_the_data_in_the_model(model):
    assert bl.load(model()).reference.upper == 0.25
    assert bl.load(model(), data={"target": 4}).reference.upper is None
    assert bl.load(model(), params={"target": "4"}).reference.upper is None
    supplied = model(SHIFT.replace("target = 2", "target"))
    assert bl.load(supplied, data={"target": 2}).reference.upper == 0.25
