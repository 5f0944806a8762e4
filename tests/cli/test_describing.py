"""`explain`, `show` and `interface` from the command line: what goes where."""

import json

MODEL = "param n = 2;\nupper { var x[n] in [0, 1]; minimize sum(y); }\nlower { var y[n]; minimize sumsqr(y - x); }\n"


def test_show(run, model):
    assert "x ∈ [0, 1]ⁿ" in run("show", model(MODEL)).out
    assert r"\operatorname*{arg\,min}" in run("show", model(MODEL), "--latex").out
    assert run("show", model(MODEL), "--html").out.startswith("<!DOCTYPE html>")


def test_show_into_a_file(run, model, tmp_path):
    done = run("show", model(MODEL), "--html", "-o", tmp_path / "page.html")
    assert (done.status, done.out) == (0, "")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").endswith("</html>\n")


def test_show_into_no_folder(run, model, tmp_path):
    assert run("show", model(MODEL), "-o", tmp_path / "none" / "page.txt").status == 2


def test_explain(run, model):
    assert "the follower's answer is unique" in " ".join(run("explain", model(MODEL)).out.split())
    found = json.loads(run("explain", model(MODEL), "--format", "json", "--param", "n=3").out)
    assert found["sizes"]["upper_variables"] == 3


def test_interface_needs_no_values(run, model):
    found = json.loads(run("interface", model(MODEL.replace("n = 2", "n"))).out)
    assert found["parameters"] == [{"name": "n", "shape": [], "dimensions": [], "labels": [], "required": True}]


def test_pedantic(run, model):
    text = MODEL.replace("param n = 2;", "param n = 2; param unused = 1;")
    assert "BL0711" not in run("check", model(text)).err
    done = run("check", model(text), "--pedantic")
    assert done.status == 0 and "BL0711" in done.err


def test_a_broken_model(run, model):
    for command in ("show", "explain", "interface"):
        done = run(command, model("upper { var x; minimize z; }"))
        assert done.status == 3 and "BL0202" in done.err and done.out == ""
