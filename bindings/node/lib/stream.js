'use strict';

const { Transform } = require('node:stream');

const { Channel } = require('./channel.js');
const { describe, outOfRange, wrongType } = require('./failure.js');
const native = require('./native.js');
const { CRYPT, streamCallOf } = require('./options.js');

const DEFAULT_FRAME_SIZE = 65_536;
const MIN_FRAME_SIZE = 4_096;
const MAX_FRAME_SIZE = 1_048_576;

/** A Transform of Node's around a channel. Destroying it ends what is under way. */
class CryptStream extends Transform {
  #channel;

  constructor(channel, highWaterMark) {
    super({ highWaterMark });
    this.#channel = channel;
    channel.onAbort = (error) => this.destroy(error);
    // Not _construct: destroying would wait for it, and so for the KMS.
    channel.open().catch((error) => this.destroy(error));
  }

  _transform(chunk, _encoding, callback) {
    let pending;
    try {
      pending = this.#channel.update(chunk, (output) => this.push(output));
    } catch (error) {
      callback(error);
      return;
    }
    if (pending === undefined) callback();
    else pending.then(() => callback(), callback);
  }

  _flush(callback) {
    this.#channel.finish((output) => this.push(output)).then(() => callback(), callback);
  }

  _destroy(error, callback) {
    this.#channel.close();
    callback(error);
  }
}

function encryptChannel(vault, prepared, options) {
  const call = streamCallOf(vault, options, [...CRYPT, 'frameSize']);
  const frameSize = frameSizeOf(call.options.frameSize);
  return new Channel(call, () => native.encryptor(call.vault, prepared, call.aad, frameSize));
}

function decryptChannel(vault, prepared, options) {
  const call = streamCallOf(vault, options, CRYPT);
  return new Channel(call, () => native.decryptor(call.vault, prepared, call.aad));
}

function nodeStreamOf(channel) {
  return new CryptStream(channel, DEFAULT_FRAME_SIZE);
}

/** A TransformStream of the web's around a channel. */
function webStreamOf(channel) {
  const enqueueTo = (controller) => (output) => controller.enqueue(output);
  return new TransformStream({
    start(controller) {
      channel.onAbort = (error) => controller.error(error);
      return channel.open();
    },
    transform(chunk, controller) {
      return channel.update(chunk, enqueueTo(controller));
    },
    flush(controller) {
      return channel.finish(enqueueTo(controller));
    },
    cancel() {
      channel.close();
    },
  });
}

function frameSizeOf(frameSize = DEFAULT_FRAME_SIZE) {
  if (typeof frameSize !== 'number') throw wrongType(`frameSize must be a number of bytes, not ${describe(frameSize)}`);
  if (!Number.isInteger(Math.log2(frameSize)) || frameSize < MIN_FRAME_SIZE || frameSize > MAX_FRAME_SIZE) {
    throw outOfRange(`frameSize must be a power of two from ${MIN_FRAME_SIZE} to ${MAX_FRAME_SIZE}`);
  }
  return frameSize;
}

module.exports = { decryptChannel, encryptChannel, frameSizeOf, nodeStreamOf, webStreamOf };
