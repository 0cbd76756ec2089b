using System;
using System.Collections.Generic;
using Lines = System.Collections.Generic.List<string>;

namespace Shop.Orders;

/// <summary>What somebody ordered.</summary>
[Serializable]
public sealed class Order<T> : IPriced where T : struct
{
    public const int Limit = 20;
    private static readonly string[] names = { "Zoë", "漢字", "😀" };

    public Order(int number) : base(number) => Number = number;

    public int Number { get; init; } = 1;
    public event EventHandler? Sent;

    public int Total
    {
        get
        {
            int Price(string line) => line.Length;
            return Price($"{names[0],10:N2} {@"a ""b"" c"}");
        }
    }

    public async Task<bool> Send(string address, int retries = 3)
    {
        for (var attempt = 0; attempt < retries; attempt++)
        {
            if (await Post(address, new { Number }) is true) return true;
        }
        Sent?.Invoke(this, EventArgs.Empty);
        return false;
    }

    public static Order<T> operator +(Order<T> a, Order<T> b) => a;
    public string this[int index] => names[index];

    private class Line
    {
        internal int amount;
    }
}

public interface IPriced
{
    int Total { get; }
}

public enum State { Open = 1, Sent }

public record struct Pair(int A, int B);

public delegate bool Visit(Lines lines);
