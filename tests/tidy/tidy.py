#!/usr/bin/env python3
"""The rules for sources that no compiler knows. `tidy.py` reads the tree and names every breach as
FILE:LINE: what, and what to do instead; `tidy.py --lower` writes today's function lengths down.

A line that has to break a rule of BANNED says why: `// tidy: allow NAME: the reason`, on it or on
the line above.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RATCHET = pathlib.Path(__file__).resolve().parent / "function_lines.json"

MODULES = ("base", "domain", "event_store", "projections", "consumers", "api", "cli")
# Which folders a folder may include from, besides itself: the arrows of docs/ARCHITECTURE.md.
ARROWS = {
    "base": (),
    "domain": ("base",),
    "event_store": ("base", "domain"),
    "projections": ("base", "domain"),
    "consumers": ("base", "domain", "event_store", "projections"),
    "api": ("base", "domain", "event_store", "projections", "consumers"),
    "cli": MODULES,
}
# Of cli, only what makes up `serve` knows the server: all else is a client of the REST API, which may
# use the rules of domain (JSON, names) as any client could.
SERVE = re.compile(r"cli/(src|include/bitacora/cli)/(serve|data_directory|main)")

# Who may include which library. The rest of the program sees our own types instead.
LIBRARIES = (
    (r"librdkafka/", "event_store/src/", "the port event_store/log.h"),
    (r"rocksdb/", "event_store/src/ projections/src/ base/src/prefix_replay base/src/rocksdb_log",
     "event_store or projections"),
    (r"pistache/", "api/src/http/", "api/http.h"),
    (r"nlohmann/", "domain/src/ projections/src/ api/src/ cli/src/", "domain/json.h"),
    (r"(CLI/|toml\+\+/)", "cli/src/", "cli"),
    (r"curl/", "cli/src/", "cli/src/http_client.h"),
    (r"spdlog/", "base/src/", "base/log.h"),
    (r"prometheus/", "base/src/", "base/metrics.h"),
    (r"openssl/", "base/src/", "base/sha256.h or base/uuid.h"),
    (r"(lua|lauxlib|lualib)", "projections/src/", "projections"),
)
# Tests and measurements may hold a library against what we make of it.
FREE_OF_LIBRARY_RULES = ("tests/", "bench/", "examples/")


@dataclasses.dataclass(frozen=True)
class Banned:
    name: str
    pattern: str
    instead: str
    where: str = ""  # Folders, or all.
    not_in: str = ""  # Files or folders where it has its place.


BANNED = (
    Banned("response-writer", r"\bResponse(Writer|Stream)\b",
           "bitacora::api::Responder: Pistache's own may answer another client"),
    Banned("sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|\bsleep\s*\(",
           "wait for a condition with a deadline, or move the manual clock", where="tests/"),
    Banned("thread", r"\bstd::j?thread\s*[({]|\bstd::j?thread\s+\w+\s*[({]|\bpthread_create\b|"
           r"\bstd::async\b", "StartThread of base/thread.h: a name, a stop token, an owner",
           not_in="base/src/thread.cc base/include/bitacora/base/thread.h tests/ bench/"),
    Banned("detach", r"[.>]detach\s*\(", "an owner that joins it"),
    Banned("text-to-number", r"\b(strto(l|ll|ul|ull|d|f|imax|umax)|ato(i|l|ll|f)|"
           r"sto(i|l|ll|ul|ull|f|d)|sscanf)\s*\(",
           "ParseDecimal of base/encoding.h: no sign, no space, no overflow",
           not_in="tests/ bench/ examples/"),
    Banned("print", r"\b(printf|fprintf|puts|fputs|putchar)\s*\(|\bstd::(cout|cerr|clog)\b",
           "Log of base/log.h; stdout carries only results of the program",
           where=" ".join(m + "/" for m in MODULES), not_in="base/src/check.cc cli/"),
    Banned("sync-wal", r"\bSyncWAL\b", "WriteOptions::sync: with WALs tracked in the manifest, "
           "SyncWAL reports damage that is none"),
    Banned("batch-consume", r"\brd_kafka_consume_batch\w*",
           "rd_kafka_consume_queue, one message a call: batches lose messages around a seek"),
    Banned("weak-recovery", r"\b(kPointInTimeRecovery|kSkipAnyCorruptedRecords|"
           r"best_efforts_recovery\s*=\s*true)\b",
           "kTolerateCorruptedTailRecords: the others drop records silently", not_in="tests/"),
    Banned("clock", r"\b(system_clock|steady_clock|high_resolution_clock)::now\b|\btime\(nullptr\)",
           "the Clock that is injected", where=" ".join(m + "/" for m in MODULES),
           # The time-outs of sockets are the machine's.
           not_in="base/src/clock.cc api/src/http/ cli/"),
    Banned("randomness", r"\bstd::rand\b|\brand\(\)|\bmt19937",
           "the Random that is injected", where=" ".join(m + "/" for m in MODULES)),
    Banned("disabled-test", r"\bDISABLED_\w+", "a test that runs, or none"),
)

LINE_LENGTH = 100
PYTHON_LINE_LENGTH = 132  # Tests in Python are tables of requests and answers.
# Links and tables of prose are not broken for their length; neither is what tools write.
LONG_LINES_IN = (".md", ".json", ".svg", ".txt", ".toml", ".yaml", ".yml", ".csv")
SOURCE = (".cc", ".h")
READ = SOURCE + (".py", ".sh", ".cmake", ".lua", ".go", ".md", ".xml", ".txt", ".json", ".yaml",
                 ".yml", ".toml")
READ_BY_NAME = ("CMakeLists.txt", "dev", "run", "Dockerfile")
SKIPPED_FOLDERS = {"build", "data", "corpus", "__pycache__", "node_modules"}

# Paths that exist on the machine of whoever wrote them.
MACHINE_PATH = re.compile(r"(?<![\w.])/(home|Users|root|work|workspace|mnt)/[\w.]")
TODO = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")')
ALLOW = re.compile(r"tidy: allow ([\w-]+): \S+")


@dataclasses.dataclass(frozen=True)
class Breach:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def without_comments_and_strings(text):
    """C++ with comments and literals blanked out; every line keeps its number."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'
        r"'(?:\\.|[^'\\\n])+'", re.DOTALL)

    def blank(match):
        found = match.group(0)
        # The quote of 1'000'000 parts digits.
        if found[0] == "'" and match.start() > 0 and text[match.start() - 1].isalnum():
            return found
        mark = found[0] if found[0] in "\"'" else " "
        return mark + re.sub(r"[^\n]", " ", found[1:-1]) + mark if len(found) > 1 else found

    return token.sub(blank, text)


