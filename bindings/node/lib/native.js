'use strict';

const { closeSync, existsSync, openSync, readdirSync, readSync } = require('node:fs');
const path = require('node:path');

const DIRECTORY = path.join(__dirname, '..');
const BUILD = /^libvault\.(.+)\.node$/;

/** The native addon beside index.js, or an error that says what is missing. */
function load() {
  const target = targetOfThisMachine();
  const file = path.join(DIRECTORY, `libvault.${target}.node`);
  if (!existsSync(file)) throw missing(target);
  try {
    return require(file);
  } catch (cause) {
    throw new Error(`libvault: the native addon for ${target} does not load: ${cause.message}`, { cause });
  }
}

/** Platform, processor and, on Linux, the C library: an addon for another one of them cannot be loaded. */
function targetOfThisMachine() {
  const target = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? `${target}-${isGlibc() ? 'gnu' : 'musl'}` : target;
}

/** Node's own loader tells, and an executable names it within its first bytes. A report tells too, but takes a hundred times longer. */
function isGlibc() {
  const start = Buffer.alloc(4096);
  try {
    const file = openSync(process.execPath, 'r');
    readSync(file, start);
    closeSync(file);
  } catch {
    // An executable that may be run but not read.
  }
  if (start.includes('/ld-musl-')) return false;
  return start.includes('/ld-linux') || process.report.getReport().header.glibcVersionRuntime !== undefined;
}

function missing(target) {
  const builds = readdirSync(DIRECTORY).flatMap((name) => BUILD.exec(name)?.[1] ?? []);
  const present = builds.length === 0 ? 'no build at all' : `only ${builds.join(', ')}`;
  return new Error(
    `libvault: this package has no native addon for ${target}: libvault.${target}.node is missing in ${DIRECTORY}, which has ${present}. ` +
      'Install a package that was built for this platform, or build it with `npm run build` in a checkout.',
  );
}

module.exports = load();
