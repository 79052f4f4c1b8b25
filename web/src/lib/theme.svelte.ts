// Dark unless light was chosen. The choice is all that this browser keeps; nobody's token is ever among it.
type Choice = 'dark' | 'light';
class Theme {
  choice = $state<Choice>('dark');
  constructor() {
    try {
      if (localStorage.getItem('mc.theme') === 'light') this.choice = 'light';
    } catch {
      // Storage is off: dark it is.
    }
  }
  apply(): void {
    document.documentElement.dataset.theme = this.choice;
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', this.choice === 'dark' ? '#0c0f13' : '#f6f7f9');
  }
  set(choice: Choice): void {
    this.choice = choice;
    try {
      localStorage.setItem('mc.theme', choice);
    } catch {
      // It lasts as long as the page then.
    }
    this.apply();
  }
}
export const theme = new Theme();
