/* Orders of a small shop. */
#include <stdio.h>
#include "orders.h"

#define LIMIT 20
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static const char *names[] = {"Zoë", "漢字", "😀"};
extern int total_count;

typedef unsigned long size_type;

typedef struct order {
    int number;
    char lines[LIMIT][80];
    struct order *next;
} order_t;

union value {
    int i;
    float f;
};

enum state { OPEN = 1, SENT };

typedef int (*visit)(const order_t *, void *);

int total(const order_t *order);

static inline int price(const char *line)
{
    int n = 0;
    while (*line++)
        n += '\'' == *line ? 2 : 1;
    return n;
}

int total(const order_t *order)
{
    int sum = 0;
#ifdef SLOW
    for (int i = 0; i < LIMIT; i++) {
        sum += price(order->lines[i]);
    }
#else
    sum = MAX(order->number, 0);
#endif
    return sum;
}

struct order *new_order(int number, ...)
{
    static struct order first = {.number = 1};
    if (number < 0)
        goto fail;
    printf("%d \"%s\"\n", number, names[0]);
    return &first;
fail:
    return NULL;
}
