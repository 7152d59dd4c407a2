// One cell of the cross-language matrix:
//   node matrix.mjs encrypt|decrypt CONFIG CONTEXT_NAME=VALUE INPUT OUTPUT [AADFILE]
// Prints the numeric code of a failure and exits with 1.
import { readFileSync, writeFileSync } from 'node:fs';

import { Vault, VaultError } from '../index.mjs';

const [verb, config, item, input, output, aadFile] = process.argv.slice(2);
if (!['encrypt', 'decrypt'].includes(verb) || output === undefined) {
  console.error('usage: node matrix.mjs encrypt|decrypt CONFIG CONTEXT_NAME=VALUE INPUT OUTPUT [AADFILE]');
  process.exit(2);
}

const separator = item.indexOf('=');
const context = { [item.slice(0, separator)]: item.slice(separator + 1) };
const options = aadFile === undefined ? undefined : { aad: readFileSync(aadFile) };

try {
  const vault = await Vault.open(config);
  writeFileSync(output, await vault[verb](readFileSync(input), context, options));
  vault.close();
} catch (error) {
  if (!(error instanceof VaultError)) throw error;
  console.log(error.number);
  process.exitCode = 1;
}
