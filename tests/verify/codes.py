#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tcbind explain knows every code that a part of tcbind prints, and no other. TAP.

A code is a lower-case dotted name. Every such literal in the sources is taken for a code, unless it
stands in NOT_CODES below or ends like a file's name. So a code in a new helper or table is found
like one in diagnose()."""
import glob
import os
import re
import subprocess

TCBIND = os.environ["BUILD"] + "/cli/tcbind"
ROOMS = ("cli", "core", "crypto", "edge", "enclave", "guest", "host", "sgxsim", "verify")
FILE_ENDINGS = (
    "bin", "cbor", "crl", "crt", "der", "enclave", "hex", "journal", "json", "ledger", "lock",
    "log", "pem", "permall", "pid", "sig", "so", "sock", "state", "volatilestate",
)
COMMENT = r"/\*.*?\*/|^\s*#include[^\n]*|//[^\n\"]*$"
NOT_CODES = {
    # fields of checks
    "certified_ak.report_data", "clock.reset_count", "clock.restart_count", "clock.safe",
    "collateral.root", "endorsement.epoch", "endorsement.signature", "event_log.known",
    "event_log.rules", "pck_crl.number", "qe.attributes", "qe.isvprodid", "qe.isvsvn",
    "qe.miscselect", "qe.mrsigner", "qe.reserved", "qe_report.report_data",
    "quote.qualifying_data", "root_crl.number", "seen.pck_crl.number", "seen.root_crl.number",
    "tpm_quote.path", "tpm_quote.qualifying_data", "tpm_quote.signature", "vtpm.ek_name",
    "vtpm.generation", "vtpm.id", "vtpm.owner_policy",
    # prefixes of codes (verify/lib/trust.c)
    "platform.ima", "platform.log",
}
CODE_ALONE = {"tcbind"}  # a code without a dot

count = 0


def report(passed, name, detail=""):
    global count
    count += 1
    print(f"{'ok' if passed else 'not ok'} {count} - {name}")
    if not passed:
        print("\n".join("# " + line for line in detail.splitlines()))


def sources():
    for room in ROOMS:
        for path in sorted(glob.glob(room + "/**/*.[ch]", recursive=True)):
            if not path.startswith("cli/explain/") and path != "verify/appraise/codes.c":
                yield path


def codes_of(path):
    with open(path, encoding="utf-8") as file:
        text = re.sub(COMMENT, "", file.read(), flags=re.S | re.M)
    for match in re.finditer(r'"([a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+)"', text):
        found = match.group(1)
        is_file = found.rsplit(".", 1)[1] in FILE_ENDINGS and found not in LISTED
        if re.search(r"(TCB_[A-Z]+|error),\s*$", text[: match.start()][-80:]):
            is_file = False  # diagnose(d, TCB_REFUSED, "...
        is_ear = path == "verify/lib/ear.c" and found.startswith("ear.") and found != "ear.key"
        if found not in NOT_CODES and not is_file and not is_ear:
            yield found


def run(*arguments):
    return subprocess.run([TCBIND, "explain", *arguments], capture_output=True, text=True)


LISTED = [line.split(": ")[0] for line in run("--list").stdout.splitlines()]
used = {}
for source in sources():
    for code in codes_of(source):
        used.setdefault(code, source)

missing = sorted(f"{code} ({path})" for code, path in used.items() if code not in LISTED)
report(len(used) > 200 and not missing, f"{len(used)} codes in the sources: each is explained",
       "no row in cli/explain/ or verify/appraise/codes.c:\n" + "\n".join(missing))
stale = sorted(set(LISTED) - set(used) - CODE_ALONE)
report(not stale, "each explained code is in the sources", "\n".join(stale))
twice = sorted(code for code in set(LISTED) if LISTED.count(code) > 1)
report(not twice, "each has one row", "\n".join(twice))
SENTENCES = r"\n  [A-Z].*\.\n  .+\n"
bad = [c for c in sorted(used) if not re.fullmatch(re.escape(c) + SENTENCES, run(c).stdout)]
report(not bad, "each says in sentences what it means, and what to do", "\n".join(bad))
report(run("no.such.code").returncode == 1, "an unknown code is refused")
report({run().returncode, run("tcbind", "--list").returncode} == {2}, "a code or --list, not both")
print(f"1..{count}")
