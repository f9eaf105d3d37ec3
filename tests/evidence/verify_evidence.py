#!/usr/bin/env python3
"""Verifies what `sceau audit evidence ID` exports, without any code of sceau and with Python's standard library only.

    sceau audit evidence ID --data DIR | tests/evidence/verify_evidence.py

A bundle proves that the holder of `credential_key` was shown exactly `text` and approved it:

    challenge  =  SHA-256("sceau/approval/1" || random || SHA-256(text))       text is in RFC 8785 form
    client_data_json: type webauthn.get, that challenge                        WebAuthn Level 3, 7.2 steps 10-12
    authenticator_data: SHA-256(rp_id), user present, user verified, not backup eligible        7.2 steps 15-19
    signature over authenticator_data || SHA-256(client_data_json)                              7.2 steps 20-21

`decided_at` is the server's clock and is not signed: the audit chain holds it. That `credential_key` belongs to the
person is also what the audit log says, not the bundle.
"""

import base64
import hashlib
import json
import sys

LABEL = b"sceau/approval/1"
MEMBERS = (
    "approval text random client_data_json authenticator_data signature credential_key rp_id decided_at".split()
)
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


class Refused(Exception):
    """Why a bundle proves nothing."""


def verify(bundle):
    """The text that was approved; raises Refused."""
    if sorted(bundle) != sorted(MEMBERS):
        raise Refused("members: " + " ".join(sorted(set(bundle) ^ set(MEMBERS))))
    text = bundle["text"].encode()
    shown = parse_json(text, "text")
    if canonical(shown) != text:
        raise Refused("text is not in RFC 8785 form")
    if shown.get("approval") != bundle["approval"]:
        raise Refused("text is that of another approval")
    random = binary(bundle, "random")
    if len(random) != 32:
        raise Refused("random is not 32 bytes")
    challenge = sha256(LABEL + random + sha256(text))

    client_data = binary(bundle, "client_data_json")
    client = parse_json(client_data, "client_data_json")
    if client.get("type") != "webauthn.get":
        raise Refused("client data of another ceremony")
    if client.get("challenge") != unpadded(challenge):
        raise Refused("challenge is not that of the text")
    if client.get("crossOrigin", False) is not False:
        raise Refused("signed in an embedded page")

    data = binary(bundle, "authenticator_data")
    check_authenticator_data(data, bundle["rp_id"])
    key = cose_p256(binary(bundle, "credential_key"))
    r, s = der_signature(binary(bundle, "signature"))
    if not ecdsa_p256(key, sha256(data + sha256(client_data)), r, s):
        raise Refused("signature")
    return shown


def check_authenticator_data(data, rp_id):
    if len(data) < 37 or data[:32] != sha256(rp_id.encode()):
        raise Refused("authenticator data of another relying party")
    flags = data[32]
    if not flags & UP:
        raise Refused("nobody was present")
    if not flags & UV:
        raise Refused("the person was not verified")
    if flags & (BE | BS):
        raise Refused("the key can leave the phone")
    if flags & AT or (len(data) > 37) != bool(flags & ED):
        raise Refused("authenticator data has another shape")


# --- encodings ---------------------------------------------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data).digest()


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def binary(bundle, name):
    """RFC 4648 5 without padding, in its one spelling."""
    value = bundle[name]
    try:
        data = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (ValueError, TypeError) as error:
        raise Refused(f"{name} is not base64url") from error
    if unpadded(data) != value:
        raise Refused(f"{name} is not base64url")
    return data


def parse_json(data, name):
    def unique(pairs):
        if len(dict(pairs)) != len(pairs):
            raise Refused(f"{name} has a member twice")
        return dict(pairs)

    try:
        value = json.loads(data.decode(), object_pairs_hook=unique)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Refused(f"{name} is not JSON") from error
    if not isinstance(value, dict):
        raise Refused(f"{name} is not an object")
    return value


def canonical(value):
    """RFC 8785 for strings and arrays of strings; names here are ASCII, so code points order them."""
    for member in value.values():
        texts = member if isinstance(member, list) else [member]
        if not all(isinstance(one, str) for one in texts):
            raise Refused("text has a member that is not a string")
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def cose_p256(data):
    """The point of a COSE key (RFC 9053 7.1.1): kty EC2, alg ES256, crv P-256, x, y."""
    members, rest = cbor(data)
    if rest or not isinstance(members, dict) or len(members) != 5:
        raise Refused("credential_key is not a COSE key")
    x, y = members.get(-2), members.get(-3)
    if (members.get(1), members.get(3), members.get(-1)) != (2, -7, 1):
        raise Refused("credential_key is not an ES256 key")
    if not (isinstance(x, bytes) and isinstance(y, bytes) and len(x) == len(y) == 32):
        raise Refused("credential_key has no point")
    return int.from_bytes(x, "big"), int.from_bytes(y, "big")


def cbor(data):
    """RFC 8949 3: integers, byte strings and maps, nothing else; the value and what follows it."""
    if not data:
        raise Refused("CBOR ends early")
    major, argument, data = data[0] >> 5, data[0] & 0x1F, data[1:]
    if argument >= 24:
        size = {24: 1, 25: 2}.get(argument)
        if size is None or len(data) < size:
            raise Refused("CBOR length")
        argument, data = int.from_bytes(data[:size], "big"), data[size:]
    if major == 0:
        return argument, data
    if major == 1:
        return -1 - argument, data
    if major == 2 and len(data) >= argument:
        return data[:argument], data[argument:]
    if major != 5:
        raise Refused("CBOR of another type")
    members = {}
    for _ in range(argument):
        name, data = cbor(data)
        if not isinstance(name, int) or name in members:
            raise Refused("CBOR map")
        members[name], data = cbor(data)
    return members, data


def der_signature(data):
    """r and s of an ECDSA signature (RFC 3279 2.2.3), in strict DER."""
    if len(data) < 2 or data[0] != 0x30 or data[1] != len(data) - 2:
        raise Refused("signature is not DER")
    numbers, data = [], data[2:]
    while data:
        if len(data) < 3 or data[0] != 0x02 or not 1 <= data[1] <= min(33, len(data) - 2):
            raise Refused("signature is not DER")
        number, data = data[2 : 2 + data[1]], data[2 + data[1] :]
        if number[0] & 0x80 or (len(number) > 1 and number[0] == 0 and not number[1] & 0x80):
            raise Refused("signature is not DER")
        numbers.append(int.from_bytes(number, "big"))
    if len(numbers) != 2:
        raise Refused("signature is not DER")
    return numbers


# --- ECDSA on P-256 (FIPS 186-5 6.4.2, SP 800-186 3.2.1.3) ---------------------------------------------------------

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def ecdsa_p256(key, digest, r, s):
    x, y = key
    if not (x < P and y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0):
        raise Refused("credential_key is not on the curve")
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    u, v = int.from_bytes(digest, "big") * inverse % N, r * inverse % N
    point = add(multiply(u, G), multiply(v, key))
    return point is not None and point[0] % N == r


def add(p, q):
    if p is None or q is None:
        return q if p is None else p
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, P) % P
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def multiply(k, point):
    total = None
    while k:
        if k & 1:
            total = add(total, point)
        point, k = add(point, point), k >> 1
    return total


def main():
    with open(sys.argv[1], "rb") if len(sys.argv) > 1 else sys.stdin.buffer as source:
        raw = source.read()
    try:
        shown = verify(parse_json(raw, "bundle"))
    except Refused as why:
        print(f"REFUSED: {why}")
        return 1
    print("VERIFIED: the holder of the credential key approved exactly this:")
    print(json.dumps(shown, ensure_ascii=False, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
