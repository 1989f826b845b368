#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Policies against docs/policy.schema.json and `tcbind policy check`: both take the good ones; what the schema refuses, tcbind refuses, with the
line and column; what tcbind takes, the schema takes. Also a CoRIM by an encoder and a signer that are not ours. TAP."""
import copy
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

import cbor2
import jsonschema

TCBIND = os.environ["BUILD"] + "/cli/tcbind"
HERE = os.environ["POLICIES"]
with open(os.environ["SCHEMA"]) as f:
    VALIDATOR = jsonschema.Draft202012Validator(json.load(f))
work = tempfile.TemporaryDirectory()
count = 0


def report(passed, name, detail=""):
    global count
    count += 1
    print(f"{'ok' if passed else 'not ok'} {count} - {name}")
    if not passed:
        print(f"# {detail}")


def run(*arguments):
    done = subprocess.run([TCBIND, "policy", *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def put(name, content):
    path = os.path.join(work.name, name)
    with open(path, "wb") as out:
        out.write(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def places(value, path=()):
    """Every member and element, by its path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield path + (key,)
        yield from places(inner, path + (key,))


def replaced(document, path, change):
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1])
    return document


def assign(value):
    def change(container, key):
        container[key] = value
    return change


def drop(container, key):
    del container[key]


def rename(container, key):
    if isinstance(container, dict):
        container[key + "x"] = container.pop(key)
    else:
        container.append({"unknown": 1})


def shorten(container, key):
    if isinstance(container[key], str):
        container[key] = container[key][:-1]


def add_unknown(container, key):
    if isinstance(container[key], dict):
        container[key]["unknown"] = 1


CHANGES = [drop, rename, shorten, add_unknown] + [
    assign(v) for v in (None, True, -1, 1.5, 24, 2**32, 2**63, "", "z" * 64, "a" * 300, [], [[]], {}, {"unknown": 1}, ["msr", 3])
]


def mutations(document):
    for path in places(document):
        for change in CHANGES:
            changed = replaced(document, path, change)
            if changed != document:
                yield path, changed


def check_examples():
    for path in sorted(glob.glob(HERE + "/*.json")):
        if path.endswith("firmware.json"):
            continue
        with open(path) as f:
            document = json.load(f)
        errors = [e.message for e in VALIDATOR.iter_errors(document)]
        status, text = run("check", path)
        report(not errors and status == 0, f"{os.path.basename(path)} is good by schema and decoder", errors or text)
        status, text = run("explain", path)
        report(status == 0 and text.startswith("Evidence is trusted when all of this holds."), "and explained", text)


def check_mutations():
    with open(HERE + "/full.json") as f:
        full = json.load(f)
    del full["reference_values"]  # files are looked for, too: tried below
    wrong, tried, refused, placed = [], 0, 0, 0
    for path, changed in mutations(full):
        by_schema = VALIDATOR.is_valid(changed)
        status, text = run("check", put("mutated", changed))
        tried += 1
        if (status == 0) != by_schema:
            wrong.append(f"{path}: schema {by_schema}, tcbind {status}: {text.strip()}")
        refused += status == 1
        placed += re.search(r"/mutated:1:\d+: .*wanted ", text) is not None
    report(tried > 1000 and not wrong, f"{tried} changed policies: schema and decoder agree", "\n# ".join(wrong[:10]))
    report(refused == placed and refused > 800, f"{refused} were refused, each with its place", placed)


def check_places():
    text = '{\n "version": 1,\n "tcb": {"accept": ["UpToDate", "Fine"]}\n}\n'
    status, out = run("check", put("p", text.encode()))
    report(status == 1 and "/p:3:33: '\"Fine\"': wanted a TCB status" in out, "an error has file, line and column", out)
    status, out = run("check", put("p", b'{"version": 1,\n\n  "versoin": 1}'))
    report(status == 1 and "/p:3:4: 'versoin': wanted" in out, "so has an unknown member", out)
    status, out = run("check", put("p", b'{"version": 1\n "roots": []}'))
    report(status == 1 and "/p:2:2: wanted a comma" in out, "so has what is no JSON", out)
    status, out = run("check", put("p", b'{"tcb": {}, "tcb": {}}'))
    report(status == 1 and "/p:1:13:" in out, "so has a member that is there twice", out)
    for arguments in ([], ["check"], ["explain"], ["check", "a", "b"], ["check", "--json"], ["chek", "a"]):
        status, out = run(*arguments)
        report(status == 2 and "usage" in out, f"usage: {arguments}", out)
    status, out = run("check", work.name + "/nowhere")
    report(status == 1 and "nowhere" in out, "a policy that cannot be read fails", out)


def corim(profile=None):
    digest = hashlib.sha256(b"a component").digest()
    comid = {1: {0: "tcbind-test"}, 4: {0: [[{0: {1: "ACME", 2: "board"}}, [{0: 7, 1: {2: [[1, digest]]}}]]]}}
    inner = cbor2.dumps(comid, canonical=True)
    document = {0: "urn:example:1", 1: [cbor2.CBORTag(506, inner)]}
    if profile:
        document[3] = profile
    return cbor2.dumps(cbor2.CBORTag(501, document), canonical=True)


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def sign(payload):
    key = put("key.pem", openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout"))
    point = openssl("ec", "-in", key, "-pubout", "-outform", "DER")[-64:]
    header = cbor2.dumps({1: -7, 3: "application/rim+cbor", 8: cbor2.dumps({0: {0: "ACME"}}, canonical=True)}, canonical=True)
    der = openssl("dgst", "-sha256", "-sign", key, given=cbor2.dumps(["Signature1", header, b"", payload], canonical=True))
    numbers = re.findall(r"INTEGER\s+:(\w+)", openssl("asn1parse", "-inform", "DER", given=der).decode())
    signature = b"".join(bytes.fromhex(n.rjust(64, "0")) for n in numbers)
    return cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, signature]), canonical=True), point.hex()


def check_references():
    def tried(wanted, name, content, **entry):
        put("values", content)
        policy = {"reference_values": [{"file": "values", "layer": "platform", **entry}]}
        status, out = run("explain", put("p", policy))
        report(not list(VALIDATOR.iter_errors(policy)) and (wanted in out), name, out)

    tried("PCR 7 must have the value given for it", "a CoRIM made by another encoder", corim())
    signed, signer = sign(corim())
    tried("PCR 7 must have the value given for it", "and signed by another signer", signed, signer=signer)
    tried("reference.signature", "by another than the policy's", signed, signer="11" * 64)
    tried("reference.malformed", "signed, without a signer in the policy", signed)
    tried("reference.malformed", "not signed, with one", corim(), signer=signer)
    tried("reference.profile", "of a profile", corim(profile="urn:example:profile"))
    tried("reference.malformed", "no CoRIM at all", b"\x00")
    tried("PCR 3 must have one of the 2 values", "a list in JSON", {"version": 1, "pcrs": {"3": ["aa" * 32, "bb" * 32]}})
    status, out = run("check", put("p", {"reference_values": [{"file": "nowhere", "layer": "guest"}]}))
    report(status == 1 and work.name + "/nowhere" in out, "a file that is not there, beside the policy", out)


check_examples()
check_mutations()
check_places()
check_references()
print(f"1..{count}")
sys.exit(0)
