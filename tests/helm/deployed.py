"""What becomes sceau.toml: every setting reachable, nothing lost on the way, and the program itself reads it."""

import http.server
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import time
import tomllib
import urllib.request

import generate
import settings
from harness import CHART, SCEAU, TOP, check, equal, one, rendered, run

SHOWN = settings.settings(generate.EXAMPLE.read_text())


def main():
    written_schema()
    every_setting()
    difficult_texts()
    files_and_secrets()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(pathlib.Path(folder))
        read_by_the_program(place)
        served(place)


def written_schema():
    check("values.schema.json has the settings of example.toml", (CHART / "values.schema.json").read_text() == generate.schema(), "run tests/helm/run write")
    raw = (TOP / "src/config/raw.rs").read_text()
    tables = set(re.findall(r"pub\(super\) (\w+): (?:Option<|Vec<)?Raw(?!ClientAuth)\w+>?,", raw))
    fields = len(re.findall(r"pub\(super\) \w+:", raw)) - len(re.findall(r": (?:Option<|Vec<)?Raw(?!ClientAuth)\w+>?,", raw))
    check("raw.rs has tables", {"http", "tls", "upstream", "pkcs11"} <= tables, str(tables))
    equal("the example shows as many settings as the program reads", len(SHOWN), fields)


def nested(flat):
    """The settings as a document, from their paths."""
    document = {}
    for path, value in flat.items():
        *above, name = path.split(".")
        node = document
        for part in above:
            node = node.setdefault(part[:-2], [{}])[0] if part.endswith("[]") else node.setdefault(part, {})
        node[name] = value
    return document


def toml(objects, name="sceau"):
    return tomllib.loads(one(objects, "ConfigMap", name)["data"]["sceau.toml"])


def every_setting():
    """Each setting of the example, set by values, stands in sceau.toml as it was set."""
    document = nested(SHOWN)
    document["http"] |= {"listen": "0.0.0.0:8443", "admin_listen": "0.0.0.0:9090"}
    document["storage"]["sql"] = "sqlite:///var/lib/sceau/sceau.sqlite"
    document["mobile"]["allow_self_attestation"] = False
    document["keys"]["pkcs11"]["module"] = "/opt/pkcs11/module.so"
    open_policy = {name: {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]} for name in ("redis", "https", "smtp", "syslog", "traces")}
    values = {
        "config": document,
        "secrets": {"kek": {"existingSecret": ""}},
        "hsm": {"moduleVolume": {"csi": {"driver": "module.example.fr"}}},
        "networkPolicy": open_policy,
        "extraVolumes": [{"name": "checkpoints", "persistentVolumeClaim": {"claimName": "checkpoints"}}],
        "extraVolumeMounts": [{"name": "checkpoints", "mountPath": path} for path in ("/mnt/worm", "/var/lib/sceau-checkpoints")],
    }
    found = toml(rendered("embedded", values))
    exactly("every setting reaches sceau.toml", found, document)


def exactly(name, found, expected):
    """Equal, and a whole number is none with a point."""
    equal(name, json.dumps(found, sort_keys=True), json.dumps(expected, sort_keys=True))


def difficult_texts():
    """Quotes, backslashes, accents and large numbers survive."""
    texts = {"rp_name": "L'« Agence » \\ \"numérique\" <é> & {{ x }} ${y}", "codes_per_hour": 1000000, "devices_per_person": 20}
    found = toml(rendered("embedded", {"config": {"mobile": texts, "directory": {"excluded_professions": ["35", "é\"\\"]}}}))
    exactly("difficult texts", found["mobile"], texts)
    equal("difficult lists", found["directory"]["excluded_professions"], ["35", "é\"\\"])


