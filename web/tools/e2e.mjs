// The browser's tests, a process for each file: `npm run e2e [-- NAME...]`. As in .config/nextest.toml, a file that fails is
// run once more, by itself. If it passes then, it is named as flaky, in the file MC_TEST_FLAKY_FILE too: a defect to find, but it
// does not hide what all other tests say. What looks for words and decisions that are lost has one run.
import { spawn } from 'node:child_process';
import { appendFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../e2e');
/** They look at every screen and text and wait little for each other: they run beside each other. */
const BESIDE = ['hostile', 'screens'];
const ONCE = ['offline', 'rough'];

const known = readdirSync(FOLDER).filter((name) => name.endsWith('.test.mjs')).map((name) => basename(name, '.test.mjs')).sort();
const wanted = process.argv.slice(2);
const unknown = [...wanted, ...BESIDE, ...ONCE].filter((name) => !known.includes(name));
if (unknown.length) {
  console.error(`error: no browser tests named ${unknown.join(', ')}\n  fix: give some of ${known.join(', ')}`);
  process.exit(2);
}
const named = wanted.length ? known.filter((name) => wanted.includes(name)) : known;

/** Whether the tests of a file pass. */
function passes(name) {
  const began = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--test', join(FOLDER, `${name}.test.mjs`)], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => {
      console.log(`browser: ${name} ${code === 0 ? 'passed' : 'FAILED'} after ${Math.round((Date.now() - began) / 1000)} s`);
      resolve(code === 0);
    });
  });
}

const failed = [];
const look = async (name) => void ((await passes(name)) || failed.push(name));
await Promise.all(named.filter((name) => BESIDE.includes(name)).map(look));
for (const name of named) if (!BESIDE.includes(name)) await look(name);

const [flaky, red] = [[], []];
for (const name of failed) (!ONCE.includes(name) && (await passes(name)) ? flaky : red).push(name);
if (flaky.length && process.env.MC_TEST_FLAKY_FILE) appendFileSync(process.env.MC_TEST_FLAKY_FILE, flaky.map((name) => `web/e2e/${name}.test.mjs\n`).join(''));
if (flaky.length) console.log(`browser: flaky (passed only when run again): ${flaky.join(', ')}`);
if (red.length) console.error(`browser: FAILED: ${red.join(', ')}`);
process.exitCode = red.length ? 1 : 0;
