using System;
using System.Collections.Generic;
using static System.Math;
using Text = System.Text.StringBuilder;
global using Global.Space;

namespace Example.App
{
    /// <summary>A shape.</summary>
    [Serializable]
    public abstract partial class Shape<T> : Base, IDrawable where T : class
    {
        public const int Limit = 10;
        private readonly string name, other = "x";

        /// Makes one.
        public Shape(string name) : base(name) { this.name = name; }
        ~Shape() { }

        public string Name { get; set; } = "";
        public int Area => 1;
        public event EventHandler Changed;
        public event EventHandler Custom { add { } remove { } }
        public int this[int index] => index;

        [Obsolete]
        public async Task<R> Draw<R>(int x, string y = "a") where R : new()
        {
            int local = 1;
            int Inner(int z) => z;
            return default;
        }

        public abstract void Paint(
            int x);
        int Expression() => 1;
        public static Shape<T> operator +(Shape<T> a, Shape<T> b) => a;
        public static implicit operator string(Shape<T> s) => "";
        void IDrawable.Explicit() { }

        private class Nested { int field; }
    }

    interface IDrawable
    {
        int Width { get; }
        void Draw(int x);
    }

    public struct Point { public int X, Y; }
    public record Person(string First, string Last) { public int Age { get; init; } }
    record struct Pair(int A);
    enum Color : byte { Red, Green = 2 }
    public delegate void Handler(object sender, EventArgs e);
#if DEBUG
    class Debugging { }
#endif
}

namespace Other.Nested { static class Extensions { public static void Do(this string s) { } } }