def files_and_secrets():
    """The settings of the two production examples, written out by hand."""
    found = toml(rendered("production"))
    equal("production: stores", found["storage"], {
        "sql": "postgres://sceau_run@db.example.fr/sceau?sslrootcert=/etc/sceau/files/sqlCa",
        "sql_password_file": "/run/secrets/sceau/sqlPassword",
        "redis": "rediss://sceau@cache.example.fr:6380/0",
        "redis_password_file": "/run/secrets/sceau/redisPassword",
        "redis_ca_file": "/etc/sceau/files/redisCa",
    })
    equal("production: keys", found["keys"], {"kek_file": "/run/secrets/sceau/kek"})
    equal("production: senders", (found["mobile"]["smtp"]["password_file"], found["mobile"]["sms"]["token_file"]), ("/run/secrets/sceau/smtpPassword", "/run/secrets/sceau/smsToken"))
    equal("production: roots", found["mobile"]["attestation_roots"], ["/etc/sceau/files/attestationRoots"])
    equal("production: upstream", found["upstream"], [{"id": "franceconnect-plus", "preset": "franceconnect+", "client_id": "5a1c0f7e9b3d", "client_secret_file": "/run/secrets/sceau/upstream-franceconnect-plus"}])
    equal("production: audit", found["audit"], {"syslog": "tls://siem.example.fr:6514", "syslog_ca_file": "/etc/sceau/files/syslogCa"})
    equal("production: telemetry", found["telemetry"], {"otlp_endpoint": "http://collector.example.fr:4318", "trace_sample": 0.005})
    found = toml(rendered("production-hsm"))
    equal("hsm: keys", found["keys"], {
        "kek_file": "/run/secrets/sceau/kek",
        "policy_file": "/etc/sceau/files/keyPolicy",
        "pkcs11": {"module": "/opt/pkcs11/lib/libmaker-pkcs11.so", "token": "sceau", "sessions": 16, "pin_file": "/run/secrets/sceau/pkcs11Pin"},
    })
    equal("hsm: TLS", found["http"]["tls"], {"cert_file": "/run/secrets/sceau/tls.crt", "key_file": "/run/secrets/sceau/tls.key"})
    found = toml(rendered("production"), "sceau-migration")
    equal("the migration's settings", found, {
        "issuer": "https://id.example.fr",
        "keys": {"kek_file": "/nonexistent"},
        "storage": {"sql": "postgres://sceau_owner@db.example.fr/sceau?sslrootcert=/etc/sceau/files/sqlCa", "sql_password_file": "/run/secrets/sceau/owner"},
    })


