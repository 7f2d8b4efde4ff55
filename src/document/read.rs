//! Events of the YAML parser to nodes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::mapping::{self, KEY_IS_BROKEN, Message};
use super::scalar::{self, Plain, clip};
use super::{
    AliasUse, Budget, Chunk, DEPTH_MAX, DOCUMENT_NODES_MAX, DOCUMENT_NODES_MIN, DOCUMENT_PROBLEMS_MAX, Document, File,
    Holds, Node, TEXT_IS_QUOTED, TEXT_IS_SPAN, offset,
};
use crate::problem::{Code, Problem};
use alias::Anchor;

mod alias;

/// Cuts a text at the lines that begin a document, so that the pieces can be read independently and a broken document
/// spoils no other. YAML allows a line that begins with `---` nowhere else.
pub fn split_documents(text: &str) -> Vec<Range<usize>> {
    let begin = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut cuts = vec![begin];
    let bytes = text.as_bytes();
    let mut line = begin;
    while line < bytes.len() {
        if bytes[line..].starts_with(b"---")
            && bytes.get(line + 3).is_none_or(|b| b" \t\r\n".contains(b))
            && line > begin
        {
            cuts.push(line);
        }
        line = match text[line..].find('\n') {
            Some(length) => line + length + 1,
            None => bytes.len(),
        };
    }
    cuts.push(bytes.len());
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Reads a whole file.
pub fn read_file(file: &Arc<File>, budget: &Budget) -> Chunk {
    let mut all = Chunk::default();
    for range in split_documents(file.text()) {
        let chunk = read_chunk(file, range, budget);
        all.documents.extend(chunk.documents);
        all.problems.extend(chunk.problems);
    }
    all
}

/// Reads one piece as cut by [`split_documents`].
pub fn read_chunk(file: &Arc<File>, range: Range<usize>, budget: &Budget) -> Chunk {
    if budget.is_exceeded() {
        // What is read from now on is not used.
        return Chunk::default();
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    // A directive changes what follows it, and no manifest needs one.
    options.disallow_directives = true;
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    let mut parser = Parser::new_from_str_with_options(&file.text[range.clone()], options);
    let mut reader = Reader::new(file, range.start, budget);
    loop {
        let outcome = match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => reader.event(event, span).map_err(|Abandoned| ()),
            Some(Err(error)) => {
                reader.syntax_error(&error);
                Err(())
            }
        };
        if outcome.is_err() {
            reader.abandon();
            budget.take(DOCUMENT_NODES_MIN);
            if !matches!(parser.proceed_next_document(), Ok(true)) {
                break;
            }
        }
    }
    reader.chunk
}

/// The document cannot be read to its end; the reason has been reported.
struct Abandoned;

struct Frame {
    node: usize,
    anchor: usize,
    /// In a mapping: the key whose value comes next.
    key: Option<Key>,
    /// The end of what has been read inside.
    end: u32,
    /// How many levels there are inside.
    height: usize,
}

#[derive(Clone, Copy)]
struct Key {
    start: u32,
    end: u32,
    text: u32,
}

const NO_KEY: Key = Key { start: 0, end: 0, text: TEXT_IS_SPAN };

struct Reader<'a> {
    file: &'a Arc<File>,
    base: usize,
    budget: &'a Budget,
    chunk: Chunk,
    nodes: Vec<Node>,
    texts: Vec<Box<str>>,
    aliases: Vec<AliasUse>,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Anchor>,
    alias_nodes: usize,
    alias_bytes: usize,
    problems: usize,
    /// Inside a key that is a collection: how many levels.
    skipping: usize,
}

impl<'a> Reader<'a> {
    fn new(file: &'a Arc<File>, base: usize, budget: &'a Budget) -> Self {
        Self {
            file,
            base,
            budget,
            chunk: Chunk::default(),
            nodes: Vec::new(),
            texts: Vec::new(),
            aliases: Vec::new(),
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            alias_nodes: 0,
            alias_bytes: 0,
            problems: 0,
            skipping: 0,
        }
    }

