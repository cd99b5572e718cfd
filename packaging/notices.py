#!/usr/bin/env python3
"""Prints the notices of all crates that are linked into the server: packaging/notices.py >FILE

    cargo tree        which crates, by name and version: no tests, no macros, nothing for other systems
    cargo metadata    where their sources are, and what licence each names
    sources           licence files of the crate, and of C sources within it

A text that several crates have is printed once, under all of their names. A crate without a file has the
licence that its manifest names, which is said. Fails if a crate names no licence at all.

Not here: the licence of Evenkeel itself (LICENSE-MIT, LICENSE-APACHE).
"""

import json
import pathlib
import subprocess
import sys

# What the names of files with notices begin with, in capitals.
NOTICES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
# Crates whose C sources are compiled in, but which only the build of another crate names.
C_SOURCES = ("lua-src",)


def call(*arguments):
    """What cargo prints."""
    command = ["cargo", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def linked():
    """Names and versions of the crates that are linked."""
    tree = call("tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}")
    words = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    return {(name, version.lstrip("v")) for name, version in words if name != "evenkeel"}


def texts(folder):
    """The files with notices in a folder and in those of C sources below it."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_near = len(parts) == 1 or parts[0] in ("c_src", "lua-5.1.5", "lua5.1")
        if is_near and path.is_file() and path.name.upper().startswith(NOTICES):
            yield path.read_text(encoding="utf-8", errors="replace").strip()


def main():
    """Prints everything."""
    packages = json.loads(call("metadata", "--locked", "--format-version", "1"))["packages"]
    wanted = linked()
    names_by_text = {}
    for package in packages:
        name, version = package["name"], package["version"]
        if (name, version) not in wanted and name not in C_SOURCES:
            continue
        licence = package["license"]
        if not licence:
            sys.exit(f"{name} names no licence")
        title = f"{name} {version} ({licence})"
        found = list(texts(pathlib.Path(package["manifest_path"]).parent))
        found = found or ["No file of its own; the licence is the one named above."]
        for text in found:
            names_by_text.setdefault(text, []).append(title)
    print("The server is linked from the crates below, under these licences.")
    for text, names in sorted(names_by_text.items(), key=lambda entry: entry[1]):
        rule = "-" * 72
        print(f"\n{rule}\n" + "\n".join(sorted(set(names))) + f"\n{rule}\n\n{text}")


main()
