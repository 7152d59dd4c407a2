'use strict';

const { inspect } = require('node:util');

const { make } = require('../errors.js');
const { pathOf } = require('./config.js');
const { outOfRange, wrongType } = require('./failure.js');
const native = require('./native.js');
const { CRYPT, isSet, streamCallOf } = require('./options.js');
const { frameSizeOf } = require('./stream.js');
const { Uncloneable } = require('./uncloneable.js');

const PRIVATE = Symbol('made by vault.openDecrypt()');
const CLOSED = 603;
const MAX_READ = 2 ** 31 - 1;

async function encryptFile(vault, source, target, prepared, options) {
  const call = streamCallOf(vault, options, [...CRYPT, 'replace', 'frameSize']);
  const [replace, frameSize] = [isSet(call.options, 'replace'), frameSizeOf(call.options.frameSize)];
  const [from, to] = [pathOf(source, 'source'), pathOf(target, 'target')];
  await copy(call, () => native.encryptFile(call.vault, prepared, from, to, call.aad, replace, frameSize));
}

async function decryptFile(vault, source, target, prepared, options) {
  const call = streamCallOf(vault, options, [...CRYPT, 'replace']);
  const replace = isSet(call.options, 'replace');
  const [from, to] = [pathOf(source, 'source'), pathOf(target, 'target')];
  await copy(call, () => native.decryptFile(call.vault, prepared, from, to, call.aad, replace));
}

async function openDecrypt(vault, path, prepared, options) {
  const call = streamCallOf(vault, options, CRYPT);
  const from = pathOf(path, 'path');
  call.refuseAborted();
  const { reader } = await call.settle(native.openDecrypt(call.vault, prepared, from, call.aad));
  try {
    const { length } = await call.settle(native.readerLength(reader));
    return new DecryptReader(PRIVATE, { call, reader, length });
  } catch (error) {
    native.endReader(reader);
    throw error;
  }
}

async function copy(call, begin) {
  call.refuseAborted();
  const { copy: handle } = await call.settle(begin());
  try {
    while (await call.settle(native.copyStep(handle)));
  } finally {
    // Of a copy that failed nothing is left.
    native.endCopy(handle);
  }
}

/** An encrypted file that is read anywhere; made by vault.openDecrypt(). */
class DecryptReader extends Uncloneable {
  #call;
  #reader;
  #length;
  #last = Promise.resolve();
  #isClosed = false;

  constructor(token, { call, reader, length } = {}) {
    super();
    if (token !== PRIVATE) throw new TypeError('a DecryptReader is made by vault.openDecrypt(path, context)');
    this.#call = call;
    this.#reader = reader;
    this.#length = length;
  }

  get length() {
    return this.#length;
  }

  async readAt(offset, length) {
    if (!Number.isSafeInteger(offset)) throw wrongType('offset must be an integer');
    if (!Number.isSafeInteger(length)) throw wrongType('length must be an integer');
    if (offset < 0) throw outOfRange('offset must not be negative');
    if (length < 0 || length > MAX_READ) throw outOfRange(`length must be from 0 to ${MAX_READ}`);
    // One after the other: the file has one position.
    const reading = this.#last.then(async () => {
      for (;;) {
        if (this.#isClosed) throw make(CLOSED, 'the reader is closed');
        this.#call.refuseAborted();
        const bytes = await this.#call.settle(native.readAt(this.#reader, offset, length));
        // Instead of bytes: a KMS was asked again, and the file was not read yet.
        if (bytes !== true) return bytes;
      }
    });
    this.#last = reading.catch(() => {});
    return reading;
  }

  async close() {
    this.#isClosed = true;
    native.endReader(this.#reader);
    await this.#last;
  }

  get [Symbol.toStringTag]() {
    return 'DecryptReader';
  }

  toString() {
    return `DecryptReader { length: ${this.#length} }`;
  }

  toJSON() {
    return this.toString();
  }

  [inspect.custom]() {
    return this.toString();
  }
}

if (Symbol.asyncDispose) DecryptReader.prototype[Symbol.asyncDispose] = DecryptReader.prototype.close;

module.exports = { decryptFile, DecryptReader, encryptFile, openDecrypt };
