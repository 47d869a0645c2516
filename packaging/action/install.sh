#!/usr/bin/env bash
# Downloads the release for this runner and verifies its checksum.
# In: VERSION, REPOSITORY, SYSTEM, RUNNER_TEMP. Out: `doctor`, the path of the binary.
set -euo pipefail

fail() {
  echo "::error title=railway-doctor::$1"
  exit 2
}

case $SYSTEM in
  Linux-X64) triple=x86_64-unknown-linux-musl ;;
  Linux-ARM64) triple=aarch64-unknown-linux-musl ;;
  macOS-X64) triple=x86_64-apple-darwin ;;
  macOS-ARM64) triple=aarch64-apple-darwin ;;
  Windows-X64) triple=x86_64-pc-windows-msvc ;;
  Windows-ARM64) triple=aarch64-pc-windows-msvc ;;
  *) fail "no doctor binary for $SYSTEM: build it with cargo install --locked railway-doctor" ;;
esac
[[ $VERSION =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] ||
  fail "'$VERSION' is not a release: use the action by a tag such as v0.1.0, or set the input 'version'"

name=doctor-$VERSION-$triple
archive=$name.tar.gz binary=doctor
case $SYSTEM in Windows-*) archive=$name.zip binary=doctor.exe ;; esac

folder=$RUNNER_TEMP/railway-doctor-$VERSION
mkdir -p "$folder"
cd "$folder"
for file in "$archive" SHA256SUMS; do
  curl --fail --silent --show-error --location --retry 3 --output "$file" "$REPOSITORY/releases/download/$VERSION/$file" ||
    fail "failed to download $file of $VERSION from $REPOSITORY"
done
if command -v sha256sum >/dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
awk -v name="$archive" '$2 == name' SHA256SUMS >expected.sums
[ -s expected.sums ] || fail "SHA256SUMS of $VERSION does not list $archive"
"${sum[@]}" --check --status expected.sums || fail "$archive does not match its checksum in SHA256SUMS and was not used"

case $archive in
  *.zip) unzip -qo "$archive" ;;
  *) tar -xzf "$archive" ;;
esac
echo "doctor=$folder/$name/$binary" >>"$GITHUB_OUTPUT"
echo "$folder/$name" >>"$GITHUB_PATH"
