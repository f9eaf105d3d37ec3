"""The alarms and the dashboard: well formed, about metrics that exist, each alarm raised by what it is for and explained."""

import json
import re
import tempfile

import yaml

from harness import CHART, HERE, PROMTOOL, TOP, check, equal, one, rendered, run

RULES = yaml.safe_load((CHART / "files/alarms.yaml").read_text())
ALARMS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
RECORDS = {rule["record"]: rule for group in RULES["groups"] for rule in group["rules"] if "record" in rule}
DASHBOARD = json.loads((CHART / "files/dashboard.json").read_text())

# Prometheus and the ServiceMonitor put these on everything; ours of that name would become exported_….
OF_THE_SCRAPE = {"job", "instance", "namespace", "pod", "container", "service", "endpoint", "node"}


def main():
    answer = run(PROMTOOL, "check", "rules", CHART / "files/alarms.yaml")
    check("promtool takes the rules", answer.returncode == 0, answer.stdout + answer.stderr)
    raised()
    metrics()
    explained()
    dashboard()
    in_the_chart()


def raised():
    """Each scenario raises its alarms and no other; each alarm is raised by one at least."""
    scenarios = yaml.safe_load((HERE / "scenarios.yaml").read_text())["scenarios"]
    equal("each alarm has a scenario", {alarm for s in scenarios for alarm in s["raises"]}, set(ALARMS))
    tests = []
    for number, scenario in enumerate(scenarios):
        tests.append({
            "name": scenario["name"],
            "interval": scenario["interval"],
            "input_series": scenario["input_series"],
            "promql_expr_test": [{
                # promtool tells the expression that fails and no name: so each has its number.
                "expr": f'group by (alertname) (ALERTS{{alertstate="firing",alertname!="scenario {number}"}})',
                "eval_time": length(scenario),
                "exp_samples": [{"labels": f'{{alertname="{alarm}"}}', "value": 1} for alarm in scenario["raises"]],
            }],
        })
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"rule_files": [str(CHART / "files/alarms.yaml")], "evaluation_interval": "1m", "tests": tests}, file)
        file.flush()
        answer = run(PROMTOOL, "test", "rules", file.name)
    failing = dict(re.findall(r'alertname!=\\"scenario (\d+)\\"\}\)", (.*?)(?=\n\s*expr:|\Z)', answer.stderr, re.DOTALL))
    for number, scenario in enumerate(scenarios):
        check(f"scenario: {scenario['name']}", str(number) not in failing, failing.get(str(number), ""))
    equal("promtool's verdict on the scenarios", answer.returncode == 0, not failing)
    check("promtool ran the scenarios", "FAILED" in answer.stderr or "SUCCESS" in answer.stdout, answer.stdout + answer.stderr)


def length(scenario):
    """The end of the longest series."""
    step = {"30s": 30, "1m": 60}[scenario["interval"]]
    counts = [sum(int(n) + 1 for n in re.findall(r"x([0-9]+)", s["values"])) for s in scenario["input_series"]]
    return f"{(max(counts) - 1) * step}s"


def expressions():
    for name, rule in {**ALARMS, **RECORDS}.items():
        yield name, rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]


def metrics():
    """Each metric named is one that the source records, each job one that it runs, each recorded series one of the rules."""
    source = "\n".join(path.read_text() for path in sorted((TOP / "src").rglob("*.rs")))
    recorded = set(re.findall(r'(?:gauge|counter|histogram)!\(\s*"(sceau_[a-z_]+)"', source))
    check("the source records metrics", len(recorded) > 10, str(recorded))
    histograms = set(re.findall(r'histogram!\(\s*"(sceau_[a-z_]+)"', source))
    series = recorded | {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}
    jobs = set(re.findall(r'Job::new\(\s*"([a-z_]+)"', source)) | set(re.findall(r'"(checkpoint_[a-z]+)"', source))
    for name, expression in expressions():
        named = set(re.findall(r"\bsceau_[a-z_]+", expression))
        check(f"{name}: its metrics exist", named <= series, str(named - series))
        rules = set(re.findall(r"\bsceau:[a-z_0-9:]+", expression))
        check(f"{name}: its recorded series exist", rules <= set(RECORDS), str(rules - set(RECORDS)))
        for given in re.findall(r'task=~?"([^"]+)"', expression):
            lost = [job for job in given.split("|") if not any(re.fullmatch(job, known) for known in jobs)]
            check(f"{name}: its jobs exist", not lost, f"{lost} of {jobs}")
        # Prometheus' own label job is the scrape's.
        check(f"{name}: job is the scrape's", all(j == "sceau" for j in re.findall(r'\bjob=~?"([^"]+)"', expression)))
    labels = {label for given in re.findall(r'(?:gauge|counter|histogram)!\((.*?)\)[.;]', source, re.DOTALL) for label in re.findall(r'"([a-z_]+)" =>', given)}
    table = re.findall(r"^\| `sceau_[a-z_]+` \| (.*?) \|", (TOP / "docs/operations.md").read_text(), re.MULTILINE)
    told = {label for row in table for label in re.findall(r"`([a-z_]+)`", row)}
    check("docs/operations.md tells the labels", labels <= told and len(labels) > 10, str(labels - told))
    labels |= told
    equal("no label of ours is one that the scrape gives", labels & OF_THE_SCRAPE, set())
    used = {name for _, e in expressions() for name in re.findall(r"\bsceau_[a-z_]+", e)}
    unseen = {name for name in recorded if not any(u == name or u.startswith(f"{name}_") for u in used)}
    equal("every metric is on the dashboard or in an alarm", unseen, set())


