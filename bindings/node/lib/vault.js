'use strict';

const { inspect } = require('node:util');

const { make } = require('../errors.js');
const { aadOf, bytesOf, outputOf } = require('./bytes.js');
const { sourceOf } = require('./config.js');
const { contextOf, handleOf } = require('./context.js');
const { DataKey } = require('./data-key.js');
const { settle, wrongType } = require('./failure.js');
const native = require('./native.js');
const { Uncloneable } = require('./uncloneable.js');

const BUFFER_TOO_SMALL = 108;
const PRIVATE = Symbol('made by Vault.open()');
const NOTHING = new Uint8Array(0);

/**
 * The engine. The shapes of the calls are documented in index.d.ts.
 *
 * In every verb the arguments that may run the caller's code (getters of a context or of options) come first and the views of memory last, so that
 * nothing can change between their check and the native call. The verbs with promises are async functions: they never throw, and reach the native
 * call, which copies its input, before they first return.
 */
class Vault extends Uncloneable {
  #handle;

  constructor(token, handle) {
    super();
    if (token !== PRIVATE) throw new TypeError('a Vault is made by Vault.open(config) or Vault.openSync(config)');
    this.#handle = handle;
  }

  static async open(config) {
    return opened(settle(await native.open(sourceOf(config))));
  }

  static openSync(config) {
    return opened(settle(native.openSync(sourceOf(config))));
  }

  context(items) {
    return contextOf(items);
  }

  matchContext(context) {
    return settle(native.matchContext(this.#handle, handleOf(context)));
  }

  async encrypt(data, context, options) {
    const [handle, aad] = [handleOf(context), aadOf(options)];
    return settle(await native.encrypt(this.#handle, handle, bytesOf(data, 'data'), aad));
  }

  async decrypt(envelope, context, options) {
    const [handle, aad] = [handleOf(context), aadOf(options)];
    return settle(await native.decrypt(this.#handle, handle, bytesOf(envelope, 'envelope'), aad));
  }

  encryptSync(data, context, options) {
    const [handle, aad] = [handleOf(context), aadOf(options)];
    const bytes = bytesOf(data, 'data');
    // An envelope may lie in Node's shared pool: it is not secret, and that is several times faster than memory of its own.
    const output = Buffer.allocUnsafe(settle(native.encryptedLengthLimit(this.#handle, handle, bytes.byteLength)));
    const length = settle(native.encryptIntoSync(this.#handle, handle, bytes, aad, output));
    return length === output.length ? output : output.subarray(0, length);
  }

  decryptSync(envelope, context, options) {
    const [handle, aad] = [handleOf(context), aadOf(options)];
    const bytes = bytesOf(envelope, 'envelope');
    const length = native.decryptedLength(bytes);
    // Plaintext never lies in Node's shared pool: the pool goes along when one of its buffers is posted to a worker. What cannot be
    // parsed gets no memory; decryption gives its error.
    const output = typeof length === 'number' ? Buffer.allocUnsafeSlow(length) : NOTHING;
    settle(native.decryptIntoSync(this.#handle, handle, bytes, aad, output));
    return output;
  }

  async encryptInto(data, context, output, options) {
    outputOf(output);
    return place(await this.encrypt(data, context, options), output);
  }

  async decryptInto(envelope, context, output, options) {
    outputOf(output);
    const plaintext = await this.decrypt(envelope, context, options);
    try {
      return place(plaintext, output);
    } finally {
      plaintext.fill(0);
    }
  }

  encryptIntoSync(data, context, output, options) {
    const [handle, aad] = [handleOf(context), aadOf(options)];
    return settle(native.encryptIntoSync(this.#handle, handle, bytesOf(data, 'data'), aad, outputOf(output)));
  }

  decryptIntoSync(envelope, context, output, options) {
    const [handle, aad] = [handleOf(context), aadOf(options)];
    return settle(native.decryptIntoSync(this.#handle, handle, bytesOf(envelope, 'envelope'), aad, outputOf(output)));
  }

  encryptedLengthLimit(dataLength, context) {
    if (!Number.isSafeInteger(dataLength) || dataLength < 0) throw wrongType('dataLength must be a number of bytes: an integer from 0');
    return settle(native.encryptedLengthLimit(this.#handle, handleOf(context), dataLength));
  }

  async createDataKey(context) {
    return new DataKey(settle(await native.createDataKey(this.#handle, handleOf(context))));
  }

  async decryptDataKey(bundle, context) {
    const handle = handleOf(context);
    return new DataKey(settle(await native.decryptDataKey(this.#handle, handle, bytesOf(bundle, 'bundle'))));
  }

  createDataKeySync(context) {
    return new DataKey(settle(native.createDataKeySync(this.#handle, handleOf(context))));
  }

  decryptDataKeySync(bundle, context) {
    const handle = handleOf(context);
    return new DataKey(settle(native.decryptDataKeySync(this.#handle, handle, bytesOf(bundle, 'bundle'))));
  }

  stats() {
    return settle(native.stats(this.#handle));
  }

  close() {
    settle(native.close(this.#handle));
  }

  get [Symbol.toStringTag]() {
    return 'Vault';
  }

  toString() {
    return 'Vault {}';
  }

  toJSON() {
    return this.toString();
  }

  [inspect.custom]() {
    return this.toString();
  }
}

if (Symbol.dispose) Vault.prototype[Symbol.dispose] = Vault.prototype.close;
if (Symbol.asyncDispose) {
  Vault.prototype[Symbol.asyncDispose] = async function close() {
    this.close();
  };
}

function opened({ vault, warnings }) {
  for (const warning of warnings) process.emitWarning(warning, 'LibvaultWarning');
  return new Vault(PRIVATE, vault);
}

/** Copies a finished result to the caller's output, which may have changed while the call was under way. */
function place(result, output) {
  outputOf(output);
  if (result.length > output.length) {
    const message = `the output needs ${result.length} bytes, the buffer has ${output.length}`;
    throw make(BUFFER_TOO_SMALL, message, { neededLength: result.length });
  }
  output.set(result);
  return result.length;
}

module.exports = { Vault };
