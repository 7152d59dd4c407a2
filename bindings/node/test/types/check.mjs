// Compiles the samples against the package as it is published, once for each way in which TypeScript finds a package, and lets publint and
// attw look at the tarball.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const place = mkdtempSync(path.join(os.tmpdir(), 'libvault-types-'));
process.on('exit', () => rmSync(place, { recursive: true, force: true }));

run('npm', ['pack', '--silent', '--pack-destination', place], root);
const [tarball] = readdirSync(place).filter((name) => name.endsWith('.tgz'));
const installed = path.join(place, 'node_modules/libvault');
mkdirSync(installed, { recursive: true });
run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'], place);
mkdirSync(path.join(place, 'node_modules/@types'));
symlinkSync(path.join(root, 'node_modules/@types/node'), path.join(place, 'node_modules/@types/node'));
cpSync(here, place, { recursive: true });

for (const name of readdirSync(here).filter((file) => /^tsconfig\.(?!base)/.test(file))) {
  run(tool('tsc'), ['-p', name], place);
  console.log(`${name}: compiles`);
}
run(tool('publint'), ['--strict', path.join(place, tarball)], root);
run(tool('attw'), [path.join(place, tarball), '--format', 'ascii', '--no-emoji', '--no-color'], root);
console.log('publint and attw: no problems');

function tool(name) {
  return path.join(root, 'node_modules/.bin', name);
}

function run(command, parameters, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, { cwd, encoding: 'utf8' });
  if (status === 0) return;
  console.error(`${command} ${parameters.join(' ')}\n${stdout ?? ''}${stderr ?? ''}${error ?? ''}`);
  process.exit(1);
}
