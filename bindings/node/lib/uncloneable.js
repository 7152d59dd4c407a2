'use strict';

/**
 * Base of the classes that hold a handle or a secret. structuredClone and postMessage would turn an ordinary object into an empty one without a
 * word; they refuse a WeakSet, so the objects are made as one, without the methods of a WeakSet.
 */
function Uncloneable() {
  return Reflect.construct(WeakSet, [], new.target);
}

module.exports = { Uncloneable };
