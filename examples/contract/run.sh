#!/bin/sh
# The bonus, what the worker makes of it, and the point that a first-order condition would have named.
here=$(dirname "$0")
bileveldsl solve "$here/contract.bilevel" -q --table contract.csv || exit
awk -F, 'NR > 1 { printf "%s %.4f\n", $1, $NF }' contract.csv
bileveldsl solve "$here/mirrlees.bilevel" -q --table mirrlees.csv || exit
awk -F, 'NR > 1 { printf "%s %.4f\n", $1, $NF }' mirrlees.csv
