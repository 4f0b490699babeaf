#!/usr/bin/env bash
# Installs the engines that the service is compared with into a virtual environment: engines.sh DIRECTORY
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[[ -x $1/bin/python ]] || python3 -m venv "$1"
"$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/engines.txt"
