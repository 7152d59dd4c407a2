// The Node side of the cross-language matrix; tests/matrix/run_matrix.py says what a command looks like.
//   node matrix.mjs CONFIG < COMMANDS
import { createReadStream, createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';

import { Vault, VaultError } from '../index.mjs';

const PIECE = 10_000;

async function work(vault, verb, item, source, target, aadFile) {
  const separator = item.indexOf('=');
  const context = { [item.slice(0, separator)]: item.slice(separator + 1) };
  const options = aadFile === '-' ? undefined : { aad: readFileSync(aadFile) };
  const through = (stream) => pipeline(createReadStream(source, { highWaterMark: PIECE }), stream, createWriteStream(target));
  switch (verb) {
    case 'encrypt':
    case 'decrypt':
      return writeFileSync(target, await vault[verb](readFileSync(source), context, options));
    case 'encrypt-stream':
      return through(vault.createEncryptStream(context, options));
    case 'decrypt-stream':
      return through(vault.createDecryptStream(context, options));
    default:
      throw new RangeError(verb);
  }
}

const vault = await Vault.open(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await work(vault, ...line.split('\t'));
    console.log('ok');
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    console.log(error.number, error.code);
  }
}
vault.close();
