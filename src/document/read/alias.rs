//! Anchors and aliases, within their limits.

use super::{Abandoned, Reader};
use crate::document::mapping::KEY_IS_BROKEN;
use crate::document::{
    ALIAS_BYTES_MAX, ALIAS_NODES_MAX, AliasUse, DEPTH_MAX, Holds, Node, TEXT_IS_QUOTED, TEXT_IS_SPAN, text_of,
};
use crate::problem::{Code, Problem};

/// What an alias stands for: a copy, since the nodes around the original may still move.
pub(super) struct Anchor {
    nodes: Box<[Node]>,
    height: usize,
    bytes: usize,
}

impl Reader<'_> {
    pub(super) fn remember(&mut self, anchor: usize, node: usize, height: usize) {
        if anchor == 0 {
            return;
        }
        let nodes: Box<[Node]> = self.nodes[node..].into();
        let bytes = nodes.iter().map(|node| self.text_length(node)).sum();
        self.anchors.insert(anchor, Anchor { nodes, height, bytes });
        // Every anchor keeps a copy: they count like what an alias adds.
        self.alias_nodes += self.nodes.len() - node;
    }

    fn text_length(&self, node: &Node) -> usize {
        let text = |start, end, text| match text {
            KEY_IS_BROKEN => 0,
            text => text_of(&self.file.text, &self.texts, start, end, text).len(),
        };
        // What a collection holds is counted on its own, and numbers are short.
        let value = if node.holds == Holds::Text { text(node.start, node.end, node.text) } else { 0 };
        value + text(node.key_start, node.key_end, node.key_text)
    }

    pub(super) fn alias(&mut self, id: usize, at: (u32, u32)) -> Result<(), Abandoned> {
        let Some(anchor) = self.anchors.get(&id) else {
            self.report(at, Problem::error(Code::Alias, "the alias refers to a value that contains it"));
            return self.broken(at);
        };
        let (count, height, bytes) = (anchor.nodes.len(), anchor.height, anchor.bytes);
        let target = anchor.nodes[0];
        self.alias_nodes += count;
        self.alias_bytes += bytes;
        if self.alias_nodes > ALIAS_NODES_MAX || self.alias_bytes > ALIAS_BYTES_MAX {
            let message = format!(
                "the aliases of this document stand for more than {ALIAS_NODES_MAX} values or {} MiB of text",
                ALIAS_BYTES_MAX / (1024 * 1024)
            );
            self.report(at, Problem::error(Code::Limit, message));
            return Err(Abandoned);
        }
        if self.frames.len() + height >= DEPTH_MAX {
            return self.too_deep(at);
        }
        if self.expects_key() {
            return self.alias_key(target, at);
        }
        let key = self.take_key();
        let first = self.nodes.len();
        if let Some(anchor) = self.anchors.get(&id) {
            self.nodes.extend_from_slice(&anchor.nodes);
        }
        let text = self.owned_text(&target);
        let root = &mut self.nodes[first];
        (root.key_start, root.key_end, root.key_text) = (key.start, key.end, key.text);
        (root.start, root.end, root.text, root.aliased) = (at.0, at.1, text, true);
        self.aliases.push(AliasUse { start: at.0, target_start: target.start, target_end: target.end });
        self.check_size(at)?;
        self.completed(at.1, height);
        Ok(())
    }

    fn alias_key(&mut self, target: Node, at: (u32, u32)) -> Result<(), Abandoned> {
        let index = self.owned_text(&target);
        let text = match target.holds {
            Holds::Sequence | Holds::Mapping | Holds::Broken => "*".to_owned(),
            Holds::Null | Holds::True | Holds::False | Holds::Integer | Holds::Float | Holds::Text => {
                text_of(&self.file.text, &self.texts, at.0, at.1, index).to_owned()
            }
        };
        self.key(&text, target.holds, index, at)
    }

    /// The text of a scalar beside the file, for a node whose span will be that of an alias.
    fn owned_text(&mut self, target: &Node) -> u32 {
        match (target.holds, target.text) {
            (Holds::Sequence | Holds::Mapping | Holds::Broken, _) => TEXT_IS_SPAN,
            (_, TEXT_IS_SPAN | TEXT_IS_QUOTED) => {
                let text = text_of(&self.file.text, &self.texts, target.start, target.end, target.text);
                let text = text.to_owned();
                self.store_text(&text)
            }
            (_, index) => index,
        }
    }
}
