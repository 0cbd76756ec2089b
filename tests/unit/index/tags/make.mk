# Builds the shop.
CC := gcc
CFLAGS ?= -O2
SOURCES = $(wildcard *.c)
export PATH_X = 1
override FLAGS += -g
define RECIPE
echo hi
endef

include config.mk
-include local.mk other.mk

.PHONY: all clean

# Builds everything.
all: shop docs
	@echo done

shop docs: $(SOURCES)
	$(CC) -o $@ $^

%.o: %.c
	$(CC) -c $<

clean::
	rm -f *.o

$(OUT)/x: all
	true

ifeq ($(DEBUG),1)
INNER = 1
debug: all
	gdb
endif

target: VARIABLE = 1
