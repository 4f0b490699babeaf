#!/bin/sh
# Makes a Python environment with the client libraries in the given folder. Done once: a folder that is complete is left alone.
set -eu
folder=$1
wanted=$(dirname "$0")/requirements.txt
is_complete() { cmp -s "$wanted" "$folder/complete"; }
if is_complete; then exit 0; fi
mkdir -p "$(dirname "$folder")"
# Two test runs may come here at a time.
exec 9>"$folder.lock"
flock 9
if is_complete; then exit 0; fi
python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"
cp "$wanted" "$folder/complete"
