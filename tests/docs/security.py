#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every row of a table in SECURITY.md that has a column "tried by" names tests that exist, and each code of the row stands
in the sources of one of these tests and is known to tcbind explain. TAP."""
import glob
import json
import os
import re
import subprocess

BUILD = os.environ["BUILD"]
SOURCES = os.getcwd()
# Codes of the TPM, with the number by which tests know them.
TPM_CODES = {"TPM_RC_COMMAND_SIZE": "142", "TPM_RC_FAILURE": "101", "TPM_RC_LOCKOUT": "LOCKOUT"}
DEMO, ALL_FUZZERS = "demo", "fuzz/*"

count = 0


def report(passed, name, detail=""):
    global count
    count += 1
    print(f"{'ok' if passed else 'not ok'} {count} - {name}")
    if not passed:
        print("\n".join("# " + line for line in str(detail).splitlines()))


def introspected(what):
    with open(f"{BUILD}/meson-info/intro-{what}.json", encoding="utf-8") as file:
        return json.load(file)


def path_in_tree(argument):
    path = os.path.normpath(os.path.join(BUILD, argument))
    return path if path.startswith((SOURCES + "/tests/", SOURCES + "/fuzz/")) else None


SOURCES_OF_TARGET = {file: [source for group in target["target_sources"] for source in group.get("sources", [])]
                     for target in introspected("targets") for file in target["filename"]}
TESTS = {test["name"]: test["cmd"] for test in introspected("tests")}


def files_of(test):
    """The files of a test: its script, or what its program is made of; both only below tests/ and fuzz/."""
    if test in (DEMO, ALL_FUZZERS):
        return glob.glob("cli/demo/*") if test == DEMO else []
    arguments = [source for argument in TESTS[test] for source in [argument, *SOURCES_OF_TARGET.get(argument, [])]]
    return [path for path in map(path_in_tree, arguments) if path and os.path.isfile(path)]


def text_of(tests):
    text = ""
    for path in {path for test in tests for path in files_of(test)}:
        with open(path, encoding="utf-8", errors="replace") as file:
            text += file.read()
    return text


def tables():
    """Each table's rows, as dictionaries by the names of its columns."""
    names = None
    with open("SECURITY.md", encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else None
            if cells is None:
                names = None
            elif names is None:
                names = cells
            elif not set(line) <= set("|- \n"):
                yield dict(zip(names, cells, strict=True))


def tests_of(row):
    return [name.strip() for name in row["tried by"].split(",")]


def check_row(row, known):
    named = row.get("attack") or row.get("process") or f"{row['flow']}: {row['from → to']}"
    tests = tests_of(row)
    tests += [test for test in TESTS if ALL_FUZZERS in tests and test.startswith("fuzz/")]
    missing = [test for test in tests if test not in TESTS and test not in (DEMO, ALL_FUZZERS)]
    if missing or not tests[0]:
        report(False, named, f"no such test: {', '.join(missing)}")
        return
    text = text_of(tests)
    wrong = []
    for code in re.findall(r"`([^`]+)`", row.get("code", "")):
        if code in TPM_CODES:
            wrong += [] if TPM_CODES[code] in text else [f"{code}: {TPM_CODES[code]} is in none of {tests}"]
        elif "." not in code:
            continue  # a word of another language: an option, a type
        elif code not in known:
            wrong.append(f"{code}: not known to tcbind explain")
        elif not re.search(r"(?<![\w.])" + re.escape(code) + r"(?![\w.-])", text):
            wrong.append(f"{code}: in none of {tests}")
    report(not wrong, named, "\n".join(wrong))


def main():
    listed = subprocess.run([BUILD + "/cli/tcbind", "explain", "--list"], capture_output=True, text=True, check=True)
    known = {line.split(": ")[0] for line in listed.stdout.splitlines()}
    rows = list(tables())
    for row in rows:
        if "tried by" in row:
            check_row(row, known)
    report(count > 80, f"{count} rows of SECURITY.md name their tests", count)
    print(f"1..{count}")


main()
