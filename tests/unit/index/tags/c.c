#include <stdio.h>
#include "local/header.h"
#ifndef SAMPLE_H
#define SAMPLE_H

/* The limit. */
#define LIMIT 10
#define MAX(a, b) \
    ((a) > (b) ? (a) : (b))

/** A point. */
struct point {
    int x, y;
    char *name, buffer[16];
    void (*callback)(int);
    unsigned flags : 3;
    struct { int inner; } nested;
    union { int number; float real; };
};

typedef struct {
    int anonymous;
} anonymous_t;

typedef struct node node_t;
typedef struct list { struct list *next; } list_t, *list_p;
typedef int (*compare_fn)(const void *, const void *);
typedef unsigned long size_type, sizes[4];

enum color { RED, GREEN = 2, };
typedef enum { UP, DOWN } direction;
enum { LOOSE };
union value { int number; };
struct forward;

extern int exported;
static const char *const names[] = { "a", "b" };
int counter = 0, *pointer, matrix[2][2];
int (*hook)(void);
struct point origin = { 0, 0 };

int prototype(int x, const char *y);
char **pointers(void);
static inline int helper(
    int a,
    int b
);

// Adds.
static inline int add(int a, int b)
{
    int local = a;
    struct inside { int q; };
    return local + b;
}

char *duplicate(const char *s) { return 0; }
struct point **deep(void) { return 0; }
int (*returns_function(int x))(int) { return 0; }
int old_style(a, b) int a; int b; { return a; }
__attribute__((noreturn)) void fatal(void) {}

#if defined(A)
int conditional(void) { return 1; }
#elif defined(B)
int conditional_b(void) { return 1; }
#else
int otherwise(void) { return 2; }
#endif

#endif
