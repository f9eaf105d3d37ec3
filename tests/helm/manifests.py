"""The objects that the three examples make, read as a reviewer would."""

import re

import restricted
import schemas
from harness import CHART, EXAMPLES, check, equal, helm, one, pods, rendered, template

VERSIONS = ("1.29", "1.33", "1.37")


def main():
    for example in EXAMPLES:
        linted = helm("lint", "--strict", "--namespace", "sante", CHART, "-f", CHART / f"ci/{example}.yaml")
        check(f"{example}: helm lint --strict", linted.returncode == 0 and "[ERROR]" not in linted.stdout, linted.stdout + linted.stderr)
        check(f"{example}: lint sees no refusal", "funcMap fail" not in linted.stderr, linted.stderr)
        for version in VERSIONS:
            on_kubernetes(example, version)
        objects = rendered(example)
        pod_security(example, objects)
        wiring(example, objects)
        network(example, objects)
        secrets(example, objects)
    refuses_old_kubernetes()
    broken_objects_are_seen()
    broken_pods_are_seen()
    embedded(rendered("embedded"))
    production(rendered("production"))
    hardware(rendered("production-hsm"))
    variants()


def on_kubernetes(example, version):
    objects = rendered(example, version=f"v{version}.0")
    for o in objects:
        found = schemas.errors(version, o)
        check(f"{example}: Kubernetes {version}: {o['kind']} {o['metadata']['name']}", not found, "; ".join(found))
    names = [(o["kind"], o["metadata"]["name"]) for o in objects]
    equal(f"{example}: Kubernetes {version}: each object once", len(set(names)), len(names))


def refuses_old_kubernetes():
    answer = template("embedded", version="v1.28.9")
    check("Kubernetes 1.28 is refused", answer.returncode != 0 and "requires kubeVersion" in answer.stderr, answer.stderr)


def broken_objects_are_seen():
    """The schemas see an unknown field, a wrong type, and, in kinds of our own schema, both too."""
    for example, kind in (("production", "Deployment"), ("production", "NetworkPolicy"), ("production", "HorizontalPodAutoscaler"),
                          ("embedded", "StatefulSet"), ("embedded", "Ingress"), ("production-hsm", "HTTPRoute"),
                          ("production-hsm", "BackendTLSPolicy"), ("production", "ServiceMonitor"), ("production", "PrometheusRule")):
        good = one(rendered(example), kind)
        for version in VERSIONS:
            check(f"{kind}: {version}: an unknown field is seen", schemas.errors(version, {**good, "spec": {**good["spec"], "unknown": 1}}))
            check(f"{kind}: {version}: a wrong type is seen", schemas.errors(version, {**good, "spec": []}))


def pod_security(example, objects):
    found = list(pods(objects))
    check(f"{example}: has pods", len(found) >= 2)
    for name, _, spec in found:
        equal(f"{example}: {name}: PodSecurity restricted", restricted.violations(spec), [])
        check(f"{example}: {name}: a user of its own", spec["securityContext"]["runAsUser"] >= 10000)


def broken_pods_are_seen():
    spec = one(rendered("production"), "Deployment")["spec"]["template"]["spec"]
    for name, found in restricted.broken(spec):
        check(f"PodSecurity sees: {name}", bool(found))


def selects(selector, labels):
    return all(labels.get(name) == value for name, value in selector.items())


