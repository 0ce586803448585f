/** What is under way of one node, by the number of its attempt. Few, and mostly one: replaced, as an array that grows keeps room. */
export class Attempts<A extends { readonly attempt: number }> {
  #all: ReadonlyArray<A> = []

  add(one: A): void {
    this.#all = this.#all.concat(one)
  }

  find(attempt: number): A | undefined {
    return this.#all.find((one) => one.attempt === attempt)
  }

  forget(attempt: number): void {
    this.#all = this.#all.filter((one) => one.attempt !== attempt)
  }
}