    fn report(&mut self, span: (u32, u32), problem: Problem) {
        self.problems += 1;
        if self.problems <= DOCUMENT_PROBLEMS_MAX {
            self.chunk.problems.push(problem.with_place(self.file.place(span.0 as usize..span.1 as usize)));
        }
    }

    fn bytes(&self, span: Span) -> (u32, u32) {
        let range = span.byte_range().unwrap_or(0..0);
        (offset(self.base + range.start), offset(self.base + range.end))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the events of the parser are not ours and may become more")]
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Abandoned> {
        let at = self.bytes(span);
        if self.skipping > 0 {
            match event {
                Event::SequenceStart(..) | Event::MappingStart(..) => self.skipping += 1,
                Event::SequenceEnd | Event::MappingEnd => self.skipping -= 1,
                _ => {}
            }
            return Ok(());
        }
        let tag_at = span.tag_span().map_or(at, |span| self.bytes(span));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().map(|tag| (tag, tag_at));
                self.scalar(&text, style, anchor, tag, at)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", tag_at);
                self.open(Holds::Sequence, anchor, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", tag_at);
                self.open(Holds::Mapping, anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(at);
                Ok(())
            }
            Event::Alias(id) => self.alias(id, at),
            Event::UnresolvedAlias(name) => {
                let message = format!("the alias `*{name}` has no anchor `&{name}` before it in this document");
                self.report(at, Problem::error(Code::Alias, message));
                self.broken(at)
            }
            Event::DocumentEnd => {
                self.finish_document();
                Ok(())
            }
            // Start of stream and document, and whatever carries no node.
            _ => Ok(()),
        }
    }

    /// Whether the next node is a key.
    fn expects_key(&self) -> bool {
        self.frames.last().is_some_and(|frame| self.nodes[frame.node].holds == Holds::Mapping && frame.key.is_none())
    }

    fn set_key(&mut self, key: Key) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(key);
            frame.end = key.end;
        }
    }

    fn take_key(&mut self) -> Key {
        self.frames.last_mut().and_then(|frame| frame.key.take()).unwrap_or(NO_KEY)
    }

    fn push(&mut self, holds: Holds, at: (u32, u32), text: u32) -> Result<usize, Abandoned> {
        let Key { start, end, text: key_text } = self.take_key();
        let node = Node {
            key_start: start,
            key_end: end,
            key_text,
            start: at.0,
            end: at.1,
            text,
            size: 1,
            holds,
            aliased: false,
        };
        self.nodes.push(node);
        self.check_size(at)?;
        Ok(self.nodes.len() - 1)
    }

    fn check_size(&mut self, at: (u32, u32)) -> Result<(), Abandoned> {
        if self.nodes.len() <= DOCUMENT_NODES_MAX {
            return Ok(());
        }
        let message = format!("the document has more than {DOCUMENT_NODES_MAX} values");
        self.report(at, Problem::error(Code::Limit, message));
        Err(Abandoned)
    }

    /// A node is complete: the collection around it reaches at least to its end.
    fn completed(&mut self, end: u32, height: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.end = frame.end.max(end);
            frame.height = frame.height.max(height + 1);
        }
    }

    fn broken(&mut self, at: (u32, u32)) -> Result<(), Abandoned> {
        if self.expects_key() {
            self.set_key(Key { start: at.0, end: at.1, text: KEY_IS_BROKEN });
            return Ok(());
        }
        self.push(Holds::Broken, at, TEXT_IS_SPAN)?;
        self.completed(at.1, 0);
        Ok(())
    }

    fn store_text(&mut self, text: &str) -> u32 {
        self.texts.push(text.into());
        offset(self.texts.len() - 1)
    }

    /// Where the text of a scalar is: in the file as it stands, or decoded beside it.
    fn text_index(&mut self, text: &str, at: (u32, u32)) -> u32 {
        let written = &self.file.text[at.0 as usize..at.1 as usize];
        if written == text {
            return TEXT_IS_SPAN;
        }
        let quotes =
            written.starts_with('"') && written.ends_with('"') || written.starts_with('\'') && written.ends_with('\'');
        if quotes && written.len() == text.len() + 2 && &written[1..written.len() - 1] == text {
            return TEXT_IS_QUOTED;
        }
        self.store_text(text)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<(&Tag, (u32, u32))>,
        at: (u32, u32),
    ) -> Result<(), Abandoned> {
        let plain = style == ScalarStyle::Plain;
        // The parser gives `~` for a value that is not written at all.
        let text = if plain && at.0 == at.1 { "" } else { text };
        if text.contains('\0') {
            let problem = Problem::error(Code::Malformed, "a text cannot hold the character NUL");
            self.report(at, problem);
            return self.broken(at);
        }
        let holds = self.scalar_meaning(text, plain, tag, at);
        let index = self.text_index(text, at);
        if self.expects_key() {
            return self.key(text, holds, index, at);
        }
        let node = self.push(holds, at, index)?;
        self.remember(anchor, node, 0);
        self.completed(at.1, 0);
        Ok(())
    }

    fn key(&mut self, text: &str, holds: Holds, index: u32, at: (u32, u32)) -> Result<(), Abandoned> {
        if holds == Holds::Broken {
            return self.broken(at);
        }
        if holds != Holds::Text {
            let message = if text.is_empty() {
                "a key is missing before the colon".to_owned()
            } else {
                format!("the key `{text}` is not a text")
            };
            let mut problem = Problem::error(Code::KeyNotString, message);
            if !text.is_empty() {
                problem = problem.with_help("put quotes around it").with_suggestion(format!("\"{text}\""));
            }
            self.report(at, problem);
            return self.broken(at);
        }
        self.set_key(Key { start: at.0, end: at.1, text: index });
        Ok(())
    }

    fn scalar_meaning(&mut self, text: &str, plain: bool, tag: Option<(&Tag, (u32, u32))>, at: (u32, u32)) -> Holds {
        let resolved = if plain { scalar::resolve(text) } else { Plain::Text };
        let resolved = match tag {
            None => resolved,
            Some((tag, tag_at)) => match (tag.core_suffix(), scalar::resolve(text)) {
                (Some("str"), _) => Plain::Text,
                (Some("int" | "float"), number @ (Plain::Integer | Plain::Unrepresentable)) => number,
                (Some("float"), Plain::Float) => Plain::Float,
                (Some("bool"), boolean @ Plain::Bool(_)) => boolean,
                (Some("null"), Plain::Null) => Plain::Null,
                _ if tag.parts() == ("", "!") => Plain::Text,
                _ => {
                    let message = format!("the tag `{}` has no meaning here", tag.original());
                    self.report(tag_at, Problem::error(Code::Tag, message).with_help("remove the tag"));
                    return Holds::Broken;
                }
            },
        };
        match resolved {
            Plain::Null => Holds::Null,
            Plain::Bool(true) => Holds::True,
            Plain::Bool(false) => Holds::False,
            Plain::Float => Holds::Float,
            Plain::Text => Holds::Text,
            Plain::Integer => {
                if scalar::looks_octal(text) {
                    self.warn_octal(text, at);
                }
                Holds::Integer
            }
            Plain::Unrepresentable => {
                let message = format!("the number `{}` cannot be kept exactly", clip(text));
                let problem = Problem::error(Code::Number, message)
                    .with_expected("a number between -9223372036854775808 and 18446744073709551615", clip(text))
                    .with_help("put quotes around it if it is meant as a text");
                self.report(at, problem);
                Holds::Broken
            }
        }
    }

    fn warn_octal(&mut self, text: &str, at: (u32, u32)) {
        let decimal = scalar::number(text).to_string();
        let message = format!("`{text}` is the number {decimal} here, but an octal number to older YAML readers");
        let help = format!("write {decimal}, or \"{text}\" if it is meant as a text");
        self.report(at, Problem::warning(Code::Number, message).with_help(help).with_suggestion(decimal));
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, expected: &str, at: (u32, u32)) {
        if let Some(tag) = tag
            && tag.core_suffix() != Some(expected)
        {
            let message = format!("the tag `{}` has no meaning here", tag.original());
            self.report(at, Problem::error(Code::Tag, message).with_help("remove the tag"));
        }
    }

    fn open(&mut self, holds: Holds, anchor: usize, at: (u32, u32)) -> Result<(), Abandoned> {
        if self.expects_key() {
            self.report(at, Problem::error(Code::KeyNotString, "a key is a text, not a list or mapping"));
            self.set_key(Key { start: at.0, end: at.1, text: KEY_IS_BROKEN });
            self.skipping = 1;
            return Ok(());
        }
        if self.frames.len() >= DEPTH_MAX {
            return self.too_deep(at);
        }
        let node = self.push(holds, at, TEXT_IS_SPAN)?;
        self.frames.push(Frame { node, anchor, key: None, end: at.1, height: 0 });
        Ok(())
    }

    fn too_deep(&mut self, at: (u32, u32)) -> Result<(), Abandoned> {
        let message = format!("the document is nested more than {DEPTH_MAX} levels deep");
        self.report(at, Problem::error(Code::Limit, message));
        Err(Abandoned)
    }

    fn close(&mut self, at: (u32, u32)) {
        let Some(frame) = self.frames.pop() else { return };
        if self.nodes[frame.node].holds == Holds::Mapping {
            self.finish_mapping(frame.node);
        }
        let size = offset(self.nodes.len() - frame.node);
        let node = &mut self.nodes[frame.node];
        node.size = size;
        // The end of a flow collection is its bracket, that of a block collection the end of what it holds.
        node.end = if at.1 > at.0 { at.1 } else { frame.end };
        let end = node.end;
        self.remember(frame.anchor, frame.node, frame.height);
        self.completed(end, frame.height);
    }

    fn finish_mapping(&mut self, node: usize) {
        for finding in mapping::finish(&self.file.text, &self.texts, &mut self.nodes, node + 1) {
            let key = clip(&finding.key);
            let problem = match finding.message {
                Message::Duplicate => Problem::error(Code::DuplicateKey, format!("the key `{key}` is written twice"))
                    .with_related(
                        "it is first written here",
                        self.file.place(finding.first.0 as usize..finding.first.1 as usize),
                    )
                    .with_help("remove one of the two"),
                Message::MergeOfNoMapping => {
                    Problem::error(Code::Alias, "only a mapping, or a list of mappings, can be merged with `<<`")
                }
            };
            self.report(finding.at, problem);
        }
    }

    fn finish_document(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        let texts = std::mem::take(&mut self.texts);
        let mut aliases = std::mem::take(&mut self.aliases);
        self.abandon();
        // A document in which nothing is written is none.
        if nodes.first().is_none_or(|root| root.holds == Holds::Null)
            || !self.budget.take(nodes.len().max(DOCUMENT_NODES_MIN))
        {
            return;
        }
        aliases.sort_by_key(|alias| alias.start);
        self.chunk.documents.push(Document::new(Arc::clone(self.file), nodes, texts, aliases));
    }

    /// Forgets the document that is being read.
    fn abandon(&mut self) {
        self.nodes.clear();
        self.texts.clear();
        self.aliases.clear();
        self.frames.clear();
        self.anchors.clear();
        (self.alias_nodes, self.alias_bytes, self.problems, self.skipping) = (0, 0, 0, 0);
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let text = &self.file.text;
        let mut start = (self.base + error.marker().byte_offset().unwrap_or(0)).min(text.len());
        let mut problem = Problem::error(Code::Syntax, error.info());
        if matches!(error.kind(), ErrorKind::TabInPlainScalar)
            && let Some(line) = text[start..].find("\n\t")
        {
            start += line + 1;
            problem = Problem::error(Code::Syntax, "a line is indented with a tab")
                .with_help("indent with spaces: YAML does not say how wide a tab is");
        } else if matches!(error.kind(), ErrorKind::MappingValueNotAllowed) {
            problem = problem.with_help("put quotes around a value that holds `: `, and check the indentation");
        } else if matches!(error.kind(), ErrorKind::DirectiveDisallowed) {
            problem = Problem::error(Code::Syntax, "a directive has no meaning here").with_help("remove the line");
        }
        if problem.help.is_none() && error.info().contains("flow") {
            problem = problem.with_help("look for a bracket or comma that is missing here or on a line above");
        }
        let length = text[start..].chars().next().filter(|c| !c.is_control() || *c == '\t').map_or(0, char::len_utf8);
        self.report((offset(start), offset(start + length)), problem);
    }
}
