'use strict';

const { isAnyArrayBuffer } = require('node:util').types;

const { make } = require('../errors.js');
const { bytesOf } = require('./bytes.js');
const { describe, outOfRange, settle, wrongType } = require('./failure.js');
const native = require('./native.js');

const CANCELLED = 601;
const MAX_TIMEOUT = 2 ** 31 - 1;
const MAX_ACTOR_CHARACTERS = 200;

/** The options that every call takes. */
const CALL = ['timeout', 'signal', 'actor'];
/** The options of calls that encrypt or decrypt. */
const CRYPT = ['aad', ...CALL];

/**
 * A call with the caller's options: `vault` is the native handle to make it with, `aad` the additional authenticated data or null, `options` a snapshot of
 * all options. Unknown ones are refused: a misspelt one would silently weaken the call.
 */
class Call {
  #token;
  #signal;
  #cancelled;

  constructor(vault, options, names, isStream) {
    this.options = read(options, names);
    const { aad, timeout, signal, actor } = this.options;
    checkTimeout(timeout);
    checkSignal(signal);
    checkActor(actor);
    // A stream tells of it as of every other error.
    if (signal?.aborted && !isStream) throw cancelled(signal);
    this.vault = vault;
    if (isStream || timeout !== undefined || signal !== undefined || actor !== undefined) {
      const view = settle(native.withOptions(vault, timeout, actor));
      this.vault = view.vault;
      this.#token = view.token;
      this.#signal = signal;
    }
    // Last: after it no code of the caller runs that could take the memory away.
    this.aad = aad === undefined ? null : bytesOf(aad, 'aad');
  }

  /** Waits for a native call that was started with this call's `vault`. Aborting the signal ends it, and its KMS request. */
  async settle(pending) {
    const signal = this.#signal;
    if (signal === undefined) return settle(await pending);
    const abort = () => this.cancel();
    signal.addEventListener('abort', abort, { once: true });
    // Aborted since the step before, when nobody listened: a listener that comes later hears nothing of it.
    if (signal.aborted) abort();
    try {
      return settle(await pending);
    } catch (error) {
      throw error.number === CANCELLED && signal.aborted ? this.cancelled() : error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** For what begins later than now. */
  refuseAborted() {
    if (this.#signal?.aborted) throw this.cancelled();
  }

  /** The error of the aborted signal: one for all that fails because of it. */
  cancelled() {
    this.#cancelled ??= cancelled(this.#signal);
    return this.#cancelled;
  }

  /** Ends what was started with this call's `vault`. */
  cancel() {
    native.cancel(this.#token);
  }
}

/** A call without options, for which nothing has to be set up. */
class PlainCall {
  constructor(vault) {
    this.vault = vault;
  }

  async settle(pending) {
    return settle(await pending);
  }
}

PlainCall.prototype.aad = null;
PlainCall.prototype.options = Object.freeze({});

function callOf(vault, options, names = CRYPT) {
  return options === undefined ? new PlainCall(vault) : new Call(vault, options, names, false);
}

/** A call that lasts, and can be cancelled at any time. */
function streamCallOf(vault, options = {}, names = CRYPT) {
  return new Call(vault, options, names, true);
}

/** What a call ends with when its signal is aborted: our error of that number, which those who look for an AbortError recognise too. */
function cancelled(signal) {
  const error = make(CANCELLED, 'the call was cancelled by its AbortSignal');
  Object.defineProperty(error, 'name', { value: 'AbortError', configurable: true, writable: true });
  Object.defineProperty(error, 'cause', { value: signal.reason, configurable: true, writable: true });
  return error;
}

/** Each option once: a getter runs here and nowhere else. */
function read(options, names) {
  if (typeof options !== 'object' || options === null || ArrayBuffer.isView(options) || isAnyArrayBuffer(options)) {
    throw wrongType(`options must be an object such as { ${names[0]} }, not ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw wrongType(`unknown option ${JSON.stringify(name)}: the options are ${names.join(', ')}`);
  }
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

function checkTimeout(timeout) {
  if (timeout === undefined) return;
  if (typeof timeout !== 'number') throw wrongType(`timeout must be a number of milliseconds, not ${describe(timeout)}`);
  if (!(timeout > 0 && timeout <= MAX_TIMEOUT)) throw outOfRange(`timeout must be above 0 and at most ${MAX_TIMEOUT} milliseconds`);
}

function checkSignal(signal) {
  if (signal === undefined) return;
  // Not instanceof: a signal of another realm is as good.
  if (typeof signal !== 'object' || signal === null || typeof signal.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') {
    throw wrongType(`signal must be an AbortSignal, not ${describe(signal)}`);
  }
}

function checkActor(actor) {
  if (actor === undefined) return;
  if (typeof actor !== 'string') throw wrongType(`actor must be a string, not ${describe(actor)}`);
  const { length } = [...actor];
  if (length === 0 || length > MAX_ACTOR_CHARACTERS) throw outOfRange(`actor must have 1 to ${MAX_ACTOR_CHARACTERS} characters`);
}

/** Options that are true or absent. */
function isSet(options, name) {
  const value = options[name];
  if (value !== undefined && typeof value !== 'boolean') throw wrongType(`${name} must be a boolean, not ${describe(value)}`);
  return value === true;
}

module.exports = { CALL, CRYPT, callOf, isSet, streamCallOf };
