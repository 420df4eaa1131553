#!/usr/bin/python3
"""Runs clang-tidy 16 over all files of a compile_commands.json, several at once.

A file that passed leaves a stamp named after the hash of everything the verdict depends on: the
file, the headers of this repository that it includes, its command and the list of checks. A file
whose stamp exists is skipped, since one run costs eleven seconds of a processor.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.lru_cache(maxsize=None)
def included_by(path):
    """The repository's own files that `path` includes directly; includes start at the root."""
    names = re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(errors="replace"), re.M)
    return [ROOT / n for n in names if (ROOT / n).is_file()]


def all_included(path):
    seen, open_files = {path}, [path]
    while open_files:
        for header in included_by(open_files.pop()):
            if header not in seen:
                seen.add(header)
                open_files.append(header)
    return sorted(seen)


def stamp_of(entry, stamps):
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    digest.update(entry["command"].encode())
    for path in all_included(pathlib.Path(entry["file"])):
        digest.update(path.read_bytes())
    return stamps / digest.hexdigest()


def check(entry, build):
    command = ["clang-tidy-16", "--quiet", "-p", str(build), entry["file"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--stamps", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    options.stamps.mkdir(parents=True, exist_ok=True)
    entries = json.loads((options.build / "compile_commands.json").read_text())
    # A file built twice is checked once, and what the build generates not at all.
    unique = {e["file"]: e for e in entries
              if not pathlib.Path(e["file"]).is_relative_to(options.build.resolve())}
    todo = {f: s for f, e in unique.items() if not (s := stamp_of(e, options.stamps)).exists()}
    print(f"{len(todo)} of {len(unique)} files to check", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {pool.submit(check, unique[f], options.build): f for f in todo}
        for number, run in enumerate(concurrent.futures.as_completed(runs), 1):
            name = runs[run]
            status, output = run.result()
            print(f"[{number}/{len(todo)}] {pathlib.Path(name).relative_to(ROOT)}", flush=True)
            if status == 0:
                todo[name].touch()
            else:
                failed += 1
                print(output, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
