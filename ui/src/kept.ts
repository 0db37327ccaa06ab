/** Taste that outlasts a page (theme, zone). A browser that keeps nothing loses nothing else. */

export function kept(name: string): string {
  try {
    return localStorage.getItem(`weir.${name}`) ?? "";
  } catch {
    return "";
  }
}

export function keep(name: string, value: string): void {
  try {
    if (value) localStorage.setItem(`weir.${name}`, value);
    else localStorage.removeItem(`weir.${name}`);
  } catch {
    // Private windows may refuse.
  }
}
