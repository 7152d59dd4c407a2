// API documentation from index.d.ts; `make docs-node`. A missing comment or a broken link is an error.
import { readFileSync } from 'node:fs';

const { errors } = JSON.parse(readFileSync(new URL('../../tests/vectors/errors.json', import.meta.url), 'utf8'));

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'libvault for Node',
  entryPoints: ['index.d.ts'],
  tsconfig: 'tsconfig.docs.json',
  out: '../../build/docs/node',
  readme: 'README.md',
  includeVersion: true,
  excludePrivate: true,
  disableSources: true,
  hideGenerator: true,
  sort: ['source-order'],
  requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Function', 'Variable', 'Method', 'Property', 'Accessor'],
  // An error class only narrows what VaultError documents; its own comment is the advice of the table.
  intentionallyNotDocumented: errors.flatMap(({ name }) => ['code', 'number'].map((field) => `${name}.${field}`)),
  validation: { invalidLink: true, notDocumented: true, notExported: true, rewrittenLink: true },
  treatWarningsAsErrors: true,
};
