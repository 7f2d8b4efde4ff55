//! The end of a mapping: duplicate keys, merge keys, and keys that are no keys.

use std::collections::BTreeMap;

use super::{Holds, Node, TEXT_IS_SPAN, text_of};

/// From how many keys on a tree finds duplicates faster than comparing all pairs.
const PAIRWISE_MAX: usize = 12;

/// The key of an entry that has been reported and is left out.
pub(super) const KEY_IS_BROKEN: u32 = u32::MAX - 2;

/// What is found at the end of a mapping.
pub(super) struct Finding {
    pub(super) message: Message,
    pub(super) at: (u32, u32),
    pub(super) first: (u32, u32),
    pub(super) key: String,
}

/// Which finding it is.
pub(super) enum Message {
    Duplicate,
    MergeOfNoMapping,
}

struct Source<'a> {
    source: &'a str,
    texts: &'a [Box<str>],
}

impl Source<'_> {
    fn key(&self, node: &Node) -> &str {
        text_of(self.source, self.texts, node.key_start, node.key_end, node.key_text)
    }

    fn is_merge(&self, node: &Node) -> bool {
        node.key_text == TEXT_IS_SPAN && self.key(node) == "<<"
    }
}

fn entries(nodes: &[Node]) -> impl Iterator<Item = (usize, &Node)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let index = next;
        let node = nodes.get(index)?;
        next += node.size as usize;
        Some((index, node))
    })
}

/// Checks the entries of a mapping that begin at `first`, and rewrites them when they hold duplicates or merge keys.
pub(super) fn finish(source: &str, texts: &[Box<str>], nodes: &mut Vec<Node>, first: usize) -> Vec<Finding> {
    let source = Source { source, texts };
    if is_plain(&source, &nodes[first..]) {
        return Vec::new();
    }
    let old = nodes.split_off(first);
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut merges = Vec::new();
    for (index, node) in entries(&old) {
        if node.key_text == KEY_IS_BROKEN {
            continue;
        }
        let at = (node.key_start, node.key_end);
        let key = source.key(node);
        if let Some(first) = seen.get(key) {
            findings.push(Finding { message: Message::Duplicate, at, first: *first, key: key.to_owned() });
            continue;
        }
        seen.insert(key, at);
        if source.is_merge(node) {
            merges.push(index);
        } else {
            nodes.extend_from_slice(&old[index..index + node.size as usize]);
        }
    }
    for index in merges {
        merge(&source, &old, index, nodes, &mut seen, &mut findings);
    }
    findings
}

/// Whether there is nothing to repair: the case of nearly every mapping.
fn is_plain(source: &Source<'_>, nodes: &[Node]) -> bool {
    let count = entries(nodes).count();
    if entries(nodes).any(|(_, node)| node.key_text == KEY_IS_BROKEN || source.is_merge(node)) {
        return false;
    }
    if count > PAIRWISE_MAX {
        let mut seen = std::collections::BTreeSet::new();
        return entries(nodes).all(|(_, node)| seen.insert(source.key(node)));
    }
    entries(nodes).all(|(index, node)| {
        let key = source.key(node);
        entries(nodes).take_while(|(earlier, _)| *earlier < index).all(|(_, earlier)| source.key(earlier) != key)
    })
}

/// Appends the entries of the mapping, or list of mappings, behind a merge key that are not there yet.
fn merge<'a>(
    source: &'a Source<'a>,
    old: &'a [Node],
    index: usize,
    nodes: &mut Vec<Node>,
    seen: &mut BTreeMap<&'a str, (u32, u32)>,
    findings: &mut Vec<Finding>,
) {
    let node = &old[index];
    let inside = &old[index + 1..index + node.size as usize];
    let mappings: Vec<(usize, &Node)> = match node.holds {
        Holds::Sequence => entries(inside).map(|(item, node)| (index + 1 + item, node)).collect(),
        Holds::Broken => Vec::new(),
        Holds::Mapping | Holds::Null | Holds::True | Holds::False | Holds::Integer | Holds::Float | Holds::Text => {
            vec![(index, node)]
        }
    };
    for (at, mapping) in mappings {
        if mapping.holds != Holds::Mapping {
            let span = (mapping.start, mapping.end.max(mapping.start));
            findings.push(Finding { message: Message::MergeOfNoMapping, at: span, first: span, key: "<<".to_owned() });
            continue;
        }
        let inside = &old[at + 1..at + mapping.size as usize];
        for (entry, node) in entries(inside) {
            let key = source.key(node);
            if !seen.contains_key(key) {
                seen.insert(key, (node.key_start, node.key_end));
                nodes.extend_from_slice(&inside[entry..entry + node.size as usize]);
            }
        }
    }
}
