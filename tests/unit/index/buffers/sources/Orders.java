package shop.orders;

import static java.util.Objects.requireNonNull;

import java.util.*;
import java.util.function.Function;

/** Orders of a small shop. */
@SuppressWarnings("unchecked")
public abstract class Orders<T extends Comparable<T>> implements Iterable<T> {
    public static final int LIMIT = 20;
    private final List<String> names = List.of("Zoë", "漢字", "😀"), others = null;

    public Orders(Clock clock) {
        this.clock = requireNonNull(clock);
    }

    /** The sum. */
    @Override
    public int total() throws IllegalStateException {
        Function<String, Integer> price = line -> line.length();
        class Local {
            int value;
        }
        return names.stream().map(price).mapToInt(i -> i).sum();
    }

    protected abstract <R> R send(String address, int... retries);

    interface Clock {
        long now();

        default boolean isLate() {
            return now() > LIMIT;
        }
    }

    enum State {
        OPEN(1),
        SENT(2) {
            @Override
            int code() {
                return 3;
            }
        };

        private final int code;

        State(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    record Order(int number, List<String> lines) {
        Order {
            if (number < 0) throw new IllegalArgumentException("""
                a text
                block""");
        }
    }

    @interface Marker {
        String value() default "";
    }
}
