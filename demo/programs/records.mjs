// Encrypts or decrypts files of records: records.mjs encrypt|decrypt CONFIG (ORGANIZATION INPUT OUTPUT)...
//
// Prints for each organization {"records": …, "code": …, "name": …}: how many records it finished, and the error that stopped it (code 0
// for none).

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

import { Vault, VaultError } from 'libvault'

const [verb, config, ...work] = process.argv.slice(2)
const vault = await Vault.open(config)
while (work.length > 0) {
  const report = await processRecords(...work.splice(0, 3))
  console.log(JSON.stringify(report))
  if (report.code !== 0) process.exitCode = 1
}

async function processRecords(organization, input, output) {
  const context = { organization_id: organization }
  const records = readFileSync(input)
  const results = openSync(output, 'w')
  const report = { records: 0, code: 0, name: '' }
  try {
    for (let position = 0; position < records.length; ) {
      const end = position + 4 + records.readUInt32BE(position)
      const record = records.subarray(position + 4, end)
      const result = verb === 'encrypt' ? await vault.encrypt(record, context) : await vault.decrypt(record, context)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(result.length)
      writeSync(results, Buffer.concat([length, result]))
      report.records += 1
      position = end
    }
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    report.code = error.number
    report.name = error.code
  } finally {
    closeSync(results)
  }
  return report
}
