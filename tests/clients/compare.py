# SPDX-License-Identifier: MIT
"""compare.py DIRECTORY EXCEPTIONS [PACKAGE...]: the results of one run with swtpm and with ours, as a table. The tests of
each PACKAGE could not be run, since its source could not be fetched; such a suite counts as one test that was skipped.
Ends 1 if ours is behind anywhere."""
import sys
from collections import Counter, defaultdict


def read(path):
    with open(path) as f:
        return {name: (status, int(ms.split()[-1])) for name, status, ms in (line.rstrip("\n").split("\t") for line in f)}


def exceptions(path):
    with open(path) as f:
        return dict(line.rstrip("\n").split(None, 1) for line in f if line.strip() and not line.startswith("#"))


theirs, ours = (read(f"{sys.argv[1]}/{target}/results") for target in ("swtpm", "ours"))
excused = exceptions(sys.argv[2])
not_run = sys.argv[3:]
count, seconds, behind = defaultdict(Counter), defaultdict(Counter), []
for name in sorted(theirs.keys() | ours.keys()):
    suite = name.split("/")[0]
    their, our = theirs.get(name, ("missing", 0)), ours.get(name, ("missing", 0))
    count[suite]["all"] += 1
    for who, (status, ms) in (("swtpm", their), ("ours", our)):
        count[suite][who] += status == "pass"
        seconds[suite][who] += ms
    if not name.startswith(("tpm2-tools/", "pytss/")) and their[0] != "pass":
        behind.append(name)  # our own work is known to work with swtpm: where it does not, nothing was compared
        print(f"does not pass with swtpm: {name}")
    elif their[0] != our[0]:
        reason = excused.get(name)
        print(f"differs: {name}: swtpm {their[0]}, ours {our[0]}{' (' + reason + ')' if reason else ''}")
        if our[0] != "pass" and reason is None:
            behind.append(name)
    elif name in excused and our[0] == "pass":
        print(f"an exception that is not needed any more: {name}")
print(f"{'suite':<12} {'tests':>6} {'swtpm passes':>13} {'ours passes':>12} {'swtpm s':>9} {'ours s':>8}")
for suite, c in count.items():
    print(f"{suite:<12} {c['all']:>6} {c['swtpm']:>13} {c['ours']:>12} {seconds[suite]['swtpm'] / 1000:>9.1f} {seconds[suite]['ours'] / 1000:>8.1f}")
both = [name for name in theirs if theirs[name][0] == "fail" and ours.get(name, ("",))[0] == "fail"]
if both:
    print("fail with both:", *sorted(both))
for package in not_run:
    variable = "CLIENTS_" + package.upper().replace("-", "_")
    print(f"skipped: the tests of {package}: its source could not be fetched; {variable}=DIR names an unpacked one")
passed = sum(c["ours"] for c in count.values())
skipped = len(not_run) + sum(status == "skip" for status, _ in ours.values())
print(f"clients: {passed} passed, {len(behind)} failed, {skipped} skipped")
sys.exit(1 if behind or not passed else 0)
