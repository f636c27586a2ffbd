/** Counts the bytes of one file that have been sent, over requests that run at once and are repeated. */
export class Progress {
  private readonly moved = new Map<number, number>();
  private reported = 0;

  constructor(
    private readonly report: (bytes: number) => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** Part `number` has so many bytes sent now; fewer than before if it starts again. */
  set(number: number, bytes: number): void {
    this.moved.set(number, bytes);
    // Each report updates Uppy's state, and with it the page.
    if (this.now() - this.reported >= REPORT_MS) this.tell();
  }

  /** Part `number` has arrived. */
  arrived(number: number, bytes: number): void {
    this.moved.set(number, bytes);
    this.tell();
  }

  /** These parts, each a number and its bytes, were sent by an earlier run. */
  resume(parts: [number, number][]): void {
    for (const [number, bytes] of parts) this.moved.set(number, bytes);
    if (parts.length > 0) this.tell();
  }

  private tell(): void {
    this.reported = this.now();
    let sum = 0;
    for (const bytes of this.moved.values()) sum += bytes;
    this.report(sum);
  }
}

/** Shortest time between two reports while bytes move, in milliseconds. */
const REPORT_MS = 100;
