// Types of the API from docs/openapi.json. With --check it only says whether the committed ones are current.
import { readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const source = new URL(process.env.MC_OPENAPI ?? '../../docs/openapi.json', import.meta.url);
const target = new URL('../src/lib/api/schema.d.ts', import.meta.url);
const text =
  '// Generated from docs/openapi.json by `npm run types`. Never edited by hand.\n' +
  astToString(await openapiTS(source, { alphabetize: true, emptyObjectsUnknown: true }));

if (process.argv.includes('--check')) {
  const committed = await readFile(target, 'utf8').catch(() => '');
  if (committed !== text) {
    console.error('src/lib/api/schema.d.ts is stale: docs/openapi.json changed. Run `npm run types` and read the difference.');
    process.exit(1);
  }
} else {
  await writeFile(target, text);
}
