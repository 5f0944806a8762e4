#!/bin/sh
# Widen a road network; the table lists what is built and how the roads are used.
here=$(dirname "$0")
bileveldsl solve "$here/roads.bilevel" -q --table roads.csv || exit
awk -F, '$1 == "y" && $NF > 1e-6 { printf "widen %s-%s by %.3f\n", $2, $3, $NF }' roads.csv
awk -F, '$1 == "travel_time" && $3 == 6 { printf "time on %s-%s: %.3f\n", $2, $3, $NF }' roads.csv
