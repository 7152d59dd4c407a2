#!/usr/bin/env node
// Peak memory of Node's streams, as JSON lines: {"language", "operation", "bytes", "peak_rss"}.
//
//     tests/streams/rss_node.mjs [BYTES ...]        50 MB and 2 GB without arguments
//
// Encrypts and decrypts by streams of Node, by web streams and from file to file, each in a process of its own, and compares what comes out with what went in.
// Exits with 1 if the peaks of an operation differ by more than 8 MiB between the sizes.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

import { initSync, Vault } from '../../bindings/node/index.mjs';

const SIZES = [50_000_000, 2_000_000_000];
const ALLOWED = 8 << 20;
const CONTEXT = { organization_id: 'org_123' };
const CHUNK = 65_536;
const here = path.dirname(fileURLToPath(import.meta.url));

// Each encryption with the decryption of its result.
const OPERATIONS = {
  encrypt_stream: (vault, source, target) => pipeline(createReadStream(source), vault.createEncryptStream(CONTEXT), createWriteStream(target)),
  decrypt_stream: (vault, source, target) => pipeline(createReadStream(source), vault.createDecryptStream(CONTEXT), createWriteStream(target)),
  encrypt_web_stream: (vault, source, target) => web(source, target, vault.encryptWebStream(CONTEXT)),
  decrypt_web_stream: (vault, source, target) => web(source, target, vault.decryptWebStream(CONTEXT)),
  encrypt_file: (vault, source, target) => vault.encryptFile(source, target, CONTEXT),
  decrypt_file: (vault, source, target) => vault.decryptFile(source, target, CONTEXT),
};

if (process.argv[2] === '--one') await one(...process.argv.slice(3));
else await all(process.argv.slice(2).map(Number));

async function all(sizes) {
  const directory = mkdtempSync(path.join(here, '../../build/rss-node-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const { config } = initSync(directory);
  const peaks = {};
  for (const bytes of sizes.length > 0 ? sizes : SIZES) {
    const input = corpus(bytes);
    const [envelope, output] = ['envelope', 'output'].map((name) => path.join(directory, name));
    for (const way of ['stream', 'web_stream', 'file']) {
      for (const [operation, source, target] of [[`encrypt_${way}`, input, envelope], [`decrypt_${way}`, envelope, output]]) {
        const peak = peakOf(operation, config, source, target);
        console.log(JSON.stringify({ language: 'node', operation, bytes, peak_rss: peak }));
        (peaks[operation] ??= []).push(peak);
      }
      if ((await digest(output)) !== (await digest(input))) throw new Error(`${way}: the output differs from the input`);
      for (const file of [envelope, output]) rmSync(file);
    }
  }
  for (const [operation, found] of Object.entries(peaks)) {
    const difference = Math.max(...found) - Math.min(...found);
    if (difference <= ALLOWED) continue;
    console.error(`${operation}: the peaks differ by ${difference} bytes`);
    process.exitCode = 1;
  }
}

/** In a process of its own: the operation, and then the peak. */
async function one(operation, config, source, target) {
  await OPERATIONS[operation](await Vault.open(config), source, target);
  // What resourceUsage() says would include the peak of the process that started this one.
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  console.log(Number(kibibytes) * 1024);
}

/**
 * Web streams of our own at both ends: those that Node makes of its streams queue up to 65,536 chunks. The transform copies what it takes, and nothing is
 * queued before it, so one buffer serves for all reads.
 */
async function web(source, target, transform) {
  const [input, output] = [await open(source), await open(target, 'w')];
  const memory = Buffer.allocUnsafeSlow(CHUNK);
  const reader = {
    async pull(controller) {
      const { bytesRead } = await input.read(memory);
      if (bytesRead > 0) controller.enqueue(memory.subarray(0, bytesRead));
      else controller.close();
    },
  };
  const readable = new ReadableStream(reader, { highWaterMark: 0 });
  const writable = new WritableStream({
    async write(chunk) {
      await output.writeFile(chunk);
    },
  });
  await readable.pipeThrough(transform).pipeTo(writable);
  await Promise.all([input.close(), output.close()]);
}

function peakOf(...parameters) {
  // V8 frees buffers on threads of its own, the later the busier the machine is, and lets its young generation grow from 1 to 16 MB over the first
  // gigabyte of promises. Without either, the peak is that of the streams.
  const v8 = ['--single-threaded-gc', '--max-semi-space-size=1'];
  const command = [...v8, fileURLToPath(import.meta.url), '--one', ...parameters];
  const { status, stdout } = spawnSync(process.execPath, command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
  return Number(stdout);
}

/** The input that corpus.py makes, the same for every language. */
function corpus(bytes) {
  const program = `from corpus import corpus; print(corpus(${bytes}))`;
  return execFileSync(process.env.PYTHON ?? 'python3', ['-c', program], { cwd: here, encoding: 'utf8' }).trim();
}

async function digest(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
