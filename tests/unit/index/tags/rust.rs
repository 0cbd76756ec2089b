//! A crate.
use std::collections::{self, hash_map::{Entry, HashMap as Map}, *};
use crate::errors;
pub use super::thing::Thing as Renamed;
use ::absolute;
extern crate alloc as heap;

mod declared;

/// The limit.
pub const LIMIT: usize = 10;
static mut COUNTER: u32 = 0;

/// A point.
#[derive(Debug, Clone)]
pub struct Point<T> {
    /// Left to right.
    pub x: T,
    y: T,
}
struct Unit;
struct Pair(u32, u32);
union Bits { int: u32, float: f32 }

/// Colours.
pub enum Color {
    Red,
    Rgb(u8, u8, u8),
    Named { name: String } ,
}

pub type Result<T> = std::result::Result<T, Error>;

/// What can be drawn.
pub trait Draw: Debug {
    type Output;
    const SIZE: usize;
    fn draw(&self) -> Self::Output;
    /// Has a default.
    fn twice(&self) { self.draw(); }
}

impl<T: Debug> Draw for Point<T> {
    type Output = ();
    const SIZE: usize = 2;
    fn draw(&self) -> Self::Output {}
}

impl Point<u32> {
    /// Makes one.
    #[inline]
    pub async unsafe fn new(
        x: u32,
        y: u32,
    ) -> Self
    where
        u32: Copy,
    {
        use std::mem;
        let local = 1;
        fn helper() {}
        struct Inside { field: u32 }
        impl Inside { fn method(&self) {} }
        Point { x, y }
    }
}

impl fmt::Display for errors::Error {}

#[macro_export]
macro_rules! shout {
    ($x:expr) => { println!("{}", $x) };
}

extern "C" {
    fn external(x: i32) -> i32;
    static VALUE: i32;
}

pub(crate) mod inner {
    use super::*;
    pub fn function() {}
    #[cfg(test)]
    mod deeper { fn r#match() {} }
}

fn main() -> impl Draw { unimplemented!() }
