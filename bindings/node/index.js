'use strict';

const { byNumber, VaultError } = require('./errors.js');
const { bytesOf } = require('./lib/bytes.js');
const { pathOf } = require('./lib/config.js');
const { Context } = require('./lib/context.js');
const { DataKey } = require('./lib/data-key.js');
const { settle, wrongType } = require('./lib/failure.js');
const { DecryptReader } = require('./lib/files.js');
const { inspectionOf } = require('./lib/inspection.js');
const native = require('./lib/native.js');
const { Vault } = require('./lib/vault.js');

async function init(directory) {
  return settle(await native.init(pathOf(directory, 'directory')));
}

function initSync(directory) {
  return settle(native.initSync(pathOf(directory, 'directory')));
}

function inspect(envelopeOrBundle) {
  return inspectionOf(settle(native.inspect(bytesOf(envelopeOrBundle, 'envelopeOrBundle'))));
}

function decryptedLength(envelope) {
  return settle(native.decryptedLength(bytesOf(envelope, 'envelope')));
}

function hasFeature(name) {
  if (typeof name !== 'string') throw wrongType('name must be a string');
  return native.hasFeature(name);
}

module.exports = {
  Context,
  DataKey,
  DecryptReader,
  Vault,
  VaultError,
  ...Object.fromEntries([...byNumber.values()].map((errorClass) => [errorClass.name, errorClass])),
  decryptedLength,
  hasFeature,
  init,
  initSync,
  inspect,
  version: native.version(),
};
