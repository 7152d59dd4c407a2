// CPU time of encryption and decryption in Node: bench.py runs it beside the other languages.
//
// bench_node.mjs CONFIG BUDGET prints a line "variant<TAB>operation<TAB>bytes<TAB>microseconds" for each measurement. The budget
// is the milliseconds of a batch; a measurement is the median of eleven batches.
import { Vault } from '../../bindings/node/index.mjs';

const SIZES = [64, 1_024, 65_536, 1_048_576];
const BATCHES = 11;
const ITEMS = { organization_id: 'org_123' };

/** Microseconds of CPU time of all threads since `since`: libuv's pool and the garbage collector are part of the cost. */
function cpuTime(since) {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

function batch(calls, call) {
  const started = process.cpuUsage();
  for (let index = 0; index < calls; index++) call();
  return cpuTime(started);
}

async function awaitedBatch(calls, call) {
  const started = process.cpuUsage();
  for (let index = 0; index < calls; index++) await call();
  return cpuTime(started);
}

/** Microseconds per call: the median over batches, each long enough for the clock. */
async function measure(budget, call, run = batch) {
  let calls = 1;
  // Twice, since the first calls also pay for what is made once: libuv's threads, compiled code.
  while ((await run(calls, call)) < budget * 1_000 || (await run(calls, call)) < budget * 1_000) calls *= 2;
  const times = [];
  for (let index = 0; index < BATCHES; index++) times.push(await run(calls, call));
  times.sort((left, right) => left - right);
  return times[BATCHES >> 1] / calls;
}

async function bench(vault, size, budget) {
  const context = vault.context(ITEMS);
  const data = Buffer.alloc(size, 'x');
  const envelope = vault.encryptSync(data, context);
  if (!vault.decryptSync(envelope, context).equals(data)) throw new Error('the data did not come back');
  const sealed = Buffer.alloc(vault.encryptedLengthLimit(size, context));
  const opened = Buffer.alloc(size);

  const report = async (variant, operation, call, run) => {
    const microseconds = await measure(budget, call, run);
    console.log([variant, operation, size, microseconds.toFixed(4)].join('\t'));
  };
  await report('encryptSync, prepared context', 'encrypt', () => vault.encryptSync(data, context));
  await report('encryptSync, prepared context', 'decrypt', () => vault.decryptSync(envelope, context));
  await report('encryptSync, object', 'encrypt', () => vault.encryptSync(data, ITEMS));
  await report('encryptSync, object', 'decrypt', () => vault.decryptSync(envelope, ITEMS));
  await report('encryptIntoSync, prepared context', 'encrypt', () => vault.encryptIntoSync(data, context, sealed));
  await report('encryptIntoSync, prepared context', 'decrypt', () => vault.decryptIntoSync(envelope, context, opened));
  await report('await encrypt, prepared context', 'encrypt', () => vault.encrypt(data, context), awaitedBatch);
  await report('await encrypt, prepared context', 'decrypt', () => vault.decrypt(envelope, context), awaitedBatch);
}

const [, , config, budget] = process.argv;
const vault = Vault.openSync(config);
for (const size of SIZES) await bench(vault, size, Number(budget));
vault.close();
