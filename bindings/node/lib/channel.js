'use strict';

const { bytesOf } = require('./bytes.js');
const { settle, wrongType } = require('./failure.js');
const native = require('./native.js');

/** Up to this many bytes are worked on at once, which takes some 30 µs. More would hold up the event loop and goes to libuv's pool. */
const SMALL = 64 * 1024;
/** Large input is handed over in pieces of so many bytes: copying one is all that the event loop has to do for it. */
const PIECE = 1024 * 1024;
const WOULD_BLOCK = 602;
const NOTHING = new Uint8Array(0);

/**
 * One direction, piece by piece: what Node's streams and the web's have in common. `call` has the caller's options; `begin` gives the native handle, or a
 * promise of its outcome. One step is made at a time.
 */
class Channel {
  #call;
  #begin;
  #handle;
  #hasOutput = false;
  #isOver = false;
  #opening;
  #abort;

  /** Called with the error when the caller's signal is aborted. */
  onAbort;

  constructor(call, begin) {
    this.#call = call;
    this.#begin = begin;
  }

  /**
   * Makes the native side. Encrypting uses its keys here, decrypting once the header has arrived. What is awaited here need not be awaited before the
   * other methods are called.
   */
  open() {
    this.#opening = this.#open();
    return this.#opening;
  }

  /** Calls `push` with each part of the output for input of any size. Without a promise it is done. */
  update(chunk, push) {
    const input = bytesOf(chunk, 'chunk');
    // What comes before the first output may use keys, and read the store's file for them.
    if (!this.#hasOutput || input.length > SMALL) return this.#updateInPieces(input, push);
    const outcome = native.updateSync(this.#handle, input);
    // It then has its input already.
    if (outcome.errorNumber === WOULD_BLOCK) return this.#updateInPieces(NOTHING, push);
    this.#give(settle(outcome), push);
    return undefined;
  }

  /** The rest of the output. Decrypting fails here if something is missing. */
  async finish(push) {
    if (this.#handle === undefined) await this.#opening;
    this.#give(await this.#call.settle(native.finish(this.#handle)), push);
    this.close();
  }

  /** Ends what is under way, and forgets keys and data. */
  close() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#call.options.signal?.removeEventListener('abort', this.#abort);
    this.#call.cancel();
    if (this.#handle !== undefined) native.endStream(this.#handle);
  }

  async #open() {
    const { signal } = this.#call.options;
    this.#call.refuseAborted();
    this.#abort = () => {
      this.close();
      this.onAbort?.(this.#call.cancelled());
    };
    signal?.addEventListener('abort', this.#abort, { once: true });
    // Nothing was awaited up to here: the caller's memory is copied before it can change.
    const { stream } = await this.#call.settle(this.#begin(this.#call));
    if (this.#isOver) native.endStream(stream);
    this.#handle = stream;
  }

  async #updateInPieces(input, push) {
    if (this.#handle === undefined) await this.#opening;
    const { length } = input;
    let start = 0;
    do {
      if (input.length !== length) throw wrongType('chunk was resized or transferred away while it was worked on');
      const piece = length > PIECE ? input.subarray(start, start + PIECE) : input;
      this.#give(await this.#call.settle(native.update(this.#handle, piece)), push);
      start += PIECE;
    } while (start < length && !this.#isOver);
  }

  #give(output, push) {
    if (output.length === 0 || this.#isOver) return;
    this.#hasOutput = true;
    push(output);
  }
}

module.exports = { Channel };
