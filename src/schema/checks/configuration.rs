//! What one container definition can tell about its environment files and secrets. Nothing is read here: neither a file nor a value.

use std::collections::BTreeMap;

use super::Checks;
use crate::manifest::{
    ContainerDefinition, ENVIRONMENT_FILE_EXTENSION, EnvironmentFile, EnvironmentFileType, LogConfiguration,
    ReferenceError, Secret, SecretOption, SecretReference,
};
use crate::problem::{Code, Problem};

const FORMS: &str = "file:PATH, env:NAME or exec:COMMAND:KEY, or an ARN or parameter name of AWS";

impl Checks<'_> {
    /// Checks the environment files and secrets of the container at `pointer`.
    pub(super) fn configuration(&mut self, pointer: &str, container: &ContainerDefinition) {
        for (item, file) in container.environment_files.iter().enumerate() {
            self.environment_file(&format!("{pointer}/environmentFiles/{item}"), file);
        }
        for (item, secret) in container.secrets.iter().enumerate() {
            self.secret(&format!("{pointer}/secrets/{item}"), secret, container);
        }
        if let Some(log) = &container.log_configuration {
            self.secret_options(&format!("{pointer}/logConfiguration"), log);
        }
        self.unique(
            "secret",
            &format!("{pointer}/secrets"),
            "name",
            container.secrets.iter().map(|secret| &*secret.name),
        );
        self.secrets_apart_from_variables(pointer, container);
        self.secret_paths(pointer, container);
    }

    fn environment_file(&mut self, pointer: &str, file: &EnvironmentFile) {
        match file.kind {
            EnvironmentFileType::S3 => {
                let problem = Problem::error(Code::NotSupported, "an environment file cannot be fetched from S3")
                    .with_help("put the file beside the manifest, and write `type: file` and its path as `value`");
                self.report(&format!("{pointer}/type"), problem);
            }
            EnvironmentFileType::File if !file.value.ends_with(ENVIRONMENT_FILE_EXTENSION) => {
                let problem =
                    Problem::error(Code::Malformed, "the name of an environment file ends in `.env`, as in ECS")
                        .with_expected("a path that ends in `.env`", format!("`{}`", file.value))
                        .with_help("rename the file");
                self.report(&format!("{pointer}/value"), problem);
            }
            EnvironmentFileType::File => {}
        }
    }

    fn secret_options(&mut self, pointer: &str, log: &LogConfiguration) {
        let list = format!("{pointer}/secretOptions");
        for (item, SecretOption { name, value_from }) in log.secret_options.iter().enumerate() {
            self.value_from(&format!("{list}/{item}"), value_from);
            if log.options.contains_key(name) {
                let message = format!("the option `{name}` is in `options` and in `secretOptions`: the secret counts");
                let problem = Problem::warning(Code::Duplicate, message).with_help("remove it from `options`");
                self.report(&format!("{list}/{item}/name"), problem);
            }
        }
        self.unique("secret option", &list, "name", log.secret_options.iter().map(|option| &*option.name));
    }

    /// Checks the form of the `valueFrom` of the object at `pointer`.
    fn value_from(&mut self, pointer: &str, value_from: &str) {
        if let Err(error) = SecretReference::parse(value_from) {
            let code = match error {
                ReferenceError::Unknown | ReferenceError::Incomplete(_) | ReferenceError::Option => Code::Malformed,
                ReferenceError::Version => Code::NotSupported,
            };
            let help = match error {
                ReferenceError::Unknown => format!("write where the value is, not the value: {FORMS}"),
                ReferenceError::Incomplete(_) => format!("the forms are {FORMS}"),
                ReferenceError::Option => "a manifest names what is asked for, and never how".to_owned(),
                ReferenceError::Version => "leave the version stage and the version id empty".to_owned(),
            };
            self.report(&format!("{pointer}/valueFrom"), Problem::error(code, error.to_string()).with_help(help));
        }
    }

    fn secret(&mut self, pointer: &str, secret: &Secret, container: &ContainerDefinition) {
        self.value_from(pointer, &secret.value_from);
        let Some(path) = &secret.path else {
            for (field, given) in [("mode", &secret.mode), ("owner", &secret.owner)] {
                if given.is_some() {
                    let problem =
                        Problem::error(Code::Conflict, format!("`{field}` is only for a secret with a `path`"))
                            .with_help(format!("remove `{field}`, or add the `path` of the file in the container"));
                    self.report_key(&format!("{pointer}/{field}"), problem);
                }
            }
            return;
        };
        if path.ends_with('/') || path.contains('\0') || path.split('/').any(|part| part == ".." || part == ".") {
            let problem =
                Problem::error(Code::Malformed, "the path of a secret is that of a file, without `.` and `..`")
                    .with_expected("a path such as `/run/secrets/db-password`", format!("`{path}`"));
            self.report(&format!("{pointer}/path"), problem);
        }
        self.owner_of_secret(pointer, secret, container);
    }

    /// The number of a user's name is known to the image alone, and not before there is a container.
    fn owner_of_secret(&mut self, pointer: &str, secret: &Secret, container: &ContainerDefinition) {
        let user = container.user.as_deref().and_then(|user| user.split(':').next()).unwrap_or("root");
        if secret.owner.is_none() && user != "root" && user.parse::<u32>().is_err() {
            let message = format!("the file will belong to 0:0, and the container runs as `{user}`");
            let problem = Problem::warning(Code::Conflict, message).with_help(format!(
                "add `owner` with the numbers that the image gives to `{user}`, such as \"1000:1000\""
            ));
            self.report_key(&format!("{pointer}/path"), problem);
        }
    }

    /// ECS: a secret's name must not be shared with an environment variable.
    fn secrets_apart_from_variables(&mut self, pointer: &str, container: &ContainerDefinition) {
        for (item, secret) in container.secrets.iter().enumerate().filter(|(_, secret)| secret.path.is_none()) {
            let same = container.environment.iter().position(|variable| variable.name == secret.name);
            let Some(other) = same else { continue };
            let place = self.document.nearest_place_of(&format!("{pointer}/environment/{other}/name"));
            let message = format!("`{}` is a secret and a variable of the environment", secret.name);
            let problem = Problem::error(Code::Duplicate, message)
                .with_help("remove one of the two")
                .with_related("the variable is here", place);
            self.report(&format!("{pointer}/secrets/{item}/name"), problem);
        }
    }

    fn secret_paths(&mut self, pointer: &str, container: &ContainerDefinition) {
        let mounts = container.mount_points.iter().enumerate();
        let mut seen: BTreeMap<&str, String> = mounts
            .map(|(item, mount)| (&*mount.container_path, format!("{pointer}/mountPoints/{item}/containerPath")))
            .collect();
        let tmpfs = container.linux_parameters.iter().flat_map(|parameters| &parameters.tmpfs).enumerate();
        seen.extend(tmpfs.map(|(item, tmpfs)| {
            (&*tmpfs.container_path, format!("{pointer}/linuxParameters/tmpfs/{item}/containerPath"))
        }));
        for (item, secret) in container.secrets.iter().enumerate() {
            let Some(path) = secret.path.as_deref() else { continue };
            let here = format!("{pointer}/secrets/{item}/path");
            let Some(first) = seen.get(path) else {
                seen.insert(path, here);
                continue;
            };
            let problem = Problem::error(Code::Duplicate, format!("two things are mounted at `{path}`"))
                .with_related("the first is here", self.document.nearest_place_of(first));
            self.report(&here, problem);
        }
    }
}
