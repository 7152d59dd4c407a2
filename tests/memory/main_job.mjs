// The main job in Node, for test_memory.py: main_job.mjs CONFIG DIRECTORY KIND...
import { readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { Vault } from '../../bindings/node/index.mjs';

// What main_job.c encrypts.
function data(seed, length) {
    let state = BigInt(seed);
    const made = Buffer.alloc(length);
    for (let at = 0; at < length; at++) {
        state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
        made[at] = Number((state >> 33n) & 0xffn);
    }
    return made;
}

function waitForLine(said) {
    writeSync(1, `${said}\n`);
    readSync(0, Buffer.alloc(16));
}

const [config, directory, ...kinds] = process.argv.slice(2);
const vault = await Vault.open(config);
for (const [number, kind] of kinds.entries()) {
    const context = vault.context({ organization_id: `org_${kind}` });
    for (const [form, length, seed] of [['short', 100, 2 * number + 1], ['long', 100_000, 2 * number + 2]]) {
        const content = data(seed, length);
        const envelope = vault.encryptSync(content, context);
        writeFileSync(join(directory, `${kind}-${form}.envelope`), envelope);
        // Into memory of one's own, which can be overwritten.
        const again = Buffer.alloc(length);
        vault.decryptIntoSync(envelope, context, again);
        if (!again.equals(content)) throw new Error('the data did not come back');
        content.fill(0);
        again.fill(0);
    }
    const dataKey = await vault.createDataKey(context);
    writeFileSync(join(directory, `${kind}.bundle`), dataKey.bundle);
    const opened = await vault.decryptDataKey(dataKey.bundle, context);
    dataKey.wipe();
    opened.wipe();
}
waitForLine('held');
vault.close();
waitForLine('closed');
