"""Every rule of tidy.py catches what it is there for, and leaves its neighbour alone."""

import unittest

import tidy


def breaches(path, text):
    return [breach.text for breach in tidy.check_file(path, text)]


def source(body):
    return f"namespace bitacora {{\n{body}\n}}  // namespace bitacora\n"


class Rules(unittest.TestCase):
    def refuses(self, path, text, *words):
        found = breaches(path, text)
        self.assertEqual(len(found), 1, f"{path}: {text!r} gave {found}")
        for word in words:
            self.assertIn(word, found[0])

    def accepts(self, path, text):
        self.assertEqual(breaches(path, text), [], f"{path}: {text!r}")


class Libraries(Rules):
    def test_each_has_one_place(self):
        for header, place in (
                ("librdkafka/rdkafka.h", "event_store/src/kafka/a.cc"),
                ("rocksdb/db.h", "projections/src/a.cc"),
                ("pistache/tcp.h", "api/src/http/a.cc"),
                ("nlohmann/json.hpp", "domain/src/a.cc"),
                ("CLI/CLI.hpp", "cli/src/a.cc"),
                ("toml++/toml.h", "cli/src/a.cc"),
                ("curl/curl.h", "cli/src/a.cc"),
                ("spdlog/spdlog.h", "base/src/a.cc"),
                ("prometheus/counter.h", "base/src/a.cc"),
                ("openssl/evp.h", "base/src/a.cc"),
                ("lua5.4/lua.hpp", "projections/src/a.cc"),
                ("lauxlib.h", "projections/src/a.cc")):
            line = f"#include <{header}>\n"
            self.accepts(place, line)
            self.refuses("consumers/src/a.cc", line, "belongs to")
            self.accepts("tests/a/a_test.cc", line)

    def test_none_under_include(self):
        for folder in tidy.MODULES:
            for header in ("librdkafka/rdkafka.h", "rocksdb/db.h", "nlohmann/json.hpp"):
                self.refuses(f"{folder}/include/bitacora/{folder}/a.h",
                             f"#pragma once\n#include <{header}>\n", "belongs to")

    def test_each_entry_of_the_table_is_tried_above(self):
        self.assertEqual(len(tidy.LIBRARIES), 10)


class Arrows(Rules):
    ORDER = ("base", "domain", "event_store", "consumers", "api", "cli")

    def test_lead_left_only(self):
        for at, folder in enumerate(self.ORDER):
            for other_at, other in enumerate(self.ORDER):
                path = f"{folder}/src/{'serve' if folder == 'cli' else 'a'}.cc"
                line = f"#include <bitacora/{other}/a.h>\n"
                if other_at <= at:
                    self.accepts(path, line)
                else:
                    self.refuses(path, line, f"{folder} may not use {other}")

    def test_siblings_do_not_know_each_other(self):
        self.refuses("projections/src/a.cc", "#include <bitacora/event_store/log.h>\n", "may not")
        self.refuses("event_store/src/a.cc", "#include <bitacora/projections/a.h>\n", "may not")

    def test_a_subcommand_does_not_know_the_server(self):
        self.accepts("cli/src/append.cc", "#include <bitacora/domain/json.h>\n")
        for other in ("event_store", "projections", "consumers", "api"):
            self.refuses("cli/src/append.cc", f"#include <bitacora/{other}/a.h>\n", "may not")

    def test_tests_use_all(self):
        self.accepts("tests/base/a_test.cc", "#include <bitacora/api/http.h>\n")