def wiring(example, objects):
    """Selectors find pods, ports have names that exist, volumes are there, accounts and claims exist."""
    by_name = {(o["kind"], o["metadata"]["name"]) for o in objects}
    every = list(pods(objects))
    servers = [(name, labels, spec) for name, labels, spec in every if labels["app.kubernetes.io/component"] == "server"]
    equal(f"{example}: one kind of server", len(servers), 1)
    [(_, labels, server)] = servers
    ports = {port["name"]: port["containerPort"] for port in server["containers"][0]["ports"]}
    for o in objects:
        if o["kind"] == "Service":
            taken = [name for name, labels_, _ in every if selects(o["spec"]["selector"], labels_)]
            equal(f"{example}: Service {o['metadata']['name']} selects the server alone", taken, [servers[0][0]])
            check(f"{example}: Service {o['metadata']['name']}: its ports exist", all(p["targetPort"] in ports for p in o["spec"]["ports"]))
    public = one(objects, "Service")
    equal(f"{example}: the public Service has the public port alone", [p["targetPort"] for p in public["spec"]["ports"]], ["public"])
    workload = next(o for o in objects if o["kind"] in ("Deployment", "StatefulSet"))
    check(f"{example}: the selector is that of its pods", selects(workload["spec"]["selector"]["matchLabels"], labels))
    check(f"{example}: the selector holds no version", not any("version" in name or "chart" in name for name in workload["spec"]["selector"]["matchLabels"]))
    for name, labels_, spec in every:
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        claims = {c["metadata"]["name"] for c in workload["spec"].get("volumeClaimTemplates", [])} if labels_ is labels else set()
        containers = spec.get("initContainers", []) + spec["containers"]
        mounted = {mount["name"] for container in containers for mount in container.get("volumeMounts", [])}
        equal(f"{example}: {name}: what is mounted is what there is", mounted, volumes | claims)
        check(f"{example}: {name}: its account is of the release", ("ServiceAccount", spec["serviceAccountName"]) in by_name)
        check(f"{example}: {name}: no links of Services", spec["enableServiceLinks"] is False)
        for container in containers:
            check(f"{example}: {name}: an image that stays", re.search(r"@sha256:[0-9a-f]{64}$|:[0-9][-.\w]*$", container["image"]), container["image"])
    for o in objects:
        if o["kind"] == "ServiceAccount":
            check(f"{example}: account {o['metadata']['name']} without a token", o["automountServiceAccountToken"] is False)
    spread = {rule["topologyKey"]: rule for rule in server["topologySpreadConstraints"]}
    equal(f"{example}: spread over zones and nodes", set(spread), {"topology.kubernetes.io/zone", "kubernetes.io/hostname"})
    check(f"{example}: it spreads its own pods", all(selects(rule["labelSelector"]["matchLabels"], labels) for rule in spread.values()))
    check(f"{example}: time to drain", server["terminationGracePeriodSeconds"] >= 40)
    container = server["containers"][0]
    equal(f"{example}: probes on the admin port", {container[p]["httpGet"]["port"] for p in ("startupProbe", "livenessProbe", "readinessProbe")}, {"admin"})
    check(f"{example}: no namespace is written down", all("namespace" not in o["metadata"] for o in objects))


