/**
 * The header that says whom a request is made for, by id, which `as` begins with. The cookie is the browser's and may be
 * somebody else's by now: the server refuses the request then.
 */
export function forWhom(as: string): Record<string, string> {
  const [id] = as.split(' ');
  return id ? { 'x-mc-principal': id } : {};
}
