#!/usr/bin/env bash
set -euo pipefail

source ./lib/common.sh
. "$HOME/.env"

# Where invoices lie.
readonly INVOICES=/srv/invoices
export RATE=0.19 FACTOR=2
declare -A cache=([a]=1)
verbose=0
list=(a b c)
list+=(d)
export PATH

# Prints the total.
total() {
  local sum=0
  inner=1
  echo "$sum"
}

function helper {
  echo "$1"
}

function both() (
  echo sub
)

if [[ -n "${DEBUG:-}" ]]; then
  conditional=1
  source debug.sh
fi

alias ll='ls -l'
total "$@"
