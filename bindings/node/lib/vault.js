'use strict';

const { inspect } = require('node:util');

const { make } = require('../errors.js');
const { bytesOf, outputOf } = require('./bytes.js');
const { sourceOf } = require('./config.js');
const { contextOf, handleOf } = require('./context.js');
const { DataKey } = require('./data-key.js');
const { settle, wrongType } = require('./failure.js');
const { decryptFile, encryptFile, openDecrypt } = require('./files.js');
const { camelCase } = require('./inspection.js');
const { logOf } = require('./log.js');
const native = require('./native.js');
const { CALL, CRYPT, callOf, isSet } = require('./options.js');
const { decryptChannel, encryptChannel, nodeStreamOf, webStreamOf } = require('./stream.js');
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
  #log;

  constructor(token, handle, records) {
    super();
    if (token !== PRIVATE) throw new TypeError('a Vault is made by Vault.open(config) or Vault.openSync(config)');
    this.#handle = handle;
    this.#log = logOf(handle, records);
  }

  static async open(config) {
    return opened(settle(await native.open(sourceOf(config))));
  }

  static openSync(config) {
    return opened(settle(native.openSync(sourceOf(config))));
  }

  async rewrap(envelopeOrBundle, context, options) {
    const { call, parameters } = this.#rewrapping(envelopeOrBundle, context, options);
    return call.settle(native.rewrap(...parameters));
  }

  rewrapSync(envelopeOrBundle, context, options) {
    return settle(native.rewrapSync(...this.#rewrapping(envelopeOrBundle, context, options).parameters));
  }

  async reencrypt(envelope, context, options) {
    const { call, parameters } = this.#reencrypting(envelope, context, options);
    return call.settle(native.reencrypt(...parameters));
  }

  reencryptSync(envelope, context, options) {
    return settle(native.reencryptSync(...this.#reencrypting(envelope, context, options).parameters));
  }

  async rekey(bundle, oldContext, newContext, options) {
    const { call, parameters } = this.#rekeying(bundle, oldContext, newContext, options);
    return call.settle(native.rekey(...parameters));
  }

  rekeySync(bundle, oldContext, newContext, options) {
    return settle(native.rekeySync(...this.#rekeying(bundle, oldContext, newContext, options).parameters));
  }

  createEncryptStream(context, options) {
    return nodeStreamOf(encryptChannel(this.#handle, handleOf(context), options));
  }

  createDecryptStream(context, options) {
    return nodeStreamOf(decryptChannel(this.#handle, handleOf(context), options));
  }

  encryptWebStream(context, options) {
    return webStreamOf(encryptChannel(this.#handle, handleOf(context), options));
  }

  decryptWebStream(context, options) {
    return webStreamOf(decryptChannel(this.#handle, handleOf(context), options));
  }

  async encryptFile(source, target, context, options) {
    return encryptFile(this.#handle, source, target, handleOf(context), options);
  }

  async decryptFile(source, target, context, options) {
    return decryptFile(this.#handle, source, target, handleOf(context), options);
  }

  async openDecrypt(path, context, options) {
    return openDecrypt(this.#handle, path, handleOf(context), options);
  }

  async reload(config) {
    settle(await native.reload(this.#handle, sourceOf(config)));
  }

  reloadSync(config) {
    settle(native.reloadSync(this.#handle, sourceOf(config)));
  }

  on(event, listener) {
    this.#log.on(event, listener);
    return this;
  }

  once(event, listener) {
    this.#log.once(event, listener);
    return this;
  }

  off(event, listener) {
    this.#log.off(event, listener);
    return this;
  }

  context(items) {
    return contextOf(items);
  }

  matchContext(context) {
    return settle(native.matchContext(this.#handle, handleOf(context)));
  }

  async encrypt(data, context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options);
    return call.settle(native.encrypt(call.vault, prepared, bytesOf(data, 'data'), call.aad));
  }

  async decrypt(envelope, context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options);
    return call.settle(native.decrypt(call.vault, prepared, bytesOf(envelope, 'envelope'), call.aad));
  }

  encryptSync(data, context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options);
    const bytes = bytesOf(data, 'data');
    // An envelope may lie in Node's shared pool: it is not secret, and that is several times faster than memory of its own.
    const output = Buffer.allocUnsafe(settle(native.encryptedLengthLimit(this.#handle, prepared, bytes.byteLength)));
    const length = settle(native.encryptIntoSync(call.vault, prepared, bytes, call.aad, output));
    return length === output.length ? output : output.subarray(0, length);
  }

  decryptSync(envelope, context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options);
    const bytes = bytesOf(envelope, 'envelope');
    const length = native.decryptedLength(bytes);
    // Plaintext never lies in Node's shared pool: the pool goes along when one of its buffers is posted to a worker. What cannot be
    // parsed gets no memory; decryption gives its error.
    const output = typeof length === 'number' ? Buffer.allocUnsafeSlow(length) : NOTHING;
    settle(native.decryptIntoSync(call.vault, prepared, bytes, call.aad, output));
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
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options);
    return settle(native.encryptIntoSync(call.vault, prepared, bytesOf(data, 'data'), call.aad, outputOf(output)));
  }

  decryptIntoSync(envelope, context, output, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options);
    return settle(native.decryptIntoSync(call.vault, prepared, bytesOf(envelope, 'envelope'), call.aad, outputOf(output)));
  }

  encryptedLengthLimit(dataLength, context) {
    if (!Number.isSafeInteger(dataLength) || dataLength < 0) throw wrongType('dataLength must be a number of bytes: an integer from 0');
    return settle(native.encryptedLengthLimit(this.#handle, handleOf(context), dataLength));
  }

  async createDataKey(context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options, CALL);
    return new DataKey((await call.settle(native.createDataKey(call.vault, prepared))).dataKey);
  }

  async decryptDataKey(bundle, context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options, CALL);
    return new DataKey((await call.settle(native.decryptDataKey(call.vault, prepared, bytesOf(bundle, 'bundle')))).dataKey);
  }

  createDataKeySync(context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options, CALL);
    return new DataKey(settle(native.createDataKeySync(call.vault, prepared)));
  }

  decryptDataKeySync(bundle, context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options, CALL);
    return new DataKey(settle(native.decryptDataKeySync(call.vault, prepared, bytesOf(bundle, 'bundle'))));
  }

  stats() {
    return Object.fromEntries(settle(native.stats(this.#handle)).map(({ name, value }) => [camelCase(name), value]));
  }

  afterRestore() {
    settle(native.afterRestore(this.#handle));
  }

  close() {
    settle(native.close(this.#handle));
  }

  #rewrapping(bytes, context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options, [...CALL, 'keepDataKey', 'allowDowngrade']);
    const [keep, downgrade] = [isSet(call.options, 'keepDataKey'), isSet(call.options, 'allowDowngrade')];
    return { call, parameters: [call.vault, prepared, bytesOf(bytes, 'envelopeOrBundle'), keep, downgrade] };
  }

  #reencrypting(envelope, context, options) {
    const prepared = handleOf(context);
    const call = callOf(this.#handle, options, [...CRYPT, 'allowDowngrade']);
    const downgrade = isSet(call.options, 'allowDowngrade');
    return { call, parameters: [call.vault, prepared, bytesOf(envelope, 'envelope'), call.aad, downgrade] };
  }

  #rekeying(bundle, oldContext, newContext, options) {
    const [from, to] = [handleOf(oldContext), handleOf(newContext)];
    const call = callOf(this.#handle, options, [...CALL, 'allowDowngrade']);
    const downgrade = isSet(call.options, 'allowDowngrade');
    return { call, parameters: [call.vault, from, bytesOf(bundle, 'bundle'), to, downgrade] };
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

// The names that Node's events.once() and events.on() use.
Vault.prototype.addListener = Vault.prototype.on;
Vault.prototype.removeListener = Vault.prototype.off;

if (Symbol.dispose) Vault.prototype[Symbol.dispose] = Vault.prototype.close;
if (Symbol.asyncDispose) {
  Vault.prototype[Symbol.asyncDispose] = async function close() {
    this.close();
  };
}

function opened({ vault, records }) {
  return new Vault(PRIVATE, vault, records);
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
