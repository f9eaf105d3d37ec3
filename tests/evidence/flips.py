#!/usr/bin/env python3
"""A good bundle is verified; with one bit changed in any byte of any member that is signed, it is refused."""

import json
import sys

from verify_evidence import MEMBERS, Refused, binary, unpadded, verify

BINARY = ("random", "client_data_json", "authenticator_data", "signature", "credential_key")


def flipped(bundle):
    """Each member name with a bundle that differs from `bundle` in one bit of that member."""
    for name in MEMBERS:
        if name == "decided_at":  # not signed: the audit chain holds it
            continue
        data = binary(bundle, name) if name in BINARY else bundle[name].encode()
        for at in range(len(data)):
            # A low bit, so that texts stay UTF-8 and the flip reaches the check it is meant for.
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            try:
                value = unpadded(changed) if name in BINARY else changed.decode()
            except UnicodeDecodeError:
                continue
            yield name, {**bundle, name: value}


def accepted(bundle):
    try:
        verify(bundle)
    except Refused:
        return False
    return True


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        bundle = json.load(source)
    results = [("the bundle is verified", accepted(bundle))]
    tried, wrong = {}, {}
    for name, changed in flipped(bundle):
        tried[name] = tried.get(name, 0) + 1
        wrong[name] = wrong.get(name, 0) + accepted(changed)
    for name, count in tried.items():
        results.append((f"{name}: refused with any of {count} bytes changed", count > 0 and wrong[name] == 0))
    for name in MEMBERS:
        without = {other: value for other, value in bundle.items() if other != name}
        results.append((f"{name}: refused without it", not accepted(without)))
    results.append(("padding is refused", not accepted({**bundle, "random": bundle["random"] + "="})))
    for text, passed in results:
        print(f"{'ok   ' if passed else 'FAIL '} {text}")
    failed = sum(not passed for _, passed in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
