#!/bin/sh
# Compares what is vendored for the dashboard's pages with the packages that it is of.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
assets=$PWD/src/http/pages/assets
version=1.6.32
(cd "$folder" && npm pack --silent "uplot@$version" >/dev/null && tar xzf "uplot-$version.tgz")
cmp "$folder/package/dist/uPlot.iife.min.js" "$assets/uplot.js"
cmp "$folder/package/dist/uPlot.min.css" "$assets/uplot.css"
echo "the charts are drawn by uPlot $version, as npm has it"
