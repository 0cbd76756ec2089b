# frozen_string_literal: true

require "json"
require_relative "../lib/invoice"
autoload :Ledger, "billing/ledger"
load "tasks.rb"

# Money that customers owe.
module Billing
  RATE = 0.19

  # A customer's invoice.
  class Invoice < ActiveRecord::Base
    include Comparable
    extend Forwardable
    attr_accessor :number, :customer
    attr_reader :total
    scope :open, -> { where(paid: false) }

    STATES = %w[open paid].freeze
    @@count = 0

    # Returns the sum with tax.
    def sum(items, tax: RATE)
      local = items.sum
      local * (1 + tax)
    end

    def self.find(number) = all.fetch(number)

    class << self
      def create(**options)
        new(**options)
      end
    end

    def <=>(other)
      total <=> other.total
    end

    def paid? = true
    def number=(value)
      @number = value
    end

    alias_method :amount, :total
    alias to_i total

    private def secret; end
    define_method(:dynamic) { 1 }
  end

  class Billing::Error < StandardError; end

  Point = Struct.new(:x, :y) do
    def norm
      x + y
    end
  end
end

def main
  Billing::Invoice.new
end

$verbose = false
limit = 3
