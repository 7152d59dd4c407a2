'use strict';

const { isAnyArrayBuffer, isSharedArrayBuffer, isTypedArray, isUint8Array } = require('node:util').types;

const { describe, wrongType } = require('./failure.js');

const throwIfDetached = Uint8Array.prototype.at;

/** The bytes of an argument as a Uint8Array over the same memory. */
function bytesOf(value, name) {
  if (isTypedArray(value) && value.byteLength === 0) refuseDetached(value, name);
  return isUint8Array(value) ? value : viewOf(value, name);
}

/** The Uint8Array that a result is written to. */
function outputOf(value) {
  if (!isUint8Array(value)) throw wrongType(`output must be a Buffer or a Uint8Array, not ${describe(value)}`);
  if (isSharedArrayBuffer(value.buffer)) {
    throw wrongType('output must not be backed by a SharedArrayBuffer: other threads could see or change a half-made result');
  }
  if (value.byteLength === 0) refuseDetached(value, 'output');
  return value;
}

function viewOf(value, name) {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (isAnyArrayBuffer(value)) return new Uint8Array(value);
  const hint = typeof value === 'string' ? `: encode it first, as with Buffer.from(${name}, 'utf8')` : '';
  throw wrongType(`${name} must be a Buffer, another ArrayBuffer view or an ArrayBuffer, not ${describe(value)}${hint}`);
}

/**
 * A view whose memory was transferred away, or lies outside a buffer that shrank, reads as empty; taking it for an empty message would lose the data.
 * Views that are no arrays, and buffers themselves, throw by themselves.
 */
function refuseDetached(array, name) {
  try {
    throwIfDetached.call(array, 0);
  } catch (cause) {
    const message = `${name} is detached: its memory was transferred away or cut off`;
    throw Object.assign(new TypeError(message, { cause }), { code: 'ERR_INVALID_STATE' });
  }
}

module.exports = { bytesOf, outputOf };
