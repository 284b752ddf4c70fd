#!/bin/sh
# Install what the tests need of Debian's packages: Chromium, GStreamer's RTSP server and its plugins.
set -eu
packages="chromium libgstrtspserver-1.0-0 python3-gi gir1.2-gst-rtsp-server-1.0 gir1.2-gst-plugins-base-1.0
gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "Installing what the tests need:$missing"
. "$(dirname "$0")/root.sh"
# shellcheck disable=SC2086
if ! as_root apt-get update -qq || ! as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
    echo "The tests need these packages of Debian's. As root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
