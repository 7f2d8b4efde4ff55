//! The text of one file as documents, with the place of every key and value.
//!
//! A document is a flat array of small nodes in the order of the text. It holds no values of its own: a value is cut from
//! the text of the file when it is asked for, so that ten thousand documents cost little more than their text.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use crate::problem::{Place, Problem};

mod mapping;
mod plain;
mod read;
mod scalar;

pub use read::{read_chunk, read_file, split_documents};
pub use scalar::{is_yaml11_boolean, resolves_to_text};

/// The largest file. Two thousand services with their task definitions fit in one; what is larger is no manifest.
pub const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The deepest nesting. A task definition needs 8; the limit keeps recursion harmless.
pub const DEPTH_MAX: usize = 64;
/// The most values in one document, aliases followed. It bounds the memory of one document to some 36 MB.
pub const DOCUMENT_NODES_MAX: usize = 1_000_000;
/// The most values in all documents that are loaded together. It bounds their memory to some 150 MB.
pub const LOAD_NODES_MAX: usize = 4_000_000;
/// The most values that the aliases of one document may add: a few lines of nested aliases can mean billions.
pub const ALIAS_NODES_MAX: usize = 100_000;
/// The most text that the aliases of one document may add: one long text can be repeated by many short aliases.
pub const ALIAS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most problems that are listed for one document: nobody reads more, and each costs memory.
pub const DOCUMENT_PROBLEMS_MAX: usize = 100;

/// One file: its name as the user knows it, and its text.
#[derive(Debug)]
pub struct File {
    name: Arc<str>,
    text: String,
    line_starts: OnceLock<Box<[u32]>>,
}

impl File {
    /// A file from its name and text.
    pub fn new(name: impl Into<Arc<str>>, text: String) -> Self {
        Self { name: name.into(), text, line_starts: OnceLock::new() }
    }

    /// The name, as in `manifests/web.yaml`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let after_mark = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
            let mut starts = vec![offset(after_mark)];
            starts.extend(self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| offset(i + 1)));
            starts.into_boxed_slice()
        })
    }

    /// Whole lines around a range of bytes, without a byte order mark: the number of the first one, and their bytes.
    pub fn lines_around(&self, bytes: Range<usize>, before: usize, after: usize) -> (usize, Range<usize>) {
        let starts = self.line_starts();
        let line_of = |byte: usize| starts.partition_point(|start| *start as usize <= byte).max(1) - 1;
        let first = line_of(bytes.start).saturating_sub(before);
        // A range that ends with a line break does not touch the line after it.
        let last = line_of(bytes.end.saturating_sub(1).max(bytes.start)) + after;
        let end = starts.get(last + 1).map_or(self.text.len(), |next| *next as usize);
        (first + 1, starts[first] as usize..end)
    }

    /// Line and column of a byte, both counted from 1.
    fn position(&self, byte: usize) -> (u32, u32) {
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start as usize <= byte).max(1);
        let before = self.text.get(starts[line - 1] as usize..byte).unwrap_or("");
        (offset(line), offset(before.chars().count() + 1))
    }

    /// The place of a range of bytes, moved to whole characters inside the text.
    pub fn place(&self, bytes: Range<usize>) -> Place {
        let start = self.text.floor_char_boundary(bytes.start.min(self.text.len()));
        let end = self.text.floor_char_boundary(bytes.end.clamp(start, self.text.len()));
        let (line, column) = self.position(start);
        let (end_line, end_column) = self.position(end);
        Place { file: Arc::clone(&self.name), line, column, end_line, end_column, bytes: start..end }
    }
}

/// An offset or count that fits, since no file is larger than [`FILE_BYTES_MAX`].
fn offset(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What a document costs at least, in nodes: it keeps the number of documents below a hundred thousand.
const DOCUMENT_NODES_MIN: usize = 40;

/// What all documents that are loaded together may use.
#[derive(Debug, Default)]
pub struct Budget {
    nodes: AtomicUsize,
}

impl Budget {
    /// Takes `count` nodes and tells whether they were there.
    fn take(&self, count: usize) -> bool {
        self.nodes.fetch_add(count, Ordering::Relaxed).saturating_add(count) <= LOAD_NODES_MAX
    }

    /// Whether more was asked for than there is. What was read is then incomplete and is not to be used.
    pub fn is_exceeded(&self) -> bool {
        self.nodes.load(Ordering::Relaxed) > LOAD_NODES_MAX
    }
}

/// What a node holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Null,
    True,
    False,
    Integer,
    Float,
    Text,
    Sequence,
    Mapping,
    /// A value that has been reported and stands for anything.
    Broken,
}

