#!/bin/sh
# Widen the roads of Sioux Falls; the table lists what is built and how full each road is.
here=$(dirname "$0")
bileveldsl solve "$here/sioux_falls.bilevel" -q --table sioux_falls.csv || exit
awk -F, '$1 == "y" { printf "widen %s-%s by %.2f\n", $2, $3, $NF }' sioux_falls.csv
awk -F, '$1 == "hours_driven" || $1 == "building" { printf "%s %.3f\n", $1, $NF; all += $NF } END { printf "together %.3f\n", all }' sioux_falls.csv
