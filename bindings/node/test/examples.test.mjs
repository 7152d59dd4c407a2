// Every program of examples/node runs in an empty directory that has nothing but the package, and again on what the first run left.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { PACKAGE, temporaryDirectory } from './support.mjs';

const EXAMPLES = path.join(PACKAGE, '../../examples/node');
const EXPECTED = {
  'data_key.mjs': /^attack at dawn\n$/,
  'encrypt_decrypt.mjs': /^attack at dawn\norg_456: ContextMismatch\n$/,
  'handle_errors.mjs': /^attack at dawn\ndamaged, .*\nUnsupportedFormat \(105, input\): .*\nClosed \(603, usage\): .*\n$/,
  'log_and_stats.mjs': /^info reloaded: true\n\{ encryptions: 1, decryptions: 1, kmsWraps: 0, reloads: 1 \}\n$/,
  'match_context.mjs': /^org_123: customer_gated, key_org_123\norg_456: managed, the vendor’s keys\n$/,
  'quickstart.mjs': /^managed: \d+ bytes, attack at dawn\n$/,
  'random_access.mjs': /^1999999 bytes\n000123456\n0\n$/,
  'reencrypt.mjs': /^managed -> customer_gated\nsame data key: false\nattack at dawn\n$/,
  'rekey.mjs': /^same key: true\norg_123: ContextMismatch\n$/,
  'reload.mjs': /^before: (managed|customer_gated)\nafter: customer_gated\nrefused: surprise; in force: customer_gated\n$/,
  'rewrap.mjs': /^without keepDataKey: DowngradeRefused\nmanaged -> customer_gated, moved: true\nattack at dawn\n$/,
  'stream_file.mjs': /^1500000 characters\ntruncated: [A-Za-z]+\n$/,
  'timeout_and_cancel.mjs': /^after 200 ms: Timeout, retryable: true\nAbortError, Cancelled: the client hung up\n$/,
  'typescript.mts': /^attack at dawn\n$/,
};

test('every example is expected to say something', { skip: !existsSync(EXAMPLES) }, () => {
  assert.deepEqual(readdirSync(EXAMPLES).sort(), Object.keys(EXPECTED));
});

for (const [name, output] of Object.entries(EXPECTED)) {
  test(name, { skip: !existsSync(EXAMPLES), timeout: 120_000 }, () => {
    const directory = temporaryDirectory();
    const modules = path.join(directory, 'node_modules');
    mkdirSync(modules);
    symlinkSync(PACKAGE, path.join(modules, 'libvault'));
    cpSync(path.join(EXAMPLES, name), path.join(directory, name));
    const program = name.endsWith('.mts') ? compiled(directory, name) : name;
    for (let run = 0; run < 2; run += 1) {
      assert.match(execFileSync(process.execPath, ['--throw-deprecation', program], { cwd: directory, encoding: 'utf8' }), output);
    }
  });
}

function compiled(directory, name) {
  symlinkSync(path.join(PACKAGE, 'node_modules/@types'), path.join(directory, 'node_modules/@types'));
  const options = ['--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--module', 'nodenext'];
  execFileSync(path.join(PACKAGE, 'node_modules/.bin/tsc'), [...options, name], { cwd: directory, encoding: 'utf8' });
  return name.replace('.mts', '.mjs');
}
