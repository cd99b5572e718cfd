#!/usr/bin/env bash
# Lets lintian look at a package: packaging/lint-package.sh PACKAGE
#
# Errors and warnings of lintian are failures. A package that was built without DEBEMAIL is for the machine
# that built it, and has no address that others could write to: that alone is let pass.
set -euo pipefail
suppressed=()
if [ -z "${DEBEMAIL:-}" ]; then
    suppressed=(--suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog,root-in-contact)
fi
allowed=()
if [ "$(id -u)" -eq 0 ]; then
    allowed=(--allow-root)
fi
lintian --fail-on error,warning "${allowed[@]}" "${suppressed[@]}" "$1"
echo "lint-package: all is well"
