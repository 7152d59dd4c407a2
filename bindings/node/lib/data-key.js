'use strict';

const { inspect } = require('node:util');

const { Uncloneable } = require('./uncloneable.js');

/** A data key for callers who encrypt themselves: `key` is secret, `bundle` is stored beside the data. */
class DataKey extends Uncloneable {
  #key;
  #bundle;

  constructor({ key, bundle }) {
    super();
    this.#key = key;
    this.#bundle = bundle;
  }

  /** The 32 secret bytes. */
  get key() {
    return this.#key;
  }

  /** What decryptDataKey takes. */
  get bundle() {
    return this.#bundle;
  }

  /** Overwrites the key with zeros. */
  wipe() {
    this.#key.fill(0);
  }

  get [Symbol.toStringTag]() {
    return 'DataKey';
  }

  toString() {
    return `DataKey { key: redacted, bundle: ${this.#bundle.length} bytes }`;
  }

  toJSON() {
    return this.toString();
  }

  [inspect.custom]() {
    return this.toString();
  }
}

if (Symbol.dispose) DataKey.prototype[Symbol.dispose] = DataKey.prototype.wipe;

module.exports = { DataKey };
