// tests/vectors, made by an independent implementation, through the public API; see tests/vectors/README.md.
import assert from 'node:assert/strict';
import test from 'node:test';

import { inspect } from '../index.mjs';
import { fixtureVault, managedVault, readVectors } from './support.mjs';

const vault = fixtureVault();
const fromHex = (hex) => Buffer.from(hex, 'hex');

/** The payload or the name of the error, and how many unwraps the customers' keys were asked for. */
async function outcomeOf(call) {
  const before = vault.stats().kmsUnwraps;
  let outcome;
  try {
    const result = await call();
    outcome = { payload: Buffer.isBuffer(result) ? result : result.key };
  } catch (error) {
    assert.equal(typeof error.number, 'number', error.stack);
    outcome = { error: error.name };
  }
  return { ...outcome, calls: vault.stats().kmsUnwraps - before };
}

/** Both forms of the verb for a kind of bytes. */
function forms({ kind, context, aad_hex }, bytes) {
  const options = aad_hex === null ? undefined : { aad: fromHex(aad_hex) };
  if (kind === 'data_key') return [() => vault.decryptDataKeySync(bytes, context), () => vault.decryptDataKey(bytes, context)];
  return [() => vault.decryptSync(bytes, context, options), () => vault.decrypt(bytes, context, options)];
}

function payloadOf(expect) {
  if (expect.payload_hex !== undefined) return fromHex(expect.payload_hex);
  return Buffer.alloc(expect.payload_repeat.count, Number.parseInt(expect.payload_repeat.byte, 16));
}

test('envelope.json', async (t) => {
  const { vectors } = readVectors('envelope.json');
  assert.ok(vectors.length >= 80);
  for (const vector of vectors) {
    await t.test(vector.name, async () => {
      for (const form of forms(vector, fromHex(vector.envelope_hex))) {
        const { payload, error, calls } = await outcomeOf(form);
        assert.equal(error, vector.expect.error);
        if (error === undefined) assert.ok(payload.equals(payloadOf(vector.expect)));
        assert.equal(calls, vector.kms_calls, 'calls to customer keys');
      }
    });
  }
});

test('flip.json', async (t) => {
  for (const vector of readVectors('flip.json').vectors) {
    await t.test(vector.name, async () => {
      const bytes = fromHex(vector.envelope_hex);
      const differences = [];
      for (const table of vector.tables) {
        assert.equal(table.errors.length, bytes.length);
        for (let offset = 0; offset < bytes.length; offset += 1) {
          const altered = Buffer.from(bytes);
          altered[offset] ^= Number.parseInt(table.xor, 16);
          const expected = `${vector.error_names[table.errors[offset]]}, ${table.kms_calls[offset]} calls`;
          for (const form of forms(vector, altered)) {
            const { error, calls } = await outcomeOf(form);
            const got = `${error}, ${calls} calls`;
            if (got !== expected) differences.push(`byte ${offset} xor ${table.xor}: ${got} instead of ${expected}`);
          }
        }
      }
      assert.deepEqual(differences, []);
    });
  }
});

test('context.json', async (t) => {
  const { vectors, utf16_vectors: utf16Vectors } = readVectors('context.json');
  const managed = managedVault();
  const fromUtf16 = (hex) => fromHex(hex).swap16().toString('utf16le');
  const cases = [
    ...vectors,
    ...utf16Vectors.map((vector) => ({ ...vector, items: vector.items_utf16_hex.map((item) => item.map(fromUtf16)) })),
  ];
  for (const { name, items, expect } of cases) {
    const context = Object.fromEntries(items);
    // An object cannot hold one name twice.
    if (Object.keys(context).length !== items.length) continue;
    await t.test(name, () => {
      if (expect.error !== undefined) {
        for (const use of [() => managed.context(context), () => managed.encryptSync(Buffer.alloc(1), context)]) {
          assert.throws(use, (error) => {
            assert.equal(error.name, expect.error);
            assert.equal(error.field ?? null, expect.offending_name);
            return true;
          });
        }
      } else {
        // A bundle carries its context in canonical form, and inspect gives the items in that order.
        const { bundle } = managed.createDataKeySync(context);
        assert.ok(bundle.includes(fromHex(expect.canonical_hex)));
        assert.deepEqual(inspect(bundle).context, context);
      }
    });
  }
});
