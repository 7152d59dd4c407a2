'use strict';

const { existsSync } = require('node:fs');
const path = require('node:path');

/** The builds that can run on this machine, the likeliest first. On Linux the C library decides, and only one of the two loads. */
function candidates() {
  const base = `${process.platform}-${process.arch}`;
  return process.platform === 'linux' ? [`${base}-gnu`, `${base}-musl`] : [base];
}

/** The native addon beside index.js, or an error that says what is missing. */
function load() {
  const directory = path.join(__dirname, '..');
  const failures = [];
  for (const target of candidates()) {
    const file = path.join(directory, `libvault.${target}.node`);
    if (!existsSync(file)) continue;
    try {
      return require(file);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    const [cause] = failures;
    throw new Error(`libvault: the native addon for ${process.platform}-${process.arch} does not load: ${cause.message}`, { cause });
  }
  const names = candidates().map((target) => `libvault.${target}.node`).join(' or ');
  throw new Error(
    `libvault: this package has no native addon for ${process.platform}-${process.arch}: ${names} is missing in ${directory}. ` +
      'Install a package that was built for this platform, or build it with `npm run build` in a checkout.',
  );
}

module.exports = load();
