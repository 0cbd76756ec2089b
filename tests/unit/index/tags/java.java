package com.example.app;

import java.util.List;
import java.util.*;
import static org.junit.Assert.assertEquals;

/**
 * A shape.
 */
@Deprecated
public abstract class Shape<T extends Number> extends Base implements Drawable, Other {
    /** How many. */
    public static final int LIMIT = 10;
    private String name, other = "x";
    protected List<String>[] items;

    static { System.out.println("initializer"); }

    /** Makes one. */
    @Inject
    public Shape(String name) { this.name = name; }

    /** Draws. */
    @Override
    public <R> R draw(int x, final List<String> y) throws IOException {
        int local = 1;
        Runnable anonymous = new Runnable() { public void run() {} };
        class Local { void method() {} }
        return null;
    }

    abstract double area(
        int precision
    );

    static class Nested {
        int field;
        class Deeper {}
    }
}

interface Drawable {
    int SIZE = 1;
    void draw();
    default void twice() { draw(); }
}

enum Color implements Drawable {
    RED, GREEN("g") { @Override public void draw() {} };

    private final String code;
    Color() { this("x"); }
    public void draw() {}
}

record Point(int x, int y) {
    Point { }
    static Point origin() { return null; }
}

@interface Marker {
    String value() default "";
}
