"""Running helm, counting verdicts."""

import functools
import os
import pathlib
import subprocess
import tempfile

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
CHART = TOP / "helm"
HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = ("embedded", "production", "production-hsm")
HELM, PROMTOOL, SCEAU = (os.environ[name] for name in ("HELM", "PROMTOOL", "SCEAU_BINARY"))

passed, failed = [], []


def check(name, good, why=""):
    """One verdict. What failed is printed at once, with its reason."""
    (passed if good else failed).append(name)
    if not good:
        print(f"FAILED: {name}" + (f"\n  {why}" if why else ""), flush=True)


def equal(name, found, expected):
    check(name, found == expected, f"found    {found!r}\n  expected {expected!r}")


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600, **more)


def helm(*words):
    return run(HELM, *words)


def template(example, values=None, chart=CHART, version=None):
    """`helm template` of an example, with more values over it."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(over(load((CHART / f"ci/{example}.yaml").read_text())[0], values or {}), file)
        file.flush()
        words = ["template", "sceau", chart, "--namespace", "sante", "-f", file.name]
        return helm(*words, *(["--kube-version", version] if version else []))


def over(base, values):
    """Values over others; null takes away what the others set, and is null where they set nothing."""
    for name, value in values.items():
        if value is None and name in base:
            del base[name]
        elif isinstance(value, dict) and isinstance(base.get(name), dict):
            over(base[name], value)
        else:
            base[name] = value
    return base


def load(text):
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def rendered(example, values=None, version=None):
    """The objects of an example, as a list; without values of its own, made once."""
    answer = template(example, values, version=version) if values else plain(example, version)
    if answer.returncode:
        raise RuntimeError(f"{example}: {answer.stderr}")
    return load(answer.stdout)


@functools.cache
def plain(example, version):
    return template(example, version=version)


def one(objects, kind, name="sceau"):
    [found] = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def pods(objects):
    """Each pod that the objects lead to: (what it is, labels, spec)."""
    for o in objects:
        if o["kind"] == "Pod":
            yield f"Pod {o['metadata']['name']}", o["metadata"]["labels"], o["spec"]
        elif template_ := o.get("spec", {}).get("template"):
            yield f"{o['kind']} {o['metadata']['name']}", template_["metadata"]["labels"], template_["spec"]
