const std = @import("std");
const mem = std.mem;
const Allocator = @import("std").mem.Allocator;
usingnamespace @import("c.zig");

/// How much tax is added.
pub const rate: f64 = 0.19;
var verbose = false;
const limit = 3;

/// A customer's invoice.
pub const Invoice = struct {
    number: u32,
    total: f64 = 0,

    const Self = @This();
    pub const version = 2;

    /// Pays it.
    pub fn pay(self: *Self, amount: f64) !bool {
        const local = amount;
        return local > 0;
    }

    const Line = struct { text: []const u8 };
};

pub const Status = enum(u8) {
    open,
    paid = 2,

    pub fn next(self: Status) Status {
        return self;
    }
};

const Value = union(enum) {
    int: i64,
    none,
};

const Failure = error{ NotFound, Broken };

pub fn List(comptime T: type) type {
    return struct {
        items: []T,
        pub fn len(self: @This()) usize {
            return self.items.len;
        }
    };
}

extern fn c_sin(x: f64) f64;
export fn main() void {
    const x = 1;
    _ = x;
}

test "pays" {
    try std.testing.expect(true);
}
test named {}
