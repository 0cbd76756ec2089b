import fs, { readFile as read } from "node:fs";
import type { Address } from "./address";

export const LIMIT = 20;
const names = ["Zoë", '漢字', `😀 ${LIMIT + 1}`];

/** What somebody ordered. */
export interface Order {
  number: number;
  lines: string[];
  total(): number;
}

type Price<T> = T extends string ? number : never;

enum State {
  Open = 1,
  Sent,
}

@sealed
export abstract class Shop<T extends Order> extends Base implements Iterable<T> {
  private orders = new Map<number, T>();
  static readonly currency = "€";

  constructor(private readonly clock: () => number) {
    super();
  }

  get size(): number {
    return this.orders.size;
  }

  async add(order: T, retries = 3): Promise<boolean> {
    for (let attempt = 0; attempt < retries; attempt++) {
      if (await post(order, { n: order.number })) return true;
    }
    const price = (line: string) => line.length;
    return price("x") < 3 && /[a-z]+\/(?<y>x)/.test(names[0]);
  }

  abstract [Symbol.iterator](): Iterator<T>;
}

function sealed(target: unknown): void {}

export async function post(order: Order, body: object): Promise<boolean> {
  function inner() {
    return <number>(order.number as any);
  }
  return inner() > LIMIT;
}

namespace Tools {
  export const parse = (text: string): State => State[text as keyof typeof State];
}

export default Shop;
export { names, read, fs };
