"""Lists the tests that skipped themselves, with their reasons, from reports of ctest (JUnit).

    skipped.py REPORT…

ctest counts a file of Python tests as one; those that one of them skipped are listed too.
"""

import re
import sys
import xml.etree.ElementTree

# GoogleTest writes "FILE:LINE: Skipped" and then the reason, pytest "SKIPPED [N] FILE:LINE: REASON".
GTEST = re.compile(r"^\S+:\d+: Skipped\n(.*?)\n(?:\n|\[)", re.MULTILINE | re.DOTALL)
PYTEST = re.compile(r"^SKIPPED \[\d+\] (.*)$", re.MULTILINE)


def reasons(case):
    output = case.findtext("system-out") or ""
    found = GTEST.findall(output) + PYTEST.findall(output)
    if not found and case.find("skipped") is not None:
        found = [line for line in output.splitlines() if line.strip()][-1:] or ["no reason given"]
    return [" ".join(reason.split()) for reason in found]


def main():
    lines = []
    for report in sys.argv[1:]:
        for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
            lines += [f"  {case.get('name')}: {reason}" for reason in reasons(case)]
    if lines:
        print("\nskipped, each with its reason:", *sorted(set(lines)), sep="\n")


main()
