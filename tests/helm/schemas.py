"""Objects against the schemas of Kubernetes, and closed schemas of our own for the kinds that are no part of it."""

import functools
import importlib.resources
import json
import re

import jsonschema
import referencing

FOLDER = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema"


@functools.cache
def kubernetes(version, kind, api):
    folder = FOLDER / f"v{version}.0-local-strict"
    name = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api)
    own = json.loads((folder / f"{kind.lower()}-{name}.json").read_text())
    return jsonschema.Draft202012Validator(own, registry=definitions(version))


@functools.cache
def definitions(version):
    shared = json.loads((FOLDER / f"v{version}.0-local-strict/_definitions.json").read_text())
    return referencing.Resource.from_contents(shared) @ referencing.Registry()


def errors(version, document):
    own = OWN.get(document["kind"])
    validator = jsonschema.Draft202012Validator(own) if own else kubernetes(version, document["kind"], document["apiVersion"])
    return [f"{'/'.join(map(str, e.path))}: {e.message}" for e in validator.iter_errors(document)]


def closed(required=(), **properties):
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def array(items):
    return {"type": "array", "items": items}


def custom(api, kind, spec):
    metadata = closed(["name", "labels"], name=TEXT, labels=TEXTS, annotations=TEXTS)
    return closed(["apiVersion", "kind", "metadata", "spec"], apiVersion={"const": api}, kind={"const": kind}, metadata=metadata, spec=spec)


TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
PROMETHEUS_TIME = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
OWN = {
    # gateway-api v1.4, HTTPRouteSpec
    "HTTPRoute": custom("gateway.networking.k8s.io/v1", "HTTPRoute", closed(
        ["parentRefs", "hostnames", "rules"],
        parentRefs=array(closed(["name"], name=TEXT, namespace=TEXT, sectionName=TEXT, port=PORT)),
        hostnames=array(TEXT),
        rules=array(closed(
            matches=array(closed(path=closed(["type", "value"], type={"enum": ["PathPrefix", "Exact"]}, value=TEXT))),
            timeouts=closed(request=PROMETHEUS_TIME, backendRequest=PROMETHEUS_TIME),
            backendRefs=array(closed(["name", "port"], name=TEXT, port=PORT)),
        )),
    )),
    # gateway-api v1.4, BackendTLSPolicySpec
    "BackendTLSPolicy": custom("gateway.networking.k8s.io/v1", "BackendTLSPolicy", closed(
        ["targetRefs", "validation"],
        targetRefs=array(closed(["group", "kind", "name"], group=TEXT, kind=TEXT, name=TEXT, sectionName=TEXT)),
        validation=closed(["hostname", "caCertificateRefs"], hostname=TEXT, caCertificateRefs=array(closed(["group", "kind", "name"], group=TEXT, kind=TEXT, name=TEXT))),
    )),
    # prometheus-operator, ServiceMonitorSpec and PrometheusRuleSpec
    "ServiceMonitor": custom("monitoring.coreos.com/v1", "ServiceMonitor", closed(
        ["selector", "endpoints"],
        jobLabel=TEXT,
        selector=closed(["matchLabels"], matchLabels=TEXTS),
        endpoints=array(closed(["port"], port=TEXT, path=TEXT, interval=PROMETHEUS_TIME, scrapeTimeout=PROMETHEUS_TIME)),
    )),
    "PrometheusRule": custom("monitoring.coreos.com/v1", "PrometheusRule", closed(
        ["groups"],
        groups=array(closed(["name", "rules"], name=TEXT, rules=array(closed(
            ["expr"], record=TEXT, alert=TEXT, expr=TEXT, **{"for": PROMETHEUS_TIME}, labels=TEXTS, annotations=TEXTS,
        )))),
    )),
}
