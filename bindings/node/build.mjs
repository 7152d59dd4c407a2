// Builds the addon and puts it beside index.js, where lib/native.js looks for it; with --check only says whether the package is complete.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const workspace = path.resolve(here, '../..');

const LIBRARIES = {
  darwin: 'liblibvault_node.dylib',
  linux: 'liblibvault_node.so',
  win32: 'libvault_node.dll',
};

/** The name that lib/native.js looks for on this machine. */
function addonName() {
  const base = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') return `libvault.${base}.node`;
  const isGlibc = process.report.getReport().header.glibcVersionRuntime !== undefined;
  return `libvault.${base}-${isGlibc ? 'gnu' : 'musl'}.node`;
}

function build() {
  const library = LIBRARIES[process.platform];
  if (library === undefined) throw new Error(`no build for ${process.platform}`);
  const cargo = spawnSync('cargo', ['build', '--release', '--locked', '-p', 'libvault-node'], { cwd: workspace, stdio: 'inherit' });
  if (cargo.status !== 0) throw new Error('cargo build failed');
  const target = process.env.CARGO_TARGET_DIR ?? path.join(workspace, 'target');
  // Under its name by renaming: a process that has the old addon loaded would crash if its file were written over.
  const copy = path.join(here, `${addonName()}.new`);
  copyFileSync(path.join(target, 'release', library), copy);
  renameSync(copy, path.join(here, addonName()));
  copyFileSync(path.join(workspace, 'LICENSE'), path.join(here, 'LICENSE'));
}

function check() {
  for (const name of [addonName(), 'LICENSE']) {
    if (!existsSync(path.join(here, name))) throw new Error(`${name} is missing: run \`npm run build\` first`);
  }
  const { version } = JSON.parse(readFileSync(path.join(here, 'package.json'), 'utf8'));
  const manifest = readFileSync(path.join(workspace, 'Cargo.toml'), 'utf8');
  const [, crateVersion] = /^\[workspace\.package\]\nversion = "(.*)"$/m.exec(manifest) ?? [];
  if (version !== crateVersion) throw new Error(`package.json has version ${version}, the workspace ${crateVersion}`);
}

if (!process.argv.includes('--check')) build();
check();