class BannedCalls(Rules):
    # name: what is refused where, and what looks like it and is not.
    SAMPLES = {
        "response-writer": ("api/src/a.cc", "void F(Http::ResponseWriter w);", "ResponseWriters w;"),
        "sleep": ("tests/a/a_test.cc", "std::this_thread::sleep_for(1s);", "Asleep sleeper;"),
        "thread": ("api/src/a.cc", "std::jthread t(F);", "std::jthread thread_;"),
        "detach": ("tests/a/a_test.cc", "thread.detach();", "Detach(thread);"),
        "text-to-number": ("api/src/a.cc", "int i = std::stoi(text);", "auto i = my_stoi_like;"),
        "print": ("domain/src/a.cc", "std::printf(\"x\");", "std::snprintf(a, b, \"x\");"),
        "sync-wal": ("event_store/src/a.cc", "db->SyncWAL();", "options.sync = true;"),
        "batch-consume": ("event_store/src/a.cc", "rd_kafka_consume_batch_queue(q, 1, m, 1);",
                          "rd_kafka_consume_queue(q, 1);"),
        "weak-recovery": ("event_store/src/a.cc", "o = WALRecoveryMode::kPointInTimeRecovery;",
                          "o = WALRecoveryMode::kTolerateCorruptedTailRecords;"),
        "clock": ("consumers/src/a.cc", "auto t = std::chrono::steady_clock::now();",
                  "std::chrono::steady_clock::time_point t;"),
        "randomness": ("domain/src/a.cc", "std::mt19937 generator;", "Random& random;"),
        "disabled-test": ("tests/a/a_test.cc", "TEST(A, DISABLED_B) {}", "TEST(A, Disabled) {}"),
    }

    def test_each_is_refused_and_its_neighbour_is_not(self):
        self.assertEqual(set(self.SAMPLES), {rule.name for rule in tidy.BANNED})
        for name, (path, bad, good) in self.SAMPLES.items():
            self.refuses(path, bad + "\n", name + ": use ")
            self.accepts(path, good + "\n")

    def test_words_and_comments_are_not_calls(self):
        for text in ("// sleep_for(1s)", "/* a\nsleep_for(1s) */", 'F("sleep_for(1s)");',
                     'F(R"(sleep_for(1s))");', 'F("\\"sleep_for(1s)");'):
            self.accepts("tests/a/a_test.cc", text + "\n")

    def test_a_call_behind_a_comment_or_a_separator_of_digits_is_one(self):
        for text in ("/* a */ sleep_for(1s);", "F(1'000, sleep_for(1s), 'x');", "F(\"a\"); usleep(1);"):
            self.refuses("tests/a/a_test.cc", text + "\n", "sleep")

    def test_an_exception_names_its_rule_and_its_reason(self):
        bad = "sleep_for(1s);"
        self.accepts("tests/a/a_test.cc", bad + "  // tidy: allow sleep: between two looks\n")
        self.accepts("tests/a/a_test.cc", "// tidy: allow sleep: between two looks\n" + bad + "\n")
        self.refuses("tests/a/a_test.cc", bad + "  // tidy: allow sleep:\n", "sleep")
        self.refuses("tests/a/a_test.cc", bad + "  // tidy: allow detach: it is short\n", "sleep")

    def test_what_has_its_place_is_accepted_there(self):
        self.accepts("base/src/thread.cc", "return std::jthread(F);\n")
        self.accepts("base/src/check.cc", "std::fprintf(stderr, \"x\");\n")
        self.accepts("cli/src/main.cc", "std::cout << 1;\n")


class Lines(Rules):
    def test_have_a_hundred_columns(self):
        for path in ("base/src/a.cc", "a/b.sh", "dev"):
            self.accepts(path, "x" * 100 + "\n")
            self.refuses(path, "x" * 101 + "\n", "101 columns")
        self.accepts("docs/a.md", "x" * 101 + "\n")

    def test_count_characters_and_not_bytes(self):
        self.accepts("base/src/a.cc", "// " + "é" * 97 + "\n")

    def test_have_no_white_space_at_their_end(self):
        for end in (" ", "\t", "\r"):
            self.assertIn("white space at the end", breaches("dev", "x" + end + "\n"))

    def test_are_indented_by_spaces(self):
        self.refuses("base/src/a.cc", "\tint a;\n", "a tab")


class Words(Rules):
    def test_a_todo_names_its_issue(self):
        for word in ("TODO", "FIXME", "XXX"):
            self.refuses("base/src/a.cc", f"// {word}: later\n", "names its issue")
            self.accepts("base/src/a.cc", f"// {word}(#12): later\n")

    def test_no_path_of_one_machine(self):
        for path in ("/home/somebody/x", "/Users/x/y", "/root/x", "/work/x"):
            self.refuses("deploy/a.sh", f"cd {path}\n", "one machine")
        self.accepts("deploy/a.sh", "cd ./work/x && cat /etc/os-release\n")


