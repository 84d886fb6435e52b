/** A wait that can be cut short: a slow answer to a failed login must not hold up a shutdown. */
export class Pause {
  #end: () => void = () => undefined;

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  cut(): void {
    this.#end();
  }
}
