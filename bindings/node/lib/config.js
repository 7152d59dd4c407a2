'use strict';

const { fileURLToPath } = require('node:url');

const { make } = require('../errors.js');
const { describe, wrongType } = require('./failure.js');

const INVALID_CONFIG = 606;

/** Where a configuration comes from, as the native addon takes it. Without one the addon says how to make one. */
function sourceOf(config) {
  if (config === undefined) return {};
  if (typeof config === 'string' || config instanceof URL) return { path: pathOf(config, 'config') };
  if (Object.prototype.toString.call(config) !== '[object Object]') {
    throw wrongType(`config must be a path, a file: URL or an object, not ${describe(config)}`);
  }
  checkValue(config, '');
  return { json: JSON.stringify(config), baseDirectory: process.cwd() };
}

/** A path from a string or a file: URL. */
function pathOf(value, name) {
  if (typeof value === 'string') return value;
  if (value instanceof URL) return fileURLToPath(value);
  throw wrongType(`${name} must be a path or a file: URL, not ${describe(value)}`);
}

/**
 * Refuses what JSON drops or changes without a word. A field that is undefined by mistake must not become its default: it could be the policy.
 */
function checkValue(value, field) {
  if (typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return;
  if (Array.isArray(value)) {
    value.forEach((element, index) => checkValue(element, `${field}[${index}]`));
  } else if (Object.prototype.toString.call(value) === '[object Object]' && typeof value.toJSON !== 'function') {
    for (const name of Object.keys(value)) checkValue(value[name], field === '' ? name : `${field}.${name}`);
  } else {
    const shown = typeof value === 'number' ? 'not a finite number' : describe(value);
    throw make(INVALID_CONFIG, `${field}: the value is ${shown}; give a value or leave the field out`, { field });
  }
}

module.exports = { pathOf, sourceOf };
