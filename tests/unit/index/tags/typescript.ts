import def, { a, type B, c as d } from "./module";
import type { OnlyType } from '../types';
import * as everything from "everything";
import "side-effect";
import legacy = require("legacy");
import Alias = Deep.Name;
export { a as again } from "./again";
export * from "./all";

/** Says hello. */
export function hello(name: string): void;
export function hello(name: string, times = 1): void {
  const local = 1;
  function inner(): void {}
}

// A constant.
export const LIMIT = 10;
let counter: number = 0, other = 2;
export const { left, right: renamed } = pair;
const [first, second] = list;

/**
 * Adds.
 */
export const add = (x: number, y: number): number => x + y;
const multiply = async function (x: number) {
  return x;
};

export default class Shape<T> extends Base implements Drawable {
  static #count = 0;
  readonly name: string = "x";
  private size?: number;
  declare kind: string;
  handler = (event: Event) => { this.draw(); };

  /** Makes one. */
  constructor(private readonly service: Service, public other: string, plain: number) {
    super();
  }

  get area(): number { return 1; }
  set area(value: number) {}
  static create(): Shape<string> { return new Shape(); }
  async *items() {}
  draw(x: number): void;
  draw(x: string): void;
  draw(x: any): void {
    class Local { member() {} }
  }
  #hidden(): void {}
  [Symbol.iterator]() {}
  "quoted name"() {}
}

abstract class Abstract {
  abstract paint(): void;
  abstract color: string;
  protected constructor() {}
}

/** What can be drawn. */
export interface Drawable extends Other {
  readonly width: number;
  draw(x: number): void;
  callback?: (x: number) => void;
  new (x: string): Drawable;
  [key: string]: unknown;
}

export type Point = { x: number; y: number };
type Union = "a" | "b";

export enum Color {
  Red,
  Green = "green",
  "dark blue" = 3,
}
declare const enum Flags { None = 0 }

export namespace Outer.Inner {
  export const inside = 1;
  export function member(): void {}
}
namespace Plain {
  export interface Within { x: number }
}
declare module "ambient" {
  export function declared(x: string): number;
  const value: string;
}
declare global {
  interface Window { custom: string }
}
declare function external(x: number): string;
export declare class Declared { method(): void }
export declare const setting: string;

export const api = {
  get(url: string) { return url; },
  post: async (url: string) => url,
  nested: { deep() {} },
  plain: 1,
} as const;

const store = createStore({
  reduce(state: State) { return state; },
});

(function () {
  function hidden() {}
})();

describe("a test", () => {
  const local = 1;
  function testHelper() {}
});