def starts_in(path, folders):
    return any(path.startswith(folder) for folder in folders.split())


def folder_of(path):
    folder = path.split("/", 1)[0]
    return folder if folder in MODULES else None


# Rules: each takes a path and a text, and yields breaches.


def check_libraries(path, text):
    if path.startswith(FREE_OF_LIBRARY_RULES):
        return
    for number, target in includes(text):
        for library, folders, instead in LIBRARIES:
            if re.match(library, target) and not starts_in(path, folders):
                yield Breach(path, number, f"<{target}> belongs to {folders}; use {instead}")


def check_arrows(path, text):
    folder = folder_of(path)
    if folder is None:
        return
    allowed = ARROWS[folder] + (folder,)
    if folder == "cli" and not SERVE.match(path):
        allowed = ("base", "domain", "cli")
    for number, target in includes(text):
        match = re.match(r"bitacora/(\w+)/", target)
        if match and match.group(1) not in allowed:
            yield Breach(path, number, f"{folder} may not use {match.group(1)}; its arrows lead to "
                         f"{', '.join(name for name in allowed if name != folder) or 'nobody'}")


def includes(text):
    for number, line in enumerate(text.split("\n"), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(2) or match.group(3)


def check_banned(path, text):
    lines = text.split("\n")
    code = without_comments_and_strings(text).split("\n")
    for rule in BANNED:
        if rule.where and not starts_in(path, rule.where):
            continue
        if rule.not_in and starts_in(path, rule.not_in):
            continue
        for number, line in enumerate(code, 1):
            if re.search(rule.pattern, line) and rule.name not in allowed_here(lines, number):
                yield Breach(path, number, f"{rule.name}: use {rule.instead}")


def allowed_here(lines, number):
    around = lines[max(0, number - 2):number]
    return {match.group(1) for line in around for match in ALLOW.finditer(line)}


def check_lines(path, text):
    if path.endswith(LONG_LINES_IN) or path.endswith("CMakeLists.txt") or "fixtures/" in path:
        return
    most = PYTHON_LINE_LENGTH if path.endswith(".py") else LINE_LENGTH
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > most and "http://" not in line and "https://" not in line:
            yield Breach(path, number, f"{len(line)} columns; {most} are the most")


def check_spaces(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if line.endswith((" ", "\t", "\r")) and not path.endswith(".md"):
            yield Breach(path, number, "white space at the end")
        if "\t" in line and path.endswith(SOURCE + (".py", ".sh")):
            yield Breach(path, number, "a tab; use spaces")


def check_words(path, text):
    if path.startswith("tests/tidy/"):  # Where the words themselves are spelled out.
        return
    for number, line in enumerate(text.split("\n"), 1):
        if TODO.search(line):
            yield Breach(path, number, "a TODO names its issue: TODO(#123)")
        if MACHINE_PATH.search(line):
            yield Breach(path, number, "a path of one machine")


def check_headers(path, text):
    if not path.endswith(".h"):
        return
    if "#pragma once" not in text:
        yield Breach(path, 1, "a header needs #pragma once")
    for number, line in enumerate(without_comments_and_strings(text).split("\n"), 1):
        if re.match(r"\s*using\s+namespace\b", line):
            yield Breach(path, number, "a header opens no namespace for others")


CXX_RULES = (check_libraries, check_arrows, check_banned, check_headers)
ALL_RULES = (check_lines, check_spaces, check_words)


# Function length, as a ratchet.

OPENER = re.compile(r"[)\]]\s*(const|noexcept|override|final|mutable|try|&|&&|\s|"
                    r"->\s*[\w:<>,&*\s]+|[A-Z_]+\([^()]*\))*\s*(:[^;{}]*([{][^{}]*[}][^;{}]*)*)?$")
NOT_A_FUNCTION = re.compile(r"^\s*(if|else|for|while|switch|do|catch|namespace|class|struct|enum|"
                            r"union|return|case|default)\b")


ACCESS = re.compile(r"^\s*(public|private|protected)\s*:(?!:)")


def function_lengths(text):
    """(first line, lines) of each outermost function or test body, braces included."""
    code = without_comments_and_strings(text)
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.)*(?:\\\n[^\n]*)*",
                  lambda match: re.sub(r"[^\n]", " ", match.group(0)), code, flags=re.MULTILINE)
    opened = []  # For each open brace: the line a function began at, INITIALIZER, or None.
    head_begin = 0
    for match in re.finditer(r"[{};]", code):
        at, mark = match.start(), match.group(0)
        if mark == "{":
            # A brace right behind a name, as in `a_{b}`, is part of what stands before the body.
            initializer = at > 0 and (code[at - 1].isalnum() or code[at - 1] in "_>")
            opened.append(INITIALIZER if initializer else
                          function_begin(code, head_begin, at, any(map(is_line, opened))))
        elif mark == "}" and opened:
            begin = opened.pop()
            if is_line(begin):
                yield begin, code.count("\n", 0, at) + 2 - begin
            if begin == INITIALIZER:
                continue
        if not opened or opened[-1] != INITIALIZER:
            head_begin = at + 1