class Headers(Rules):
    def test_have_a_guard(self):
        self.refuses("base/src/a.h", "int a;\n", "#pragma once")
        self.accepts("base/src/a.h", "#pragma once\nint a;\n")

    def test_open_no_namespace_for_others(self):
        self.refuses("base/src/a.h", "#pragma once\nusing namespace std;\n", "namespace")
        self.accepts("base/src/a.cc", "using namespace std::chrono;\n")


class FunctionLengths(unittest.TestCase):
    def lengths(self, body):
        return list(tidy.function_lengths(source(body)))

    def test_are_counted_from_the_first_line_to_the_last_brace(self):
        for head in ("void F() {", "int C::F(int a) const noexcept {", "auto F() -> int {",
                     "C::C(int a) : a_(a), b_{a} {", "TEST(A, B) {", "void F() EXCLUDES(mu_) {",
                     "template <typename T>\nT F(T a) {", "void F(\n    int a) {",
                     "Result<int> F() && {", "static const T& F() {", "extern int F() {"):
            lines = head.count("\n") + 3
            self.assertEqual(self.lengths(f"{head}\n  a();\n}}"), [(2, lines)], head)

    def test_count_blocks_and_lambdas_for_the_function_around_them(self):
        body = "void F() {\n  if (a) {\n    G([&] {\n      b();\n    });\n  }\n}"
        self.assertEqual(self.lengths(body), [(2, 7)])

    def test_are_of_the_functions_and_not_of_the_class(self):
        body = "class C {\n public:\n  int a() const {\n    return 1;\n  }\n  int b_ = 0;\n};"
        self.assertEqual(self.lengths(body), [(4, 3)])

    def test_are_not_of_tables_and_types(self):
        for body in ("constexpr int kTable[] = {\n  1,\n  2,\n};", "struct A {\n  int a;\n};",
                     "enum class E {\n  kA,\n};", "const A kA = Make({\n  1,\n});",
                     "#define M(x) \\\n  do { \\\n    x; \\\n  } while (false)"):
            self.assertEqual(self.lengths(body), [], body)

    def test_are_not_confused_by_braces_in_text(self):
        body = "void F() {\n  a(\"}\");\n  b('{');  // }\n  c(R\"({{)\");\n}"
        self.assertEqual(self.lengths(body), [(2, 5)])


class TheRatchet(unittest.TestCase):
    FILES = [("base/src/a.cc", source("void F() {\n" + "  a();\n" * 8 + "}"))]

    def test_holds_at_the_longest_function(self):
        self.assertEqual(list(tidy.check_ratchet(self.FILES, {"base": 10})), [])

    def test_refuses_a_longer_one(self):
        (breach,) = tidy.check_ratchet(self.FILES, {"base": 9})
        self.assertIn("a function of 10 lines; 9 are the most", breach.text)
        self.assertEqual(breach.line, 2)

    def test_wants_to_be_lowered(self):
        (breach,) = tidy.check_ratchet(self.FILES, {"base": 11})
        self.assertIn("--lower", breach.text)

    def test_is_never_raised(self):
        self.assertEqual(tidy.lowered({"base": 9}, self.FILES), {"base": 9})
        self.assertEqual(tidy.lowered({"base": 11}, self.FILES), {"base": 10})
        self.assertEqual(tidy.lowered({}, self.FILES), {"base": 10})


class TheTree(unittest.TestCase):
    def test_is_read_whole(self):
        paths = {path for path, _ in tidy.tree(tidy.ROOT)}
        for path in ("dev", ".ci/run", "CMakeLists.txt", "base/src/status.cc", "tests/tidy/tidy.py"):
            self.assertIn(path, paths)
        self.assertFalse([path for path in paths if path.startswith("build/")])


if __name__ == "__main__":
    unittest.main()