/// The text of a node is its span.
const TEXT_IS_SPAN: u32 = u32::MAX;
/// The text of a node is its span without the quotes around it.
const TEXT_IS_QUOTED: u32 = u32::MAX - 1;

/// A value and, in a mapping, its key. A collection is followed by all that it holds.
#[derive(Debug, Clone, Copy)]
struct Node {
    key_start: u32,
    key_end: u32,
    /// Where the decoded key is: one of the two constants, or an index into the texts of the document.
    key_text: u32,
    start: u32,
    end: u32,
    text: u32,
    /// This node and all that it holds.
    size: u32,
    holds: Holds,
    /// The span is that of an alias; the value is written elsewhere.
    aliased: bool,
}

/// Where the value of an alias is written.
#[derive(Debug, Clone, Copy)]
struct AliasUse {
    start: u32,
    target_start: u32,
    target_end: u32,
}

/// One document of a file.
#[derive(Debug)]
pub struct Document {
    file: Arc<File>,
    nodes: Box<[Node]>,
    texts: Box<[Box<str>]>,
    aliases: Box<[AliasUse]>,
    /// The node that holds the fields of a task definition without the envelope of a manifest.
    plain: Option<usize>,
}

impl Document {
    fn new(file: Arc<File>, nodes: Vec<Node>, texts: Vec<Box<str>>, aliases: Vec<AliasUse>) -> Self {
        let (nodes, texts, aliases) = (nodes.into_boxed_slice(), texts.into_boxed_slice(), aliases.into_boxed_slice());
        let mut document = Self { file, nodes, texts, aliases, plain: None };
        document.plain = plain::find(&document);
        document
    }

    /// Whether it is a plain ECS task definition, which is read as if it had the envelope of a manifest.
    pub fn is_plain_task_definition(&self) -> bool {
        self.plain.is_some()
    }

