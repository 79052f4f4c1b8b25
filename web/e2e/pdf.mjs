// A PDF of a few words, written out: one line of text in each entry, an outline of a chart on each page.
export function pdf(pages, { catalog = '', trailer = '', annotation = '' } = {}) {
  const objects = [`<< /Type /Catalog /Pages 2 0 R ${catalog} >>`, `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, index) => `${4 + index * 2} 0 R`).join(' ')}] >>`, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'];
  for (const [index, text] of pages.entries()) {
    const words = text.split('\n').map((line, row) => `BT /F1 ${row === 0 ? 26 : 13} Tf 60 ${row === 0 ? 760 : 730 - row * 20} Td (${line.replace(/[()\\]/g, '\\$&')}) Tj ET`);
    const chart = '0.35 0.82 0.77 RG 2 w 60 480 m 160 540 l 260 510 l 360 620 l 460 590 l 535 640 l S 0.7 G 1 w 60 460 m 535 460 l S 60 460 m 60 660 l S';
    const stream = `${words.join('\n')}\n${chart}`;
    objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents ${5 + index * 2} 0 R ${annotation && `/Annots [${annotation}]`} >>`, `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`);
  }
  let out = '%PDF-1.7\n';
  const at = objects.map((object, index) => {
    const place = out.length;
    out += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const table = out.length;
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${at.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('')}`;
  return Buffer.from(`${out}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${table}\n%%EOF\n`, 'latin1');
}