def network(example, objects):
    """Every pod is denied by default; the admin port is for monitoring and helm test; no rule is for everybody."""
    policies = [o for o in objects if o["kind"] == "NetworkPolicy"]
    for name, labels, _ in pods(objects):
        mine = [p for p in policies if selects(p["spec"]["podSelector"]["matchLabels"], labels)]
        denies = [p for p in mine if set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"} and not p["spec"].get("ingress") and not p["spec"].get("egress")]
        check(f"{example}: {name} is denied by default", len(denies) >= 1)
    for policy in policies:
        for way, side in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(way, []):
                check(f"{example}: {policy['metadata']['name']}: {way} names peers and ports", rule.get(side) and rule.get("ports") and all(rule[side]), str(rule))
    server = one(policies, "NetworkPolicy")["spec"]
    for rule in server["ingress"]:
        if 9090 in [port["port"] for port in rule["ports"]]:
            who = [p.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/component") or p["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for p in rule["from"]]
            check(f"{example}: the admin port is for monitoring and the test", set(who) <= {"monitoring", "test"}, str(who))


def secrets(example, objects):
    """No Secret is made; each is named; none comes by environment."""
    equal(f"{example}: no Secret is made", [o for o in objects if o["kind"] == "Secret"], [])
    for name, _, spec in pods(objects):
        for container in spec.get("initContainers", []) + spec["containers"]:
            equal(f"{example}: {name}: no secret by environment", [e for e in container.get("env", []) if set(e) != {"name", "value"}] + container.get("envFrom", []), [])
            for mount in container.get("volumeMounts", []):
                secret = mount["name"] in {v["name"] for v in spec.get("volumes", []) if "secret" in str(sorted(v))}
                check(f"{example}: {name}: {mount['name']} is read-only", not secret or mount.get("readOnly") is True)
        for volume in spec.get("volumes", []):
            for held in [volume.get("secret"), volume.get("projected")]:
                check(f"{example}: {name}: {volume['name']} is not for everybody", held is None or held["defaultMode"] == 0o440)


def embedded(objects):
    workload = one(objects, "StatefulSet")["spec"]
    equal("embedded: one replica", workload["replicas"], 1)
    [claim] = workload["volumeClaimTemplates"]
    equal("embedded: nobody else opens the file", claim["spec"]["accessModes"], ["ReadWriteOncePod"])
    equal("embedded: the database outlives the release", workload["persistentVolumeClaimRetentionPolicy"], {"whenDeleted": "Retain", "whenScaled": "Retain"})
    kinds = {o["kind"] for o in objects}
    equal("embedded: no migration, no scaling, no budget", kinds & {"Job", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Deployment"}, set())
    mounts = {m["mountPath"]: m.get("readOnly", False) for m in workload["template"]["spec"]["containers"][0]["volumeMounts"]}
    equal("embedded: mounts", mounts, {"/etc/sceau": True, "/run/secrets/sceau": True, "/var/lib/sceau": False})
    equal("embedded: plain HTTP behind the Ingress", one(objects, "Service")["spec"]["ports"][0]["port"], 80)
    equal("embedded: the way in", one(objects, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"], {"name": "sceau", "port": {"number": 80}})


def production(objects):
    workload = one(objects, "Deployment")["spec"]
    equal("production: nothing is taken away before its successor is ready", workload["strategy"], {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}})
    check("production: the autoscaler counts the replicas", "replicas" not in workload)
    scaler = one(objects, "HorizontalPodAutoscaler")["spec"]
    equal("production: it scales the Deployment", scaler["scaleTargetRef"], {"apiVersion": "apps/v1", "kind": "Deployment", "name": "sceau"})
    equal("production: between", (scaler["minReplicas"], scaler["maxReplicas"]), (3, 12))
    equal("production: budget", one(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"], 1)
    pod = workload["template"]["spec"]
    equal("production: priority", pod["priorityClassName"], "sante-critical")
    equal("production: by digest", pod["containers"][0]["image"], "registry.example.fr/sante/sceau@sha256:" + "0" * 64)
    equal("production: registry", pod["imagePullSecrets"], [{"name": "registry"}])
    equal("production: strictly over zones", {r["whenUnsatisfiable"] for r in pod["topologySpreadConstraints"]}, {"DoNotSchedule"})
    equal("production: nothing can be written", [m for m in pod["containers"][0]["volumeMounts"] if not m.get("readOnly")], [])
    equal("production: ways out", ways_out(objects), {None: [53, 53], "10.20.0.0/24": [5432], "10.20.1.0/24": [6380], "0.0.0.0/0": [443], "10.20.2.5/32": [587], "10.20.2.6/32": [6514], "10.20.2.7/32": [4318]})
    migration(objects)
    monitor = one(objects, "ServiceMonitor")["spec"]
    services = [o["metadata"]["name"] for o in objects if o["kind"] == "Service" and selects(monitor["selector"]["matchLabels"], o["metadata"]["labels"])]
    equal("production: Prometheus finds the admin Service alone", services, ["sceau-admin"])
    equal("production: its job is called sceau", (monitor["jobLabel"], one(objects, "Service", "sceau-admin")["metadata"]["labels"][monitor["jobLabel"]]), ("app.kubernetes.io/name", "sceau"))
    equal("production: its port", [p["name"] for p in one(objects, "Service", "sceau-admin")["spec"]["ports"]], [monitor["endpoints"][0]["port"]])


def ways_out(objects):
    """The ports of each address that the server may call."""
    return {rule["to"][0].get("ipBlock", {}).get("cidr"): [p["port"] for p in rule["ports"]] for rule in one(objects, "NetworkPolicy")["spec"]["egress"]}


def migration(objects):
    """The Job has the owner's password and no other secret, and what it needs exists before it."""
    job = one(objects, "Job", "sceau-migration")
    spec = job["spec"]["template"]["spec"]
    held = [v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v]
    equal("migration: the owner's password and no other secret", held, ["sceau-db-owner"])
    check("migration: no other secret is projected", "'secret'" not in str([v.get("projected") for v in spec["volumes"]]))
    equal("migration: what it runs", spec["containers"][0]["args"], ["migrate"])
    server = one(objects, "Deployment")["spec"]["template"]["spec"]
    check("migration: the server has not the owner's password", "sceau-db-owner" not in str(server))
    equal("migration: the same image", spec["containers"][0]["image"], server["containers"][0]["image"])
    hooks = {o["kind"]: int(o["metadata"]["annotations"]["helm.sh/hook-weight"]) for o in objects if "pre-upgrade" in o["metadata"].get("annotations", {}).get("helm.sh/hook", "")}
    equal("migration: before it, what it needs", hooks, {"ServiceAccount": -10, "ConfigMap": -10, "NetworkPolicy": -10, "Job": 0})
    policy = one(objects, "NetworkPolicy", "sceau-migration")["spec"]
    equal("migration: it reaches DNS and PostgreSQL", [[p["port"] for p in rule["ports"]] for rule in policy["egress"]], [[53, 53], [5432]])


def hardware(objects):
    workload = one(objects, "Deployment")["spec"]
    equal("hsm: replicas", workload["replicas"], 4)
    pod = workload["template"]["spec"]
    [init] = pod["initContainers"]
    equal("hsm: the module comes from its image", (init["image"], init["volumeMounts"]), ("registry.example.fr/sante/maker-pkcs11@sha256:" + "1" * 64, [{"name": "hsm-module", "mountPath": "/opt/pkcs11"}]))
    mounts = {m["mountPath"]: m.get("readOnly", False) for m in pod["containers"][0]["volumeMounts"]}
    equal("hsm: mounts", mounts, {"/etc/sceau": True, "/run/secrets/sceau": True, "/opt/pkcs11": True, "/tmp": False, "/etc/sceau-hsm": True, "/mnt/worm": False})
    equal("hsm: TLS as far as the pods", (one(objects, "Service")["spec"]["ports"][0]["name"], one(objects, "HTTPRoute")["spec"]["rules"][0]["backendRefs"]), ("https", [{"name": "sceau", "port": 443}]))
    equal("hsm: the Gateway verifies them", one(objects, "BackendTLSPolicy")["spec"]["validation"]["hostname"], "id.example.fr")
    equal("hsm: budget", one(objects, "PodDisruptionBudget")["spec"]["minAvailable"], "75%")
    test = one(objects, "Pod", "sceau-test")["spec"]
    equal("hsm: the test sees the certificate alone", test["volumes"][0]["secret"]["items"], [{"key": "tls.crt", "path": "tls.crt"}])
    equal("hsm: ways out", ways_out(objects), {None: [53, 53], "10.20.0.0/24": [5433], "10.20.1.0/24": [6379], "10.20.3.0/28": [1792]})


def variants():
    """Values that change one thing."""
    base = one(rendered("production"), "Deployment")["spec"]["template"]
    checksum = base["metadata"]["annotations"]["checksum/settings"]

    def pod(values, example="production"):
        kind = "StatefulSet" if example == "embedded" else "Deployment"
        return one(rendered(example, values), kind)["spec"]["template"]

    def changed(values):
        return pod(values)["metadata"]["annotations"]["checksum/settings"] != checksum

    check("a changed setting replaces the pods", changed({"config": {"tokens": {"code": "50s"}}}))
    check("what is no setting does not", not changed({"labels": {"team": "a"}}))
    check("restartToken does", pod({"restartToken": "1"}) != base)
    context = pod({"runAsUser": None})["spec"]["securityContext"]
    equal("runAsUser: null leaves the user to the platform", set(context), {"runAsNonRoot", "seccompProfile"})
    equal("no spread where none is wanted", "topologySpreadConstraints" in pod({"spread": {"zone": "", "host": ""}})["spec"], False)
    claimed = pod({"persistence": {"existingClaim": "mine"}}, "embedded")["spec"]["volumes"]
    check("an existing claim is used", {"name": "data", "persistentVolumeClaim": {"claimName": "mine"}} in claimed, str(claimed))
    csi = {"hsm": {"moduleImage": {"repository": "", "digest": ""}, "moduleVolume": {"csi": {"driver": "module.example.fr", "readOnly": True}}}}
    spec = pod(csi, "production-hsm")["spec"]
    check("the module from a volume", "initContainers" not in spec and {"name": "hsm-module", "csi": {"driver": "module.example.fr", "readOnly": True}} in spec["volumes"])
    replacing = pod({"secrets": {"kekPrevious": {"existingSecret": "sceau-kek-new"}}})["spec"]
    check("the other key-encryption key is mounted", "sceau-kek-new" in str(replacing["volumes"]))
    alone = {"profile": "single", "replicaCount": 1, "autoscaling": {"enabled": False}, "secrets": {"redisPassword": {"existingSecret": ""}}, "files": {"redisCa": {"existingConfigMap": ""}}, "config": {"storage": {"redis": ""}}}
    equal("without Redis never two at a time", one(rendered("production", alone), "Deployment")["spec"]["strategy"], {"type": "Recreate"})
    plain = rendered("production", {"networkPolicy": {"enabled": False}})
    equal("no NetworkPolicy where none is wanted", [o for o in plain if o["kind"] == "NetworkPolicy"], [])
    equal("no Job where the schema is migrated otherwise", [o for o in rendered("production", {"migration": {"enabled": False}}) if o["kind"] == "Job"], [])
    own = rendered("production", {"config": {"http": {"listen": "[::]:8444", "admin_listen": "[::]:9191"}}})
    ports = [p["containerPort"] for p in one(own, "Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"]]
    equal("ports follow the settings", (ports, one(own, "Service", "sceau-admin")["spec"]["ports"][0]["port"]), ([8444, 9191], 9191))
    for number, values in enumerate(({"serviceAccount": {"create": False, "name": "mine"}}, {"serviceAccount": {"name": "mine"}})):
        objects = rendered("production", values)
        equal(f"the account is mine ({number})", one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"], "mine")
