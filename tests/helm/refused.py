"""What may not be installed: contradictions, in words; unknown or misshapen values, by the schema."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import yaml

import generate
from harness import CHART, HERE, check, equal, template

SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def main():
    in_words()
    by_schema()
    closed()
    equal("the table of helm/README.md is that of values.yaml", (CHART / "README.md").read_text() == generate.readme(), True)
    undocumented = [path for path, _, comment in generate.documented() if not comment]
    equal("every value has a comment", undocumented, [])


def in_words():
    """Each refusal says its sentence, and each `fail` of the template has a refusal."""
    refusals = yaml.safe_load((HERE / "refusals.yaml").read_text())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda r: template(r["example"], r["values"]), refusals))
    said = set()
    for refusal, answer in zip(refusals, answers):
        line = re.search(r"validate\.yaml:\d+:\d+\): (.*)", answer.stderr)
        found = line[1] if answer.returncode and line else answer.stderr or "no refusal"
        equal(f"refused: {refusal['example']} {refusal['values']}", found, refusal["says"])
        said.add(found)
    text = (CHART / "templates/validate.yaml").read_text()
    fails = re.findall(r'\{\{ fail (?:\(printf )?(\$none|"(?:[^"\\]|\\.)*")(?: "([a-z.]+)" "([^"]*)")?', text)
    equal("every fail is found", len(fails), text.count("{{ fail "))
    none = re.search(r'\$none := ("[^"]*")', text)[1]
    for form, *words in fails:
        pattern = re.escape(json.loads(none if form == "$none" else form))
        if form == "$none":
            pattern = pattern.replace("%s", re.escape(words[0]), 1).replace("%s", re.escape(words[1]), 1)
        pattern = pattern.replace("%s", ".+").replace("%d", "[0-9]+")
        check(f"a test refuses: {form} {words}", any(re.fullmatch(pattern, s) for s in said))


def by_schema():
    """Secrets inline, unknown names, kinds of volumes that the restricted profile forbids, peers that are everybody."""
    wrong = {
        "a secret inline": ({"secrets": {"kek": {"value": "A" * 43}}}, "/secrets/kek': additional properties 'value' not allowed"),
        "a password inline": ({"secrets": {"sqlPassword": "hunter2"}}, "/secrets/sqlPassword': got string, want object"),
        "an upstream secret inline": ({"secrets": {"upstream": {"franceconnect-plus": {"existingSecret": "a", "secret": "x"}}}}, "additional properties 'secret' not allowed"),
        "a setting that does not exist": ({"config": {"tokens": {"lifetime": "1h"}}}, "/config/tokens': additional properties 'lifetime' not allowed"),
        "a section that does not exist": ({"config": {"token": {}}}, "/config': additional properties 'token' not allowed"),
        "a number that is text": ({"config": {"approval": {"live": "5"}}}, "/config/approval/live': got string, want integer"),
        "a duration without a unit": ({"config": {"tokens": {"code": "60"}}}, "/config/tokens/code': '60' does not match pattern"),
        "a line break in a setting": ({"config": {"mobile": {"rp_name": "a\nb"}}}, "/config/mobile/rp_name'"),
        "a setting of an upstream": ({"config": {"upstream": [{"id": "a", "client_secret": "x"}]}}, "/config/upstream/0': additional properties 'client_secret' not allowed"),
        "an unknown value": ({"replicas": 3}, "additional properties 'replicas' not allowed"),
        "no replica": ({"replicaCount": 0}, "/replicaCount': minimum: got 0, want 1"),
        "a profile of one's own": ({"profile": "test"}, "/profile': value must be one of 'production', 'single'"),
        "a digest cut short": ({"image": {"digest": "sha256:abc"}}, "/image/digest': 'sha256:abc' does not match pattern"),
        "a folder of the node": ({"extraVolumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "/extraVolumes/0': additional properties 'hostPath' not allowed"),
        "a module from the node": ({"hsm": {"moduleVolume": {"hostPath": {"path": "/"}}}}, "/hsm/moduleVolume': additional properties 'hostPath' not allowed"),
        "everybody, as a peer": ({"networkPolicy": {"public": {"from": [{}]}}}, "/networkPolicy/public/from/0': minProperties: got 0, want 1"),
        "every namespace, as a peer": ({"networkPolicy": {"redis": {"to": [{"namespaceSelector": {}}]}}}, "/networkPolicy/redis/to/0/namespaceSelector': minProperties: got 0, want 1"),
        "a secret in the environment": ({"hsm": {"env": [{"name": "PIN", "valueFrom": {}}]}}, "/hsm/env/0': "),
        "root": ({"runAsUser": 0}, "/runAsUser'"),
        "no time to end": ({"terminationGracePeriodSeconds": 5}, "/terminationGracePeriodSeconds': minimum: got 5, want 30"),
        "a shared volume for SQLite": ({"persistence": {"accessMode": "ReadWriteMany"}}, "/persistence/accessMode': value must be one of"),
    }
    for name, (values, says) in wrong.items():
        answer = template("production", values)
        check(f"schema: {name}", answer.returncode != 0 and "values don't meet the specifications of the schema" in answer.stderr and says in answer.stderr, answer.stderr)


def closed():
    """The schema is closed wherever the chart reads, and has the values of values.yaml and no other."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    missing, extra = [], []

    def resolve(node):
        return SCHEMA["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node

    def walk(path, node, value):
        node = resolve(node)
        properties = node.get("properties", {})
        if not isinstance(value, dict) or not properties:
            return
        check(f"schema: {path or 'the top'} is closed", node.get("additionalProperties") is False)
        missing.extend(f"{path}{name}" for name in value if name not in properties)
        # What config and the sources of volumes may hold beyond their defaults is not repeated in values.yaml.
        if not path.startswith(("config", "hsm.moduleVolume", "secrets.upstream")):
            extra.extend(f"{path}{name}" for name in properties if name not in value and name != "global")
        for name, below in value.items():
            walk(f"{path}{name}.", properties.get(name, {}), below)

    walk("", SCHEMA, values)
    equal("values that the schema lacks", missing, [])
    equal("values that values.yaml lacks", extra, [])
