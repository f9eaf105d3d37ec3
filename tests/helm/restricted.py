"""Pod Security Standards, profile `restricted` (Kubernetes 1.29 and later), and what this chart asks beyond it."""

import copy

VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}


def violations(spec):
    """What a pod's spec does that it may not do; empty when it is well."""
    found = []
    pod = spec.get("securityContext", {})
    containers = spec.get("initContainers", []) + spec.get("containers", []) + spec.get("ephemeralContainers", [])
    found += [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    if spec.get("automountServiceAccountToken") is not False:
        found.append("a token of the API")
    for volume in spec.get("volumes", []):
        found += [f"volume {kind}" for kind in volume if kind != "name" and kind not in VOLUMES]
        sources = volume.get("projected", {}).get("sources", [])
        found += ["a projected token of the API" for source in sources if "serviceAccountToken" in source]
    if pod.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        found.append("seccomp of the pod")
    if pod.get("sysctls"):
        found.append("sysctls")
    if 0 in (pod.get("runAsUser"), pod.get("runAsGroup"), pod.get("fsGroup")):
        found.append("root's user or group")
    for container in containers:
        found += [f"{container['name']}: {what}" for what in container_violations(container, pod)]
    return found


def container_violations(container, pod):
    found = []
    own = container.get("securityContext", {})
    if own.get("privileged"):
        found.append("privileged")
    if own.get("allowPrivilegeEscalation") is not False:
        found.append("privileges may grow")
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True or own.get("runAsUser") == 0:
        found.append("may run as root")
    if "ALL" not in own.get("capabilities", {}).get("drop", []):
        found.append("capabilities are not dropped")
    if set(own.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
        found.append("capabilities are added")
    if own.get("seccompProfile", {}).get("type", "RuntimeDefault") not in ("RuntimeDefault", "Localhost"):
        found.append("seccomp")
    if own.get("procMount", "Default") != "Default":
        found.append("procMount")
    if "seLinuxOptions" in own:
        found.append("seLinuxOptions")
    if any("hostPort" in port for port in container.get("ports", [])):
        found.append("hostPort")
    # Beyond the profile.
    if own.get("readOnlyRootFilesystem") is not True:
        found.append("its root can be written")
    if "memory" not in container.get("resources", {}).get("limits", {}):
        found.append("no limit of memory")
    if not {"cpu", "memory"} <= set(container.get("resources", {}).get("requests", {})):
        found.append("no requests")
    return found


def breaches():
    """Ways to break a good pod, each of which `violations` must see."""
    def at(path, value):
        def change(spec):
            *above, last = path
            for part in above:
                spec = spec.setdefault(part, {}) if isinstance(spec, dict) else spec[part]
            spec[last] = value
        return change

    own = ["containers", 0, "securityContext"]
    return {
        "host network": at(["hostNetwork"], True),
        "host processes": at(["hostPID"], True),
        "host memory": at(["hostIPC"], True),
        "token": at(["automountServiceAccountToken"], True),
        "folder of the node": at(["volumes"], [{"name": "x", "hostPath": {"path": "/"}}]),
        "projected token": at(["volumes"], [{"name": "x", "projected": {"sources": [{"serviceAccountToken": {}}]}}]),
        "no seccomp": at(["securityContext", "seccompProfile"], {}),
        "sysctls": at(["securityContext", "sysctls"], [{"name": "kernel.shm_rmid_forced", "value": "0"}]),
        "root's group": at(["securityContext", "fsGroup"], 0),
        "root": at([*own, "runAsUser"], 0),
        "perhaps root": at([*own, "runAsNonRoot"], False),
        "privileged": at([*own, "privileged"], True),
        "escalation": at([*own, "allowPrivilegeEscalation"], True),
        "capabilities kept": at([*own, "capabilities"], {}),
        "capability added": at([*own, "capabilities"], {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
        "own seccomp": at([*own, "seccompProfile"], {"type": "Unconfined"}),
        "proc": at([*own, "procMount"], "Unmasked"),
        "selinux": at([*own, "seLinuxOptions"], {"type": "spc_t"}),
        "port of the node": at(["containers", 0, "ports"], [{"containerPort": 1, "hostPort": 1}]),
        "root can be written": at([*own, "readOnlyRootFilesystem"], False),
        "no limit": at(["containers", 0, "resources", "limits"], {}),
        "no request": at(["containers", 0, "resources", "requests"], {"cpu": 1}),
    }


def broken(spec):
    """Each breach of a good pod, with what is seen of it."""
    for name, change in breaches().items():
        changed = copy.deepcopy(spec)
        change(changed)
        yield name, violations(changed)
