"""
Invoices of the shop.
"""
module Billing

using LinearAlgebra, Statistics
using DataFrames: DataFrame, select
import Base: show, +
import JSON as J
import CSV.Rows as R
include("helpers.jl")
export Invoice, total

const RATE = 0.19
verbose = false
global counter = 0
const limit::Int = 3

"Anything that can be paid."
abstract type Payable end
primitive type Small <: Integer 8 end

"""
    Invoice

A customer's invoice.
"""
struct Invoice{T} <: Payable
    number::Int
    total::T
    untyped
    Invoice(n) = new(n, 0)
end

mutable struct Line
    text::String
end

Base.@kwdef struct Options
    depth::Int = 1
end

@enum Status open paid

# Returns the total.
function total(items::Vector{T}; tax=RATE) where {T<:Payable}
    sum = 0
    nested(x) = x
    return sum
end

area(r) = π * r^2
scale(x::T) where {T} = x
function Base.show(io::IO, x::Invoice)
    print(io, x.number)
end
Base.length(x::Line) = 1
+(a::Line, b::Line) = a
half(x)::Float64 = x / 2

macro check(expression)
    return expression
end

function forward end

module Inner
f() = 1
end

end
