//! Where in the manifests a field of a container is written.

use std::cell::LazyCell;

use serde_json::Value;

use crate::desired::Origin;
use crate::desired::inputs::merge_variables;
use crate::document::Document;
use crate::problem::Place;

/// The manifests of one service, asked for places.
///
/// The resolved spec keeps the order of the containers, and nothing else of the manifest's lists: the entries of those are looked up
/// by what identifies them.
pub(super) struct Site<'a> {
    origin: Option<&'a Origin>,
    /// Read only when something has to be looked up, and then once.
    definition: LazyCell<Value, Box<dyn FnOnce() -> Value + 'a>>,
}

impl<'a> Site<'a> {
    pub(super) fn new(origin: Option<&'a Origin>) -> Self {
        let read = move || origin.map_or(Value::Null, |origin| origin.task_definition.to_value());
        Self { origin, definition: LazyCell::new(Box::new(read)) }
    }

    /// The Service as a whole.
    pub(super) fn of_service(&self) -> Option<Place> {
        self.origin.map(|origin| first_line(&origin.service))
    }

    /// A field of the Service.
    pub(super) fn in_service(&self, pointer: &str) -> Option<Place> {
        self.origin.map(|origin| origin.service.nearest_place_of(pointer))
    }

    /// A field of the container at `index`: `/image`.
    pub(super) fn in_container(&self, index: usize, pointer: &str) -> Option<Place> {
        self.in_definition(&container_pointer(index, pointer))
    }

    /// A field of the task definition.
    pub(super) fn in_definition(&self, pointer: &str) -> Option<Place> {
        self.origin.map(|origin| origin.task_definition.nearest_place_of(pointer))
    }

    /// The value of an environment variable; the last one counts when it is written twice.
    pub(super) fn of_variable(&self, index: usize, name: &str) -> Option<Place> {
        let is_wanted = |item: &Value| item.get("name").and_then(Value::as_str) == Some(name);
        let list = container_pointer(index, "/environment");
        let is_written = self.definition.pointer(&list).and_then(Value::as_array);
        if !is_written.is_some_and(|items| items.iter().any(is_wanted))
            && let Some(place) = self.in_environment_file(index, name)
        {
            return Some(place);
        }
        self.of_item(&list, is_wanted, "/value")
    }

    /// The line of an environment file that gives a variable to the container at `index`.
    fn in_environment_file(&self, index: usize, name: &str) -> Option<Place> {
        let container = self.definition.pointer(&container_pointer(index, "/name")).and_then(Value::as_str)?;
        let files = self.origin?.environment_files.iter().find(|(of, _)| of.as_str() == container)?.1;
        let (file, variable) = merge_variables(files).remove(name)?;
        Some(file.place(variable.bytes))
    }

    /// The entry of a secret in `list`, such as `secrets`, or a field of it.
    pub(super) fn of_secret(&self, index: usize, list: &str, name: &str, field: &str) -> Option<Place> {
        let is_wanted = |item: &Value| item.get("name").and_then(Value::as_str) == Some(name);
        self.of_item(&container_pointer(index, &format!("/{}", list.replace('.', "/"))), is_wanted, field)
    }

    /// The entry of a published port.
    pub(super) fn of_port(&self, index: usize, port: u16, protocol: &str, field: &str) -> Option<Place> {
        let is_wanted = |item: &Value| {
            let written = item.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
            item.get("containerPort").and_then(Value::as_u64) == Some(u64::from(port)) && written == protocol
        };
        self.of_item(&container_pointer(index, "/portMappings"), is_wanted, field)
    }

    /// The entry of a mount point.
    pub(super) fn of_mount(&self, index: usize, path: &str, field: &str) -> Option<Place> {
        let is_wanted = |item: &Value| item.get("containerPath").and_then(Value::as_str) == Some(path);
        self.of_item(&container_pointer(index, "/mountPoints"), is_wanted, field)
    }

    /// The entry of a volume.
    pub(super) fn of_volume(&self, name: &str) -> Option<Place> {
        let is_wanted = |item: &Value| item.get("name").and_then(Value::as_str) == Some(name);
        self.of_item("/spec/volumes", is_wanted, "")
    }

    /// The entry of the user's own label of a container.
    pub(super) fn of_label(&self, index: usize, name: &str) -> Option<Place> {
        let token = name.replace('~', "~0").replace('/', "~1");
        self.in_container(index, &format!("/dockerLabels/{token}"))
    }

    /// An option of the log driver of a container.
    pub(super) fn of_log_option(&self, index: usize, name: &str) -> Option<Place> {
        let token = name.replace('~', "~0").replace('/', "~1");
        self.in_container(index, &format!("/logConfiguration/options/{token}"))
    }

    fn of_item(&self, list: &str, is_wanted: impl Fn(&Value) -> bool, field: &str) -> Option<Place> {
        self.origin?;
        let items = self.definition.pointer(list).and_then(Value::as_array);
        match items.and_then(|items| items.iter().rposition(is_wanted)) {
            Some(item) => self.in_definition(&format!("{list}/{item}{field}")),
            None => self.in_definition(list),
        }
    }
}

fn container_pointer(index: usize, pointer: &str) -> String {
    format!("/spec/containerDefinitions/{index}{pointer}")
}

/// The first line of a document: what stands for the whole of it.
fn first_line(document: &Document) -> Place {
    // A pointer that leads nowhere ends at the nearest object around it, which is the document.
    document.nearest_place_of("/~")
}
