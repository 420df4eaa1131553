#!/usr/bin/python3
"""The project's own rules, as far as a name can be searched for (R25 of the style).

    tidy.py [ROOT]       checks a tree; prints `file:line: rule: text`, exits 1 on findings
    tidy.py --self-test  plants one violation of every rule and expects each to be found

Code is looked at with comments and string contents blanked out, except where a rule says `raw`.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

COLUMNS_MAX, FUNCTION_LINES_MAX, FILE_LINES_MAX = 100, 70, 600
ACTORS = r"^(actors|supervisors)/"
TESTS = r"(\.test\.cpp$|^tests/|^bench/)"

# Rule, where it applies, what is banned, where it is allowed nevertheless, why.
BANNED = [
    ("R9-clock", r"", r"(_clock\s*::\s*now|\bmake_timestamp|\bclock_gettime|\bgettimeofday)\s*\(",
     r"^(actors/base/time|(node|supervisors)/.*clock|http/|persistence/.*driver|persistence/pg/"
     r"|gateways/|bench/|tests/|inspector/)|\.test\.cpp$",
     "time is an argument; only the clock file, drivers and the edges read it"),
    ("R10-random", r"", r"\brandom_device\b|\bsrand\s*\(|\brand\s*\(\s*\)", r"^$",
     "randomness is an argument"),
    ("R13-infinite", ACTORS, r"(\binfinite\b|\.\s*await\s*\()",
     r"^supervisors/no_timer\.hpp$|" + TESTS, # docs/adr/0008
     "every request has a finite timeout, and .await makes an actor deaf"),
    ("R24-aout", r"", r"\baout\s*\(", r"^$", "log instead; aout is one actor per process"),
    ("R24-getenv", r"", r"\b(secure_)?getenv\b", r"(^|/)config|" + TESTS,
     "only the configuration reads the environment"),
    ("R24-random-order", r"", r"\bstd::(shuffle|sample|\w+_distribution)\b", r"^$",
     "implementation-defined: a seed would not replay elsewhere"),
    ("R24-per-process", ACTORS,
     r"(\bregistry|\bgroups|\bmiddleman|\bremote_(actor|spawn|group|lookup))\s*\(", TESTS,
     "one per process, so simulated nodes would share it"),
    ("R24-threads", ACTORS,
     r"\b(scoped_actor|blocking_actor|std::(thread|jthread|async|mutex|call_once))\b", TESTS,
     "simulated code has no thread of its own"),
    ("pistache-stream", r"", r"\bResponseStream\b", r"^$", "its buffers are shared across threads"),
    ("blocking", r"", r"\bdetached\b", r"^persistence/.*(driver|pool|worker|connector)"
     r"|^http/.*(pool|worker)|^node/app\.cpp$|^gateways/.*(pool|worker|driver)|^cluster/dialer|"
     + TESTS,
     "threads of their own belong to drivers and pool workers"),
    ("S25-exec", r"", r"\bPQ(send)?(exec|Query)\s*\(|\bPQsendQuery\s*\(",
     r"^persistence/(migrations|migrate)|^persistence/pg/|" + TESTS,
     "SQL with values goes by parameters; text-only calls are for constants"),
    ("H-crypt", r"", r"\b(crypt|crypt_r|crypt_rn|crypt_ra)\s*\(|[<\"]crypt\.h[>\"]",
     r"(hash|password).*\.(cpp|hpp)$|" + TESTS, "bcrypt takes a quarter of a second: pool only"),
]
# Read from the raw line, strings included.
BANNED_RAW = [
    ("R24-pointer", r"\.(cpp|hpp)$", r"\"[^\"]*%p", r"^$", "addresses differ from run to run"),
    ("edge-pistache", r"\.(cpp|hpp)$", r"#\s*include\s*[<\"]pistache", r"^(http|bench|tests)/",
     "only http/ knows Pistache"),
    ("edge-libpq", r"\.(cpp|hpp)$", r"#\s*include\s*[<\"]libpq", r"^(persistence|bench|tests)/",
     "only persistence/ knows libpq"),
    ("paths", r"", r"(?<![\w.$}\-])/(work|tmp/w)/", r"^tests/tidy/", "a path of one machine"),
    ("H-33-names", r"/messages\.hpp$", r"^\s*namespace\s+(?!tk\s*\{)\w", r"^$",
     "type names travel as text: messages live in tk"),
]
# Files whose functions may be longer than a screen.
LONG_FUNCTIONS = {
    "persistence/store/actor.cpp",  # The behaviour: a clause of one call for every message.
    "actors/base/errors.cpp",  # The one table of errors: a line for every value, no logic.
}
# Files that may be longer than the limit.
LONG_FILES = {
    "dev",  # One script on purpose: it must run before anything else is there.
}
SOURCE = re.compile(r"\.(cpp|hpp|py|cmake|sql)$|(^|/)(CMakeLists\.txt|with-postgres)$"
                    r"|^dev$|^\.ci/run$")
CORE = re.compile(r"^actors/\w+/core(_\w+)?\.(cpp|hpp)$")
CORE_MAY = re.compile(r"^(actors/base/|actors/\w+/(core|messages)(_\w+)?\.hpp$|tl/expected\.hpp$"
                      r"|actors/waiting_room/(board|draw|line|pace|people|presence|settings)\.hpp$"
                      r"|actors/gate/(board|settings)\.hpp$"
                      r"|persistence/\w+/(messages|queue_ops|queue_rows)\.hpp$|[a-z_0-9]+$)")


def blank(match):
    """Keeps line breaks and width, loses the content."""
    text = match.group(0)
    if text[0] in "\"'R":
        inner = re.sub(r"[^\n]", " ", text[1:-1])
        return text[0] + inner + text[-1]
    return re.sub(r"[^\n]", " ", text)


def code_of(text):
    pattern = (r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\""
               r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'")
    return re.sub(pattern, blank, text, flags=re.S)


class Tidy:
    def __init__(self, root, files):
        self.root, self.files, self.findings = root, files, []
        self.text = {f: (root / f).read_text(errors="replace") for f in files}

    def report(self, path, line, rule, text):
        self.findings.append(f"{path}:{line}: {rule}: {text}")

    def banned(self, path, lines, rules):
        for rule, where, what, unless, why in rules:
            if not re.search(where, path) or re.search(unless, path):
                continue
            for number, line in enumerate(lines, 1):
                if found := re.search(what, line):
                    self.report(path, number, rule, f"'{found.group(0).strip()}': {why}")

    def sizes(self, path, lines):
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                self.report(path, number, "R20-columns", f"{len(line)} > {COLUMNS_MAX} columns")
        if len(lines) > FILE_LINES_MAX and path not in LONG_FILES:
            self.report(path, len(lines), "R20-file", f"{len(lines)} > {FILE_LINES_MAX} lines")

    def functions(self, path, code):
        """A block opened by `) ... {` that is not inside another one is a function."""
        depth, stack, start, line = 0, [], None, 1
        for match in re.finditer(r"[{}\n]", code):
            char = match.group(0)
            if char == "\n":
                line += 1
            elif char == "{":
                before = code[max(0, match.start() - 400):match.start()].rstrip()
                head = re.split(r"[;{}]", before)[-1]
                is_scope = re.search(r"\b(namespace|class|struct|enum|union)\b[^()=]*$", head)
                if start is None and not is_scope and ")" in head and "=" not in head.split("(")[0]:
                    start, depth = line, len(stack)
                stack.append(line)
            elif stack:
                stack.pop()
                if start is not None and len(stack) == depth:
                    length = line - start + 1
                    if length > FUNCTION_LINES_MAX and path not in LONG_FUNCTIONS:
                        self.report(path, start, "R20-function",
                                    f"{length} > {FUNCTION_LINES_MAX} lines")
                    start = None

    def cores(self, path, lines):
        if not CORE.search(path):
            return
        for number, line in enumerate(lines, 1):
            if found := re.match(r"\s*#\s*include\s*[<\"]([^>\"]+)", line):
                if not CORE_MAY.search(found.group(1)):
                    self.report(path, number, "R1-core", f"a core may not include {found.group(1)}")

    def built(self):
        """Every .cpp is named in a CMakeLists.txt above it: no dead files, no forgotten tests."""
        named = set()
        for path, text in self.text.items():
            if path.endswith(("CMakeLists.txt", ".cmake")):
                folder = pathlib.PurePosixPath(path).parent
                for name in re.findall(r"[\w./+\-]+\.cpp", re.sub(r"#[^\n]*", "", text)):
                    named.add(str(folder / name))
                    named.add(name.lstrip("/"))
        for path in self.files:
            if path.endswith(".cpp") and path not in named:
                rule = "R25-unregistered" if path.endswith(".test.cpp") else "R25-dead"
                self.report(path, 1, rule, "no CMakeLists.txt names this file")

    def mutants(self):
        """What is planted is looked for: simulation/mutants.cpp names it, and is built with it."""
        folder = "tests/simulation/"
        bugs = self.text.get(folder + "mutants.cpp", "")
        listed = set(re.findall(r'\{"(\w+)", "\w+"(?:, true)?\}', bugs))
        built = self.text.get(folder + "CMakeLists.txt", "")
        planted = set()
        for path, text in self.text.items():
            if path.startswith("tests/") or not path.endswith((".cpp", ".hpp")):
                continue
            names = set(re.findall(r'\bmutant\("(\w+)"\)', text))
            planted |= names
            if names - listed:
                self.report(path, 1, "mutant", f"{min(names - listed)} is not in planted_bugs()")
            if names and path not in built:
                self.report(path, 1, "mutant", f"{folder}CMakeLists.txt does not plant this file")
        for name in listed - planted:
            self.report(folder + "mutants.cpp", 1, "mutant", f"{name} is planted nowhere")

    def links(self, path):
        for number, line in enumerate(self.text[path].splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)", line):
                if not re.match(r"[a-z]+:", target):
                    where = self.root / target[1:] if target[0] == "/" else (
                        (self.root / path).parent / target)
                    if not where.exists():
                        self.report(path, number, "docs-link", f"{target} does not exist")

    def run(self):
        for path in self.files:
            lines = self.text[path].splitlines()
            self.banned(path, lines, BANNED_RAW)
            if path.endswith(".md"):
                self.links(path)
            if SOURCE.search(path):
                self.sizes(path, lines)
            if path.endswith((".cpp", ".hpp")):
                code = code_of(self.text[path])
                self.banned(path, code.splitlines(), BANNED)
                self.functions(path, code)
                self.cores(path, lines)
        self.built()
        self.mutants()
        return sorted(self.findings)


def files_of(root):
    git = ["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-z", "--cached",
           "--others", "--exclude-standard", "--deduplicate"]
    names = subprocess.run(git, check=True, capture_output=True, text=True).stdout.split("\0")
    kinds = (".cpp", ".hpp", ".py", ".cmake", ".sql", ".md", ".txt", ".json", ".yml", ".yaml")
    return sorted(n for n in names if n and (root / n).is_file() and not (root / n).is_symlink()
                  and (n.endswith(kinds) or SOURCE.search(n)))


PLANTED = {
    "R9-clock": ("actors/x/actor.cpp", "auto t = std::chrono::steady_clock::now();"),
    "R10-random": ("http/x.cpp", "std::random_device seed;"),
    "R13-infinite": ("actors/x/actor.cpp", "self->request(a, caf::infinite, x);"),
    "R24-aout": ("supervisors/x.cpp", "caf::aout(self) << 1;"),
    "R24-getenv": ("http/x.cpp", 'auto v = std::getenv("X");'),
    "R24-random-order": ("actors/x/actor.cpp", "std::shuffle(a, b, rng);"),
    "R24-per-process": ("actors/x/actor.cpp", "self->system().registry().get(1);"),
    "R24-threads": ("supervisors/x.cpp", "std::thread t;"),
    "R24-pointer": ("http/x.cpp", 'printf("%p", x);'),
    "pistache-stream": ("http/x.cpp", "Pistache::Http::ResponseStream s;"),
    "blocking": ("http/x.cpp", "spawn<caf::detached>(f);"),
    "S25-exec": ("persistence/store/x.cpp", "PQexec(c, sql);"),
    "H-crypt": ("http/x.cpp", "crypt(a, b);"),
    "H-33-names": ("actors/x/messages.hpp", "namespace tiketi::wire {}"),
    "edge-pistache": ("gateways/x.cpp", "#include <pistache/http.h>"),
    "edge-libpq": ("http/x.cpp", "#include <libpq-fe.h>"),
    "paths": ("docs/x.md", "see /wor" + "k/shared for more"),
    "R1-core": ("actors/x/core.cpp", '#include "caf/all.hpp"'),
    "R20-columns": ("http/x.cpp", "// " + "x" * 100),
    "R20-file": ("http/x.hpp", "\n" * 601),
    "R20-function": ("http/x.cpp", "int f(int a) {\n" + "  ++a;\n" * 70 + "}"),
    "R25-dead": ("http/dead.cpp", ""),
    "R25-unregistered": ("http/dead.test.cpp", ""),
    "docs-link": ("docs/x.md", "[gone](gone.md)"),
    "mutant": ("actors/x/actor.cpp", 'if (mutant("eats_seats")) eat();'),
}
# More ways to break a rule that has one already.
ALSO_PLANTED = [
    ("mutant", ("tests/simulation/mutants.cpp", '{"eats_seats", "storm"},')),
]
INNOCENT = ('// steady_clock::now() and PQexec( in a comment\nauto s = "rand( %d crypt(";\n'
            "auto n = 1'000'000 + f('x'); // rand()\nstruct branded { int operand(int x); };\n")


def self_test():
    """Each planted violation is found, by its own rule, and innocent text is not."""
    wrong = []
    rules = {x[0] for x in BANNED + BANNED_RAW}
    if rules - PLANTED.keys():
        wrong.append(f"no violation is planted for {sorted(rules - PLANTED.keys())}")
    innocent = (None, ("actors/x/innocent.cpp", INNOCENT))
    for rule, (path, text) in [*PLANTED.items(), *ALSO_PLANTED, innocent]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / path).parent.mkdir(parents=True)
            (root / path).write_text(text + "\n")
            files = [path]
            if not path.startswith("http/dead"):
                (root / "CMakeLists.txt").write_text(path)
                files.append("CMakeLists.txt")
            found = Tidy(root, files).run()
        if rule is None and found:
            wrong.append(f"innocent text was found guilty: {found}")
        elif rule and not any(f": {rule}: " in x for x in found):
            wrong.append(f"{rule} did not find {text[:60]!r} in {path}: {found}")
    return wrong


def main(arguments):
    if arguments == ["--self-test"]:
        findings = self_test()
    else:
        root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[2])
        root = root.resolve()
        findings = Tidy(root, files_of(root)).run()
    print("\n".join(findings) or "tidy: no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
