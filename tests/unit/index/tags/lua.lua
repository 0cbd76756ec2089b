#!/usr/bin/env lua
-- Tools for invoices.

local json = require("json")
local util = require "app.util"
require("setup")
local sum, max = math.sum, math.max
dofile("other.lua")

local M = {}
M.__index = M
RATE = 0.19
local cache, limit <const> = {}, 3
M.version = "1.0"

--- Returns the total.
-- @param items a list
function M.total(items)
  local sum = 0
  inner = 1
  local function nested() end
  return sum
end

function M:pay(amount)
  self.amount = amount
end

M.create = function(number)
  return setmetatable({ number = number }, M)
end

M.deep.er = function() end
function M.a.b.c() end

local function helper(x)
  return x
end

local format = function(text)
  return text
end

function global()
end

local Config = {
  name = "x",
  run = function() end,
  ["quoted"] = 1,
}

return M
