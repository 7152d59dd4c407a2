'use strict';

const { EventEmitter } = require('node:events');

const { settle } = require('./failure.js');
const native = require('./native.js');

/**
 * The emitter of a vault's log. `records` were logged while the vault was opened; they come once the code that opened it had its turn to add a listener. A
 * warning that nobody listens to becomes a warning of the process.
 */
function logOf(handle, records) {
  const emitter = new EventEmitter();
  // Weak, since the native side holds the listener as long as the vault lives, and a listener may well refer to the vault.
  const reference = new WeakRef(emitter);
  const deliver = (record) => {
    if (reference.deref()?.emit('log', record) || record.level !== 'warning') return;
    process.emitWarning(record.message, { type: 'LibvaultWarning', code: record.event });
  };
  settle(native.setLog(handle, deliver));
  if (records.length > 0) process.nextTick(() => records.forEach(deliver));
  return emitter;
}

module.exports = { logOf };
