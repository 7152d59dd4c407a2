#!/usr/bin/env node
// Peak memory of Node's streams, as JSON lines: {"language", "operation", "bytes", "peak_rss"}.
//
//     tests/streams/rss_node.mjs [BYTES ...]        50 MB and 2 GB without arguments, each RUNS times
//
// Encrypts and decrypts by streams of Node, by web streams and from file to file, each in a process of its own, and compares what comes out with what went in.
// The baselines copy_stream and copy_web_stream are the same pipelines with a transform that copies each chunk, without libvault: what V8 alone needs.
//
// Everything runs twice: with V8 as it comes, and ("node, one thread") with a collector that frees buffers on the thread that made them. As it comes, V8 frees
// them on threads of its own, up to 32 MB at once and the later the busier the machine is, for every program alike; the second peak is that of the streams.
//
// Exits with 1 if the median peaks of an operation differ by more than 8 MiB between the sizes, unless its baseline does too.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, createWriteStream, mkdtempSync, openSync, read, readFileSync, rmSync, write } from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { initSync, Vault } from '../../bindings/node/index.mjs';

const SIZES = [50_000_000, 2_000_000_000];
const RUNS = 5;
const ALLOWED = 8 << 20;
const CONTEXT = { organization_id: 'org_123' };
const CHUNK = 65_536;
const V8 = { node: [], 'node, one thread': ['--single-threaded-gc'] };
const here = path.dirname(fileURLToPath(import.meta.url));

const OPERATIONS = {
  copy_stream(source, target) {
    const transform = (chunk, _encoding, callback) => callback(null, Buffer.from(chunk));
    return node(source, target, new Transform({ highWaterMark: CHUNK, transform }));
  },
  copy_web_stream(source, target) {
    const transform = (chunk, controller) => controller.enqueue(Buffer.from(chunk));
    return web(source, target, new TransformStream({ transform }));
  },
  encrypt_stream: (source, target, vault) => node(source, target, vault.createEncryptStream(CONTEXT)),
  decrypt_stream: (source, target, vault) => node(source, target, vault.createDecryptStream(CONTEXT)),
  encrypt_web_stream: (source, target, vault) => web(source, target, vault.encryptWebStream(CONTEXT)),
  decrypt_web_stream: (source, target, vault) => web(source, target, vault.decryptWebStream(CONTEXT)),
  encrypt_file: (source, target, vault) => vault.encryptFile(source, target, CONTEXT),
  decrypt_file: (source, target, vault) => vault.decryptFile(source, target, CONTEXT),
};

if (process.argv[2] === '--one') await one(...process.argv.slice(3));
else await all(process.argv.slice(2).map(Number));

async function all(sizes) {
  const directory = mkdtempSync(path.join(here, '../../build/rss-node-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const { config } = initSync(directory);
  for (const [language, flags] of Object.entries(V8)) {
    const medians = {};
    for (const bytes of sizes.length > 0 ? sizes : SIZES) {
      for (const [operation, peaks] of Object.entries(await measure({ language, flags, bytes, directory, config }))) {
        (medians[operation] ??= []).push(peaks.sort((a, b) => a - b)[peaks.length >> 1]);
      }
    }
    judge(language, medians);
  }
}

/** The peaks of RUNS rounds, by operation. */
async function measure({ language, flags, bytes, directory, config }) {
  const input = corpus(bytes);
  const [envelope, output] = ['envelope', 'output'].map((name) => path.join(directory, name));
  const peaks = {};
  for (let round = 0; round < RUNS; round += 1) {
    for (const operation of Object.keys(OPERATIONS)) {
      const [source, target] = { copy: [input, output], encrypt: [input, envelope], decrypt: [envelope, output] }[operation.split('_')[0]];
      const peak = peakOf(flags, operation, config, source, target);
      console.log(JSON.stringify({ language, operation, bytes, peak_rss: peak }));
      (peaks[operation] ??= []).push(peak);
      const isResult = target === output;
      if (isResult && round === 0 && (await digest(output)) !== (await digest(input))) throw new Error(`${operation}: the output differs from the input`);
      rmSync(output, { force: true });
      if (source === envelope) rmSync(envelope);
    }
  }
  return peaks;
}

function judge(language, medians) {
  const differences = Object.entries(medians).map(([operation, found]) => [operation, Math.max(...found) - Math.min(...found)]);
  for (const [operation, difference] of differences) {
    if (difference <= ALLOWED) continue;
    const baseline = differences.find(([name]) => name === operation.replace(/^(en|de)crypt/, 'copy'))?.[1] ?? 0;
    console.error(`${language}, ${operation}: the peaks differ by ${difference} bytes; without libvault by ${baseline}`);
    if (baseline <= ALLOWED) process.exitCode = 1;
  }
}

/** In a process of its own: the operation, and then the peak. */
async function one(operation, config, source, target) {
  await OPERATIONS[operation](source, target, await Vault.open(config));
  // What resourceUsage() says would include the peak of the process that started this one.
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  console.log(Number(kibibytes) * 1024);
}

function node(source, target, transform) {
  return pipeline(createReadStream(source), transform, createWriteStream(target));
}

/**
 * Web streams of our own at both ends: those that Node makes of its streams queue up to 65,536 chunks, and each read of a FileHandle leaves kilobytes of
 * promises, by which V8's young generation grows. The transform copies what it takes, and nothing is queued before it, so one buffer serves for all reads.
 */
async function web(source, target, transform) {
  const [input, output] = [openSync(source), openSync(target, 'w')];
  const [readInto, writeFrom] = [promisify(read), promisify(write)];
  const memory = Buffer.allocUnsafeSlow(CHUNK);
  const reader = {
    async pull(controller) {
      const { bytesRead } = await readInto(input, memory, 0, CHUNK, null);
      if (bytesRead > 0) controller.enqueue(memory.subarray(0, bytesRead));
      else controller.close();
    },
  };
  const writer = {
    async write(chunk) {
      for (let start = 0; start < chunk.length; ) start += (await writeFrom(output, chunk, start, chunk.length - start, null)).bytesWritten;
    },
  };
  await new ReadableStream(reader, { highWaterMark: 0 }).pipeThrough(transform).pipeTo(new WritableStream(writer));
  for (const file of [input, output]) closeSync(file);
}

function peakOf(flags, ...parameters) {
  const command = [...flags, fileURLToPath(import.meta.url), '--one', ...parameters];
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
