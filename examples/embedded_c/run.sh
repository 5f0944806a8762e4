#!/bin/sh
# Generate the solver of the tolls model, compile it with a main program of one's own, run it.
#     examples/embedded_c/run.sh [BUILD_FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-build}
mkdir -p "$build"
bileveldsl codegen "$here/../../models/applications/tolls.bilevel" -o "$build/solver" > "$build/files.txt"
${CC:-cc} -std=c99 -O2 -ffp-contract=off -fno-builtin -I "$build/solver" -o "$build/controller" "$here/main.c" \
  "$build/solver/solver.c" "$build/solver/driver.c" "$build/solver/functions.c" "$build/solver/data.c" -lm
"$build/controller"
