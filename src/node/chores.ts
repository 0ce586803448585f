interface ChoresHost {
  readonly soon: (job: () => void) => void
  readonly broken: (defect: unknown) => void
}

/** What is done soon, in the order in which it was begun: nothing is done from inside of somebody else's call. */
export class Chores {
  readonly #host: ChoresHost
  /** Made when there is something to do. */
  #begun: Array<() => void> | undefined

  constructor(host: ChoresHost) {
    this.#host = host
  }

  begin(job: () => void): void {
    if (this.#begun !== undefined) return void this.#begun.push(job)
    this.#begun = [job]
    this.#host.soon(() => this.#run())
  }

  /** And what comes of that. */
  #run(): void {
    for (const job of this.#begun ?? []) {
      try {
        job()
      } catch (defect) {
        this.#host.broken(defect)
      }
    }
    this.#begun = undefined
  }
}
