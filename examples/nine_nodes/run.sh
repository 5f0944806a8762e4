#!/bin/sh
# Tolls on all links, then on two; the flows and tolls go to tables.
here=$(dirname "$0")
for table in links gates; do
  bileveldsl solve "$here/nine_nodes.bilevel" -q --param "table=\"$table.csv\"" --table "$table.csv" || exit
  awk -F, -v t=$table '$1 == "driven" { printf "%s: %.2f\n", t, $NF }' "$table.csv"
done
awk -F, '$1 == "toll" { printf "toll on %s-%s: %.2f\n", $2, $3, $NF }' gates.csv
