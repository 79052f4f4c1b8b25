// What somebody does who has a keyboard only: everything is reached by Tab, written, and pressed.
import { eventually } from './harness.mjs';

/** Goes to it by Tab; fails when it is not reached. */
export async function reach(page, wanted) {
  await wanted.waitFor();
  for (let step = 0; step < 200; step += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return wanted;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${wanted} is not reached by Tab`);
}
/** Goes to what has this name. */
export const tab = (page, role, name, within = page) => reach(page, within.getByRole(role, { name, exact: typeof name === 'string' }).and(page.locator(':visible')).first());
export const press = async (page, ...keys) => { for (const key of keys) await page.keyboard.press(key); };
/** Presses what has this name. */
export const push = async (page, role, name, within) => { await tab(page, role, name, within); await page.keyboard.press('Enter'); };
export const write = async (page, name, text, within) => { await tab(page, 'textbox', name, within); await page.keyboard.type(text); };
/** Chooses in a list of a form by its first letters. */
export const choose = async (page, name, letters, value) => {
  const field = await tab(page, 'combobox', name);
  await page.keyboard.type(letters);
  await page.keyboard.press('Enter');
  await eventually(`${value} is chosen`, async () => (await field.inputValue()) === value);
  await page.keyboard.press('Escape');
};
