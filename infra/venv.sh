#!/bin/sh
# venv.sh NAME: makes the Python environment of infra/requirements-NAME.txt,
# outside the tree, if it is not there yet, and prints its bin folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
wanted="$here/requirements-$1.txt"
[ -f "$wanted" ] || { echo "venv.sh: no $wanted" >&2; exit 2; }
hash=$(cksum <"$wanted" | cut -d' ' -f1)
dir="${XDG_CACHE_HOME:-$HOME/.cache}/sonde/venv-$1-$hash"
if [ ! -f "$dir/complete" ]; then
	mkdir -p "$(dirname "$dir")"
	exec 9>"$dir.lock"
	if command -v flock >/dev/null; then flock 9; fi # others wait for the first
	if [ ! -f "$dir/complete" ]; then
		rm -rf "$dir"
		python3 -m venv "$dir" >&2
		"$dir/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted" >&2
		touch "$dir/complete"
	fi
fi
echo "$dir/bin"
