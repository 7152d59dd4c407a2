'use strict';

const { make } = require('../errors.js');

/** The result of a native call; a failure is thrown as its class of errors.js. */
function settle(outcome) {
  if (outcome.errorNumber === undefined) return outcome;
  const error = make(outcome.errorNumber, outcome.message, outcome);
  Error.captureStackTrace?.(error, settle);
  throw error;
}

/** A TypeError as Node itself throws it for an argument of the wrong type. */
function wrongType(message) {
  const error = new TypeError(message);
  error.code = 'ERR_INVALID_ARG_TYPE';
  return error;
}

/** A RangeError as Node itself throws it for a number or a length outside its limits. */
function outOfRange(message) {
  return Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}

/** What kind of value was passed, for messages; never the value, which may be secret. */
function describe(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

module.exports = { describe, outOfRange, settle, wrongType };
