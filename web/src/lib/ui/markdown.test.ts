import { render } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import Markdown from './Markdown.svelte';
import { HOSTILE } from '$lib/hostile';

describe('Markdown', () => {
  it('is drawn as elements', () => {
    const { container } = render(Markdown, { text: '# A\n\n**b** `c` [d](https://example.org)\n\n- e\n- [x] f\n\n```rs\nfn\n```\n\n|g|h|\n|-|-|\n|1|2|' });
    for (const found of ['h3', 'strong', 'code', 'a[href="https://example.org/"]', 'li', 'pre', 'td']) expect(container.querySelector(found), found).not.toBeNull();
  });
  it('takes lines as they are, in few elements', () => {
    const text = Array.from({ length: 2000 }, (_, line) => `line ${line} &amp; more`).join('\n');
    const { container } = render(Markdown, { text: `**first**\nsecond \\* third\n${text}` });
    expect(container.querySelectorAll('*').length).toBeLessThan(30);
    const words = container.querySelector('p')?.textContent ?? '';
    expect(words.slice(0, 48)).toBe('first\nsecond * third\nline 0 & more\nline 1 & more');
    expect(words.endsWith('line 1999 & more')).toBe(true);
    expect(words.split('\n')).toHaveLength(2002);
  });
  it('hides no line behind a title of terminals', () => {
    const { container } = render(Markdown, { text: 'first\u001b]0;x\nhidden\nlast\u0007' });
    for (const line of ['first', 'hidden', 'last']) expect(container.textContent).toContain(line);
  });
  it.each(HOSTILE.map((text, index) => [index, text] as const))('payload %i stays text', (_, text) => {
    const { container } = render(Markdown, { text });
    expect(container.querySelectorAll('script, style, img, iframe, object, embed, svg, form, input, link, meta, video, audio, math, base')).toHaveLength(0);
    for (const element of container.querySelectorAll('*'))
      for (const attribute of element.attributes) {
        expect(attribute.name.startsWith('on'), attribute.name).toBe(false);
        if (attribute.name === 'href') expect(attribute.value).toMatch(/^(https?:|mailto:)/);
      }
  });
});
