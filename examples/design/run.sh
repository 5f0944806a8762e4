#!/bin/sh
# The places of measurement, and the variance of the worst prediction.
here=$(dirname "$0")
bileveldsl solve "$here/design.bilevel" -q --table design.csv || exit
awk -F, '$1 == "z" { z = $NF } $1 == "a" { a = $NF } $1 == "variance" { v = $NF } $1 == "information" { d = $NF }
  END { printf "measure at 1 and %.3f, shares %.3f and %.3f; log det %.4f\n", z, a, 0.5 - a, d }' design.csv