INITIALIZER = "initializer"


def is_line(begin):
    return isinstance(begin, int)


def function_begin(code, head_begin, at, inside):
    """The line at which the function of the body at `at` begins; None where it is no function's."""
    head = code[head_begin:at]
    access = ACCESS.match(head)
    if access:
        head_begin += access.end()
        head = code[head_begin:at]
    if inside or "(" not in head or not OPENER.search(head.rstrip()):
        return None
    if NOT_A_FUNCTION.match(head.strip()) or "=" in head.split("(")[0]:
        return None
    return code.count("\n", 0, head_begin + len(head) - len(head.lstrip())) + 1


def kind_of(path):
    return "tests" if path.startswith(("tests/", "bench/", "examples/")) else folder_of(path)


def longest_functions(files):
    """For each folder: (lines, path, first line) of its longest function."""
    longest = {}
    for path, text in files:
        kind = kind_of(path)
        if not path.endswith(SOURCE) or kind is None:
            continue
        for begin, lines in function_lengths(text):
            longest[kind] = max(longest.get(kind, (0, "", 0)), (lines, path, begin))
    return longest


def check_ratchet(files, allowed):
    for kind, (lines, path, begin) in sorted(longest_functions(files).items()):
        limit = allowed.get(kind, 0)
        if lines > limit:
            yield Breach(path, begin, f"a function of {lines} lines; {limit} are the most in {kind}")
        elif lines < limit:
            yield Breach(path, begin, f"the longest function of {kind} has {lines} lines now, and "
                         f"{limit} are allowed; run tests/tidy/tidy.py --lower")


def lowered(allowed, files):
    """Today's lengths where they are smaller; a length that has grown stays a breach."""
    now = {kind: lines for kind, (lines, _, _) in longest_functions(files).items()}
    return {kind: min(lines, allowed.get(kind, lines)) for kind, lines in sorted(now.items())}


def tree(root):
    """(path, text) of every file of ours."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and
                            (not name.startswith(".") or name == ".ci"))
        for name in sorted(names):
            path = pathlib.Path(folder) / name
            if name.endswith(READ) or name in READ_BY_NAME:
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def check_file(path, text):
    for rule in ALL_RULES + (CXX_RULES if path.endswith(SOURCE) else ()):
        yield from rule(path, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--lower", action="store_true")
    files = list(tree(ROOT))
    allowed = json.loads(RATCHET.read_text()) if RATCHET.exists() else {}
    if parser.parse_args().lower:
        RATCHET.write_text(json.dumps(lowered(allowed, files), indent=2) + "\n")
        return 0
    breaches = [breach for path, text in files for breach in check_file(path, text)]
    breaches += check_ratchet(files, allowed)
    print(*breaches, sep="\n")
    print(f"{len(breaches)} breaches in {len(files)} files" if breaches else
          f"{len(files)} files keep the rules")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
