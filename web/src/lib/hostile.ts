// What agents may write to do harm, shown by tests to do none.
const script = 'window.__pwned=1';
export const HOSTILE: string[] = [
  `<script>${script}</script>`, `<img src=x onerror="${script}">`, `<svg onload="${script}">`, `<svg><script>${script}</script></svg>`, `<iframe src="javascript:${script}"></iframe>`,
  `<body onload="${script}">`, `<a href="javascript:${script}">x</a>`, `[x](javascript:${script})`, `[x](JaVaScRiPt:${script})`, `[x](java\nscript:${script})`,
  `[x](&#106;avascript:${script})`, `[x](data:text/html;base64,PHNjcmlwdD4=)`, `[x](vbscript:${script})`, `![x](javascript:${script})`, `![x](https://evil.example/pixel.png)`,
  `![x](//evil.example/pixel.png)`, `<img src="https://evil.example/p.png">`, `<link rel=stylesheet href="https://evil.example/x.css">`, `<style>*{display:none}</style>`, `<style>@import "https://evil.example/x"</style>`,
  `<meta http-equiv="refresh" content="0;url=https://evil.example">`, `<base href="https://evil.example/">`, `<form action="https://evil.example"><input autofocus onfocus="${script}"></form>`, `<details open ontoggle="${script}">`, `<video src=x onerror="${script}">`,
  `<math><mtext></mtext><script>${script}</script></math>`, `<object data="javascript:${script}">`, `<embed src="javascript:${script}">`, `<template><script>${script}</script></template>`, `<noscript><p title="</noscript><img src=x onerror=${script}>">`,
  `"><script>${script}</script>`, `' onmouseover='${script}`, `{{constructor.constructor('${script}')()}}`, '${' + script + '}', `{@html "<img src=x onerror=${script}>"}`,
  `<!--><script>${script}</script>-->`, `<![CDATA[<script>${script}</script>]]>`, `<scr<script>ipt>${script}</scr</script>ipt>`, `\u003cscript\u003e${script}\u003c/script\u003e`, `&lt;script&gt;${script}&lt;/script&gt;`,
  `[a]: javascript:${script}\n\n[a]`, `<javascript:${script}>`, `<https://evil.example/"onmouseover="${script}>`, `[x](https://ok.example "\\" onclick=\\"${script}")`, '```html\n<script>' + script + '</script>\n```',
  `\`<script>${script}</script>\``, `| <img src=x onerror=${script}> |\n|---|\n| <script>${script}</script> |`, `# <img src=x onerror=${script}>`, `> <iframe srcdoc="<script>${script}</script>">`, `- [ ] <input type=image src=x onerror=${script}>`,
  '\u001b[2J\u001b[31mred\u001b]0;title\u0007', '\u001b]8;;https://evil.example\u0007click\u001b]8;;\u0007', 'invoice\u202egnp.exe', '\u2066\u2067\u202e nested \u2069', 'a\u200bb\u200bc\ufeffd',
  '\u0000\u0001\u0008\u007f\u009b', 'Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324'.repeat(20), 'x'.repeat(50_000), '#'.repeat(2_000) + ' deep', '>'.repeat(2_000) + ' deep',
  '['.repeat(3_000), '*'.repeat(3_000), '- '.repeat(800) + 'deep', '`'.repeat(2_001), '|'.repeat(2_000), '\u{e0041}\u{e0042} tags', '[x](https://example.org/\u202e/gro.live)', 'seen\u001b]0;\nseen too\n\u0007', '<a name="x" id="app">', '__proto__', '[__proto__]: x\n[__proto__]', '\\'.repeat(4_000), '\\*'.repeat(40_000)
];