    /// The file that it was read from.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    fn text_of(&self, start: u32, end: u32, text: u32) -> &str {
        text_of(&self.file.text, &self.texts, start, end, text)
    }

    fn key(&self, node: &Node) -> &str {
        self.text_of(node.key_start, node.key_end, node.key_text)
    }

    fn children(&self, index: usize) -> Children<'_> {
        Children { nodes: &self.nodes, next: index + 1, end: index + self.nodes[index].size as usize }
    }

    /// The index of the entry of a mapping.
    fn child(&self, index: usize, key: &str) -> Option<usize> {
        self.children(index).find(|child| self.key(&self.nodes[*child]) == key)
    }

    /// The index of the node at a pointer, or the last one on the way with `false`.
    fn walk(&self, pointer: &str) -> (usize, bool) {
        match self.plain {
            Some(inner) => plain::walk(self, inner, pointer),
            None => self.walk_from(0, pointer),
        }
    }

    fn walk_from(&self, mut index: usize, pointer: &str) -> (usize, bool) {
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let child = match self.nodes[index].holds {
                Holds::Mapping => self.child(index, &token),
                Holds::Sequence => token.parse().ok().and_then(|item| self.children(index).nth(item)),
                Holds::Null
                | Holds::True
                | Holds::False
                | Holds::Integer
                | Holds::Float
                | Holds::Text
                | Holds::Broken => None,
            };
            match child {
                Some(child) => index = child,
                None => return (index, false),
            }
        }
        (index, true)
    }

    fn find(&self, pointer: &str) -> Option<&Node> {
        match self.walk(pointer) {
            (index, true) => Some(&self.nodes[index]),
            (_, false) => None,
        }
    }

    fn value_place(&self, node: &Node) -> Place {
        if node.start == node.end && node.key_end > node.key_start {
            // An empty value has no text; its key shows where it would be.
            return self.file.place(node.key_start as usize..node.key_end as usize);
        }
        self.file.place(node.start as usize..node.end as usize)
    }

    /// The place of the value at a JSON pointer such as `/spec/containerDefinitions/0/image`.
    pub fn place_of(&self, pointer: &str) -> Option<Place> {
        self.find(pointer).map(|node| self.value_place(node))
    }

    /// The place of the key in front of the value at a JSON pointer; that of the value where there is no key.
    pub fn key_place_of(&self, pointer: &str) -> Option<Place> {
        self.find(pointer).map(|node| {
            if node.key_end > node.key_start {
                self.file.place(node.key_start as usize..node.key_end as usize)
            } else {
                self.value_place(node)
            }
        })
    }

    /// The keys of the mapping at a JSON pointer, in their order.
    pub fn keys_of(&self, pointer: &str) -> Vec<String> {
        match self.walk(pointer) {
            (index, true) if self.nodes[index].holds == Holds::Mapping => {
                self.children(index).map(|child| self.key(&self.nodes[child]).to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The place of the value at a JSON pointer, or that of the key of the nearest object around it.
    pub fn nearest_place_of(&self, pointer: &str) -> Place {
        let (index, found) = self.walk(pointer);
        let node = &self.nodes[index];
        if found {
            return self.value_place(node);
        }
        if node.key_end > node.key_start {
            return self.file.place(node.key_start as usize..node.key_end as usize);
        }
        let mut place = self.value_place(node);
        // A whole document or item is too much to underline: its first line is enough.
        let first_line = self.file.text[place.bytes.clone()].lines().next().unwrap_or("").len();
        place = self.file.place(place.bytes.start..place.bytes.start + first_line);
        place
    }

    /// Where the value at a JSON pointer is written, when an alias stands at its place.
    pub fn alias_target_of(&self, pointer: &str) -> Option<Place> {
        let node = self.find(pointer).filter(|node| node.aliased)?;
        let found = self.aliases.binary_search_by_key(&node.start, |alias| alias.start).ok()?;
        let AliasUse { target_start, target_end, .. } = self.aliases[found];
        Some(self.file.place(target_start as usize..target_end as usize))
    }

    /// Whether a piece of the text stands for several places of the document: within an anchor that is used again.
    pub fn is_shared(&self, bytes: &Range<usize>) -> bool {
        let holds =
            |alias: &AliasUse| alias.target_start as usize <= bytes.start && bytes.end <= alias.target_end as usize;
        self.aliases.iter().any(holds)
    }

    /// Whether the value at a JSON pointer has already been reported as unreadable.
    pub fn is_broken(&self, pointer: &str) -> bool {
        self.find(pointer).is_some_and(|node| node.holds == Holds::Broken)
    }

    /// Whether any value in it has already been reported as unreadable.
    pub fn has_broken(&self) -> bool {
        self.nodes.iter().any(|node| node.holds == Holds::Broken)
    }

    /// The text at a JSON pointer as it is written, quotes included.
    pub fn source_of(&self, pointer: &str) -> Option<&str> {
        self.find(pointer).map(|node| &self.file.text[node.start as usize..node.end as usize])
    }

    /// The whole document as a value. Keys keep their order.
    pub fn to_value(&self) -> Value {
        match self.plain {
            Some(inner) => plain::to_value(self, inner),
            None => self.value_at(0),
        }
    }

    fn value_at(&self, index: usize) -> Value {
        let node = &self.nodes[index];
        match node.holds {
            Holds::Null | Holds::Broken => Value::Null,
            Holds::True => Value::Bool(true),
            Holds::False => Value::Bool(false),
            Holds::Integer | Holds::Float => scalar::number(self.text_of(node.start, node.end, node.text)),
            Holds::Text => Value::String(self.text_of(node.start, node.end, node.text).to_owned()),
            Holds::Sequence => self.children(index).map(|child| self.value_at(child)).collect(),
            Holds::Mapping => {
                let mut map = Map::with_capacity(self.children(index).count());
                for child in self.children(index) {
                    map.insert(self.key(&self.nodes[child]).to_owned(), self.value_at(child));
                }
                Value::Object(map)
            }
        }
    }
}

/// The indices of the nodes directly inside a collection.
struct Children<'a> {
    nodes: &'a [Node],
    next: usize,
    end: usize,
}

impl Iterator for Children<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let index = self.next;
        if index >= self.end {
            return None;
        }
        self.next += self.nodes[index].size as usize;
        Some(index)
    }
}

fn text_of<'a>(source: &'a str, texts: &'a [Box<str>], start: u32, end: u32, text: u32) -> &'a str {
    match text {
        TEXT_IS_SPAN => &source[start as usize..end as usize],
        TEXT_IS_QUOTED => &source[start as usize + 1..end as usize - 1],
        index => &texts[index as usize],
    }
}

/// What was found in a piece of a file.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The documents, in the order of the text.
    pub documents: Vec<Document>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

#[cfg(test)]
mod tests;
