//! Orders of a small shop.
use std::collections::{BTreeMap, HashMap as Map};
use std::fmt::{self, Display};

pub const LIMIT: usize = 20;
static NAMES: [&str; 3] = ["Zoë", "漢字", "😀"];

/// What somebody ordered.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    pub number: u32,
    lines: Vec<&'a str>,
}

pub enum State {
    Open,
    Sent { at: u64 },
    Failed(String),
}

pub trait Priced {
    type Price;
    fn total(&self) -> Self::Price;
    fn is_free(&self) -> bool {
        false
    }
}

impl<'a> Priced for Order<'a> {
    type Price = usize;
    fn total(&self) -> usize {
        fn price(line: &str) -> usize {
            line.len()
        }
        self.lines.iter().map(|line| price(line)).sum::<usize>()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Open => write!(f, "open"),
            State::Sent { at } if *at > 3 => write!(f, "{at:?}"),
            _ => Ok(()),
        }
    }
}

macro_rules! order {
    ($number:expr, $($line:expr),*) => { Order { number: $number, lines: vec![$($line),*] } };
}

mod tools {
    pub(crate) fn parse(text: &str) -> Option<u32> {
        let raw = r#"a "quoted" text"#;
        text.parse().ok().filter(|n| *n < raw.len() as u32)
    }
    type Pair = (u32, u32);
}

pub async fn post<T: Display>(_orders: Map<u32, T>, _sorted: BTreeMap<u8, u8>) -> bool {
    NAMES.len() > LIMIT /* never */
}
