//! Finds all selectors that are contained in a context. The cost depends on the context, not on the number of bindings.
//!
//! Selectors are paths in a trie over their items in canonical order. A context of n items walks the paths that are made of its own items: one
//! probe per pair of a reached node and a later item, so at most 2^n probes (1,024 for the 10 items a context can have) and one for a context with one item,
//! whether there are a thousand bindings or a million.

use std::collections::HashMap;

use crate::context::{Context, MAX_ITEMS};

const ROOT: u32 = 0;

#[derive(Default)]
pub(super) struct SelectorIndex {
    /// A number for every item that stands in a selector, by its canonical form.
    items: HashMap<Box<[u8]>, u32>,
    /// (node, item) → node
    edges: HashMap<(u32, u32), u32>,
    /// The bindings whose selector ends at a node.
    ends: Vec<Vec<u32>>,
}

/// A binding by its number, and which items of the context its selector is made of, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) binding: usize,
    pub(super) items: u16,
}

impl SelectorIndex {
    pub(super) fn new<'a>(selectors: impl Iterator<Item = (usize, &'a Context)>) -> Self {
        let mut index = Self { ends: vec![Vec::new()], ..Self::default() };
        for (binding, selector) in selectors {
            let mut node = ROOT;
            for item in selector.canonical_items() {
                let number = match index.items.get(item) {
                    Some(number) => *number,
                    None => {
                        let number = index.items.len() as u32;
                        index.items.insert(item.into(), number);
                        number
                    }
                };
                let next = index.ends.len() as u32;
                node = *index.edges.entry((node, number)).or_insert(next);
                if node == next {
                    index.ends.push(Vec::new());
                }
            }
            index.ends[node as usize].push(binding as u32);
        }
        index
    }

    /// Every binding whose selector is contained in `context`, in no particular order.
    pub(super) fn find(&self, context: &Context) -> Vec<Hit> {
        let mut known = [(0, 0); MAX_ITEMS];
        let mut count = 0;
        if !self.items.is_empty() {
            for (position, item) in context.canonical_items().enumerate() {
                if let Some(number) = self.items.get(item) {
                    known[count] = (*number, 1_u16 << position);
                    count += 1;
                }
            }
        }
        let mut hits = Vec::new();
        self.walk(ROOT, 0, &known[..count], &mut hits);
        hits
    }

    fn walk(&self, node: u32, path: u16, later: &[(u32, u16)], hits: &mut Vec<Hit>) {
        for (index, (item, bit)) in later.iter().enumerate() {
            let Some(next) = self.edges.get(&(node, *item)) else {
                continue;
            };
            let items = path | bit;
            hits.extend(self.ends[*next as usize].iter().map(|binding| Hit { binding: *binding as usize, items }));
            self.walk(*next, items, &later[index + 1..], hits);
        }
    }
}