class Place:
    """The folders of the pod, in a folder of the test: what the volumes would hold."""

    def __init__(self, folder):
        self.folder = folder
        certificate, key = folder / "ca.pem", folder / "ca.pem.part"
        made = run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
            "-addext", "keyUsage=critical,keyCertSign", "-keyout", key, "-out", certificate,
        )
        if made.returncode:
            raise RuntimeError(made.stderr)
        self.pem, self.key = certificate.read_text(), key.read_text()

    def put(self, objects):
        """Lays out each file that a volume of the server's pod projects; gives the settings with their paths moved here."""
        [pod] = [spec for kind in ("Deployment", "StatefulSet") for o in objects if o["kind"] == kind for spec in [o["spec"]["template"]["spec"]]]
        [container] = pod["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        for volume in pod["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                held = source.get("secret") or source["configMap"]
                for item in held["items"]:
                    self.write(mounts[volume["name"]], item["path"])
        text = one(objects, "ConfigMap")["data"]["sceau.toml"]
        for root in ("/etc/sceau/", "/run/secrets/", "/var/lib/", "/mnt/"):
            text = text.replace(root, f"{self.folder}{root}")
        return text

    def write(self, mount, name):
        path = pathlib.Path(f"{self.folder}{mount}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"kek": "A" * 43, "kekPrevious": "B" * 42 + "A", "tls.key": self.key, "tls.crt": self.pem}.get(path.name)
        if path.parent.name == "files":
            content = (TOP / "keys/policy.toml").read_text() if path.name == "keyPolicy" else self.pem
        path.write_text(content or "not a password")


def read_by_the_program(place):
    """`sceau config check` takes the settings of each example, with the files where the volumes put them."""
    for example in ("embedded", "production", "production-hsm"):
        file = place.folder / f"{example}.toml"
        file.write_text(place.put(rendered(example)))
        answer = run(SCEAU, "config", "check", file)
        check(f"{example}: the program reads its settings", answer.returncode == 0, answer.stderr)
    # A file that no volume brings would be seen.
    file.write_text(file.read_text().replace("keyPolicy", "elsewhere"))
    equal("a file that is not mounted is missed", run(SCEAU, "config", "check", file).returncode, 78)


def served(place):
    """The embedded example is served, and what `helm test` runs is run against it."""
    public, admin = free_port(), free_port()
    objects = rendered("embedded")
    text = place.put(objects).replace("0.0.0.0:8443", f"127.0.0.1:{public}").replace("0.0.0.0:9090", f"127.0.0.1:{admin}")
    file = place.folder / "served.toml"
    file.write_text(text)
    pathlib.Path(f"{place.folder}/var/lib/sceau").mkdir(parents=True, exist_ok=True)
    log = (place.folder / "log").open("w")
    server = subprocess.Popen([SCEAU, "serve", "--config", file], stderr=log, stdout=log)
    try:
        ready = answers(f"http://127.0.0.1:{admin}/health/ready", server)
        check("the embedded example serves", ready, (place.folder / "log").read_text()[-2000:])
        probes(objects, admin)
        answer = helm_test(objects, public, admin)
        check("helm test: well", answer.returncode == 0, answer.stdout + answer.stderr)
        for name, change, says in WRONG:
            answer = helm_test(objects, public, admin, **change)
            check(f"helm test: {name}", answer.returncode == 1 and says in answer.stdout, answer.stdout + answer.stderr)
    finally:
        server.terminate()
        server.wait(30)
    fake_answers(objects)


def probes(objects, admin):
    """The pages that the probes ask are there."""
    [container] = one(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        check(f"{probe} finds {path}", answers(f"http://127.0.0.1:{admin}{path}", None))


def answers(address, server):
    for _ in range(600):
        try:
            return urllib.request.urlopen(address, timeout=5).status == 200
        except OSError:
            if server is None or server.poll() is not None:
                return False
            time.sleep(0.05)
    return False


def helm_test(objects, public, admin, **change):
    [container] = one(objects, "Pod", "sceau-test")["spec"]["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    environment |= {"CONNECT": f"::127.0.0.1:{public}", "ADMIN": f"http://127.0.0.1:{admin}", "PATH": "/usr/local/bin:/usr/bin:/bin"} | change
    return run(*container["command"], *container["args"], env=environment)


WRONG = [
    ("another issuer", {"ISSUER": "https://id.example.org"}, "discovery names another issuer"),
    ("nobody listens", {"CONNECT": "::127.0.0.1:1"}, "discovery does not answer"),
    ("no metrics", {"ADMIN": "http://127.0.0.1:1"}, "does not answer"),
]

GOOD = {
    "/health/ready": (200, '{"checks":{},"ready":true}'),
    "/.well-known/openid-configuration": (200, '{"issuer":"https://id.example.fr"}'),
    "/jwks": (200, '{"keys":[{"kid":"a"}]}'),
    "/token": (401, "{}"),
    "/metrics": (404, ""),
}
FAKES = [
    ("fake: well", {}, None),
    ("fake: not ready", {"/health/ready": (200, '{"checks":{"sql":"gone"},"ready":false}')}, "a replica is not ready"),
    ("fake: no key", {"/jwks": (200, '{"keys":[]}')}, "holds no key"),
    ("fake: a private key", {"/jwks": (200, '{"keys":[{"kid":"a",' + '"d"' + ':"x"}]}')}, "holds a private key"),
    ("fake: keys are away", {"/jwks": (503, "")}, "the key set does not answer"),
    ("fake: tokens for anybody", {"/token": (200, "{}")}, "/token answers 200 to a stranger"),
    ("fake: metrics for everybody", {"/metrics": (200, "")}, "the public port answers 200 at /metrics"),
]


def fake_answers(objects):
    """Answers that a good program would not give."""
    class Fake(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = self.server.given[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, change, says in FAKES:
        server.given = GOOD | change
        answer = helm_test(objects, server.server_port, server.server_port)
        good = answer.returncode == 0 if says is None else answer.returncode == 1 and says in answer.stdout
        check(name, good, answer.stdout + answer.stderr)
    server.shutdown()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
