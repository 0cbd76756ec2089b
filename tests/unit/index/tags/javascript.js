#!/usr/bin/env node
"use strict";
const fs = require("fs");
const { join, resolve: absolute } = require("node:path");
var parse = require("./parse").parse, other = 1;
import def, { named as local } from "./module.js";
import * as ns from "ns";
export { thing } from "./thing.mjs";
export * as all from "./all.mjs";

/**
 * Makes a thing.
 * @param {string} name
 */
function Thing(name) {
  this.name = name;
  function inner() {}
}

// Its method.
Thing.prototype.describe = function describe() { return this.name; };
Thing.create = (name) => new Thing(name);
Thing.prototype = { reset() {} };

exports.helper = function (x) { return x; };
exports.VALUE = 42;
module.exports.other = helper;
module.exports = {
  Thing,
  make: function () {},
  arrow: () => 1,
  method() {},
  async *generate() {},
};

class Animal extends Base {
  static count = 0;
  #secret = 1;
  handler = () => {};
  constructor(name) {
    super();
    this.name = name;
    this._age = 0;
  }
  speak() {}
  get age() { return this._age; }
  static async create() {}
}

const Named = class Inner { member() {} };
let lower, upper = 2;
const UPPER = 1, add = (a, b) => a + b;
function* generator() {}
export const exported = async () => {};
export default function () {}

var Module = (function () {
  function privateHelper() {}
  var state = 0;
  return { privateHelper };
})();

define(["a"], function (a) {
  var local = 1;
  function defined() {}
});

if (condition) {
  var conditional = 1;
}
