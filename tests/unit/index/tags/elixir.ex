# Licence.

defmodule Shop.Invoice do
  @moduledoc """
  Invoices of the shop.
  """
  use GenServer
  import Ecto.Query, only: [from: 2]
  alias Shop.{Customer, Order}
  alias Shop.Money, as: Cash
  require Logger

  @rate 0.19
  @type t :: %__MODULE__{total: integer}
  @typep state :: map
  @opaque id(x) :: x
  @callback pay(integer) :: boolean
  @behaviour Payable

  defstruct [:number, total: 0]

  @doc """
  Returns the total.

  More.
  """
  @spec total(list, integer) :: integer
  def total(items, tax \\ 0)
  def total([], _), do: 0

  def total([head | tail], tax) when tax > 0 do
    local = head
    local + total(tail, tax)
  end

  @doc "Pays it."
  def pay, do: true
  defp secret(x), do: x
  def paid?(x) when is_integer(x), do: true
  defmacro unless(condition, do: block) do
    quote do: unquote(block)
  end
  defmacrop hidden(x), do: x
  defguard is_big(x) when x > 3
  defdelegate size(x), to: Map
  def left + right, do: left

  defmodule Line do
    defexception message: "x"
  end
end

defprotocol Shop.Payable do
  @doc "Pays."
  def pay(thing)
end

defimpl Shop.Payable, for: Shop.Invoice do
  def pay(_), do: true
end