def explained():
    """Each alarm has a severity, a summary, and a heading of docs/operations.md whose section names it."""
    text = (TOP / "docs/operations.md").read_text()
    sections = {}
    for part in re.split(r"^(?=#{2,4} )", text, flags=re.MULTILINE):
        heading = part.splitlines()[0].lstrip("# ").strip() if part.startswith("#") else ""
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        sections.setdefault(anchor, part)
    chapter = text.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    for name, rule in ALARMS.items():
        equal(f"{name}: severity", rule["labels"].get("severity") in ("page", "ticket"), True)
        check(f"{name}: summary", len(rule["annotations"]["summary"]) > 20)
        file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        section = sections.get(anchor, "")
        check(f"{name}: {file}#{anchor} exists", file == "docs/operations.md" and bool(section))
        check(f"{name}: #{anchor} names it", f"`{name}`" in section and section.strip() in chapter)
    guide = (CHART / "README.md").read_text()
    for where, links in (("the chapter", re.findall(r"\]\(#([^)]+)\)", chapter)), ("helm/README.md", re.findall(r"\]\(\.\./docs/operations\.md#([^)]+)\)", guide))):
        check(f"{where} has links", len(links) > 3)
        equal(f"{where}: each link has its heading", [link for link in links if link not in sections], [])
    for link in re.findall(r"\]\(((?!http|#)[^)#]+)", guide):
        check(f"helm/README.md: {link} exists", (CHART / link).exists())
    told = set(re.findall(r"`(Sceau[A-Za-z]+)`", chapter))
    equal("the chapter names no other alarm", told, set(ALARMS))


def dashboard():
    """Grafana's document: identifiers once, no panel over another, and PromQL that Prometheus parses."""
    panels = DASHBOARD["panels"]
    equal("panels: identifiers once", len({p["id"] for p in panels}), len(panels))
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        check(f"panel {panel['title']}: its place is free", not cells & taken and place["x"] + place["w"] <= 24)
        taken |= cells
    rules = []
    for number, (name, expression) in enumerate(e for e in expressions() if e[0].startswith(("panel", "annotation"))):
        plain = expression.replace("$__rate_interval", "5m").replace("$namespace", ".*")
        check(f"{name}: no other variable", "$" not in plain, plain)
        rules.append({"record": f"check:{number}", "expr": plain})
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        answer = run(PROMTOOL, "check", "rules", file.name)
    check("promtool takes the dashboard's PromQL", answer.returncode == 0, answer.stdout + answer.stderr)


def in_the_chart():
    """The PrometheusRule and the ConfigMap hold the files, with the base of the runbooks before their addresses."""
    objects = rendered("production")
    equal("the ConfigMap holds the dashboard", json.loads(one(objects, "ConfigMap", "sceau-dashboard")["data"]["sceau.json"]), DASHBOARD)
    equal("Grafana's sidecar finds it", one(objects, "ConfigMap", "sceau-dashboard")["metadata"]["labels"]["grafana_dashboard"], "1")
    expected = yaml.safe_load((CHART / "files/alarms.yaml").read_text())
    for group in expected["groups"]:
        for rule in group["rules"]:
            if "annotations" in rule:
                rule["annotations"]["runbook_url"] = "https://wiki.example.fr/sceau/" + rule["annotations"]["runbook_url"]
    equal("the PrometheusRule holds the alarms", one(objects, "PrometheusRule")["spec"], expected)
