"use strict";
const fs = require("fs");
const { join, resolve: find } = require("path");
import React from "react";

// What somebody ordered.
class Order extends Map {
  #secret = 1;
  static limit = 20;

  constructor(number, ...lines) {
    super();
    this.number = number;
    this.lines = lines;
  }

  get total() {
    return this.lines.reduce((sum, line) => sum + line.length, 0);
  }

  *each() {
    for (const line of this.lines) yield line;
  }
}

function render({ order, names = ["Zoë", "漢字", "😀"] }) {
  return (
    <ul className="orders">
      {names.map((name) => (
        <li key={name}>{`${name} ${order.total}`}</li>
      ))}
    </ul>
  );
}

const post = async (address, body) => {
  const answer = await fetch(address, { method: "POST", body });
  return answer.ok ?? false;
};

var handlers = {
  add: function (order) {
    return order;
  },
  remove(order) {
    delete this[order];
  },
};

module.exports = { Order, post, render, handlers, fs, join, find, React };
exports.late = function late() {};
