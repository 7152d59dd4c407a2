'use strict';

const { inspect } = require('node:util');

const { make } = require('../errors.js');
const { describe, settle, wrongType } = require('./failure.js');
const native = require('./native.js');
const { Uncloneable } = require('./uncloneable.js');

const INVALID_CONTEXT = 101;
const LONE_SURROGATE = /\p{Surrogate}/u;
const PRIVATE = Symbol('made by vault.context()');

/** A prepared key context; made by vault.context(items). */
class Context extends Uncloneable {
  #handle;
  #names;

  constructor(token, items) {
    super();
    if (token !== PRIVATE) throw new TypeError('a Context is made by vault.context(items)');
    this.#names = Object.keys(items);
    this.#handle = prepare(items, this.#names);
  }

  /** The names of the items; values are personal data and stay inside. */
  get names() {
    return [...this.#names];
  }

  get [Symbol.toStringTag]() {
    return 'Context';
  }

  toString() {
    return `Context { ${this.#names.join(', ')} }`;
  }

  toJSON() {
    return this.toString();
  }

  [inspect.custom]() {
    return this.toString();
  }

  /** The native handle of a Context or a plain object. */
  static handleOf(context) {
    return typeof context === 'object' && context !== null && #handle in context ? context.#handle : prepareOnce(context);
  }
}

// Internal: the rest of the package imports it from here, users of the class do not see it.
const { handleOf } = Context;
delete Context.handleOf;

function contextOf(items) {
  checkPlain(items);
  return new Context(PRIVATE, items);
}

function checkPlain(items) {
  // Not instanceof: objects of another realm (a vm, a test runner) are as good.
  if (Object.prototype.toString.call(items) !== '[object Object]') {
    throw wrongType(`context must be a Context or an object such as { organization_id: 'org_123' }, not ${describe(items)}`);
  }
}

function prepareOnce(items) {
  checkPlain(items);
  return prepare(items, Object.keys(items));
}

function prepare(items, names) {
  const values = names.map((name) => {
    const value = items[name];
    if (typeof value !== 'string') throw wrongType(`context item ${JSON.stringify(name)} must be a string, not ${describe(value)}`);
    // UTF-8 cannot express a lone surrogate: it would silently become U+FFFD, and two contexts one.
    if (LONE_SURROGATE.test(name)) throw invalid(name, 'its name holds a lone surrogate', {});
    if (LONE_SURROGATE.test(value)) throw invalid(name, 'its value holds a lone surrogate', { field: name });
    return value;
  });
  return settle(native.createContext(names, values));
}

/** JSON shows a lone surrogate as its escape; as the `field` of an error such a name could not be written anywhere. */
function invalid(name, rule, details) {
  return make(INVALID_CONTEXT, `context item ${JSON.stringify(name)}: ${rule}`, details);
}

module.exports = { Context, contextOf, handleOf };
