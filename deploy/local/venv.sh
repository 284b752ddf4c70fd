#!/bin/sh
# Make the virtual environment: venv.sh PYTHON FOLDER. Installs Debian's python3-venv where it is missing and may be.
set -eu
python=${1:-}
folder=$2
if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    echo "Upper Street needs Python 3.11 (on Debian 12: apt-get install python3). Name it with make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "Python's venv module is missing: installing Debian's python3-venv…"
    . "$(dirname "$0")/root.sh"
    if ! as_root apt-get update -qq || ! as_root apt-get install -y -qq --no-install-recommends python3-venv; then
        echo "python3-venv could not be installed. As root: apt-get install python3-venv" >&2
        exit 1
    fi
fi
echo "Making the virtual environment in $folder…"
"$python" -m venv "$folder"
